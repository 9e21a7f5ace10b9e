"""Files of typed tables, or of several arrays by name: Parquet, Excel, MATLAB, HDF5 and others.

pandas and SciPy read them; what pandas needs for a format is named where it is not installed.
"""

from __future__ import annotations

import datetime
import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.sources.damage import DAMAGE, reason
from evoae.data.sources.text_table import TextTable, read_rows
from evoae.errors import DataError
from evoae.formatting import listed, shape

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
ITEMS = ("x", "X", "images", "data", "features", "fea")  # usual names of the items
LABELS = ("y", "Y", "labels", "label", "gnd", "target", "targets")
_LOOKED_AT = 50  # rows of a sheet, to see whether it is empty
_CHANNELS = 4  # of a picture, at most
_SHOWN = 8  # names in a sentence
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """A format whose columns have types.

    Attributes:
        name: for people.
        suffixes: of its files.
        reader: name of the function of pandas.
        needs: modules of which pandas needs one; none if it needs none.
        package: that brings one.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    needs: tuple[str, ...] = ()
    package: str = ""


FRAMES = (
    FrameFormat("Parquet", (".parquet", ".pq"), "read_parquet", ("pyarrow",), "pyarrow"),
    FrameFormat("Feather", (".feather", ".arrow"), "read_feather", ("pyarrow",), "pyarrow"),
    FrameFormat("Stata", (".dta",), "read_stata"),
    FrameFormat("SAS", (".sas7bdat", ".xpt"), "read_sas"),
    FrameFormat("SPSS", (".sav", ".zsav"), "read_spss", ("pyreadstat",), "pyreadstat"),
)
SHEETS = (
    FrameFormat("Excel", (".xlsx", ".xlsm"), "read_excel", ("openpyxl",), "openpyxl"),
    FrameFormat("Excel", (".xls",), "read_excel", ("xlrd",), "xlrd"),
    FrameFormat("Excel", (".xlsb",), "read_excel", ("pyxlsb",), "pyxlsb"),
    FrameFormat("OpenDocument", (".ods",), "read_excel", ("odf",), "odfpy"),
)


def format_of(path: Path, formats: tuple[FrameFormat, ...]) -> FrameFormat | None:
    """Return the format that a file's suffix names; None if it is none of them."""
    suffix = path.suffix.lower()
    return next((each for each in formats if suffix in each.suffixes), None)


def read_typed(path: Path) -> pd.DataFrame:
    """Read a file of `FRAMES`.

    Raises:
        DataError: what reads it is not installed, it is damaged, or holds no rows.
    """
    format = format_of(path, FRAMES)
    assert format is not None  # by its suffix
    read = _reader(path, format)
    frame: pd.DataFrame = _reading(path, lambda: read(path))
    if not len(frame) or not len(frame.columns):
        raise DataError(str(path), "an empty table", "add rows")
    return frame.set_axis([str(name) for name in frame.columns], axis=1)


def read_sheet(path: Path, config: DataConfig) -> TextTable:
    """Read the cells of a spreadsheet: its first sheet, or the one that `data.key` names.

    Raises:
        DataError: as `read_typed`; also, there is no such sheet.
    """
    import pandas as pd

    format = format_of(path, SHEETS)
    assert format is not None  # by its suffix
    _reader(path, format)
    with _reading(path, lambda: pd.ExcelFile(path)) as book:
        sheets = [str(name) for name in book.sheet_names]
        sheet = config.key if config.key is not None else _fullest(book, sheets)
        if sheet not in sheets:
            there = listed([f"'{name}'" for name in sheets])
            raise DataError("data.key", f"{path.name} has no sheet '{sheet}'", f"there is {there}")
        cells = _reading(
            path,
            lambda: pd.read_excel(
                book, sheet_name=sheet, header=None, dtype=object, na_filter=False
            ),
        )
    rows = [[_as_text(cell) for cell in row] for row in cells.itertuples(index=False)]
    table = read_rows(str(path), rows, config)
    others = [f"'{name}'" for name in sheets if name != sheet]
    if others:
        said = f"took the sheet '{sheet}', not {listed(others)} (data.key)"
        return TextTable(table.frame, table.named, (said, *table.said))
    return table


def read_mat(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a MATLAB file by name, of version 7.3 or older."""
    import scipy.io
    import scipy.sparse
    from scipy.io.matlab import MatReadError

    with path.open("rb") as file:
        newer = HDF5 in file.read(1024)  # behind a header of 512 bytes
    if newer:
        # MATLAB writes the first axis last.
        return {name: array.T for name, array in read_hdf5(path).items()}

    def load() -> dict[str, Any]:
        try:
            arrays: dict[str, Any] = scipy.io.loadmat(str(path))
        except MatReadError as why:  # which is no error of reading to Python
            raise ValueError(str(why)) from why
        return arrays

    found = _reading(path, load)
    sparse = [name for name, array in found.items() if scipy.sparse.issparse(array)]
    dense = {name: found[name].toarray() for name in sparse if _is_small(found[name])}
    return dense | {name: array for name, array in found.items() if isinstance(array, np.ndarray)}


def read_hdf5(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an HDF5 file by their paths in it, all in memory.

    Raises:
        DataError: it is damaged.
    """
    import h5py

    arrays: dict[str, NDArray[Any]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim and not name.startswith("#refs#"):
            arrays[name] = item

    def read() -> dict[str, NDArray[Any]]:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
            chosen = {name: each for name, each in arrays.items() if each.dtype.kind in "biufSU"}
            return {name: each[...] for name, each in chosen.items()}

    return _reading(path, read)


def choose_arrays(
    path: Path, arrays: Mapping[str, NDArray[Any]], key: str | None
) -> dict[str, NDArray[Any]]:
    """Choose the items of a file of several arrays, and their labels if it has some.

    Args:
        path: of the file, for error sentences.
        arrays: by name.
        key: name of the items; None to take those that are named as usual, or the only ones.

    Returns:
        by the names that `AbstractKind.source` takes.

    Raises:
        DataError: it is unclear which are the items, or there is no such array.
    """
    numbers = {name: array for name, array in arrays.items() if array.dtype.kind in "biuf"}
    wide = [name for name, array in numbers.items() if array.ndim > 1 and min(array.shape) > 1]
    shown = [f"'{name}' {shape(array.shape)}" for name, array in list(arrays.items())[:_SHOWN]]
    there = listed(shown) if shown else "no arrays of numbers"
    if key is not None:
        if key not in arrays:
            raise DataError("data.key", f"{path.name} has no '{key}'", f"it holds {there}")
        chosen = key
    else:
        last = {name.rpartition("/")[2]: name for name in wide}
        named = [last[name] for name in ITEMS if name in last]
        (chosen,) = named[:1] or (wide if len(wide) == 1 else [""])
        if not chosen:
            said = f"which are the items? It holds {there}"
            raise DataError(str(path), said, "name one with data.key")
    items = arrays[chosen]
    check_axes(path, items, chosen)
    beside = {name.rpartition("/")[2]: array for name, array in arrays.items() if name != chosen}
    labels = next(
        (
            array.ravel()
            for name in LABELS
            for array in [beside.get(name)]
            if array is not None and array.size == len(items)
        ),
        None,
    )
    return {"images": items} | ({} if labels is None else {"labels": labels})


def check_axes(path: Path, items: NDArray[Any], name: str = "") -> None:
    """Refuse pictures along the last axis, as MATLAB keeps them, and a single picture in colour.

    Raises:
        DataError: it is such an array.
    """
    if items.ndim not in (3, 4) or items.dtype.kind not in "biuf":
        return
    place = f"{path} ({name})" if name else str(path)
    height, width, *others = items.shape
    if height != width or height <= _CHANNELS:
        return
    said = f"shape {items.shape}"
    if len(others) == 1 and others[0] in (3, 4):
        raise DataError(
            place, f"{said}, one picture in colour", "save several: (n, height, width)"
        )
    if others[-1] > max(height, _CHANNELS) and (len(others) == 1 or others[0] <= _CHANNELS):
        said += f", {others[-1]:,} pictures of {height}×{width} along the last axis"
        raise DataError(place, said, "save np.moveaxis(x, -1, 0), with the pictures first")


def _is_small(matrix: Any) -> bool:
    """Tell whether a sparse matrix fits in a part of the memory when it is dense."""
    import psutil

    needed: int = 8 * math.prod(matrix.shape)
    return needed < int(psutil.virtual_memory().available) // 4


def _reader(path: Path, format: FrameFormat) -> Callable[[Path], Any]:
    """Return the function of pandas that reads a format.

    Raises:
        DataError: it needs something that is not installed.
    """
    import pandas as pd

    if format.needs and not any(map(importlib.util.find_spec, format.needs)):
        said = f"reading {format.name} needs {format.package}, which is not installed"
        raise DataError(str(path), said, f"pip install {format.package}, or save it as CSV")
    reader: Callable[[Path], Any] = getattr(pd, format.reader)
    return reader


def _reading(path: Path, read: Callable[[], T]) -> T:
    """Read a file; what a library raises becomes one sentence.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return read()
    except DAMAGE as why:
        said = f"cannot be read ({reason(why)})"
        raise DataError(str(path), said, "get the file again, or save it as CSV") from why


def _fullest(book: pd.ExcelFile, sheets: list[str]) -> str:
    """Return the first sheet that is not empty."""
    import pandas as pd

    for sheet in sheets:
        if not pd.read_excel(book, sheet_name=sheet, header=None, nrows=_LOOKED_AT).empty:
            return sheet
    return sheets[0]


def _as_text(cell: object) -> str:
    """Return a cell as text; midnight of a day is the day."""
    if cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, datetime.datetime):
        plain = cell.time() == datetime.time() and cell.tzinfo is None
        return cell.date().isoformat() if plain else cell.isoformat(" ")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return str(cell)
