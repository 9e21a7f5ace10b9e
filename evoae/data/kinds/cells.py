"""Cells of tables, understood as numbers or text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import USUAL
from evoae.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = re.compile(r"([-+]?\d+)\.0*")  # a category that is a whole number written as a float
_DAY = 86_400_000  # milliseconds
LARGEST = 1e30  # of the numbers, so that their squares can be summed
_USUAL_WORDS = (
    *("?", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "NaT"),
    *("NULL", "Null", "null", "None", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NV"),
)


def missing_words(given: Iterable[str]) -> tuple[str, ...]:
    """Return the words that mean a missing value, as `data.missing_values` gives them."""
    listed = [word for each in given for word in (_USUAL_WORDS if each == USUAL else (each,))]
    return tuple(dict.fromkeys(listed))


def numbers(
    column: pd.Series[Any], missing_values: Collection[str]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return a column, (n,), as float64, and where it holds no number that one can square."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.Series(np.nan, column.index, name=column.name), column.notna()
    if pd.api.types.is_timedelta64_dtype(column):
        column = column / pd.Timedelta(days=1)
    # On arrays: a step on a pandas column takes longer than one on the cells of a short one, and a
    # table may have thousands of columns.
    if column.dtype == np.float64:
        values = column.to_numpy(np.float64, copy=True)
        known = ~np.isnan(values)
    else:
        cells = column.astype(object)
        values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, copy=True)
        known = ~np.isnan(values) & (not pd.api.types.is_bool_dtype(column))
        # exact, whatever pandas' own way of reading
        values[known] = cells.to_numpy()[known].astype(np.float64)
    values[~known | np.isin(values, marks(tuple(missing_values)))] = np.nan  # such as -9
    odd = np.abs(values) > LARGEST
    if not known.all():
        odd[~known] = texts(column[~known], missing_values).notna()
    named = {"index": column.index, "name": column.name}
    return pd.Series(values, **named), pd.Series(odd, **named)


@cache
def marks(missing_values: tuple[str, ...]) -> NDArray[np.float64]:
    """Return the numbers among the cells that mean a missing value."""
    import pandas as pd

    found = pd.to_numeric(pd.Series(list(missing_values), dtype=object), errors="coerce")
    return np.asarray(found.dropna(), np.float64)


def texts(column: pd.Series[Any], missing_values: Collection[str]) -> pd.Series[Any]:
    """Return a column, (n,), as text without the spaces around it; 1.0 reads as 1."""
    text = column.map(_as_text, na_action="ignore").astype(object)
    return text.mask(text.isin(["", *missing_values]))


def days(cells: pd.Series[Any], format: str) -> pd.Series[Any]:
    """Return dates or times, (n,), as days since 1970 or midnight; NaN where a cell is none.

    Args:
        cells: of text.
        format: as `strptime` takes it, or `ISO8601` for any date of that standard.
    """
    import pandas as pd

    read = pd.to_datetime(cells, format=format, errors="coerce", utc=True)
    return ((read - _epoch(format)) / pd.Timedelta(days=1)).astype("float64")


def dates(values: NDArray[np.float64], format: str) -> NDArray[Any]:
    """Return days, (n,), as dates or times of a format; the text "NaT" for what is none."""
    import pandas as pd

    # to what the format says, or 13:05 less a hair would become 13:04
    exact = format == "ISO8601" or "%f" in format
    step = 1 if exact else 1000 if "%S" in format else 60_000 if "%M" in format else _DAY
    spans = pd.to_timedelta(np.round(values * (_DAY / step)) * step, unit="ms")
    moments = _epoch(format) + pd.Series(spans)
    said = "%Y-%m-%dT%H:%M:%S" if format == "ISO8601" else format
    texts: NDArray[Any] = moments.dt.strftime(said).fillna("NaT").to_numpy(object)
    return texts


def _epoch(format: str) -> pd.Timestamp:
    """Return the moment from which days are counted: times alone are of 1900 for pandas."""
    import pandas as pd

    dated = format == "ISO8601" or "%y" in format.lower()
    return pd.Timestamp("1970-01-01" if dated else "1900-01-01", tz="UTC")


def as_plain(column: pd.Series[Any]) -> NDArray[Any]:
    """Return cells as they are, (n,) of Python objects; moments as text."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.astype(str)
    cells: NDArray[Any] = column.to_numpy(object)
    return cells


def as_labels(cells: pd.Series[Any], missing_values: Collection[str], place: str) -> NDArray[Any]:
    """Return labels, (n,): int64 or float64 if all are numbers, else text.

    Raises:
        DataError: one is missing.
    """
    values, odd = numbers(cells, missing_values)
    if odd.any():
        values = texts(cells, missing_values)
    if values.isna().any():
        row = int(values.isna().argmax()) + 1
        raise DataError(
            place,
            f"the label '{cells.name}' is missing in row {row}",
            "set data.missing: drop, which leaves such rows out",
        )
    labels: NDArray[Any] = values.to_numpy(str if odd.any() else np.float64)
    return labels if odd.any() else whole(labels)


def whole(values: NDArray[np.float64]) -> NDArray[Any]:
    """Return numbers as int64 if all are whole ones that an int64 can hold, else as they are."""
    fit = (np.abs(values) < 2**62).all() and (values == np.rint(values)).all()
    return values.astype(np.int64) if fit else values


def in_order(cell: str) -> tuple[float, str]:
    """Return what sorts texts: numbers by their value, before words."""
    try:
        return float(cell), cell
    except ValueError:
        return np.inf, cell


def _as_text(value: object) -> str:
    said = str(value).strip()
    number = _WHOLE.fullmatch(said)
    return number[1] if number else said
