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
