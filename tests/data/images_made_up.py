"""Small random images, and files of them."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_idx(path: Path, array: NDArray[np.uint8], level: int = 6) -> None:
    """Write `array` in idx format, compressed if the name ends in .gz."""
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, level) if path.suffix == ".gz" else content)


def pictures(count: int, seed: int = 0, side: int = 4) -> NDArray[np.uint8]:
    """Return (count, side, side) random images, no two alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), np.uint8)
