"""The idx format of MNIST (Y. LeCun, C. Cortes, C. Burges: The MNIST database): read, digest.

A header (two zero bytes, a type code, the number of axes, each axis as a big-endian 32-bit number)
and then the values, big-endian. A damaged header may promise any size, so nothing is allocated
before the file's own length makes the promise believable.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.sources.damage import GZIP, check_promise, reading
from evoae.errors import DataError

PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_MOST_AXES = 4
_MOST_FILES = 100  # in a folder that is looked through
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def find_part(folder: Path, part: str) -> Path | None:
    """Return the file of one of `PARTS` in `folder`, compressed or not; None if not there."""
    return find_first(folder, (f"{part}.gz", part))


def find_first(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the first of some files that is in `folder`; None if none is."""
    return next((file for name in names if (file := folder / name).is_file()), None)


def find_pair(folder: Path) -> tuple[Path, Path] | None:
    """Return the images and the labels of a folder that has one idx file of each.

    Returns:
        None if it has more or fewer idx files, or their counts differ.
    """
    shapes = _shapes_in(folder)
    if len(shapes) != 2:
        return None
    labels, images = sorted(shapes, key=lambda file: len(shapes[file]))
    fits = shapes[labels] == shapes[images][:1] and len(shapes[images]) > 2
    return (images, labels) if fits else None


def labels_beside(images: Path, count: int) -> Path | None:
    """Return the idx file of `count` labels that lies beside one of images.

    Returns:
        The one of the corresponding name, as in MNIST, or else the only one; None if there is
        none, or several.
    """
    fitting = [file for file, shape in _shapes_in(images.parent).items() if shape == (count,)]
    stem = images.name.removesuffix(".gz")
    wanted = stem.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    named = [file for file in fitting if file.name.removesuffix(".gz") == wanted]
    return (named or fitting)[0] if len(named) == 1 or len(fitting) == 1 else None


def _shapes_in(folder: Path) -> dict[Path, tuple[int, ...]]:
    """Return the shapes of the idx files in a folder; none if it holds too many files to look."""
    with os.scandir(folder) as listing:
        files = [Path(item) for item in listing if item.is_file() and item.name[0] != "."]
    if len(files) > _MOST_FILES:
        return {}
    shapes = {file: _shape_of(file) for file in sorted(files)}
    return {file: shape for file, shape in shapes.items() if shape is not None}


def _shape_of(path: Path) -> tuple[int, ...] | None:
    """Return the shape that an idx file's header tells; None if it is no idx file."""
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == GZIP
            with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
                start = stream.read(4)
                axes = start[3] if len(start) == 4 else 0
                if start[:2] != b"\0\0" or not 0 < axes <= _MOST_AXES or start[2] not in _TYPES:
                    return None
                return struct.unpack(f">{axes}I", stream.read(4 * axes))
    except (OSError, EOFError, zlib.error, struct.error):  # another reader says what is wrong
        return None


def read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file, compressed by gzip or not, in the machine's byte order.

    Raises:
        DataError: the file is missing, truncated, damaged or not an idx file.
    """
    with reading(path), path.open("rb") as raw:
        packed = raw.peek(2)[:2] == GZIP
        with gzip.GzipFile(fileobj=raw) if packed else raw as stream:
            return _read(stream, path, packed=packed)


def idx_digest(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 (hexadecimal) of the uncompressed idx file that holds `array`."""
    sha = hashlib.sha256(struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape))
    sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _read(stream: BufferedIOBase, path: Path, *, packed: bool) -> NDArray[Any]:
    start = stream.read(4)
    axes = start[3] if len(start) == 4 else 0
    if start[:2] != b"\0\0" or not 0 < axes <= _MOST_AXES or start[2] not in _TYPES:
        raise DataError(str(path), "not an idx file", "expected the MNIST format, or .npy or .npz")
    shape = struct.unpack(f">{axes}I", stream.read(4 * axes))
    dtype = np.dtype(_TYPES[start[2]])
    promised = math.prod(shape) * dtype.itemsize
    check_promise(promised, path.stat().st_size, packed=packed, what="its header")
    values = np.empty(promised, np.uint8)
    held = stream.readinto(values.data)
    if held < promised or stream.read(1):  # reading to the end also checks gzip's checksum
        more = f"{held:,}" if held < promised else "more"
        raise ValueError(f"its header promises {promised:,} bytes, it holds {more}")
    array = values.view(dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)
