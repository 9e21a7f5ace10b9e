"""What the columns of a table are: numbers, categories, dates, keys of the row, or of no use.

Everything that is wrong with a table is told at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import TableSettings
from evoae.data.dataset import Suggestion
from evoae.data.kinds.cells import days, missing_words, numbers, texts
from evoae.errors import DataError
from evoae.formatting import count, figure, listed, plural

if TYPE_CHECKING:
    import pandas as pd

_FEW = 20  # texts that are categories, however few rows there are
_SHOWN = 5  # names or words in a sentence
_FEWEST = 20  # rows in which all different cells are a key
_DENSE = 1.5  # numbers of a key span at most so many times the rows
_KEY = re.compile(r"(.*[\W_])?(id|ids|key|uuid|guid|index|nr|no|number|row)([\W_]\d+)?", re.I)
# The first one that all cells follow.
_DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "ISO8601"),
    *("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M"),
    *("%d.%m.%Y %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M"),
    *("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y"),
    *("%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%m-%Y %H:%M:%S", "%Y.%m.%d", "%d-%b-%y", "%b-%y"),
    *("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p", "%d/%m/%Y %I:%M:%S %p"),
    *("%Y-%m-%d %I:%M %p", "%I:%M %p", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z"),
    *("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%H:%M:%S", "%H:%M"),
)
_FILL = re.compile(r"-?9{2,}(\.9+)?")  # how values look that stand for a missing one
_HUGE = 1e20  # as those of climate data do
_EXACT = 2.0**53  # up to which a float64 keeps all whole numbers
_DIGITS = r"[-+]?\d{16,}"
_PADDED = re.compile(r"\d{4,}")  # hours and months have two digits, and days of a year three
_FEW_DAYS = 5  # numbers that may be dates by chance
_FAR = 10  # times the range of all others


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table, told apart.

    Attributes:
        frame: those to rebuild, (n, columns), float64 or text, NaN where a value is missing.
        dates: formats of those that hold dates, as text, to make days of, by name.
        keys: names of those that tell rows apart.
        left_out: of all others that are not rebuilt, why, by name.
        notes: what a person should know of them, a sentence each.
    """

    frame: pd.DataFrame
    dates: Mapping[str, str]
    keys: tuple[str, ...]
    left_out: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(slots=True)
class ColumnTypes:
    """Tells the columns of one table apart.

    Attributes:
        place: where it comes from, for error sentences.
        frame: (n, columns) as they were read.
        settings: how to use them.
        categorical: columns that are categories, besides those of text.
        keys: columns that tell rows apart; None to look for them.
        features: whether all columns are features, of an array, so that what looks like a key is
            only named.
        out: columns that are not to be looked at: labels and ignored ones.
    """

    place: str
    frame: pd.DataFrame
    settings: TableSettings
    categorical: Collection[str]
    keys: Collection[str] | None
    out: Collection[str]
    features: bool = False
    _typed: dict[str, pd.Series[Any]] = field(default_factory=dict)
    _dates: dict[str, str] = field(default_factory=dict)
    _keys: list[str] = field(default_factory=list)
    _left_out: dict[str, str] = field(default_factory=dict)
    _empty: list[str] = field(default_factory=list)
    _large: dict[str, tuple[float, int]] = field(default_factory=dict)
    _odd: dict[str, tuple[list[str], int]] = field(default_factory=dict)
    _words: tuple[str, ...] = ()
    _like_keys: list[str] = field(default_factory=list)
    _padded: list[str] = field(default_factory=list)

    def columns(self) -> Columns:
        """Return the columns.

        Raises:
            DataError: some cannot be used, or none is left.
        """
        self._look()
        if self._empty or self._large or self._odd:
            raise self._complaint()
        if not self._typed:
            raise self._nothing_left()
        frame = type(self.frame)(self._typed)
        notes = tuple(self._notes())
        return Columns(frame, self._dates, tuple(self._keys), self._left_out, notes)

    def suggestions(self) -> Iterator[Suggestion]:
        """Yield the settings with which the table can be used, and what suits it."""
        self._look()
        few = [word for words, _ in self._odd.values() if len(words) <= _SHOWN for word in words]
        fills = {_word(value): name for name, value, _, _ in self._sentinels()}
        added = list(dict.fromkeys([*few, *fills]))
        if added:
            reasons = [f"{word!r} among numbers" for word in few]
            reasons += [f"{word} far from the rest of '{name}'" for word, name in fills.items()]
            given = list(dict.fromkeys([*self.settings.missing_values, *added]))
            yield Suggestion("missing_values", given, "; ".join(reasons[:_SHOWN]))
        useless = [name for name, (words, _) in self._odd.items() if len(words) > _SHOWN]
        useless += [*self._empty, *self._large]
        if useless:
            reason = "no value, too large, or words among numbers"
            yield Suggestion("ignore", [*self.settings.ignore, *useless], reason)
        gaps = sum(int(column.isna().sum()) for column in self._typed.values())
        if self.settings.missing == "auto" and (gaps or added):
            yield Suggestion("missing", "impute", "cells are missing")

    def _look(self) -> None:
        """Look at every column."""
        if self._typed or self._empty or self._large or self._odd:
            return
        self._words = missing_words(self.settings.missing_values)
        for name in self.frame.columns:
            if name in self.out:
                continue
            if self.keys is not None and name in self.keys:
                self._keys.append(name)
            else:
                self._look_at(name)

    def _look_at(self, name: str) -> None:
        """Find out what a column is."""
        cells, categorical = self.frame[name], name in self.categorical
        values, odd = numbers(cells, self._words)
        some_odd = bool(odd.to_numpy().any())
        if some_odd and not categorical:
            large = odd & np.isfinite(values)
            if large.any():
                row = int(large.argmax())
                self._large[name] = (values.iloc[row], row + 1)
                return
        if not categorical and not some_odd and _are_long(cells, values):
            odd, some_odd = values.notna(), True
        if categorical or some_odd:
            values = texts(cells, self._words)
        known = values.dropna() if values.hasnans else values
        if known.empty:
            self._empty.append(name)
        elif categorical:
            self._typed[name] = values
        elif not some_odd and _are_days(known):
            self._take_dates(name, texts(cells, self._words), "%Y%m%d")
        elif not some_odd:
            self._look_at_numbers(name, cells, values)
        else:
            self._look_at_texts(name, values, odd)

    def _look_at_numbers(self, name: str, cells: pd.Series[Any], values: pd.Series[Any]) -> None:
        """Find out what a column of numbers is, `cells` as they were read."""
        found = self.keys is None and _is_key(name, values.dropna().to_numpy(), len(values))
        if found and not self.features:
            self._keys.append(name)
            return
        if found:
            self._like_keys.append(name)
        elif cells.dtype == object and _are_padded(cells):
            self._padded.append(name)
        self._typed[name] = values

    def _look_at_texts(self, name: str, values: pd.Series[Any], odd: pd.Series[Any]) -> None:
        """Find out what a column of texts is, `odd` where they are no numbers."""
        known = values.dropna()
        if date := date_format(known):
            self._take_dates(name, values, date)
        elif 2 * odd.sum() <= len(known):
            words = values[odd].value_counts(sort=False)
            self._odd[name] = ([str(word) for word in words.index], int(odd.argmax()) + 1)
        elif (distinct := values.nunique()) <= max(_FEW, len(known) // 2):
            self._typed[name] = values
        elif distinct == len(values) and self.keys is None:
            self._keys.append(name)
        else:
            self._left_out[name] = f"{count(distinct)} different texts"

    def _take_dates(self, name: str, values: pd.Series[Any], date: str) -> None:
        """Take a column of dates, or leave it out, as it is set."""
        if self.settings.dates == "number":
            self._dates[name] = date
            self._typed[name] = values
        else:
            self._left_out[name] = "dates"

    def _nothing_left(self) -> DataError:
        """Return the sentence that tells why no column is left."""
        why = [f"'{name}' tells rows apart" for name in self._keys]
        why += [f"'{name}' holds {held}" for name, held in self._left_out.items()]
        if not why:
            return DataError(self.place, "no column is left to rebuild", "leave out fewer")
        more = f", and {count(len(why) - _SHOWN)} more" if len(why) > _SHOWN else ""
        if len(self.frame.columns) == 1:
            step = "check what stands between cells (data.separator)"
        elif "dates" in self._left_out.values():
            step = "set data.dates=number"
        else:
            step = "set data.keys=[] if they are numbers to train on"
        fewer = f"leave out fewer ({', '.join(why[:_SHOWN])}{more}): {step}"
        return DataError(self.place, "no column is left to rebuild", fewer)

    def _complaint(self) -> DataError:
        """Return the sentence that tells all that is wrong."""
        said = [f"column '{name}' holds no value" for name in self._empty]
        for name, (value, row) in self._large.items():
            said.append(f"column '{name}' holds {figure(value, 6)} in row {row}, too large")
        words: list[str] = []
        for name, (found, row) in self._odd.items():
            first, *others = found
            words += found if len(found) <= _SHOWN else ()
            more = f" and {plural(len(others), 'other word')}" if others else ""
            said.append(f"column '{name}' holds {first!r}{more} among its numbers, in row {row}")
        steps = []
        if words:
            given = [*self.settings.missing_values, *dict.fromkeys(words)]
            steps.append(f"data.missing_values={json.dumps(given, ensure_ascii=False)}")
        many = [name for name, (found, _) in self._odd.items() if len(found) > _SHOWN]
        useless = [*many, *self._empty, *self._large]
        if useless:
            ignored = [*self.settings.ignore, *useless]
            steps.append(f"data.ignore={json.dumps(ignored, ensure_ascii=False)}")
        step = f"set {' and '.join(steps)}"
        if self._odd:
            odd = json.dumps([*self._odd], ensure_ascii=False)
            step += f", or, where words are categories, data.categorical={odd}"
        return DataError(self.place, listed(said), step)

    def _notes(self) -> Iterator[str]:
        if self._keys:
            yield (
                f"Left out, and kept beside results, as they tell rows apart: "
                f"{_names(self._keys)}. To train on them, set data.keys=[]."
            )
        if self._like_keys:
            keys = json.dumps(self._like_keys[:_SHOWN], ensure_ascii=False)
            yield (
                f"A number of its own for each row, like a key, which no code can keep: "
                f"{_names(self._like_keys)}. To leave it out, set data.keys={keys}."
            )
        dates = [name for name, why in self._left_out.items() if why == "dates"]
        if dates:
            yield (
                f"Left out, and kept for results, as they hold dates: {_names(dates)}. To make "
                "days of them, set data.dates=number."
            )
        for name, why in self._left_out.items():
            if why != "dates":
                yield f"Left out, and kept for results: '{name}', which holds {why}."
        if self._padded:
            given = json.dumps(self._padded[:_SHOWN], ensure_ascii=False)
            yield (
                f"Numbers with zeros in front, as codes have: {_names(self._padded)}. If they are "
                f"codes, set data.categorical={given} or data.ignore={given}."
            )
        for name, value, cells, (low, high) in self._sentinels():
            given = json.dumps([*self.settings.missing_values, _word(value)])
            yield (
                f"{_word(value)} stands {cells} times in '{name}', far from the rest "
                f"({figure(low)} to {figure(high)}). If it means a missing value, set "
                f"data.missing_values={given} and data.missing=impute."
            )
        for name, column in self._typed.items():
            if column.dtype != object and (far := _far(column)):
                row, value, low, high = far
                yield (
                    f"'{name}' is {figure(value, 6)} in row {row}, far from the rest "
                    f"({figure(low)} to {figure(high)}): kept; correct it if it is wrong."
                )

    def _sentinels(self) -> Iterator[tuple[str, float, int, tuple[float, float]]]:
        """Yield values that may stand for a missing one: column, value, cells, others' range."""
        for name, column in self._typed.items():
            if column.dtype != object:
                for value, cells, others in _fills(column.dropna().to_numpy(np.float64)):
                    yield name, value, cells, others


def _word(value: float) -> str:
    return f"{value:.15g}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    quoted = [f"'{name}'" for name in names[:_SHOWN]]
    return listed([*quoted, f"{more:,} more"] if more > 0 else quoted)


def _is_key(name: str, values: NDArray[np.float64], rows: int) -> bool:
    """Tell whether numbers, all of a column, tell its rows apart as a key does."""
    if len(values) < max(rows, _FEWEST) or (values != np.rint(values)).any():
        return False
    ordered = np.sort(values)
    if not (np.diff(ordered) > 0).all():
        return False
    return bool(ordered[-1] - ordered[0] < _DENSE * rows) or _KEY.fullmatch(name) is not None


def _are_long(cells: pd.Series[Any], values: pd.Series[Any]) -> bool:
    """Tell whether whole numbers are so long that a float64 does not keep them, as of codes."""
    numeric = values.to_numpy(np.float64)
    large = np.abs(numeric) >= _EXACT
    if not large.any() or not (numeric[large] == np.rint(numeric[large])).all():
        return False
    said = texts(cells, ()).dropna().map(str)
    return bool(said.str.fullmatch(_DIGITS).any())


def _are_padded(cells: pd.Series[Any]) -> bool:
    """Tell whether texts are digits with zeros in front, all as long, as post codes are."""
    length = 0
    padded = False
    for cell in cells.to_numpy():  # most columns end at the first one
        said = str(cell).strip() if isinstance(cell, str) else ""
        if not said:
            continue
        if not _PADDED.fullmatch(said) or len(said) != (length or len(said)):
            return False
        length, padded = len(said), padded or said[0] == "0"
    return padded


def _are_days(known: pd.Series[Any]) -> bool:
    """Tell whether numbers are dates without marks, such as 20240131."""
    values = known.to_numpy(np.float64)
    whole = (values == np.rint(values)).all()
    if len(values) < _FEW_DAYS or not whole or values.min() < 19000101 or values.max() > 21001231:
        return False
    return bool(days(known.astype(np.int64).astype(str), "%Y%m%d").notna().all())


def date_format(known: pd.Series[Any]) -> str | None:
    """Return the format of dates or times that all texts follow; None if there is none."""
    first = known.iloc[[0]]
    if not any(letter.isdigit() for letter in str(first.iloc[0])):
        return None
    for format in _DATES:
        if days(first, format).notna().all() and days(known, format).notna().all():
            return format
    return None


def _fills(values: NDArray[np.float64]) -> Iterator[tuple[float, int, tuple[float, float]]]:
    """Yield values that stand in three cells or more and far outside the rest."""
    different, cells = np.unique(values, return_counts=True)
    for _ in range(2):  # at either end
        for end, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
            others = different[rest]
            if len(others) < 3 or cells[end] < 3:
                continue
            value, low, high = float(different[end]), float(others[0]), float(others[-1])
            gap = low - value if end == 0 else value - high
            looks = _FILL.fullmatch(_word(value)) is not None or abs(value) >= _HUGE
            if gap > _FAR * (high - low) or (looks and (gap > high - low or value < 0 <= low)):
                yield value, int(cells[end]), (low, high)
                different, cells = others, cells[rest]


def _far(column: pd.Series[Any]) -> tuple[int, float, float, float] | None:
    """Return a single cell far from all others, and their range: row, value, low, high."""
    values = column.to_numpy(np.float64)
    order = np.sort(values[~np.isnan(values)])
    if len(order) < _FEWEST:
        return None
    for value, near, low, high in (
        (order[-1], order[-2], order[0], order[-2]),
        (order[0], order[1], order[1], order[-1]),
    ):
        if low < high and abs(value - near) > _FAR * (high - low):
            return (
                int(np.flatnonzero(values == value)[0]) + 1,
                float(value),
                float(low),
                float(high),
            )
    return None
