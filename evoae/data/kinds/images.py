"""The one door through which arrays become images: shapes, types and ranges are checked here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Images, Labels, Source, release
from evoae.errors import DataError
from evoae.formatting import figure


def as_source(
    name: str,
    place: str,
    images: NDArray[Any],
    labels: NDArray[Any] | None = None,
    test: NDArray[Any] | None = None,
    test_labels: NDArray[Any] | None = None,
) -> Source:
    """Check everything that a reader found and return it as a `Source`.

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
    held_out = None if test is None else as_images(test, f"{place} (test)")
    if held_out is not None:
        _check_alike(train, held_out, place)
    return Source(
        name,
        train,
        _as_labels(labels, len(train), place),
        held_out,
        None if held_out is None else _as_labels(test_labels, len(held_out), f"{place} (test)"),
    )


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
    shape = array.shape
    if array.ndim == 2 and len(array):
        side = math.isqrt(shape[1])
        height, width = (side, side) if side * side == shape[1] else ("height", "width")
        raise DataError(
            place,
            f"shape {shape}, rows instead of images",
            f"save x.reshape(-1, {height}, {width}), or floats for a table",
        )
    if array.ndim not in (3, 4) or 0 in shape:
        raise DataError(
            place, f"shape {shape}", "expected (images, height, width) or with channels at the end"
        )
    if array.ndim == 4 and shape[1] in (1, 3, 4) and shape[3] > 4:
        raise DataError(
            place,
            f"shape {shape}, channels before height and width",
            "save x.transpose(0, 2, 3, 1), with channels at the end",
        )


def _refuse_not_finite(array: NDArray[Any], place: str) -> None:
    """Raise the sentence that counts the NaN, or the infinite, values of (n, h, w, c)."""
    nan = np.isnan(array)
    bad, word = (nan, "NaN") if nan.any() else (np.isinf(array), "infinite")
    first = int(bad.any(axis=(1, 2, 3)).argmax())
    values = "value" if bad.sum() == 1 else "values"
    raise DataError(
        place,
        f"{bad.sum():,} {word} {values}, the first in image {first} (counted from 0)",
        "repair or drop these images",
    )


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
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            place,
            f"training images are {times(train.shape[1:])}, test images {times(test.shape[1:])}",
            "resize them to one shape",
        )
    if train.dtype != test.dtype:
        raise DataError(
            place,
            f"training images are {train.dtype}, test images {test.dtype}",
            "save both as uint8, or both as floats in 0..1",
        )


def _as_labels(labels: NDArray[Any] | None, count: int, place: str) -> Labels | None:
    if labels is None:
        return None
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (count,):
        raise DataError(
            place,
            f"labels of shape {labels.shape} for {count:,} images",
            "save one label per image, or leave the labels out",
        )
    return flat


def times(shape: tuple[int, ...]) -> str:
    """Say a shape for people: (28, 28, 1) is `28×28×1`."""
    return "×".join(str(side) for side in shape)
