"""Cells of tables: read from a CSV file, and understood as numbers or text.

With `header: auto` the first line names the columns unless one of its cells is a number.

Cells stand between commas, semicolons, tabs or bars, whichever the first line has most of; with
semicolons a comma may be the decimal sign. Spaces around a cell don't count.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_CELL = 2**26  # characters
_SEPARATORS = ",;\t|"  # the first one wins a tie
_WHOLE = re.compile(r"([-+]?\d+)\.0*")  # a category that is a whole number written as a float
_DECIMAL_COMMA = re.compile(r"^(\s*[-+]?\d*),(\d+(?:[eE][-+]?\d+)?\s*)$")
LARGEST = 1e30  # of the numbers, so that their squares can be summed


def read_frame(path: Path, header: bool | Literal["auto"] = "auto") -> tuple[pd.DataFrame, bool]:
    """Read all cells of a CSV file, as text.

    Args:
        path: of the file, UTF-8.
        header: whether the first line names the columns; `auto`: it does if it holds no number.

    Returns:
        (n, columns), n at least 1; and whether the file names the columns, which are c1, c2 and so
        on if it does not.

    Raises:
        DataError: it is not text, not a table, or holds no rows.
    """
    import pandas as pd

    place = str(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _lines(file, place)
    except UnicodeDecodeError as why:
        raise DataError(place, "not a text file in UTF-8", "save it as UTF-8") from why
    except csv.Error as why:
        raise DataError(place, f"not a table ({why})", "save it as CSV again") from why
    except OSError as why:
        raise DataError(place, f"cannot be read ({why.strerror})", "check the path") from why
    if not lines:
        raise DataError(place, "an empty table", "add rows")
    if not (_has_header(lines) if header == "auto" else header):
        names = [f"c{number}" for number in range(1, len(lines[0]) + 1)]
        return pd.DataFrame(lines, columns=names, dtype=object), False
    if len(lines) == 1:
        raise DataError(place, "a header and no rows", "add rows, or set data.header: false")
    return pd.DataFrame(lines[1:], columns=_names(lines[0], place), dtype=object), True


def numbers(
    column: pd.Series[Any], missing_values: Collection[str]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return a column, (n,), as float64, and where it holds no number that one can square."""
    import pandas as pd

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


def _has_header(lines: list[list[str]]) -> bool:
    """Guess whether the first line names the columns: no cell of it is a number."""
    return not any(map(_is_number, lines[0]))


def _lines(file: IO[str], place: str) -> list[list[str]]:
    """Return the cells of every line that is not blank; all lines have as many."""
    first = next((line for line in file if line.strip()), "")
    separator = max(_SEPARATORS, key=re.sub(r'"[^"]*"', "", first).count)
    file.seek(0)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    lines: list[list[str]] = []
    for cells in reader:
        if len(cells) < 2 and not "".join(cells).strip():
            continue
        if lines and len(cells) != len(lines[0]):
            seen = f"line {reader.line_num} has {len(cells)} cells, the first one {len(lines[0])}"
            raise DataError(place, seen, "mend that line")
        if separator == ";":
            cells = [_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in cells]
        lines.append(cells)
    return lines


def _names(first: list[str], place: str) -> list[str]:
    """Return the names of the columns, from the cells of the header."""
    names = [cell.strip() for cell in first]
    for position, name in enumerate(names):
        if not name:
            step = "name it, or remove the column"
            raise DataError(place, f"column {position + 1} has no name", step)
        if name in names[:position]:
            step = "rename one, or set data.header: false"
            raise DataError(place, f"two columns are called '{name}'", step)
    return names


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
