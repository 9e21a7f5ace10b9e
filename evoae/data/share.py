"""Training and validation images that many processes read from one memory-mapped copy.

The test split is not written: no worker can open it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoae.data.cache import cache_root, keep
from evoae.data.dataset import Dataset, Images
from evoae.errors import DataError

_SPLITS = ("train", "validation")


@dataclass(frozen=True, eq=False)
class Shared:
    """What a worker trains on, memory mapped and read-only.

    Attributes:
        train, validation: (n, *input_shape), as in `Dataset`.
    """

    train: Images
    validation: Images


def share(dataset: Dataset) -> Path:
    """Write the training and validation images to the cache, unless they are there; return where.

    Raises:
        DataError: the cache cannot be written.
    """
    folder = cache_root() / "shared" / dataset.digest

    def write(staging: Path) -> None:
        for split, images in zip(_SPLITS, (dataset.train, dataset.validation), strict=True):
            np.save(staging / f"{split}.npy", images, allow_pickle=False)

    keep(folder, lambda: _holds(folder, dataset), write)
    return folder


def open_shared(folder: Path) -> Shared:
    """Map the images that `share` wrote.

    Raises:
        DataError: they are gone or damaged.
    """
    try:
        train, validation = (_map(folder / f"{split}.npy") for split in _SPLITS)
    except (OSError, ValueError, EOFError) as why:
        raise DataError(
            str(folder), f"the shared images cannot be read ({why})", "run 'evoae resume' again"
        ) from why
    with suppress(PermissionError):  # a mark of use that only the owner of the cache can set
        os.utime(folder)
    return Shared(train, validation)


def _map(file: Path) -> Images:
    mapped: Images = np.load(file, mmap_mode="r", allow_pickle=False)
    return mapped


def _holds(folder: Path, dataset: Dataset) -> bool:
    """Whether `folder` holds files of the right type, shape and length for `dataset`."""
    try:
        held = [_map(folder / f"{split}.npy") for split in _SPLITS]
    except (FileNotFoundError, ValueError, EOFError):
        return False
    wanted = (dataset.train, dataset.validation)
    return all((a.dtype, a.shape) == (b.dtype, b.shape) for a, b in zip(held, wanted, strict=True))
