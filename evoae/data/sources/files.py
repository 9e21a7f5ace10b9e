"""Files of the user's own become a `Source`. A further format is an entry in `FORMATS`."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from evoae.config.data import SPECIAL, DataConfig
from evoae.data.dataset import AbstractKind, Source
from evoae.data.kinds.cells import read_frame
from evoae.data.kinds.images import ImageKind, ImageSource
from evoae.data.kinds.registry import KINDS, kind_of_array
from evoae.data.kinds.tables import Rows
from evoae.data.labels import read_labels
from evoae.data.progress import Say, silent
from evoae.data.scaling import as_range
from evoae.data.sources.damage import GZIP, check_promise, reading
from evoae.data.sources.idx import PARTS, find_pair, find_part, labels_beside, read_idx
from evoae.data.sources.picture_folder import holds_pictures, read_folder, refuse_folder
from evoae.errors import DataError

TABLE = KINDS["rows"].array_settings
_IMAGES = KINDS["images"].array_settings
_ARRAY = frozenset[str]().union(*(kind.array_settings for kind in KINDS.values()))  # of whichever
_TABLES = (".csv", ".tsv", ".data", ".txt")  # suffixes
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
            check_settings(config, format.settings, path.name)
            return format.read(path, config, say, fitted)
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
    return _as_found(path, config, {"images": array}, fitted)


def _read_npz(path: Path, config: DataConfig, _say: Say, fitted: AbstractKind | None) -> Source:
    return _as_found(path, config, npz_arrays(path), fitted)


def _as_found(
    path: Path,
    config: DataConfig,
    arrays: Mapping[str, NDArray[Any]],
    fitted: AbstractKind | None,
) -> Source:
    """Return arrays as the kind that they are of, which refuses the others' settings."""
    kind = kind_of_array(arrays["images"])
    check_settings(config, kind.array_settings, f"the {kind.items} in {path.name}")
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


def npz_arrays(path: Path) -> dict[str, NDArray[Any]]:
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
            listed = ", ".join(f"'{name}'" for name in members[:3])
            said = f"a zip without arrays (.npy); it holds {listed}"
            raise DataError(str(path), said, "unzip it, and give what is in it")
        wanted = _pick(archive.files, path).items()
        return {key: _member(archive, name, path) for key, name in wanted}


def _pick(names: list[str], path: Path) -> dict[str, str]:
    """Choose the arrays to read, by the names that `AbstractKind.source` takes."""
    if "x_train" in names:
        parts = dict(zip(ARRAYS, ("x_train", "y_train", "x_test", "y_test"), strict=True))
        return {key: name for key, name in parts.items() if name in names}
    whole = [name for name in _WHOLE if name in names] or (names if len(names) == 1 else [])
    if len(whole) != 1:
        listed = ", ".join(f"'{name}'" for name in names) or "no arrays"
        raise DataError(
            str(path),
            f"which are the images? It holds {listed}",
            "name them x, or x_train and x_test",
        )
    labels = next((name for name in ("y", "labels") if name in names and name not in whole), None)
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
    return path.suffix.lower() in _TABLES and not path.is_dir()


def _read_pictures(
    path: Path, config: DataConfig, say: Say, fitted: AbstractKind | None
) -> Source:
    if isinstance(fitted, ImageKind):
        config = config.model_copy(update={"scale": fitted.scale})
    return read_folder(path, config, say)


def _read_table(path: Path, config: DataConfig, _say: Say, _fitted: AbstractKind | None) -> Rows:
    frame, named = read_frame(path, config.header)
    return Rows(path.name, str(path), frame, named=named)


FORMATS: tuple[Format, ...] = (
    Format(".npy", lambda _, head: head.startswith(b"\x93NUMPY"), _read_npy, _ARRAY),
    Format(".npz", lambda _, head: head.startswith(b"PK"), _read_npz, _ARRAY),
    Format("idx", lambda _, head: head.startswith((b"\0\0", GZIP)), _read_idx_file, _IMAGES),
    Format(
        "CSV (.csv, .tsv, .data or .txt)",
        _is_table,
        _read_table,
        TABLE | {"header", "missing_values"},
    ),
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
