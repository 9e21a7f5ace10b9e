"""A folder of pictures becomes one memory-mapped array, decoded once and kept in the cache.

Sub-folders are labels: a picture's label is the path of its folder within the whole. Hidden files
and folders, and files that are neither JPEG nor PNG by their name, are passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from evoae import formatting
from evoae.config.data import DataConfig
from evoae.data.cache import cache_root, keep
from evoae.data.dataset import Images, Labels, Source
from evoae.data.kinds.images import times
from evoae.data.labels import read_labels
from evoae.data.progress import Say, bar
from evoae.data.sources.damage import LARGEST
from evoae.data.sources.pictures import SUFFIXES, CorruptError, Header, decode, look
from evoae.errors import DataError

_LAYOUT = 1  # of the cached folder, and of the way of decoding
_NAMED = 5  # skipped pictures that a line names
_SMALL = 300  # pixels: a side that an autoencoder can take as it is


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What became of the pictures, in the order of their names.

    Attributes:
        kept: positions of those that could be decoded.
        skipped: names of the others, and why.
    """

    kept: list[int]
    skipped: list[tuple[str, str]]


def holds_pictures(path: Path, _head: bytes = b"") -> bool:
    """Whether `path` is a folder with a picture in it or below it."""
    return path.is_dir() and next(_names(path), None) is not None


def read_folder(path: Path, config: DataConfig, say: Say) -> Source:
    """Read the pictures in a folder and its sub-folders.

    Args:
        path: of the folder.
        config: the size and channels that all get, and whether corrupt ones are skipped.
        say: is told of skipped pictures.

    Returns:
        The images, memory mapped, in the order of their names, with the names of their folders as
        labels; None if all lie in one folder.

    Raises:
        DataError: the pictures have several sizes and none is asked for, one is corrupt, there are
            too few, or the cache cannot be written.
    """
    names = sorted(_names(path))
    folder = cache_root() / "pictures" / _key(path, names, config)

    def write(staging: Path) -> None:
        _decode_all(path, names, config, staging, say)

    keep(folder, lambda: _open(folder) is not None, write)
    opened = _open(folder)
    if opened is None:
        raise DataError(str(folder), "what was just written cannot be read", "try again")
    images, decoded = opened
    _check_some(len(images), path)
    origin: tuple[str, ...] = ()
    if decoded.skipped:
        count = f"{len(decoded.skipped):,} of {len(names):,} pictures that cannot be decoded"
        named = ", ".join(f"{name} ({why})" for name, why in decoded.skipped[:_NAMED])
        more = len(decoded.skipped) - _NAMED
        say(f"{path.name}: skipped {count}: {named}" + (f" and {more:,} more" * (more > 0)))
        origin = (f"skipped {count}",)
    labels = _labels(names, config)
    kept = None if labels is None else labels[decoded.kept]
    return Source(path.resolve().name, images, kept, origin=origin)


def _names(path: Path) -> Iterator[str]:
    """Yield the pictures' paths within `path`."""
    try:
        for folder, below, files in os.walk(path, onerror=_raise):
            below[:] = sorted(name for name in below if not name.startswith("."))
            inside = Path(folder).relative_to(path)
            for name in files:
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    yield (inside / name).as_posix()
    except OSError as why:
        raise DataError(
            str(why.filename or path), f"cannot be read ({why.strerror})", "check data.path"
        ) from why


def _raise(why: OSError) -> None:
    raise why


def _key(path: Path, names: Sequence[str], config: DataConfig) -> str:
    """Return a name for the folder's content and how it is decoded."""
    try:
        facts = [(name, (path / name).stat()) for name in names]
    except OSError as why:
        raise DataError(
            str(why.filename), f"cannot be read ({why.strerror})", "mend or remove it"
        ) from why
    files = [(name, fact.st_size, fact.st_mtime_ns) for name, fact in facts]
    told = [_LAYOUT, config.size, config.channels, config.corrupt, files]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _open(folder: Path) -> tuple[Images, _Decoded] | None:
    """Map the images in a folder of the cache; None if it is not there or damaged."""
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        decoded = _Decoded(**json.loads((folder / "decoded.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, EOFError):
        return None
    return (images, decoded) if len(images) == len(decoded.kept) else None


def _decode_all(
    path: Path, names: Sequence[str], config: DataConfig, staging: Path, say: Say
) -> None:
    """Write all pictures to images.npy, one after the other, and what became of them beside it."""
    skipped: dict[int, str] = {}
    headers: dict[int, Header] = {}

    def attempt(work: Any, position: int, *arguments: Any) -> Any:
        file = path / names[position]
        try:
            return work(file, *arguments)
        except CorruptError as why:
            if config.corrupt == "refuse":
                raise DataError(
                    str(file),
                    f"cannot be decoded ({why})",
                    "replace or remove it, or set data.corrupt: skip",
                ) from why
            skipped[position] = str(why)
            return None

    for position in bar(range(len(names)), "looking at pictures", say):
        header = attempt(look, position)
        if header is not None:
            headers[position] = header
    _check_some(len(headers), path)
    shape = _shape(list(headers.values()), config, str(path))
    with (staging / "images.npy").open("wb") as file:
        _write_header(file, len(headers), shape)
        start, kept = file.tell(), []
        for position in bar(list(headers), "decoding pictures", say):
            pixels = attempt(decode, position, *shape)
            if pixels is not None:
                file.write(pixels.tobytes())
                kept.append(position)
        file.seek(0)
        _write_header(file, len(kept), shape)
        assert file.tell() == start  # NumPy leaves room for the first axis to change
    named = [(names[position], why) for position, why in sorted(skipped.items())]
    told = json.dumps(asdict(_Decoded(kept, named)))
    (staging / "decoded.json").write_text(told, encoding="utf-8")


def _check_some(count: int, path: Path) -> None:
    if count == 0:
        raise DataError(str(path), "none of its pictures can be decoded", "replace them")


def _write_header(file: Any, count: int, shape: tuple[int, int, int]) -> None:
    told = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    npy.write_array_header_1_0(file, told)


def _shape(headers: Sequence[Header], config: DataConfig, place: str) -> tuple[int, int, int]:
    """Return (height, width, channels) for all pictures."""
    sizes = Counter((header.height, header.width) for header in headers)
    if isinstance(config.size, int):
        height = width = config.size
    elif config.size is not None:
        height, width = config.size
    elif len(sizes) == 1:
        ((height, width),) = sizes
    else:
        raise _mixed(sizes, place)
    channels = 1 if all(header.grey for header in headers) else 3
    if config.channels != "auto":
        channels = config.channels
    size = len(headers) * height * width * channels
    if size > LARGEST:
        raise DataError(
            place,
            f"{len(headers):,} pictures of {times((height, width, channels))} "
            f"take {formatting.size(size)}",
            "set data.size to a smaller one",
        )
    return height, width, channels


def _mixed(sizes: Counter[tuple[int, int]], place: str) -> DataError:
    common = sizes.most_common(3)
    listed = ", ".join(f"{times(size)} ({count:,})" for size, count in common)
    more = f" and {len(sizes) - 3:,} more" if len(sizes) > 3 else ""
    height, width = common[0][0] if max(common[0][0]) <= _SMALL else (64, 64)
    proposed = f"{height}" if height == width else f"[{height}, {width}]"
    return DataError(
        place,
        f"pictures of {len(sizes):,} sizes, height×width: {listed}{more}",
        f"set data.size, such as size: {proposed}",
    )


def _labels(names: Sequence[str], config: DataConfig) -> Labels | None:
    """Return a label for each picture, corrupt ones included, (n,); None if there are none."""
    if config.labels is not None:
        return read_labels(Path(config.labels).expanduser(), len(names))
    folders = [Path(name).parent.as_posix() for name in names]
    return np.array(folders) if len(set(folders)) > 1 else None
