"""Rows of tables: left out or filled, split, and only then fitted and encoded column by column."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, take_labels
from evoae.data.dataset import AbstractKind, Dataset, Source
from evoae.data.kinds.cells import LARGEST, as_labels, marks, numbers, texts
from evoae.data.kinds.columns import Column
from evoae.data.labels import check_labels
from evoae.data.splits import check_enough, draw, drawn
from evoae.errors import DataError
from evoae.formatting import figure

if TYPE_CHECKING:
    import pandas as pd

Missing = Literal["refuse", "drop", "impute"]
_FEW = 20  # texts that are categories, however few rows there are


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
    array_settings = frozenset({"label_column", "categorical", "ignore", "missing"})
    plain = "dense(64) | latent({latent}) | updense(64)"
    handmade = None

    columns: tuple[Column, ...] = ()
    names: tuple[str, ...] = ()
    label: str | None = None
    missing: Missing = "refuse"
    missing_values: tuple[str, ...] = ()
    rows: int = 0
    left_out: int = 0

    @property
    def features(self) -> tuple[str, ...]:
        """One name for each network input."""
        return tuple(name for column in self.columns for name in column.features)

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
        done = self._encode_floats(frame, encoded)
        for column, part in self.parts():
            if column.name in done:
                continue
            if column.name not in frame.columns:
                listed = ", ".join(known.name for known in self.columns)
                raise DataError(place, f"no column '{column.name}'", f"expected {listed}")
            encoded[:, part] = column.encode(frame[column.name], self.missing_values, place)
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
            return Rows(name, place, frame)
        if "label" in names:
            step = "save one label per row, or leave the labels out"
            raise DataError(place, "labels, and a column called 'label'", step)
        return Rows(name, place, frame.assign(label=labels), label="label")

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

    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return the names of the columns; none before they are fitted."""
        del shape
        return [column.name for column in self.columns]

    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return decoded rows."""
        return [list(row) for row in self.decode(values).itertuples(index=False)]

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
    """

    kind = "rows"
    name: str
    place: str
    frame: pd.DataFrame
    label: str | None = None
    categorical: tuple[str, ...] = ()
    missing: Missing = "refuse"
    named: bool = True

    def __len__(self) -> int:
        return len(self.frame)

    def split(self, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
        """Leave out or fill, split, then scale all by what the training rows show."""
        label = self.label if config.label_column == "auto" else config.label_column
        missing: Missing = self.missing if config.missing == "auto" else config.missing
        frame = self._typed(config, label)
        gaps, cells = frame.isna(), None
        if label is not None:
            cells = texts(self.frame[label], config.missing_values)
            gaps = gaps.assign(**{label: cells.isna()})
        if missing == "refuse" and gaps.any(axis=None):
            raise _lacking(self.place, gaps)
        kept = (~gaps.any(axis=1)).to_numpy() if missing == "drop" else np.ones(len(gaps), bool)
        frame, left_out = frame[kept], int((~kept).sum())
        check_enough(len(frame), self.place, "complete row" if left_out else "row")
        labels = None if given is None else given[kept]
        if given is None and cells is not None:
            labels = as_labels(cells[kept], (), self.place)
        parts = draw(len(frame), config, seed, "rows")
        impute = missing == "impute"
        columns = tuple(
            Column.fit(frame[n], parts[0], int(gaps[n].sum()), impute=impute, place=self.place)
            for n in frame
        )
        told = (missing, config.missing_values, len(self.frame), left_out)
        table = Table(columns, tuple(self.frame.columns), label, *told)
        train, validation, test = (table.encode(frame.iloc[part], self.place) for part in parts)
        labelled = [take_labels(labels, part) for part in parts]
        origin = _origin(table, seed, *map(len, parts))
        return Dataset(self.name, train, validation, test, origin, table, *labelled)

    def _typed(self, config: DataConfig, label: str | None) -> pd.DataFrame:
        """Return the columns to rebuild, each float64 or text, NaN where a value is missing.

        A column of categories, and one whose cells are not numbers, is text.

        Raises:
            DataError: a column of the settings is not there, or one cannot be used.
        """
        asked = self.categorical if config.categorical == "auto" else config.categorical
        for key, columns in (
            ("label_column", () if label is None else (label,)),
            ("categorical", asked),
            ("ignore", config.ignore),
        ):
            _check_names(key, columns, list(self.frame.columns))
        out = {label, *config.ignore}
        typed = {
            name: self._column(name, config.missing_values, categorical=name in asked)
            for name in self.frame.columns
            if name not in out
        }
        if not typed:
            raise DataError(self.place, "no column is left to rebuild", "leave out fewer")
        return type(self.frame)(typed)

    def _column(
        self, name: str, missing_values: Collection[str], *, categorical: bool
    ) -> pd.Series[Any]:
        """Return one column as float64 or text.

        Raises:
            DataError: it holds nothing, numbers among which stands a word, numbers too large to
                compute with, or so many different texts that they can't be categories.
        """
        remedy = f"add '{name}' to data.ignore"
        values, odd = numbers(self.frame[name], missing_values)
        if not categorical and not odd.any() and values.notna().any():
            return values
        large = odd & np.isfinite(values)
        if large.any() and not categorical:
            row = int(large.argmax())
            value = figure(values.iloc[row], 6)
            said = f"column '{name}' holds {value} in row {row + 1}, too large"
            raise DataError(self.place, said, f"divide the column, or {remedy}")
        if categorical or odd.any():
            values = texts(self.frame[name], missing_values)
        known = values.notna().sum()
        if not known:
            raise DataError(self.place, f"column '{name}' holds no value", remedy)
        if categorical or not odd.any():
            return values
        if 2 * odd.sum() <= known:
            row = int(odd.argmax())
            said = (
                f"column '{name}' holds {values.iloc[row]!r} among its numbers, in row {row + 1}"
            )
            remedy = f"Add it to data.missing_values, or '{name}' to data.categorical."
            raise DataError(self.place, said, remedy)
        if (distinct := values.nunique()) > max(_FEW, known // 2):
            said = f"column '{name}' holds {distinct:,} different texts in {known:,} rows"
            raise DataError(self.place, said, remedy)
        return values


def _check_names(key: str, asked: Iterable[str], names: Collection[str]) -> None:
    for name in asked:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
            raise DataError(f"data.{key}", f"no column is called '{name}'", hint)


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


def _origin(table: Table, seed: int, train: int, validation: int, test: int) -> tuple[str, ...]:
    lines = [drawn(seed, train, validation, test)]
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
