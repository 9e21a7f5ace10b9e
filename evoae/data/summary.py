"""What `evoae data describe` says about a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Dataset, Images

_CHUNK = 2**22  # values in memory at once as floats


@dataclass(frozen=True, slots=True)
class Summary:
    """A data set in a few figures.

    Attributes:
        name: of the set or file.
        input_shape: (height, width, channels), or (features,).
        dtype: of the images.
        train, validation, test: images in each split.
        low, high: the smallest and largest value of the training images.
        mean_image_mse_validation, mean_image_mse_test: loss per pixel, on the 0..1 scale, of
            always answering the mean training image; what any model must beat.
        digest: see `Dataset.digest`.
    """

    name: str
    input_shape: tuple[int, ...]
    dtype: str
    train: int
    validation: int
    test: int
    low: float
    high: float
    mean_image_mse_validation: float
    mean_image_mse_test: float
    digest: str


def summarise(dataset: Dataset) -> Summary:
    """Return the figures of `dataset`."""
    scale = 255.0 if dataset.train.dtype == np.uint8 else 1.0
    mean = dataset.train.mean(axis=0, dtype=np.float64)
    return Summary(
        name=dataset.name,
        input_shape=dataset.input_shape,
        dtype=dataset.train.dtype.name,
        train=len(dataset.train),
        validation=len(dataset.validation),
        test=len(dataset.test),
        low=float(dataset.train.min()),
        high=float(dataset.train.max()),
        mean_image_mse_validation=_mse(dataset.validation, mean, scale),
        mean_image_mse_test=_mse(dataset.test, mean, scale),
        digest=dataset.digest,
    )


def _mse(images: Images, answer: NDArray[np.float64], scale: float) -> float:
    """Return the mean squared error per value of one answer, (*input_shape), to all images."""
    total, step = 0.0, max(1, _CHUNK // answer.size)
    for start in range(0, len(images), step):
        total += float(np.square((images[start : start + step] - answer) / scale).sum())
    return total / images.size
