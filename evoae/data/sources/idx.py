"""The idx format of MNIST (Y. LeCun, C. Cortes, C. Burges: The MNIST database): read, digest.

A header (two zero bytes, a type code, the number of axes, each axis as a big-endian 32-bit number)
and then the values, big-endian. A damaged header may promise any size, so nothing is allocated
before the file's own length makes the promise believable.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.errors import DataError

PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
GZIP = b"\x1f\x8b"
LARGEST = 16 * 2**30  # bytes of one array; more cannot be searched on in memory
MOST_INFLATION = 1032  # deflate's best ratio (zlib: Maximum Expansion Factor)
_MOST_AXES = 4
_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def find_part(folder: Path, part: str) -> Path | None:
    """Return the file of one of `PARTS` in `folder`, compressed or not; None if not there."""
    for file in (folder / f"{part}.gz", folder / part):
        if file.is_file():
            return file
    return None


def read_idx(path: Path) -> NDArray[Any]:
    """Read an idx file, compressed by gzip or not, in the machine's byte order.

    Raises:
        DataError: the file is missing, truncated, damaged or not an idx file.
    """
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == GZIP
            raw.seek(0)
            if not compressed:
                return _read(raw, path, path.stat().st_size)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _read(stream, path, path.stat().st_size * MOST_INFLATION)
    except (EOFError, zlib.error, gzip.BadGzipFile) as why:
        raise DataError(
            str(path), f"truncated or damaged ({why})", "get the file again, or take it away"
        ) from why
    except OSError as why:
        raise DataError(str(path), f"cannot be read ({why.strerror})", "check the path") from why


def idx_digest(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 (hexadecimal) of the uncompressed idx file that holds `array`."""
    sha = hashlib.sha256(struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape))
    sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()


def _read(stream: BufferedIOBase | Any, path: Path, most: int) -> NDArray[Any]:
    """Read from an open stream whose length, uncompressed, is at most `most` bytes."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 0 < start[3] <= 4:
        raise DataError(str(path), "not an idx file", "expected the MNIST format, or .npy or .npz")
    axes = start[3]
    sides = stream.read(4 * axes)
    if len(sides) < 4 * axes:
        raise DataError(
            str(path), "truncated in its header", "get the file again, or take it away"
        )
    shape = struct.unpack(f">{axes}I", sides)
    if len(shape) > _MOST_AXES:
        raise DataError(
            str(path), f"{len(shape)} axes", f"expected at most {_MOST_AXES}, images and channels"
        )
    dtype = np.dtype(_TYPES[start[2]])
    promised = math.prod(shape) * dtype.itemsize
    if promised > min(most, LARGEST):
        raise DataError(
            str(path),
            f"truncated or damaged: its header promises {promised:,} bytes of shape {shape}, "
            "more than it can hold",
            "get the file again, or take it away",
        )
    values = np.empty(promised, np.uint8)
    held = _fill(stream, values)
    if held < promised or stream.read(1):  # reading to the end also checks gzip's checksum
        raise DataError(
            str(path),
            f"truncated or damaged: its header promises {promised:,} bytes, it holds "
            + (f"{held:,}" if held < promised else "more"),
            "get the file again, or take it away",
        )
    array = values.view(dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _fill(stream: BufferedIOBase | Any, values: NDArray[np.uint8]) -> int:
    """Read into `values`, (n,), until it is full or the stream ends; return the bytes read."""
    held = 0
    while held < len(values):
        got = stream.readinto(values[held:].data)
        if not got:
            break
        held += got
    return held
