"""Arrays of items and of labels: types, drawing, choosing, and their numbers as text."""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import PCG64
from numpy.typing import NDArray

Images = NDArray[np.uint8 | np.float32]  # (n, height, width, channels) or (n, features)
Labels = NDArray[Any]  # (n,)
_CHUNK = 2**25  # bytes of a mapped file in memory at once


def order(count: int, seed: int, purpose: str) -> NDArray[np.intp]:
    """Return 0..count-1 in a random order, (count,), a function of its arguments alone.

    It sorts raw generator output, which NumPy promises to keep; `Generator.permutation` may
    change between releases, and every digest with it.
    """
    salt = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4])
    return np.argsort(PCG64([seed, salt]).random_raw(count), kind="stable")


def take(images: Images, index: NDArray[np.intp] | None) -> Images:
    """Return the images at `index`, (k,), in C order; all of them for None.

    What is taken from a mapped file becomes a copy, and no second one stays in memory.
    """
    if index is None:
        return np.ascontiguousarray(images)
    taken = np.empty((len(index), *images.shape[1:]), images.dtype)
    step = max(1, _CHUNK * len(images) // max(1, images.nbytes))
    for start in range(0, len(index), step):
        taken[start : start + step] = images[index[start : start + step]]
        release(images)
    return taken


def release(array: NDArray[Any]) -> None:
    """Let go of the pages of a mapped file that were read; they return from it when needed."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = isinstance(base, mmap.mmap) and not array.flags.writeable
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def take_labels(labels: Labels | None, index: NDArray[np.intp] | None) -> Labels | None:
    """Return the labels at `index`, (k,); all of them for None."""
    return labels if labels is None or index is None else labels[index]


def joined(labels: Sequence[Labels | None]) -> Labels | None:
    """Return the labels of several parts as one array, (n,); None if any part has none."""
    known = [part for part in labels if part is not None]
    return np.concatenate(known) if len(known) == len(labels) else None


def numbered(shape: tuple[int, ...]) -> list[str]:
    """Return names for the numbers of an item: x1, x2 and so on."""
    return [f"x{number}" for number in range(1, math.prod(shape) + 1)]


def plain(values: NDArray[np.float32]) -> list[list[Any]]:
    """Return numbers (n, ...) as n lines of text, each as short as it can be, losing no bit."""
    return [list(line) for line in values.reshape(len(values), -1).astype(str).tolist()]
