"""Rows of tables: what a CSV file holds, column by column, before anything is fitted on them.

Cells stand between commas, semicolons, tabs or bars, whichever the first line has most of; with
semicolons a comma may be the decimal sign. Spaces around a cell don't count.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".data", ".txt")
Missing = Literal["refuse", "drop", "impute"]
_SEPARATORS = ",;\t|"  # the first one wins a tie
_WHOLE = re.compile(r"([-+]?\d+)\.0*")  # a category that is a whole number written as a float
_DECIMAL_COMMA = re.compile(r"^(\s*[-+]?\d*),(\d+(?:[eE][-+]?\d+)?\s*)$")
_LARGEST = 1e30  # of the numbers, so that their squares can be summed
_FEW = 20  # texts that are categories, however few rows there are


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that a reader found, not split yet.

    Attributes:
        name: of the set or file, for people.
        place: where the rows come from, for error sentences.
        frame: (n, columns), numbers or text as it was read; NaN, None or a word for it where a
            value is missing.
        label: the column that `data.label_column: auto` stands for; None if there is none.
        categorical: the columns that `data.categorical: auto` stands for.
        missing: what `data.missing: auto` stands for.
    """

    name: str
    place: str
    frame: pd.DataFrame
    label: str | None = None
    categorical: tuple[str, ...] = ()
    missing: Missing = "refuse"


def read_rows(path: Path, config: DataConfig) -> Rows:
    """Read a CSV file as `config` says.

    Raises:
        DataError: it is not text, not a table, or holds no rows.
    """
    return Rows(path.name, str(path), read_frame(path, header=config.header))


def rows_of(
    name: str,
    place: str,
    array: NDArray[Any],
    columns: NDArray[Any] | None = None,
    labels: NDArray[Any] | None = None,
) -> Rows:
    """Return the rows that an array of numbers holds.

    Args:
        name: of the file, for people.
        place: where the array comes from, for error sentences.
        array: (n, columns), n at least 1.
        columns: (columns,) names; None for x0, x1 and so on.
        labels: (n,), which become a column `label`; None if there are none.

    Raises:
        DataError: it does not hold numbers, or the arrays don't fit together.
    """
    import pandas as pd

    if array.dtype.kind not in "iuf":
        raise DataError(place, f"a table of type {array.dtype.name}", "save numbers")
    names = [f"x{i}" for i in range(array.shape[1])] if columns is None else columns.tolist()
    odd = any(not isinstance(one, str) or not one for one in names)
    if odd or len(names) != array.shape[1] or len(set(names)) < len(names):
        raise DataError(
            place,
            f"{len(names)} names, {len(set(names))} different, for {array.shape[1]} columns",
            "save one name for each, all different",
        )
    frame = pd.DataFrame(array.astype(np.float64), columns=names)
    if labels is None:
        return Rows(name, place, frame)
    if labels.shape != (len(array),) or "label" in names:
        raise DataError(
            place,
            f"labels of shape {labels.shape} for {len(array):,} rows"
            if "label" not in names
            else "labels, and a column called 'label'",
            "save one label per row, or leave the labels out",
        )
    return Rows(name, place, frame.assign(label=labels), label="label")


def read_frame(
    path: Path,
    *,
    header: bool | Literal["auto"] = "auto",
    names: Sequence[Sequence[str]] = (),
) -> pd.DataFrame:
    """Read all cells of a CSV file, as text.

    Args:
        path: of the file, UTF-8.
        header: whether the first line names the columns; `auto`: it does if it holds no number.
        names: the columns that a file without a header may have, all sets of them that are known;
            the first of the right number counts. Without any they are c1, c2 and so on.

    Returns:
        (n, columns), n at least 1.

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
    first = lines[0]
    if header is False or (header == "auto" and any(map(_is_number, first))):
        return pd.DataFrame(lines, columns=_numbered(len(first), names, place), dtype=object)
    if len(lines) == 1:
        raise DataError(place, "a header and no rows", "add rows, or set data.header: false")
    return pd.DataFrame(lines[1:], columns=_named(first, place), dtype=object)


def typed(
    rows: Rows, categorical: Collection[str], missing_values: Collection[str]
) -> pd.DataFrame:
    """Return the frame of `rows` with every column either float64 or text, NaN where missing.

    A column of categories, and one whose cells are not numbers, is text.

    Args:
        rows: as they were read.
        categorical: columns of categories, though they may hold numbers.
        missing_values: cells that mean a missing value, besides empty ones.

    Raises:
        DataError: a column holds nothing, numbers among which stands a word, numbers too large to
            compute with, or so many different texts that they can't be categories.
    """
    columns = {}
    for name in rows.frame.columns:
        column = rows.frame[name]
        values = texts(column, missing_values) if name in categorical else column
        if name not in categorical:
            values, odd = numbers(column, missing_values)
            if odd.any():
                values = texts(column, missing_values)
                _check_categories(rows, name, values, odd)
        if not values.notna().any():
            raise DataError(rows.place, f"column '{name}' holds no value", _leave_out(name))
        columns[name] = values
    return type(rows.frame)(columns)


def numbers(
    column: pd.Series[Any], missing_values: Collection[str]
) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return a column, (n,), as float64, and where it holds no number that one can square."""
    import pandas as pd

    truths = pd.api.types.is_bool_dtype(column)
    values = pd.to_numeric(column.astype(object), errors="coerce").astype("float64")
    known = values.notna() & (not truths)
    values[known] = column[known].astype("float64")  # exact, whatever pandas' own way of reading
    marks = pd.to_numeric(pd.Series(list(missing_values), dtype=object), errors="coerce")
    values = values.where(known & ~values.isin(marks))  # such as -9
    odd = values.abs() > _LARGEST
    odd[~known] = texts(column[~known], missing_values).notna()
    return values, odd


def texts(column: pd.Series[Any], missing_values: Collection[str]) -> pd.Series[Any]:
    """Return a column, (n,), as text without the spaces around it; 1.0 reads as 1."""
    text = column.map(_as_text, na_action="ignore").astype(object)
    return text.mask(text.isin(["", *missing_values]))


def _as_text(value: object) -> str:
    said = str(value).strip()
    whole = _WHOLE.fullmatch(said)
    return whole[1] if whole else said


def _check_categories(rows: Rows, name: str, text: pd.Series[Any], odd: pd.Series[Any]) -> None:
    """Refuse a column of text that was hardly meant as categories."""
    known, distinct = text.notna().sum(), text.nunique()
    if 2 * odd.sum() <= known:
        row = int(odd.argmax())
        raise DataError(
            rows.place,
            f"column '{name}' holds {text.iloc[row]!r} among its numbers, in row {row + 1}",
            f"Add it to data.missing_values, or '{name}' to data.categorical.",
        )
    if distinct > max(_FEW, known // 2):
        raise DataError(
            rows.place,
            f"column '{name}' holds {distinct:,} different texts in {known:,} rows",
            _leave_out(name),
        )


def _leave_out(name: str) -> str:
    return f"add '{name}' to data.ignore"


def _lines(file: IO[str], place: str) -> list[list[str]]:
    """Return the cells of every line that is not blank; all lines have as many."""
    separator = _separator(file)
    file.seek(0)
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
    lines: list[list[str]] = []
    for cells in reader:
        if len(cells) < 2 and not "".join(cells).strip():
            continue
        if lines and len(cells) != len(lines[0]):
            raise DataError(
                place,
                f"line {reader.line_num} has {len(cells)} cells, the first one {len(lines[0])}",
                "mend that line",
            )
        if separator == ";":
            cells = [_DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in cells]
        lines.append(cells)
    return lines


def _separator(file: IO[str]) -> str:
    """Return the likeliest separator, judged by the first line that is not blank."""
    first = next((line for line in file if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(_SEPARATORS, key=bare.count)


def _named(first: Sequence[str], place: str) -> list[str]:
    names = [cell.strip() for cell in first]
    for position, name in enumerate(names):
        if not name:
            raise DataError(
                place, f"column {position + 1} has no name", "name it, or remove the column"
            )
        if name in names[:position]:
            raise DataError(
                place, f"two columns are called '{name}'", "rename one, or set data.header: false"
            )
    return names


def _numbered(count: int, known: Sequence[Sequence[str]], place: str) -> list[str]:
    """Return names for the columns of a file without a header."""
    if not known:
        return [f"c{i + 1}" for i in range(count)]
    for names in known:
        if len(names) == count:
            return list(names)
    counts = " or ".join(str(len(names)) for names in known)
    raise DataError(place, f"{count} columns and no header", f"expected a header, or {counts}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
