"""Files of the user's own become a `Source`. A further format is an entry in `FORMATS`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from evoae.config.data import SPECIAL, DataConfig, TextTableSettings
from evoae.data.dataset import AbstractKind, Source
from evoae.data.kinds.images import ImageKind, ImageSource
from evoae.data.kinds.registry import KINDS, kind_of_array
from evoae.data.kinds.tables import Rows
from evoae.data.labels import read_labels
from evoae.data.progress import Say, silent
from evoae.data.scaling import as_range
from evoae.data.sources.containers import (
    FRAMES,
    HDF5,
    ITEMS,
    LABELS,
    SHEETS,
    check_axes,
    choose_arrays,
    format_of,
    read_hdf5,
    read_mat,
    read_sheet,
    read_typed,
)
from evoae.data.sources.damage import GZIP, check_promise, reading
from evoae.data.sources.idx import PARTS, find_pair, find_part, labels_beside, read_idx
from evoae.data.sources.picture_folder import holds_pictures, read_folder, refuse_folder
from evoae.data.sources.text_table import TextTable, read_text_table
from evoae.errors import DataError
from evoae.formatting import listed, plural

if TYPE_CHECKING:
    import pandas as pd

TABLE = KINDS["rows"].array_settings
_IMAGES = KINDS["images"].array_settings
_KEY = frozenset({"key"})
_ARRAY = _KEY.union(*(kind.array_settings for kind in KINDS.values()))  # of whichever
_TEXT = frozenset(TextTableSettings.model_fields)
_TABLES = (".csv", ".tsv", ".data", ".txt", ".tab", ".dat")  # suffixes, of compressed ones as well
_REMEDY = "save or copy it again"
ARRAYS = ("images", "labels", "test", "test_labels")  # arguments of `as_source`
_WHOLE = ("x", "images", "data")  # names under which an .npz file may hold all images


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file or folder.

    Attributes:
        name: for people.
        matches: whether the path is of this kind, given the file's first bytes (b"" for a folder).
        read: reads it as the settings say, and as was fitted on other items of the kind; None if
            nothing was.
        settings: of the `data` section that mean something to it, of those that don't to all.
    """

    name: str
    matches: Callable[[Path, bytes], bool]
    read: Callable[[Path, DataConfig, Say, AbstractKind | None], Source]
    settings: frozenset[str]


def home(path: Path) -> Path:
    """Return `path` with a leading ~ resolved, or as it is if there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def check_settings(config: DataConfig, obeyed: Collection[str], what: str) -> None:
    """Refuse settings that are for another kind of data than `what`.

    Raises:
        DataError: the first one that is not in `obeyed` and was set.
    """
    for key in sorted(SPECIAL - set(obeyed)):
        value = getattr(config, key)
        if value != DataConfig.model_fields[key].default:
            raise DataError(f"data.{key}", f"{value} says nothing about {what}", "remove it")


def read_path(
    path: Path,
    config: DataConfig | None = None,
    say: Say = silent,
    fitted: AbstractKind | None = None,
) -> Source:
    """Read the items at `path`, whichever of `FORMATS` they are in.

    Args:
        path: of a file or folder.
        config: how to read it; None for the default settings.
        say: whether a bar is shown; what is left out or changed is in the source's remarks.
        fitted: the kind of a model that the items are for, with what was fitted on its training
            items; None to look at these items alone.

    Raises:
        DataError: nothing is there, it is of no known format, damaged, or holds nothing usable.
    """
    path = home(path)
    config = DataConfig(path=".") if config is None else config
    format = format_at(path)
    check_settings(config, format.settings, path.name)
    return format.read(path, config, say, fitted)


def format_at(path: Path) -> Format:
    """Return the one of `FORMATS` that a file or folder is in.

    Raises:
        DataError: nothing is there, or it is of no known format.
    """
    head = b""
    try:
        if path.is_file() or not path.exists():
            with path.open("rb") as file:
                head = file.read(8)
        elif not path.is_dir():
            raise DataError(str(path), "neither a file nor a folder", "check data.path")
    except FileNotFoundError as why:
        raise DataError(str(path), "no such file or folder", "check data.path") from why
    except (OSError, ValueError) as why:  # a name that no file can have is a ValueError
        raise DataError(str(path), f"cannot be read ({why})", "check data.path") from why
    for format in FORMATS:
        if format.matches(path, head):
            return format
    if path.is_dir():
        raise refuse_folder(path)
    formats = ", ".join(format.name for format in FORMATS)
    held = "file" if head else "empty file"
    raise DataError(str(path), f"a {held} of no known format", f"evoae reads: {formats}")


def _read_npy(path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None) -> Source:
    with reading(path, _REMEDY):
        with path.open("rb") as file:
            _check_plain(file, str(path))
        array = np.load(path, "r", allow_pickle=False)  # checks the length, copies nothing
    if array.dtype.names is not None and array.ndim == 1:
        return _as_rows(path, TextTable(_records(array), True, ()))
    check_axes(path, array)
    return _as_found(path, config, {"images": array}, fitted)


def _records(array: NDArray[Any]) -> pd.DataFrame:
    """Return the fields of a structured array, as `genfromtxt` makes one, as columns."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in array.dtype.names or ():
        cells = np.asarray(array[name])
        if cells.ndim > 1:
            columns |= {
                f"{name}_{i}": each for i, each in enumerate(cells.reshape(len(cells), -1).T)
            }
        else:
            columns[name] = cells
    return pd.DataFrame({name: _native(cells) for name, cells in columns.items()})


def _native(cells: NDArray[Any]) -> NDArray[Any]:
    """Return cells as pandas takes them: numbers in this machine's order of bytes, and text."""
    if cells.dtype.kind == "S":
        return np.char.decode(cells, "utf-8", "replace").astype(object)
    native = cells.astype(cells.dtype.newbyteorder("="))
    return native.astype(object) if cells.dtype.kind == "U" else native


def _read_npz(path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None) -> Source:
    arrays = npz_arrays(path, config.key)
    check_axes(path, arrays["images"])
    return _as_found(path, config, arrays, fitted)


def _read_mat(path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None) -> Source:
    return _as_found(path, config, choose_arrays(path, read_mat(path), config.key), fitted)


def _read_hdf5(path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None) -> Source:
    return _as_found(path, config, choose_arrays(path, read_hdf5(path), config.key), fitted)


def _as_found(
    path: Path,
    config: DataConfig,
    arrays: Mapping[str, NDArray[Any]],
    fitted: AbstractKind | None,
) -> Source:
    """Return arrays as the kind that they are of, which refuses the others' settings."""
    kind = kind_of_array(arrays["images"])
    check_settings(config, kind.array_settings | _KEY, f"the {kind.items} in {path.name}")
    return _as_kind(kind, path, config, arrays, fitted)


def _as_kind(
    kind: AbstractKind,
    path: Path,
    config: DataConfig,
    arrays: Mapping[str, NDArray[Any]],
    fitted: AbstractKind | None,
) -> Source:
    """Have a kind check the arrays, with labels of their own if given."""
    if config.labels is not None:
        labels = read_labels(home(Path(config.labels)), len(arrays["images"]))
        arrays = {**arrays, "labels": labels}
    if fitted is not None and fitted.name == kind.name:
        kind = fitted
    elif isinstance(kind, ImageKind):
        kind = ImageKind(as_range(config.scale))
    return kind.source(path.name, str(path), arrays)


def npz_arrays(path: Path, key: str | None = None) -> dict[str, NDArray[Any]]:
    """Read the images or rows of an .npz file, and what belongs to them.

    Returns:
        arrays by the names that `AbstractKind.source` takes, in their order.

    Raises:
        DataError: damaged, it is unclear which are the images, or it holds Python objects.
    """
    with reading(path, _REMEDY), path.open("rb") as file:
        archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
        members = [] if archive.zip is None else archive.zip.namelist()
        if members and not any(name.endswith(".npy") for name in members):
            held = ", ".join(f"'{name}'" for name in members[:3])
            said = f"a zip without arrays (.npy); it holds {held}"
            raise DataError(str(path), said, "unzip it, and give what is in it")
        wanted = _pick(archive.files, path, key).items()
        return {key: _member(archive, name, path) for key, name in wanted}


def _pick(names: list[str], path: Path, key: str | None) -> dict[str, str]:
    """Choose the arrays to read, by the names that `AbstractKind.source` takes."""
    if key is not None and key not in names:
        there = listed([f"'{name}'" for name in names]) if names else "no arrays"
        raise DataError("data.key", f"{path.name} has no '{key}'", f"it holds {there}")
    if key is None and "x_train" in names:
        parts = dict(zip(ARRAYS, ("x_train", "y_train", "x_test", "y_test"), strict=True))
        return {key: name for key, name in parts.items() if name in names}
    usual = [name for name in _WHOLE if name in names]
    usual = usual or [name for name in ITEMS if name in names]
    usual = usual or (names if len(names) == 1 else [])
    whole = usual if key is None else [key]
    if len(whole) != 1:
        held = ", ".join(f"'{name}'" for name in names) or "no arrays"
        raise DataError(
            str(path),
            f"which are the images? It holds {held}",
            "name one with data.key, or save them as x, or x_train and x_test",
        )
    labels = next((name for name in LABELS if name in names and name not in whole), None)
    parts = {"images": whole[0]} | ({} if labels is None else {"labels": labels})
    return parts | ({"columns": "columns"} if "columns" in names else {})


def _member(archive: Any, name: str, path: Path) -> NDArray[Any]:
    """Read one array of an open .npz file, after a look at the size that its header promises."""
    info = archive.zip.getinfo(f"{name}.npy")
    with archive.zip.open(info) as file:
        promised = _check_plain(file, f"{path} ({name})")
    check_promise(promised, info.file_size, packed=False, what=name)
    check_promise(promised, info.compress_size, packed=True, what=name)
    return np.asarray(archive[name])


def _check_plain(file: IO[bytes], place: str) -> int:
    """Return the bytes that a .npy header promises; refuse arrays of Python objects."""
    version = npy.read_magic(file)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"unknown .npy version {version}")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise DataError(
            place,
            "holds Python objects, as NumPy makes of images of differing shapes",
            "resize the images to one shape and save a plain array",
        )
    if 0 in shape:
        raise DataError(place, f"shape {shape} holds no images", "save some")
    return math.prod(shape) * int(dtype.itemsize)


def _read_idx_file(
    path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None
) -> Source:
    arrays = {"images": read_idx(path)}
    if arrays["images"].ndim == 1:
        raise DataError(
            str(path),
            f"one number for each of {len(arrays['images']):,} items, labels rather than images",
            "give the file of the images: labels beside it are found, or set data.labels",
        )
    beside = None if config.labels is not None else labels_beside(path, len(arrays["images"]))
    if beside is None:
        return _as_kind(KINDS["images"], path, config, arrays, fitted)
    arrays["labels"] = read_idx(beside)
    source = _as_kind(KINDS["images"], path, config, arrays, fitted)
    return _remarked(source, f"{path.name}: labels are those in {beside.name}")


def _read_idx_folder(
    path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None
) -> Source:
    files = {key: find_part(path, part) for key, part in zip(ARRAYS, PARTS, strict=True)}
    pair = find_pair(path) if files["images"] is None else None
    if pair is not None:
        files["images"], files["labels"] = pair
    arrays = {key: read_idx(file) for key, file in files.items() if file is not None}
    source = _as_kind(KINDS["images"], path, config, arrays, fitted)
    if pair is None:
        return source
    images, labels = (file.name for file in pair)
    return _remarked(source, f"{path.name}: images are those in {images}, labels in {labels}")


def _remarked(source: Source, remark: str) -> Source:
    assert isinstance(source, ImageSource)
    return replace(source, remarks=(remark, *source.remarks))


def _is_idx_folder(path: Path, _head: bytes) -> bool:
    return path.is_dir() and (find_part(path, PARTS[0]) or find_pair(path)) is not None


def _is_table(path: Path, _head: bytes) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(_TABLES) and not path.is_dir()


def _read_pictures(
    path: Path, config: DataConfig, say: Say, fitted: AbstractKind | None
) -> Source:
    if isinstance(fitted, ImageKind):
        config = config.model_copy(update={"scale": fitted.scale})
    return read_folder(path, config, say)


def _read_text_table(
    path: Path, config: DataConfig, _say: Say, _fitted: AbstractKind | None
) -> Rows:
    return _as_rows(path, read_text_table(path, config))


def _read_sheet(path: Path, config: DataConfig, _say: Say, _fitted: AbstractKind | None) -> Rows:
    return _as_rows(path, read_sheet(path, config))


def _read_typed(path: Path, _config: DataConfig, _say: Say, _fitted: AbstractKind | None) -> Rows:
    return _as_rows(path, TextTable(read_typed(path), True, ()))


def _as_rows(path: Path, table: TextTable) -> Rows:
    """Return a table's rows, which remark how they were read."""
    rows, columns = table.frame.shape
    size = f"a table of {plural(rows, 'row')} and {plural(columns, 'column')}"
    remark = "; ".join([f"{path.name}: {size}", *table.said])
    return Rows(path.name, str(path), table.frame, named=table.named, remarks=(remark,))


FORMATS: tuple[Format, ...] = (
    Format(
        "spreadsheets (.xlsx, .xls, .ods)",
        lambda path, _: format_of(path, SHEETS) is not None and path.is_file(),
        _read_sheet,
        TABLE | _TEXT | _KEY,
    ),
    Format(
        "Parquet, Feather, Stata, SAS, SPSS",
        lambda path, _: format_of(path, FRAMES) is not None and path.is_file(),
        _read_typed,
        TABLE,
    ),
    Format(
        "MATLAB (.mat)",
        lambda path, _: path.suffix.lower() == ".mat" and path.is_file(),
        _read_mat,
        _ARRAY,
    ),
    Format("HDF5", lambda _, head: head == HDF5, _read_hdf5, _ARRAY),
    Format(".npy", lambda _, head: head.startswith(b"\x93NUMPY"), _read_npy, _ARRAY),
    Format(".npz", lambda _, head: head.startswith(b"PK"), _read_npz, _ARRAY),
    Format("text tables (.csv, .tsv, .data, .txt)", _is_table, _read_text_table, TABLE | _TEXT),
    Format("idx", lambda _, head: head.startswith((b"\0\0", GZIP)), _read_idx_file, _IMAGES),
    Format(
        "a folder of idx files, as MNIST has them, or of one with images and one with labels",
        _is_idx_folder,
        _read_idx_folder,
        _IMAGES,
    ),
    Format(
        "a folder of pictures",
        holds_pictures,
        _read_pictures,
        _IMAGES | {"size", "channels", "background", "corrupt"},
    ),
)
