"""Rows of tables: left out or filled, split, and only then fitted and encoded column by column."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, take_labels
from evoae.data.comparison import Comparison
from evoae.data.dataset import AbstractKind, Dataset, Source, Suggestion
from evoae.data.kinds.cells import (
    LARGEST,
    as_labels,
    as_plain,
    days,
    marks,
    missing_words,
    numbers,
    texts,
)
from evoae.data.kinds.column_names import check_names, matched
from evoae.data.kinds.column_types import ColumnTypes, date_format
from evoae.data.kinds.columns import Column
from evoae.data.labels import check_labels
from evoae.data.origins import Origins
from evoae.data.splits import RANDOM, Order, check_enough, draw, drawn, grouped
from evoae.errors import DataError
from evoae.formatting import plural

if TYPE_CHECKING:
    import pandas as pd

Missing = Literal["refuse", "drop", "impute"]
_LABEL_NAMES = {"label", "labels", "class", "target"}  # in whichever case
_MOST_LABELS = 100  # different ones
_LAST = "last"  # of the columns, where none has this name
_ORDER = "order"  # of the rows, likewise
_SHOWN = 5  # names in a sentence


@final
@dataclass(frozen=True, slots=True)
class Table(AbstractKind):
    """Rows of a table: its columns, and how they become network inputs and return.

    Attributes:
        columns: that the network sees, in the order of the file.
        names: of all columns of the file, among them the label and the ignored ones.
        label: the column that holds the labels; None if there is none.
        missing: what is done with rows that lack a value.
        missing_values: cells that mean a missing value, besides empty ones.
        keys: columns that tell rows apart; they are kept beside results.
        rows: that the file has.
        left_out: of these, for want of a value.
    """

    name = "rows"
    item = "row"
    described = "rows of a table"
    value = "input"
    rank = 1
    bounded = False
    pictures = False
    augmentations = frozenset()
    array_settings = frozenset(
        {"label_column", "categorical", "ignore", "keys", "dates", "missing", "missing_values"}
    )
    plain = "dense(64) | latent({latent}) | updense(64)"
    handmade = None

    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()
    label: str | None = None
    missing: Missing = "refuse"
    missing_values: tuple[str, ...] = ()
    rows: int = 0
    left_out: int = 0
    keys: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """One name for each network input."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def _wanted(self) -> list[str]:
        return [column.name for column in self.columns]

    def parts(self) -> Iterator[tuple[Column, slice]]:
        """Yield each column and where its inputs lie on the last axis of an encoded array."""
        start = 0
        for column in self.columns:
            stop = start + len(column.features)
            yield column, slice(start, stop)
            start = stop

    def encode(self, frame: pd.DataFrame, place: str = "rows") -> NDArray[np.float32]:
        """Return rows in their original units as network inputs, (n, features).

        Columns that the table does not have, such as the label, are passed over. A missing value
        is filled if the data were (`missing: impute`); an unknown category becomes zeros.

        Args:
            frame: with at least the columns of the table, by name.
            place: where it comes from, for error sentences.

        Raises:
            DataError: a column is missing, or see `Column.encode`.
        """
        encoded = np.empty((len(frame), len(self.features)), np.float32)
        there = matched(self._wanted, frame.columns, place)
        frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
        frame = frame.rename(columns={found: name for name, found in there.items()})
        done = self._encode_floats(frame, encoded)
        for column, part in self.parts():
            if column.name not in done:
                cells = frame[column.name]
                encoded[:, part] = column.encode(cells, self.missing_values, place)
        return encoded

    def _encode_floats(self, frame: pd.DataFrame, encoded: NDArray[np.float32]) -> set[str]:
        """Encode at once the columns of floats that hold nothing odd; return their names.

        As `Column.encode` would, which takes a while for each of thousands of columns.
        """
        found = frame.columns[frame.dtypes == np.float64]
        floats = set(found) if frame.columns.is_unique else set()
        parts = [
            (column, part.start)
            for column, part in self.parts()
            if column.name in floats and not column.categories
        ]
        if not parts:
            return set()
        columns = [column for column, _ in parts]
        cells = frame[[column.name for column in columns]].to_numpy(np.float64, copy=True)
        cells[np.isin(cells, marks(tuple(self.missing_values)))] = np.nan
        fill = np.array([np.nan if c.fill is None else c.fill for c in columns], np.float64)
        cells = np.where(np.isnan(cells), fill, cells)
        with np.errstate(over="ignore"):
            scaled = (cells - [column.mean for column in columns]) / [c.scale for c in columns]
        usual = np.all((np.abs(scaled) <= LARGEST) & (np.abs(cells) <= LARGEST), axis=0)
        starts = np.array([start for _, start in parts])
        encoded[:, starts[usual]] = scaled[:, usual]
        return {columns[number].name for number in np.flatnonzero(usual)}

    def decode(self, encoded: NDArray[np.generic]) -> pd.DataFrame:
        """Return what a network says, (n, features), as n rows in the original units.

        Numbers are rounded to the places that the data have, whole ones are integers; each group
        of one-hot inputs becomes its most likely category.
        """
        import pandas as pd

        wide = np.asarray(encoded, np.float64)
        return pd.DataFrame({c.name: c.decode(wide[:, part]) for c, part in self.parts()})

    def takes(self, array: NDArray[Any]) -> bool:
        """Whether it has rank 2 and is not of bytes, which are flattened images."""
        return array.ndim == 2 and array.dtype != np.uint8

    def source(self, name: str, place: str, arrays: Mapping[str, NDArray[Any]]) -> Rows:
        """Return rows of numbers; `columns` has their names, or they are x0, x1 and so on."""
        import pandas as pd

        array, labels = arrays["images"], arrays.get("labels")
        if "test" in arrays:
            raise DataError(place, "a table in two parts", "save one array x; evoae splits it")
        if array.dtype.kind not in "iuf":
            raise DataError(place, f"a table of type {array.dtype.name}", "save numbers")
        count = array.shape[1]
        names = arrays.get("columns", np.array([f"x{i}" for i in range(count)])).tolist()
        odd = any(not isinstance(name, str) or not name for name in names)
        if odd or len(names) != count or len(set(names)) < count:
            said = f"{len(names)} names, {len(set(names))} different, for {count} columns"
            raise DataError(place, said, "save one name for each, all different")
        frame = pd.DataFrame(array.astype(np.float64), columns=names)
        labels = check_labels(labels, len(array), place, self.item)
        if labels is None:
            return Rows(name, place, frame, keyed="columns" in arrays)
        if "label" in names:
            step = "save one label per row, or leave the labels out"
            raise DataError(place, "labels, and a column called 'label'", step)
        return Rows(
            name, place, frame.assign(label=labels), label="label", keyed="columns" in arrays
        )

    def inputs(self, source: Source) -> tuple[tuple[Images, ...], Labels | None]:
        """Encode rows; a file without a header has all columns, or all but the label."""
        assert isinstance(source, Rows)
        frame, width = source.frame, source.frame.shape[1]
        if not source.named:
            every = [self.names, [name for name in self.names if name != self.label]]
            names = next((names for names in every if len(names) == width), None)
            if names is None:
                counts = " or ".join(str(count) for count in dict.fromkeys(map(len, every)))
                said = f"{width} columns and no header"
                raise DataError(source.place, said, f"expected a header, or {counts}")
            frame = frame.set_axis(names, axis=1)
        inputs = (self.encode(frame, source.place),)
        if self.label not in frame.columns:
            return inputs, None
        return inputs, as_labels(frame[self.label], self.missing_values, source.place)

    def doubts(self, source: Source) -> Iterator[str]:
        """Yield what was taken by a like name or passed over, unknown categories, far numbers."""
        assert isinstance(source, Rows)
        if not source.named:
            return
        frame = source.frame
        found = matched(self._wanted, frame.columns, source.place)
        taken = [f"'{there}' for '{name}'" for name, there in found.items() if name != there]
        if taken:
            yield f"{source.name}: took {', '.join(taken[:_SHOWN])}"
        used = {*found.values(), *self.keys, *self.names, self.label}
        others = [f"'{name}'" for name in frame if name not in used]
        if others:
            more = f" and {len(others) - _SHOWN:,} more" if len(others) > _SHOWN else ""
            known = f"which the model does not know: {', '.join(others[:_SHOWN])}{more}"
            yield f"{source.name}: passed over {plural(len(others), 'column')}, {known}"
        for column in self.columns:
            yield from column.doubts(frame[found[column.name]], self.missing_values, source.name)

    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return the names of the columns; none before they are fitted."""
        del shape
        return [column.name for column in self.columns]

    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return decoded rows."""
        return [list(row) for row in self.decode(values).itertuples(index=False)]

    def clip(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Return rows whose numbers lie between the smallest and largest of the training rows."""
        inside, changed = values.copy(), {}
        for column, part in self.parts():
            inside[:, part], count = column.clip(values[:, part])
            if count:
                changed[column.name] = count
        return inside, changed

    def choices(self) -> Iterator[slice]:
        """Yield where the inputs of each categorical column lie."""
        return (part for column, part in self.parts() if column.categories)

    def compare(self, values: NDArray[np.float32]) -> list[Comparison]:
        """Return the mean and deviation of each numeric column, the share of each category."""
        wide = values.astype(np.float64)
        return [each for c, part in self.parts() for each in c.compare(wide[:, part])]

    def quality(self, originals: Any, copies: Any) -> dict[str, Any]:
        """Return nothing more: the errors of the columns stand in their own units, in reports."""
        del originals, copies
        return {}


@final
@dataclass(frozen=True, eq=False)
class Rows(Source):
    """The rows that a reader found, not split yet.

    Attributes:
        name: of the set or file, for people.
        place: where the rows come from, for error sentences.
        frame: (n, columns), numbers or text as it was read; NaN, None or a word for it where a
            value is missing.
        label: the column that `data.label_column: auto` stands for; None if there is none.
        categorical: the columns that `data.categorical: auto` stands for.
        missing: what `data.missing: auto` stands for.
        named: whether the names of the columns come from the file.
        remarks: how it was read, a line each.
        keyed: whether a column may be a key; those of an array are features.
    """

    kind = "rows"
    name: str
    place: str
    frame: pd.DataFrame
    label: str | None = None
    categorical: tuple[str, ...] = ()
    missing: Missing = "refuse"
    named: bool = True
    keyed: bool = True
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)

    def split(self, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
        """Leave out or fill, split, then scale all by what the training rows show."""
        label, missing = self._label(config), self._missing(config)
        types = self._types(config, label)
        columns = types.columns()
        frame, words = columns.frame, missing_words(config.missing_values)
        gaps, cells = frame.isna(), None
        if label is not None:
            cells = texts(self.frame[label], words)
            gaps = gaps.assign(**{label: cells.isna()})
        if missing == "refuse" and gaps.any(axis=None):
            raise _lacking(self.place, gaps)
        kept = (~gaps.any(axis=1)).to_numpy() if missing == "drop" else np.ones(len(gaps), bool)
        frame, left_out = frame[kept], int((~kept).sum())
        check_enough(len(frame), self.place, "complete row" if left_out else "row")
        labels = None if given is None else given[kept]
        if given is None and cells is not None:
            labels = as_labels(cells[kept], (), self.place)
        order_by = self._order(config).take(np.flatnonzero(kept))
        parts = draw(len(frame), config, seed, "rows", order_by=order_by)
        impute, counts = missing == "impute", gaps.sum().to_dict()
        fitted = tuple(
            Column.fit(
                frame[name],
                parts[0],
                int(counts[name]),
                impute=impute,
                place=self.place,
                date=columns.dates.get(name, ""),
            )
            for name in frame
        )
        told = (missing, words, len(self.frame), left_out, columns.keys)
        table = Table(fitted, tuple(self.frame.columns), label, *told)
        train, validation, test = (table.encode(frame.iloc[part], self.place) for part in parts)
        train_labels, validation_labels, test_labels = (take_labels(labels, p) for p in parts)
        rebuilt = {label, *columns.frame}
        others = [name for name in self.frame if name not in rebuilt]
        rows = self.named_rows(columns.keys, others).take(np.flatnonzero(kept))
        return Dataset(
            name=self.name,
            train=train,
            validation=validation,
            test=test,
            origin=_origin(
                table,
                columns.left_out,
                drawn(seed, *map(len, parts), order_by=order_by),
                len(parts[0]),
            ),
            kind=table,
            train_labels=train_labels,
            validation_labels=validation_labels,
            test_labels=test_labels,
            train_origins=rows.take(parts[0]),
            validation_origins=rows.take(parts[1]),
            test_origins=rows.take(parts[2]),
            notes=columns.notes,
        )

    def suggestions(self, config: DataConfig) -> tuple[Suggestion, ...]:
        """Return settings with which the table can be used, and what suits it."""
        label, named = self._label(config), []
        if label is None and config.label_column == "auto":
            label = self._label_by_name(config)
            named = [Suggestion("label_column", label, "its name")] if label is not None else []
        found = [*named, *self._types(config, label).suggestions()]
        if label is not None and self._missing(config) == "refuse":
            words = missing_words(config.missing_values)
            if texts(self.frame[label], words).isna().any():
                found = [each for each in found if each.key != "missing"]
                found.append(Suggestion("missing", "drop", f"'{label}' has gaps"))
        return tuple(found)

    def origins(self, kind: AbstractKind) -> Origins:
        """Return the rows' names, with the keys that the model's table has."""
        assert isinstance(kind, Table)
        rebuilt = {kind.label, *(column.name for column in kind.columns)}
        return self.named_rows(kind.keys, [name for name in self.frame if name not in rebuilt])

    def named_rows(self, keys: Collection[str], others: Collection[str]) -> Origins:
        """Return the rows' names: their numbers from 1 on, or the index of a DataFrame.

        Args:
            keys: columns that stand beside results, of those that are there.
            others: further columns to keep, those of `keys` aside.
        """
        wanted = {*keys, *others}
        cells = {name: as_plain(self.frame[name]) for name in self.frame if name in wanted}
        kept = {name: cells[name] for name in keys if name in cells}
        more = {name: cells[name] for name in others if name in cells and name not in kept}
        index = self.frame.index
        if index.equals(type(index)(range(len(index)))):
            return Origins("row", np.arange(1, len(self.frame) + 1), kept, more)
        return Origins(str(index.name or "index"), index.to_numpy(), kept, more)

    def _order(self, config: DataConfig) -> Order:
        """Return what the splits must respect.

        Raises:
            DataError: there is no such column, or a cell of it tells nothing.
        """
        if config.time == _ORDER and _ORDER not in self.frame:
            return Order("the rows", times=np.arange(len(self)).astype(np.float64))
        name, key = config.group or config.time, "group" if config.group else "time"
        if name is None:
            return RANDOM
        check_names(key, (name,), list(self.frame.columns))
        words = missing_words(config.missing_values)
        cells = texts(self.frame[name], words)
        if config.group is None:
            numeric, odd = numbers(self.frame[name], words)
            if odd.any() and (date := date_format(cells.dropna())):
                numeric = days(cells, date)
            cells = numeric
        if cells.isna().any():
            row = int(cells.isna().argmax()) + 1
            said = f"'{name}' has no {'value' if config.group else 'number or date'} in row {row}"
            raise DataError(f"data.{key}", said, "mend that cell, or take another column")
        if config.group is None:
            return Order(f"'{name}'", times=cells.to_numpy(np.float64))
        return grouped(cells.tolist(), f"'{name}'")

    def _label(self, config: DataConfig) -> str | None:
        """Return the column that holds the labels; None for none."""
        label = self.label if config.label_column == "auto" else config.label_column
        names = list(self.frame.columns)
        if label == _LAST and label not in names:
            label = names[-1]
        check_names("label_column", () if label is None else (label,), names)
        return label

    def _label_by_name(self, config: DataConfig) -> str | None:
        """Return the column that is called a label and has few different cells; None for none."""
        words = missing_words(config.missing_values)
        for name in self.frame if len(self.frame.columns) > 1 else ():
            if str(name).casefold() in _LABEL_NAMES and name not in config.ignore:
                different = texts(self.frame[name], words).nunique()
                if 1 < different <= min(_MOST_LABELS, len(self) // 2):
                    return str(name)
        return None

    def _missing(self, config: DataConfig) -> Missing:
        return self.missing if config.missing == "auto" else config.missing

    def _types(self, config: DataConfig, label: str | None) -> ColumnTypes:
        """Return what tells the columns apart.

        Raises:
            DataError: a column of the settings is not there.
        """
        categorical = self.categorical if config.categorical == "auto" else config.categorical
        keys = None if config.keys == "auto" else config.keys
        for key, columns in (
            ("categorical", categorical),
            ("ignore", config.ignore),
            ("keys", keys or ()),
        ):
            check_names(key, columns, list(self.frame.columns))
        out = {*config.ignore, *({label} if label is not None else ())}
        if config.group in self.frame:
            out.add(str(config.group))
        return ColumnTypes(self.place, self.frame, config, categorical, keys, out, not self.keyed)


def _lacking(place: str, gaps: pd.DataFrame) -> DataError:
    """Return the sentence that counts the missing values, True in (rows, columns)."""
    counts = gaps.sum()
    listed = ", ".join(f"{name} {count:,}" for name, count in counts[counts > 0].items())
    total, rows = int(counts.sum()), int(gaps.any(axis=1).sum())
    return DataError(
        place,
        f"{total:,} missing value{'' if total == 1 else 's'} ({listed})",
        f"set data.missing to drop ({rows:,} of {len(gaps):,} rows) or to impute",
    )


def _origin(table: Table, others: Collection[str], split: str, train: int) -> tuple[str, ...]:
    lines = [split]
    if table.keys or others:
        lines.append(f"left out the columns {', '.join([*table.keys, *others])}")
    if table.left_out:
        lines.insert(0, f"left out {table.left_out} of {table.rows} rows, which lack a value")
    lacking = sum(column.missing for column in table.columns)
    if table.missing == "impute" and lacking:
        lines.append(f"filled {lacking} missing values: medians, or the most frequent category")
    numeric = sum(column.kind == "numeric" for column in table.columns)
    lines.append(
        f"{numeric} numeric columns standardised and {len(table.columns) - numeric} one-hot, "
        f"fitted on the {train} training rows"
    )
    return tuple(lines)
