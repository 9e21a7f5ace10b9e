"""Rows of tables become arrays, by scaling, one-hot and filling, and arrays become rows again.

Numeric columns are standardised, (x - mean) / standard deviation; each category becomes one input,
1 where the row is of it, else 0. All that this needs is fitted on the training rows alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.data.kinds.rows import Missing, numbers, read_frame, texts
from evoae.errors import DataError
from evoae.formatting import figure

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1e30  # of standardised numbers; float32 ends at 3e38
_MOST_CATEGORIES = 1000
_MOST_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Column:
    """One column, as the training rows show it.

    Attributes:
        name: as in the file.
        missing: cells without a value in the whole file, left-out rows included.
        fill: what stands in for a missing value: the median of the training rows, or their most
            frequent category; None where such rows are not taken.
        mean, scale: of a numeric column in its own units; scale is the standard deviation, or 1
            if the column is constant.
        decimals: places after the point that the numbers have, 0 for whole numbers; None if more
            than nine.
        categories: of a categorical column, in the order of their inputs; empty for a numeric one.
        unseen: cells of the validation and test rows whose category no training row has; they
            are encoded as zeros.
    """

    name: str
    missing: int = 0
    fill: float | str | None = None
    mean: float = 0.0
    scale: float = 1.0
    decimals: int | None = None
    categories: tuple[str, ...] = ()
    unseen: int = 0

    @property
    def kind(self) -> Literal["numeric", "categorical"]:
        """What its cells are."""
        return "categorical" if self.categories else "numeric"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the network inputs that it becomes: `age`, or `sex=0` and `sex=1`."""
        return tuple(f"{self.name}={one}" for one in self.categories) or (self.name,)


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a data set of rows, and how they become network inputs and return.

    Attributes:
        columns: that the network sees, in the order of the file.
        names: of all columns of the file, among them the label and the ignored ones.
        label: the column that holds the labels; None if there is none.
        missing: what is done with rows that lack a value.
        missing_values: cells that mean a missing value, besides empty ones.
        rows: that the file has.
        left_out: of these, for want of a value.
    """

    columns: tuple[Column, ...]
    names: tuple[str, ...]
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

    def encode(
        self, rows: pd.DataFrame | Iterable[Mapping[str, object]], place: str = "rows"
    ) -> NDArray[np.float32]:
        """Return rows in their original units as network inputs, (n, features).

        Columns that the table does not have, such as the label, are passed over. A missing value
        is filled if the data were (`missing: impute`); an unknown category becomes zeros.

        Args:
            rows: with at least the columns of the table, by name.
            place: where they come from, for error sentences.

        Raises:
            DataError: a column or a value is missing, or something is no number where numbers are
                expected.
        """
        import pandas as pd

        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
        encoded = np.zeros((len(frame), len(self.features)), np.float32)
        for column, part in self.parts():
            if column.name not in frame.columns:
                listed = ", ".join(one.name for one in self.columns)
                raise DataError(place, f"no column '{column.name}'", f"expected {listed}")
            cells = frame[column.name]
            if column.categories:
                encoded[:, part] = _one_hot(column, texts(cells, self.missing_values), place)
                continue
            values, odd = numbers(cells, self.missing_values)
            if odd.any():
                row = int(odd.argmax())
                raise DataError(
                    place,
                    f"column '{column.name}' holds {_shown(cells.iloc[row])} in row {row + 1}",
                    "expected a number",
                )
            encoded[:, part] = _standardised(column, values, place)
        return encoded

    def decode(self, encoded: NDArray[np.generic]) -> pd.DataFrame:
        """Return what a network says, (n, features), as n rows in the original units.

        Numbers are rounded to the places that the data have, whole ones are integers; each group
        of one-hot inputs becomes its most likely category.
        """
        import pandas as pd

        wide = np.asarray(encoded, np.float64)
        return pd.DataFrame(
            {column.name: _decoded(column, wide[:, part]) for column, part in self.parts()}
        )

    def read(self, path: Path) -> tuple[pd.DataFrame, NDArray[Any] | None]:
        """Read new rows from a CSV file, with a header or with all columns of the original file.

        Returns:
            The rows, in their original units, for `encode`; and the labels, (n,), or None if the
            file has no such column.

        Raises:
            DataError: the file is not a table, or lacks a label.
        """
        names = [self.names, [name for name in self.names if name != self.label]]
        frame = read_frame(path, names=names)
        if self.label is None or self.label not in frame.columns:
            return frame, None
        return frame, as_labels(frame[self.label], self.missing_values, str(path))

    def to_json(self) -> dict[str, Any]:
        """Return the table as values that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Table:
        """Return the table that `to_json` described."""
        columns = tuple(
            Column(**{**one, "categories": tuple(one["categories"])}) for one in stored["columns"]
        )
        sequences = {key: tuple(stored[key]) for key in ("names", "missing_values")}
        return cls(**{**stored, "columns": columns, **sequences})


def fit_column(cells: pd.Series[Any], column: Column, *, impute: bool, place: str) -> Column:
    """Return `column` with all that the training rows tell of it.

    Args:
        cells: (n,) of the training rows, float64 or text, NaN where missing.
        column: named, and with its missing cells counted.
        impute: whether a missing value shall be filled.
        place: where the rows come from, for error sentences.

    Raises:
        DataError: the training rows hold no value, or too many categories, or numbers too large.
    """
    known = cells.dropna()
    if known.empty:
        raise DataError(
            place,
            f"column '{column.name}' holds no value in the {len(cells):,} training rows",
            f"add '{column.name}' to data.ignore",
        )
    if cells.dtype == object:
        return _fit_categories(known, column, impute=impute, place=place)
    values = known.to_numpy(np.float64)
    fill = float(np.median(values)) if impute else None
    filled = values if fill is None else cells.fillna(fill).to_numpy(np.float64)
    spread = float(filled.std()) if np.ptp(filled) else 0.0
    return dataclasses.replace(
        column,
        fill=fill,
        mean=float(filled.mean()),
        scale=spread or 1.0,
        decimals=_decimals(values),
    )


def as_labels(cells: pd.Series[Any], missing_values: Iterable[str], place: str) -> NDArray[Any]:
    """Return labels, (n,): int64 or float64 if all are numbers, else text.

    Raises:
        DataError: one is missing.
    """
    values, odd = numbers(cells, tuple(missing_values))
    if odd.any():
        values = texts(cells, tuple(missing_values))
    if values.isna().any():
        row = int(values.isna().argmax()) + 1
        raise DataError(
            place,
            f"the label '{cells.name}' is missing in row {row}",
            "set data.missing: drop, which leaves such rows out",
        )
    if odd.any():
        named: NDArray[Any] = values.to_numpy(str)
        return named
    floats: NDArray[Any] = values.to_numpy(np.float64)
    return floats.astype(np.int64) if _are_whole(floats) else floats


def _fit_categories(known: pd.Series[Any], column: Column, *, impute: bool, place: str) -> Column:
    counts = known.value_counts()
    categories = tuple(sorted(counts.index, key=_in_order))
    if len(categories) > _MOST_CATEGORIES:
        raise DataError(
            place,
            f"column '{column.name}' has {len(categories):,} categories, "
            f"more than {_MOST_CATEGORIES:,}",
            f"add '{column.name}' to data.ignore, or make groups of them",
        )
    most = max(categories, key=lambda one: counts[one])  # of equals the first one
    return dataclasses.replace(column, categories=categories, fill=most if impute else None)


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _in_order(category: str) -> tuple[float, str]:
    """Order numbers by their value, before everything else by its letters."""
    try:
        return float(category), category
    except ValueError:
        return np.inf, category


def _one_hot(column: Column, cells: pd.Series[Any], place: str) -> NDArray[np.bool_]:
    """Return (n, categories), True at a row's category; a row of an unknown one is all False."""
    filled = _filled(column, cells, place).to_numpy()
    hot: NDArray[np.bool_] = filled[:, np.newaxis] == np.array(column.categories, object)
    return hot


def _standardised(column: Column, cells: pd.Series[Any], place: str) -> NDArray[Any]:
    values: NDArray[np.float64] = _filled(column, cells, place).to_numpy(np.float64)
    with np.errstate(over="ignore"):
        scaled = (values - column.mean) / column.scale
    far = np.abs(scaled) > _LARGEST
    if far.any():
        row = int(far.argmax())
        raise DataError(
            place,
            f"column '{column.name}' holds {figure(values[row], 6)} in row {row + 1}, too far "
            f"from the training rows' {figure(column.mean, 6)}",
            f"correct it, or add '{column.name}' to data.ignore",
        )
    return scaled[:, np.newaxis]


def _filled(column: Column, cells: pd.Series[Any], place: str) -> pd.Series[Any]:
    missing = cells.isna()
    if not missing.any():
        return cells
    if column.fill is None:
        raise DataError(
            place,
            f"column '{column.name}' has no value in row {int(missing.argmax()) + 1}"
            + (f" and {missing.sum() - 1:,} more" if missing.sum() > 1 else ""),
            "fill it, or leave such rows out",
        )
    return cells.fillna(column.fill)


def _decoded(column: Column, wide: NDArray[np.float64]) -> NDArray[Any]:
    """Return one column, (n,), from its inputs, (n, inputs)."""
    if column.categories:
        likeliest: NDArray[Any] = np.array(column.categories, object)[wide.argmax(axis=1)]
        return likeliest
    values = wide[:, 0] * column.scale + column.mean
    if column.decimals is None:
        return values
    rounded = np.round(values, column.decimals)
    return rounded.astype(np.int64) if column.decimals == 0 and _are_whole(rounded) else rounded


def _decimals(values: NDArray[np.float64]) -> int | None:
    """Return the fewest places after the point that keep `values` as they are."""
    for places in range(_MOST_DECIMALS + 1):
        if np.array_equal(np.round(values, places), values):
            return places
    return None


def _are_whole(values: NDArray[np.float64]) -> bool:
    """Whether all are whole numbers that an int64 can hold."""
    return bool((np.abs(values) < 2**62).all() and (values == np.rint(values)).all())
