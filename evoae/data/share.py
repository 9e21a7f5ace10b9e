"""Training and validation images that many processes read from one memory-mapped copy.

A folder appears by a rename when it is complete, so that drivers and workers that meet in the
cache never see a part of one. The test split is not written: no worker can open it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evoae.data.dataset import Dataset, Images
from evoae.errors import DataError

_MOST_FOLDERS = 20
_MOST_BYTES = 8 * 2**30
_IN_USE = 24 * 3600.0  # seconds since its last use in which a folder is never dropped
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
    root = cache_root() / "shared"
    folder = root / dataset.digest
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not _holds(folder, dataset):
            _publish(folder, dataset)
        os.utime(folder)
        _prune(root, keep=folder)
    except OSError as why:
        raise DataError(
            str(root),
            f"cannot be written ({why.strerror})",
            "set EVOAE_CACHE to a folder that can be written and has room",
        ) from why
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


def cache_root() -> Path:
    """Return EVOAE_CACHE, else evoae's folder in XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("EVOAE_CACHE")
    if own:
        return Path(own).expanduser()
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "evoae"


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


def _publish(folder: Path, dataset: Dataset) -> None:
    """Write beside `folder`, then rename; whoever comes second finds the work done."""
    staging = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for split, images in zip(_SPLITS, (dataset.train, dataset.validation), strict=True):
            with (staging / f"{split}.npy").open("wb") as file:
                np.save(file, images, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        if not _holds(folder, dataset):
            with suppress(FileNotFoundError):  # the usual case: there is no folder yet
                folder.rename(staging / "damaged")
        try:
            staging.rename(folder)
        except OSError:
            if not _holds(folder, dataset):
                raise
        else:
            shutil.rmtree(folder / "damaged", ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already after the rename


def _prune(root: Path, keep: Path) -> None:
    """Drop the least recently used folders beyond the bounds, never one used within a day."""
    folders, total = 0, 0
    for when, size, folder in sorted(_entries(root), reverse=True):
        folders, total = folders + 1, total + size
        unfinished = folder.name.startswith(".new-")
        beyond = folders > _MOST_FOLDERS or total > _MOST_BYTES or unfinished
        if beyond and folder != keep and time.time() - when > _IN_USE:
            shutil.rmtree(folder, ignore_errors=True)  # another driver may be faster


def _entries(root: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield each folder's last use (seconds since the epoch) and size in bytes, and its path."""
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # another driver has just renamed or dropped it
            size = sum(file.stat().st_size for file in folder.glob("*.npy"))
            yield folder.stat().st_mtime, size, folder
