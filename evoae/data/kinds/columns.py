"""Encodes a column of a table as network inputs (scaling, one-hot, imputation), and decodes it.

Numeric columns are standardised, (x - mean) / standard deviation; each category becomes one input,
1 where the row is of it, else 0. All that this needs is fitted on the training rows alone.

It is our own arithmetic, because a run keeps what was fitted as JSON: scikit-learn's transformers
have no way back from their numbers but private attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from evoae.data.comparison import Comparison
from evoae.data.kinds.cells import dates, days, in_order, numbers, texts, whole
from evoae.errors import DataError
from evoae.formatting import figure, plural

if TYPE_CHECKING:
    import pandas as pd

_LARGEST = 1e30  # of standardised numbers; float32 ends at 3e38
_MOST_CATEGORIES = 1000
_MOST_DECIMALS = 9
_FLOAT32 = 2.0**-23  # relative distance of neighbouring numbers
_FAR = 10.0  # standard deviations from the mean
_SHOWN = 3  # words in a sentence


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
        date: format of dates or times, which are numbers of days here; "" for none.
        unseen: cells of the validation and test rows whose category no training row has; they
            are encoded as zeros.
        low, high: the smallest and the largest number of the training rows, in the column's own
            units; None of a categorical column, and where a run is too old to have them recorded.
        shares: of the training rows that each category has, in the order of `categories`; empty of
            a numeric column, and in old runs.
    """

    name: str
    missing: int = 0
    fill: float | str | None = None
    mean: float = 0.0
    scale: float = 1.0
    decimals: int | None = None
    categories: tuple[str, ...] = ()
    unseen: int = 0
    date: str = ""
    low: float | None = None
    high: float | None = None
    shares: tuple[float, ...] = ()

    @classmethod
    def fit(
        cls,
        cells: pd.Series[Any],
        train: NDArray[np.intp],
        missing: int,
        *,
        impute: bool,
        place: str,
        date: str = "",
    ) -> Self:
        """Return the column with all that the training rows tell of it.

        Args:
            cells: (n,) of all rows, float64, or text of categories or dates, NaN where missing.
            train: (k,) positions of the training rows.
            missing: cells without a value in the whole file.
            impute: whether a missing value shall be filled.
            place: where the rows come from, for error sentences.
            date: format of the dates that the cells were; "" for none.

        Raises:
            DataError: the training rows hold no value, or too many categories.
        """
        if date:
            cells = days(cells, date)
        name, seen = str(cells.name), cells.to_numpy()[train]
        known = cells.iloc[train].dropna() if cells.dtype == object else seen[~np.isnan(seen)]
        if not len(known):
            said = f"column '{name}' holds no value in the {len(seen):,} training rows"
            raise DataError(place, said, f"add '{name}' to data.ignore")
        if cells.dtype == object:
            categories = _categories(known, place)
            most = max(categories, key=known.value_counts().get)  # of equals the first one
            unseen = int((cells.notna() & ~cells.isin(categories)).sum())
            fill = most if impute else None
            counts = known.value_counts()
            if impute:
                counts[most] += len(seen) - len(known)
            shares = tuple(float(counts[each] / counts.sum()) for each in categories)
            return cls(name, missing, fill, categories=categories, unseen=unseen, shares=shares)
        median = float(np.median(known)) if impute else None
        filled = known
        if median is not None and len(known) < len(seen):
            filled = seen.copy()
            filled[np.isnan(seen)] = median
        spread = float(filled.std()) if np.ptp(filled) else 0.0
        mean, scale = float(filled.mean()), spread or 1.0
        low, high = float(known.min()), float(known.max())
        decimals = _decimals(known)
        return cls(name, missing, median, mean, scale, decimals, date=date, low=low, high=high)

    @property
    def kind(self) -> Literal["numeric", "categorical"]:
        """What its cells are."""
        return "categorical" if self.categories else "numeric"

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the network inputs that it becomes: `age`, or `sex=0` and `sex=1`."""
        return tuple(f"{self.name}={one}" for one in self.categories) or (self.name,)

    def encode(
        self, cells: pd.Series[Any], missing_values: Collection[str], place: str
    ) -> NDArray[Any]:
        """Return cells in their original units, (n,), as network inputs, (n, inputs).

        Raises:
            DataError: one is missing and cannot be filled, is no number where numbers are
                expected, or lies too far from those of the training rows.
        """
        if self.categories:
            text = self._filled(texts(cells, missing_values), place).to_numpy()
            return np.asarray(text[:, np.newaxis] == np.array(self.categories, object))
        if self.date:
            text = texts(cells, missing_values)
            values = days(text, self.date)
            odd = text.notna() & values.isna()
        else:
            values, odd = numbers(cells, missing_values)
        if odd.any():
            row = int(odd.argmax())
            cell = cells.iloc[row]
            held = repr(cell) if isinstance(cell, str) else str(cell)
            said = f"column '{self.name}' holds {held} in row {row + 1}"
            step = f"expected a date like {self.date}" if self.date else "expected a number"
            raise DataError(place, said, step)
        filled = self._filled(values, place).to_numpy(np.float64)
        with np.errstate(over="ignore"):
            scaled: NDArray[np.float64] = (filled - self.mean) / self.scale
        far = np.abs(scaled) > _LARGEST
        if far.any():
            row = int(far.argmax())
            raise DataError(
                place,
                f"column '{self.name}' holds {figure(filled[row], 6)} in row {row + 1}, too far "
                f"from the training rows' {figure(self.mean, 6)}",
                f"correct it, or add '{self.name}' to data.ignore",
            )
        return scaled[:, np.newaxis]

    def doubts(
        self, cells: pd.Series[Any], missing_values: Collection[str], place: str
    ) -> Iterator[str]:
        """Yield how new cells, (n,), differ from those of the training rows, a sentence each."""
        if self.categories:
            text = texts(cells, missing_values).dropna()
            unknown = text[~text.isin(self.categories)]
            if len(unknown):
                first = ", ".join(repr(word) for word in unknown.unique()[:_SHOWN])
                said = f"'{self.name}' is {first} in {plural(len(unknown), 'row')}"
                yield f"{place}: {said}, which no training row is: it counts as none of them"
            return
        inputs = self.encode(cells, missing_values, place)
        far = np.abs(inputs[:, 0]) > _FAR
        if far.any():
            low, high = (figure(self.mean + side * self.scale, 3) for side in (-1, 1))
            rows = "every row" if far.all() else f"{far.sum():,} of {plural(len(far), 'row')}"
            yield (
                f"{place}: '{self.name}' is far from the training rows (most {low} to {high}) in "
                f"{rows}: is it in the same unit?"
            )

    def decode(self, inputs: NDArray[np.float64]) -> NDArray[Any]:
        """Return the cells, (n,), that network inputs, (n, inputs), stand for."""
        if self.categories:
            return np.asarray(np.array(self.categories, object)[inputs.argmax(axis=1)])
        values = self.values(inputs)
        return dates(values, self.date) if self.date else values

    def values(self, inputs: NDArray[np.float64]) -> NDArray[Any]:
        """Return the numbers, (n,), that the inputs of a numeric column, (n, 1), stand for.

        What a float32 cannot tell from the smallest or largest training value is that value.
        """
        values: NDArray[np.float64] = inputs[:, 0] * self.scale + self.mean
        for end in (self.low, self.high):
            if end is not None:
                near = _FLOAT32 * abs(end - self.mean) + 4 * np.spacing(abs(end))
                values = np.where(np.abs(values - end) <= near, end, values)
        if self.decimals is None:
            return values
        rounded = np.round(values, self.decimals)
        return rounded if self.decimals else whole(rounded)

    def clip(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        """Return the inputs of a numeric column, (n, 1), with none beyond the training values.

        Beyond them a column may have no values at all, as a count has none below 0, and a network
        knows of none. Of a categorical column, and of one whose ends are not known, inputs stay.

        Returns:
            the inputs, and how many of the numbers that they stand for lay outside.
        """
        if self.low is None or self.high is None:
            return inputs, 0
        values = self.values(inputs.astype(np.float64))
        outside = int(((values < self.low) | (values > self.high)).sum())
        low, high = ((end - self.mean) / self.scale for end in (self.low, self.high))
        return np.clip(inputs, np.float32(low), np.float32(high)), outside

    def compare(self, inputs: NDArray[np.float64]) -> Iterator[Comparison]:
        """Yield statistics of new cells beside the training rows' own; none where not recorded.

        Args:
            inputs: that the cells are decoded from, (n, inputs) with n > 0.
        """
        count = len(inputs)
        if self.shares:
            found = np.bincount(inputs.argmax(axis=1), minlength=len(self.categories)) / count
            parts = zip(self.categories, found.tolist(), self.shares, strict=True)
            for category, ours, theirs in parts:
                # A rare category is met once or not at all: 1 / n is then as much as chance tells.
                chance = float(np.sqrt(max(theirs * (1 - theirs), 1 / count) / count))
                yield Comparison(self.name, "share", ours, theirs, ours - theirs, chance, category)
        if self.low is None or self.high is None:
            return
        values = np.asarray(self.values(inputs), np.float64)
        spread = self.scale if self.high > self.low else 0.0
        mean, deviation = float(values.mean()), float(values.std())
        shift, chance = (mean - self.mean) / self.scale, float(1 / np.sqrt(count))
        wider, wide = (deviation - spread) / self.scale, float(chance / np.sqrt(2))
        ours, theirs = mean, self.mean
        if self.date:
            ours, theirs = dates(np.array([mean, self.mean]), self.date)
        yield Comparison(self.name, "mean", ours, theirs, shift, chance)
        yield Comparison(self.name, "deviation", deviation, spread, wider, wide)

    def _filled(self, cells: pd.Series[Any], place: str) -> pd.Series[Any]:
        missing = cells.isna()
        if not missing.any():
            return cells
        if self.fill is None:
            said = f"column '{self.name}' has no value in row {int(missing.argmax()) + 1}"
            more = f" and {missing.sum() - 1:,} more" if missing.sum() > 1 else ""
            raise DataError(place, said + more, "fill it, or leave such rows out")
        return cells.fillna(self.fill)


def _categories(known: pd.Series[Any], place: str) -> tuple[str, ...]:
    """Return the categories of cells that have a value: numbers by their value, then the others.

    Raises:
        DataError: they are too many.
    """
    categories = tuple(sorted(known.unique(), key=in_order))
    if len(categories) > _MOST_CATEGORIES:
        raise DataError(
            place,
            f"column '{known.name}' has {len(categories):,} categories, "
            f"more than {_MOST_CATEGORIES:,}",
            f"add '{known.name}' to data.ignore, or make groups of them",
        )
    return categories


def _decimals(values: NDArray[np.float64]) -> int | None:
    """Return the fewest places after the point that keep `values` as they are."""
    for places in range(_MOST_DECIMALS + 1):
        if np.array_equal(np.round(values, places), values):
            return places
    return None
