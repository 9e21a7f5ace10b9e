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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from evoae import formatting
from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, take_labels
from evoae.data.cache import cache_root, keep
from evoae.data.kinds.images import ImageSource
from evoae.data.labels import read_labels
from evoae.data.progress import Say, bar
from evoae.data.sources.damage import LARGEST, accessing
from evoae.data.sources.pictures import SUFFIXES, CorruptError, Header, decode, look
from evoae.errors import DataError
from evoae.formatting import shape

_LAYOUT = 2  # of the cached folder, and of the way of decoding
_NAMED = 5  # skipped pictures that a line names
_SMALL = 300  # pixels: a side that an autoencoder can take as it is


def holds_pictures(path: Path, _head: bytes = b"") -> bool:
    """Whether `path` is a folder with a picture in it or below it."""
    return path.is_dir() and next(_names(path), None) is not None


def read_folder(path: Path, config: DataConfig, say: Say) -> ImageSource:
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
    images, positions, skipped = opened
    _check_some(len(images), path)
    origin: tuple[str, ...] = ()
    if skipped:
        count = f"{len(skipped):,} of {len(names):,} pictures that cannot be decoded"
        named = ", ".join(f"{name} ({why})" for name, why in skipped[:_NAMED])
        more = len(skipped) - _NAMED
        say(f"{path.name}: skipped {count}: {named}" + (f" and {more:,} more" * (more > 0)))
        origin = (f"skipped {count}",)
    labels = take_labels(_labels(names, config), np.array(positions))
    return ImageSource(path.resolve().name, images, labels, origin=origin)


def _names(path: Path) -> Iterator[str]:
    """Yield the pictures' paths within `path`."""
    with accessing(path, "check data.path"):
        for folder, below, files in os.walk(path, onerror=_raise):
            below[:] = sorted(name for name in below if not name.startswith("."))
            inside = Path(folder).relative_to(path)
            for name in files:
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    yield (inside / name).as_posix()


def _raise(why: OSError) -> None:
    raise why


def _key(path: Path, names: Sequence[str], config: DataConfig) -> str:
    """Return a name for the folder's content and how it is decoded."""
    with accessing(path, "mend or remove it"):
        facts = [(name, (path / name).stat()) for name in names]
    files = [(name, fact.st_size, fact.st_mtime_ns) for name, fact in facts]
    decoding = [_LAYOUT, config.size, config.channels, config.corrupt, files]
    return hashlib.sha256(json.dumps(decoding).encode()).hexdigest()


def _open(folder: Path) -> tuple[Images, list[int], list[tuple[str, str]]] | None:
    """Map the images in a folder of the cache; None if it is not there or damaged.

    Returns:
        the images, the positions of their names among all, and the names of skipped pictures, and
        why.
    """
    try:
        images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        kept, skipped = json.loads((folder / "decoded.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, EOFError):
        return None
    return (images, kept, skipped) if len(images) == len(kept) else None


def _decode_all(
    path: Path, names: Sequence[str], config: DataConfig, staging: Path, say: Say
) -> None:
    """Write all pictures to images.npy, one after the other, and what became of them beside it."""
    skipped: dict[int, str] = {}

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

    positions = bar(range(len(names)), "looking at pictures", say)
    looked = {position: attempt(look, position) for position in positions}
    headers = {position: header for position, header in looked.items() if header is not None}
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
    (staging / "decoded.json").write_text(json.dumps([kept, named]), encoding="utf-8")


def _check_some(count: int, path: Path) -> None:
    if count == 0:
        raise DataError(str(path), "none of its pictures can be decoded", "replace them")


def _write_header(file: Any, count: int, shape: tuple[int, int, int]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    npy.write_array_header_1_0(file, header)


def _shape(headers: Sequence[Header], config: DataConfig, place: str) -> tuple[int, int, int]:
    """Return (height, width, channels) for all pictures."""
    sizes = Counter((header.height, header.width) for header in headers)
    if config.size is None and len(sizes) > 1:
        raise _mixed(sizes, place)
    wanted = config.size or next(iter(sizes))
    height, width = (wanted, wanted) if isinstance(wanted, int) else wanted
    grey = all(header.grey for header in headers)
    channels = config.channels if config.channels != "auto" else 1 if grey else 3
    size = len(headers) * height * width * channels
    if size > LARGEST:
        raise DataError(
            place,
            f"{len(headers):,} pictures of {shape((height, width, channels))} "
            f"take {formatting.size(size)}",
            "set data.size to a smaller one",
        )
    return height, width, channels


def _mixed(sizes: Counter[tuple[int, int]], place: str) -> DataError:
    common = sizes.most_common(3)
    listed = ", ".join(f"{shape(size)} ({count:,})" for size, count in common)
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
