"""The linear bound: what principal component analysis of the same size rebuilds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def pca_error(train: NDArray[np.generic], validation: NDArray[np.generic], size: int) -> float:
    """Return the mean squared error per pixel of rebuilding `validation` from `size` numbers.

    Args:
        train: (n, ...) images that the components are fitted on; uint8 is scaled to 0..1.
        validation: (m, ...) images of the same shape.
        size: components, cut to what `train` admits, min(n, pixels).
    """
    from sklearn.decomposition import PCA

    fitted, shown = _rows(train), _rows(validation)
    if (
        len(fitted) < 2 or not np.ptp(fitted, axis=0).any()
    ):  # nothing varies: only the mean is left
        return float(np.mean((fitted.mean(axis=0) - shown) ** 2))
    pca = PCA(
        min(size, *fitted.shape),
        svd_solver="full" if fitted.shape[1] <= 1024 else "auto",
        random_state=0,
    )
    pca.fit(fitted)
    rebuilt = pca.inverse_transform(pca.transform(shown))
    return float(np.mean((rebuilt - shown) ** 2))


def _rows(images: NDArray[np.generic]) -> NDArray[np.float32]:
    rows = np.asarray(images).reshape(len(images), -1).astype(np.float32)
    if images.dtype == np.uint8:
        rows /= 255
    return rows
