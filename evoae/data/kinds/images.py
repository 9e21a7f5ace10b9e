"""Images: checks an array's shape, type and range, and makes images of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, joined, numbered, plain, release, take, take_labels
from evoae.data.dataset import AbstractKind, Dataset, Source
from evoae.data.labels import check_labels
from evoae.data.splits import check_enough, draw, drawn
from evoae.errors import DataError
from evoae.formatting import figure, shape


@final
@dataclass(frozen=True, eq=False)
class ImageSource(Source):
    """Images that a reader found, not split yet.

    Attributes:
        name: of the set or file, for people.
        images: (n, height, width, channels).
        labels: (n,), or None if there are none.
        test: test images that the source brings itself, or None.
        test_labels: (n,), or None.
        origin: what was done to the images, one line per step.
    """

    kind = "images"
    name: str
    images: Images
    labels: Labels | None = None
    test: Images | None = None
    test_labels: Labels | None = None
    origin: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def split(self, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
        """Split the images; a test part that the source brings is kept."""
        check_enough(len(self), self.name)
        brought = self.test is not None
        labels, test_labels = (self.labels, self.test_labels) if given is None else (given, None)
        train, validation, test = draw(len(self), config, seed, test=not brought)
        test_images = take(self.images, test) if self.test is None else self.test
        counts = len(train), len(validation), len(test_images)
        return Dataset(
            name=self.name,
            train=take(self.images, train),
            validation=take(self.images, validation),
            test=test_images,
            origin=(*self.origin, drawn(seed, *counts, brought=brought)),
            kind=ImageKind(),
            train_labels=take_labels(labels, train),
            validation_labels=take_labels(labels, validation),
            test_labels=test_labels if brought else take_labels(labels, test),
        )


@final
@dataclass(frozen=True, slots=True)
class ImageKind(AbstractKind):
    """Pictures, uint8 in 0..255 or float32 in 0..1, (height, width, channels)."""

    name = "images"
    item = "image"
    described = "images"
    value = "pixel and channel"
    rank = 3
    bounded = True
    pictures = True
    augmentations = frozenset({"shift", "flip"})
    array_settings = frozenset({"labels"})
    plain = (
        "conv(64,3x3) conv(32,3x3) conv(16,3x3) | latent({latent}) | "
        "upconv(16,3x3) upconv(32,3x3) upconv(64,3x3)"
    )
    # M. Lanham, Evolutionary Deep Learning (2023), chapter 8: 49,761 parameters for 28x28x1.
    handmade = plain.replace(" latent({latent}) |", "")

    def takes(self, array: NDArray[Any]) -> bool:
        """Whether it is of bytes, which may be flattened images, or has the axes of images."""
        return array.dtype == np.uint8 or array.ndim in (3, 4)

    def source(self, name: str, place: str, arrays: Mapping[str, NDArray[Any]]) -> ImageSource:
        """Check images and return them as a source."""
        return as_source(name, place, **{key: arrays[key] for key in arrays if key != "columns"})

    def inputs(self, source: Source) -> tuple[tuple[Images, ...], Labels | None]:
        """Return images as they are."""
        assert isinstance(source, ImageSource)
        if source.test is None:
            return (source.images,), source.labels
        return (source.images, source.test), joined((source.labels, source.test_labels))

    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return numbered names."""
        return numbered(shape)

    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return the values of all pixels."""
        return plain(values)

    def quality(self, originals: Any, copies: Any) -> dict[str, Any]:
        """Return `psnr` in decibels and `ssim`, of images of 4 pixels or more a side.

        Wang et al. 2004: Image quality assessment; window 11, or the image's smaller side if that
        is less.
        """
        import tensorflow as tf

        if (side := min(originals.shape[1:3])) < 4:
            return {}
        ssim = tf.image.ssim(originals, copies, max_val=1.0, filter_size=min(11, side))
        psnr = tf.image.psnr(originals, copies, max_val=1.0)
        return {"psnr": tf.reduce_mean(psnr), "ssim": tf.reduce_mean(ssim)}


def as_source(
    name: str,
    place: str,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    test: NDArray[Any] | None = None,
    test_labels: NDArray[Any] | None = None,
) -> ImageSource:
    """Check all arrays that a reader found and return them as a source.

    Args:
        name: of the set or file, for people.
        place: where the arrays come from, for error sentences.
        images: (n, height, width) or (n, height, width, channels).
        labels: (n,) or (n, 1), or None.
        test: like `images`, or None.
        test_labels: like `labels`, or None.

    Raises:
        DataError: the arrays are not usable images, or don't fit together.
    """
    train = as_images(images, place)
    if test is None:
        return ImageSource(name, train, check_labels(labels, len(train), place, "image"))
    there = f"{place} (test)"
    held_out = as_images(test, there)
    _check_alike(train, held_out, place)
    labels = check_labels(labels, len(train), place, "image")
    test_labels = check_labels(test_labels, len(held_out), there, "image")
    return ImageSource(name, train, labels, held_out, test_labels)


def as_images(array: NDArray[Any], place: str) -> Images:
    """Return (n, height, width, channels), uint8 or float32 in 0..1.

    Args:
        array: (n, height, width), which gains a channel axis, or (n, height, width, channels).
        place: where it comes from, for error sentences.

    Raises:
        DataError: another shape, type or range, or values that are not finite.
    """
    _check_shape(array, place)
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.dtype == np.uint8:
        if array.max() <= 1:  # a mask, which would train as almost black
            raise DataError(place, f"values are {_range(array)}, but 255 is white", "save x * 255")
        release(array)
        return array
    if array.dtype.kind != "f":
        raise DataError(place, f"values are {_range(array)}", _remedy(array))
    low, high = array.min(), array.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        _refuse_not_finite(array, place)
    if low < 0 or high > 1:
        raise DataError(place, f"values are {_range(array)}", _remedy(array))
    return array.astype(np.float32, copy=False)


def _check_shape(array: NDArray[Any], place: str) -> None:
    sides, said = array.shape, f"shape {array.shape}"
    if array.ndim == 2 and len(array):
        side = math.isqrt(sides[1])
        height, width = (side, side) if side * side == sides[1] else ("height", "width")
        step = f"save x.reshape(-1, {height}, {width}), or floats for a table"
        raise DataError(place, f"{said}, rows instead of images", step)
    if array.ndim not in (3, 4) or 0 in sides:
        step = "expected (images, height, width), or with channels at the end, or (rows, columns)"
        raise DataError(place, said, step)
    if array.ndim == 4 and sides[1] in (1, 3, 4) and sides[3] > 4:
        step = "save x.transpose(0, 2, 3, 1), with channels at the end"
        raise DataError(place, f"{said}, channels before height and width", step)


def _refuse_not_finite(array: NDArray[Any], place: str) -> None:
    """Raise the sentence that counts the NaN, or the infinite, values of (n, h, w, c)."""
    nan = np.isnan(array)
    bad, word = (nan, "NaN") if nan.any() else (np.isinf(array), "infinite")
    first = int(bad.any(axis=(1, 2, 3)).argmax())
    values = "value" if bad.sum() == 1 else "values"
    said = f"{bad.sum():,} {word} {values}, the first in image {first} (counted from 0)"
    raise DataError(place, said, "repair or drop these images")


def _range(array: NDArray[Any]) -> str:
    """Say type and range, such as `int64 from 0 to 255`."""
    if array.dtype.kind in "iuf":
        return f"{array.dtype.name} from {figure(array.min(), 6)} to {figure(array.max(), 6)}"
    return f"of type {array.dtype.name}"


def _remedy(array: NDArray[Any]) -> str:
    """Say how to turn values of another type or range into usable ones."""
    if array.dtype.kind == "b":
        return "save x.astype('uint8') * 255"
    if array.dtype.kind not in "iuf":
        return "expected uint8, or floats in 0..1"
    if array.min() >= 0 and 127 < array.max() <= 255:
        if array.dtype.kind != "f":
            return "save x.astype('uint8')"
        return "expected uint8 or floats in 0..1: save x / 255"
    return "expected uint8 or floats in 0..1: save (x - x.min()) / (x.max() - x.min())"


def _check_alike(train: Images, test: Images, place: str) -> None:
    for own, other, step in (
        (shape(train.shape[1:]), shape(test.shape[1:]), "resize them to one shape"),
        (train.dtype, test.dtype, "save both as uint8, or both as floats in 0..1"),
    ):
        if own != other:
            raise DataError(place, f"training images are {own}, test images {other}", step)
