"""Training and validation images that many processes read from one memory-mapped copy.

The test split is not written: no worker can open it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from evoae.data.arrays import Images, release
from evoae.data.cache import cache_root, keep
from evoae.data.dataset import Dataset
from evoae.data.pca import read_components, write_components
from evoae.data.progress import Say, silent
from evoae.errors import DataError

_SPLITS = ("train", "validation")
_PCA = "components.npz"
_CHUNK = 2**22  # bytes that are compared at once


@dataclass(frozen=True, eq=False)
class Shared:
    """What a worker trains on, memory mapped and read-only.

    Attributes:
        train, validation: (n, *input_shape), as in `Dataset`.
    """

    train: Images
    validation: Images


def share(dataset: Dataset, say: Say = silent) -> Path:
    """Write the training and validation images to the cache, unless they are there; return where.

    A copy that is there is compared with the images byte by byte.

    Args:
        dataset: whose images they are.
        say: is told, in one line, when a copy is put aside because it differs.

    Raises:
        DataError: the cache cannot be written.
    """
    folder = cache_root() / "shared" / dataset.digest

    def write(staging: Path) -> None:
        for split in _SPLITS:
            np.save(staging / f"{split}.npy", getattr(dataset, split), allow_pickle=False)

    keep(folder, lambda: _holds(folder, dataset), write, say)
    return folder


def share_components(dataset: Dataset, shared: Path, size: int) -> Path:
    """Write the first principal components of the training images, unless they are there.

    Args:
        dataset: whose images they are.
        shared: folder where `share` wrote it.
        size: components.

    Returns:
        their folder, beside that one, see `open_components`

    Raises:
        DataError: the cache cannot be written.
    """
    folder = shared.with_name(f"{shared.name}-pca-{size}")

    def holds() -> bool:
        try:
            open_components(folder)
        except DataError:
            return False
        return True

    keep(folder, holds, lambda staging: write_components(dataset.train, size, staging / _PCA))
    return folder


def open_components(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean (d,) and components (k, d) that `share_components` wrote.

    Raises:
        DataError: they are gone or damaged.
    """
    with _shared_files(folder):
        return read_components(folder / _PCA)


def open_shared(folder: Path) -> Shared:
    """Map the images that `share` wrote.

    Raises:
        DataError: they are gone or damaged.
    """
    with _shared_files(folder):
        return _open(folder)


@contextmanager
def _shared_files(folder: Path) -> Iterator[None]:
    """Open files of a folder of the cache, and mark it as used.

    Raises:
        DataError: they are gone or damaged.
    """
    try:
        yield
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as why:
        raise DataError(
            str(folder), f"the shared images cannot be read ({why})", "resume the run"
        ) from why
    with suppress(PermissionError):  # a mark of use that only the owner of the cache can set
        os.utime(folder)


def _open(folder: Path) -> Shared:
    files = [folder / f"{split}.npy" for split in _SPLITS]
    for file in files:
        if not file.is_file():  # a pipe would wait for someone to write to it
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(file))
    return Shared(*(np.load(file, mmap_mode="r", allow_pickle=False) for file in files))


def _holds(folder: Path, dataset: Dataset) -> bool:
    """Whether `folder` holds the images of `dataset`."""
    try:
        held = _open(folder)
    except (FileNotFoundError, ValueError, EOFError):
        return False
    return all(_same(getattr(held, split), getattr(dataset, split)) for split in _SPLITS)


def _same(held: Images, images: Images) -> bool:
    """Whether two arrays are of one type and shape and have the same bytes."""
    if (held.dtype, held.shape) != (images.dtype, images.shape):
        return False
    step = max(1, _CHUNK * len(images) // max(1, images.nbytes))
    for start in range(0, len(images), step):
        pair = held[start : start + step], images[start : start + step]
        a, b = (np.ascontiguousarray(part).view(np.uint8) for part in pair)
        if not np.array_equal(a, b):
            return False
        release(held)
        release(images)
    return True
