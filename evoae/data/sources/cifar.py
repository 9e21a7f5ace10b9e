"""CIFAR-10: 60,000 colour pictures of 32×32 in ten classes.

A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009. The archive for Python
holds pickles, which may do anything when they are loaded; here they may make arrays and no more.
"""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Source
from evoae.data.kinds.images import as_source
from evoae.data.sources.damage import reading
from evoae.data.sources.fetchers import lone_file

_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
_LARGEST = 2**26  # bytes of one batch; the originals have 31 MB
_SIDE = 32
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),  # its name when the batches were written
    ("numpy._core.multiarray", "_reconstruct"),
    ("_codecs", "encode"),  # how newer Pythons pickle bytes for older ones
}


class _Arrays(pickle.Unpickler):
    """An unpickler that finds nothing but what arrays are made of."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the allowed names.

        Raises:
            pickle.UnpicklingError: any other name.
        """
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_cifar(archive: Path) -> Source:
    """Read the archive of CIFAR-10 for Python.

    Returns:
        50,000 training and 10,000 test images, with labels from 0 to 9.

    Raises:
        DataError: it is damaged, or no such archive.
    """
    with reading(archive), tarfile.open(archive) as opened:
        batches = [_batch(opened, name) for name in _BATCHES]
    images, labels = (np.concatenate(parts) for parts in zip(*batches[:-1], strict=True))
    return as_source("cifar10", str(archive), images, labels, *batches[-1])


def _batch(opened: tarfile.TarFile, name: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the images, (n, 32, 32, 3), and labels, (n,), of a batch."""
    member = opened.getmember(f"cifar-10-batches-py/{name}")
    file = opened.extractfile(member)
    if file is None or member.size > _LARGEST:
        raise ValueError(f"{name} is not a batch")
    held = _Arrays(file, encoding="bytes").load()
    rows, labels = held[b"data"], np.array(held[b"labels"], np.int64)
    if not (isinstance(rows, np.ndarray) and rows.dtype == np.uint8):
        raise ValueError(f"{name} holds no pixels")
    planes = rows.reshape(len(labels), 3, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


CIFAR10 = lone_file(
    "cifar10",
    (
        "cifar-10-batches-py-target_archive",  # as Keras 3 keeps it
        "cifar-10-python.tar.gz",
        "cifar-10-batches-py.tar.gz",
    ),
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    read_cifar,
    size="170 MB",
)
