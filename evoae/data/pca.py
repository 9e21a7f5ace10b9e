"""The linear bound: what principal component analysis of the same size rebuilds, and its codes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 20_000  # input numbers; beyond, floats and components alone would take gigabytes
_AT_ONCE = 1024  # images that become floats to be projected


def pca_error(train: NDArray[np.generic], validation: NDArray[np.generic], size: int) -> float:
    """Return the mean squared error per pixel of rebuilding `validation` from `size` numbers.

    Args:
        train: (n, ...) images that the components are fitted on; uint8 is scaled to 0..1.
        validation: (m, ...) images of the same shape.
        size: components, cut to what `train` admits, min(n, pixels).
    """
    return pca_errors(train, validation, [size])[size]


def pca_errors(
    train: NDArray[np.generic], validation: NDArray[np.generic], sizes: Collection[int]
) -> dict[int, float]:
    """Return the same for several sizes, in ascending order, from one decomposition."""
    fitted, shown = _rows(train), _rows(validation)
    pca = _fitted(fitted, max(sizes))
    if pca is None:
        return dict.fromkeys(sizes, float(np.mean((fitted.mean(axis=0) - shown) ** 2)))
    errors, done = {}, 0
    with _quiet_products():
        codes, left = pca.transform(shown), shown - pca.mean_
        for size in sorted(sizes):
            left -= codes[:, done:size] @ pca.components_[done:size]
            errors[size], done = float(np.mean(left**2)), size
    return errors


def pca_codes(
    train: NDArray[np.generic], size: int
) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
    """Return the function from images (m, ...) to their first principal components, (m, k).

    Args:
        train: (n, ...) images that the components are fitted on; uint8 is scaled to 0..1.
        size: components; k is as many, or as `train` admits, 0 if nothing varies in it.
    """
    pca = _fitted(_rows(train), size)

    def codes(images: NDArray[np.generic]) -> NDArray[np.float32]:
        parts = [np.empty((0, 0 if pca is None else pca.n_components_), np.float32)]
        for start in range(0, len(images) if pca is not None else 0, _AT_ONCE):
            with _quiet_products():
                parts.append(pca.transform(_rows(images[start : start + _AT_ONCE])))
        return np.concatenate(parts)

    return codes


def pca_copies(
    train: NDArray[np.generic], size: int
) -> Callable[[NDArray[np.generic]], NDArray[np.float32]]:
    """Return the function from images (m, ...) to what their first components rebuild of them.

    Args:
        train: (n, ...) images that the components are fitted on; uint8 is scaled to 0..1.
        size: components, cut to what `train` admits; 0 if nothing varies in it.
    """
    rows = _rows(train)
    pca = _fitted(rows, size)
    mean = rows.mean(axis=0)

    def copies(images: NDArray[np.generic]) -> NDArray[np.float32]:
        made = np.tile(mean, (len(images), 1))
        for start in range(0, len(images) if pca is not None else 0, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            with _quiet_products():
                made[part] = pca.inverse_transform(pca.transform(_rows(images[part])))
        return made.reshape(images.shape)

    return copies


def write_components(train: NDArray[np.generic], size: int, path: Path) -> None:
    """Write the mean (d,) and the first principal components (k, d), each of length 1.

    Args:
        train: (n, ...) items of d numbers; uint8 is scaled to 0..1.
        size: components; k is as many, or as `train` admits, 0 if nothing varies in it.
        path: file to write; `read_components` reads it.
    """
    rows = _rows(train)
    pca = _fitted(rows, size)
    mean = rows.mean(axis=0) if pca is None else pca.mean_
    components = np.empty((0, rows.shape[1])) if pca is None else pca.components_
    np.savez(path, mean=mean.astype(np.float32), components=components.astype(np.float32))


def read_components(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean (d,) and the components (k, d) that `write_components` wrote."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return file["mean"], file["components"]


def _quiet_products() -> np.errstate:
    # OpenBLAS kernels read past the end of small arrays and raise the processor's "invalid" flag
    # for numbers they then discard (numpy/numpy#24067): the products of finite rows are finite.
    return np.errstate(invalid="ignore")


def _fitted(rows: NDArray[np.float32], size: int) -> Any:
    """Return the components of rows (n, d); None if nothing varies, so that there are none."""
    from sklearn.decomposition import PCA

    if len(rows) < 2 or not np.ptp(rows, axis=0).any():
        return None
    solver = "full" if rows.shape[1] <= 1024 else "auto"
    with _quiet_products():
        return PCA(min(size, *rows.shape), svd_solver=solver, random_state=0).fit(rows)


def _rows(images: NDArray[np.generic]) -> NDArray[np.float32]:
    rows = np.asarray(images).reshape(len(images), -1).astype(np.float32)
    if images.dtype == np.uint8:
        rows /= 255
    return rows
