"""Images: checks an array's shape, type and range, and makes images of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.arrays import Images, Labels, joined, numbered, plain, release, take, take_labels
from evoae.data.comparison import Comparison
from evoae.data.dataset import OBEYED_BY_READERS, AbstractKind, Dataset, Source, Suggestion
from evoae.data.labels import check_labels
from evoae.data.origins import Origins
from evoae.data.scaling import (
    BYTE,
    MASK,
    WORD,
    Extent,
    Range,
    as_bytes,
    chosen,
    chunks,
    extent,
    extents,
    in_words,
    unit,
    within_bytes,
)
from evoae.data.splits import RANDOM, Order, check_enough, draw, drawn, grouped
from evoae.errors import DataError
from evoae.formatting import figure, shape

_MOST_CHANNELS = 4  # that a last axis has as a rule
_SIDE = 8  # pixels: the least that tells a side from channels


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
        names: (n,), the path of each picture within its folder, with slashes; None if the images
            are not of a folder.
        scale: the values that were taken for black and white; None if values are bytes, or in
            0..1, and stay as they are.
        transparent: how many pictures had transparency, which was laid on `data.background`.
        remarks: what was done that a person should hear of, a line each.
    """

    kind = "images"
    name: str
    images: Images
    labels: Labels | None = None
    test: Images | None = None
    test_labels: Labels | None = None
    origin: tuple[str, ...] = ()
    names: NDArray[np.str_] | None = None
    scale: Range | None = None
    transparent: int = 0
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def split(self, config: DataConfig, seed: int, given: Labels | None = None) -> Dataset:
        """Split the images; a test part that the source brings is kept.

        Raises:
            DataError: see `Source.split`; or all images are alike.
        """
        check_enough(len(self), self.name)
        self._check_varied(config)
        brought = self.test is not None
        labels, test_labels = (self.labels, self.test_labels) if given is None else (given, None)
        order_by = self._order(config)
        train, validation, test = draw(
            len(self), config, seed, test=not brought, order_by=order_by
        )
        names = self._names()
        test_images = take(self.images, test) if self.test is None else self.test
        counts = len(train), len(validation), len(test_images)
        return Dataset(
            name=self.name,
            train=take(self.images, train),
            validation=take(self.images, validation),
            test=test_images,
            origin=(*self.origin, drawn(seed, *counts, brought=brought, order_by=order_by)),
            kind=ImageKind(self.scale),
            train_labels=take_labels(labels, train),
            validation_labels=take_labels(labels, validation),
            test_labels=test_labels if brought else take_labels(labels, test),
            train_origins=names.take(train),
            validation_origins=names.take(validation),
            test_origins=Origins.counted(len(test_images)) if brought else names.take(test),
        )

    def suggestions(self, config: DataConfig) -> tuple[Suggestion, ...]:
        """Return nothing: the reader says what pictures need."""
        del config
        return ()

    def origins(self, kind: AbstractKind) -> Origins:
        """Return the pictures' files, or their places in the array."""
        del kind
        if self.test is None:
            return self._names()
        return Origins.counted(len(self) + len(self.test))

    def _names(self) -> Origins:
        if self.names is None:
            return Origins.counted(len(self))
        return Origins("file", self.names)

    def _order(self, config: DataConfig) -> Order:
        """Return what the splits must respect.

        Raises:
            DataError: the images have no names to go by, or a name is not of the pattern.
        """
        if config.time is not None:
            if config.time != "order":
                step = "set it to order, which is that of their names"
                raise DataError("data.time", f"images have no '{config.time}'", step)
            return Order("the images", times=np.arange(len(self)).astype(np.float64))
        if config.group is None:
            return RANDOM
        if self.names is None:
            step = "give them as files in a folder"
            raise DataError("data.group", "images of an array have no names to group by", step)
        if config.group == "folder":
            return grouped([name.rpartition("/")[0] for name in self.names], "their folders")
        try:
            found = [re.search(config.group, name) for name in self.names]
        except re.error as why:
            step = "expected folder, or a regular expression such as 'patient(\\d+)'"
            raise DataError("data.group", f"{config.group} ({why})", step) from why
        odd = [str(name) for name, match in zip(self.names, found, strict=True) if match is None]
        if odd:
            said = f"{len(odd):,} of {len(found):,} names do not hold {config.group}: {odd[0]}"
            raise DataError("data.group", said, "change the pattern, or the names")
        groups = [match[match.re.groups and 1] for match in found if match is not None]
        return grouped(groups, f"names by {config.group}")

    def _check_varied(self, config: DataConfig) -> None:
        """Refuse images that are all the same, from which nothing can be learned.

        As a rule the second one differs, and no more than a few are read.
        """
        first = self.images[0]
        for images in (self.images, *(() if self.test is None else (self.test,))):
            if any(bool((images[part] != first).any()) for part in chunks(images)):
                return
        flat = first.min() == first.max()
        said = f"all {len(self):,} images are alike" + (", of one value" if flat else "")
        if self.transparent:
            other = "black" if config.background == "white" else "white"
            said += f", once their transparency is laid on {config.background}"
            step = f"set data.background={other}, or another colour that they don't have"
        elif flat and self.scale is not None:
            step = f"{in_words(self.scale)}: set it to values that they use"
        else:
            step = "check that they are the data that you mean"
        raise DataError(self.name, said, step)


@final
@dataclass(frozen=True, slots=True)
class ImageKind(AbstractKind):
    """Pictures, uint8 in 0..255 or float32 in 0..1, (height, width, channels).

    Attributes:
        scale: the values of the files that were taken for black and white; None if they were bytes
            or in 0..1.
    """

    name = "images"
    item = "image"
    described = "images"
    value = "pixel and channel"
    rank = 3
    bounded = True
    pictures = True
    augmentations = frozenset({"shift", "flip"})
    array_settings = frozenset({"labels", "scale"})
    plain = (
        "conv(64,3x3) conv(32,3x3) conv(16,3x3) | latent({latent}) | "
        "upconv(16,3x3) upconv(32,3x3) upconv(64,3x3)"
    )
    # M. Lanham, Evolutionary Deep Learning (2023), chapter 8: 49,761 parameters for 28x28x1.
    handmade = plain.replace(" latent({latent}) |", "")

    scale: Range | None = field(default=None, metadata=OBEYED_BY_READERS)

    def takes(self, array: NDArray[Any]) -> bool:
        """Whether it is of bytes, which may be flattened images, or has the axes of images."""
        return array.dtype == np.uint8 or array.ndim in (3, 4)

    def source(self, name: str, place: str, arrays: Mapping[str, NDArray[Any]]) -> ImageSource:
        """Check images and return them as a source, scaled as was fitted, if anything was."""
        given = {key: arrays[key] for key in arrays if key != "columns"}
        return as_source(name, place, **given, scale=self.scale)

    def inputs(self, source: Source) -> tuple[tuple[Images, ...], Labels | None]:
        """Return images as they are.

        Raises:
            DataError: they had to be scaled, and those that the kind was fitted on had not, so
                that the same value would mean another brightness.
        """
        assert isinstance(source, ImageSource)
        self.check_scale(source.name, source.scale)
        if source.test is None:
            return (source.images,), source.labels
        return (source.images, source.test), joined((source.labels, source.test_labels))

    def check_scale(self, name: str, scale: Range | None) -> None:
        """Refuse new images whose black and white had to be guessed.

        Args:
            name: of the set or file, for people.
            scale: by which they were read; None if they are bytes or in 0..1.

        Raises:
            DataError: it is neither what was fitted nor what goes without saying.
        """
        if scale in (None, self.scale, BYTE, MASK, WORD):
            return
        raise DataError(
            name,
            f"values are {_between(scale)}, where those that the model was trained on are bytes "
            "or in 0..1",
            "save them as such",
        )

    def doubts(self, source: Source) -> Iterator[str]:
        """Yield nothing: readers remark what they clipped."""
        del source
        return iter(())

    def header(self, shape: tuple[int, ...]) -> list[str]:
        """Return numbered names."""
        return numbered(shape)

    def cells(self, values: NDArray[np.float32]) -> list[list[Any]]:
        """Return the values of all pixels."""
        return plain(values)

    def clip(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], dict[str, int]]:
        """Return images as they are: the head of a network keeps them in 0..1."""
        return values, {}

    def choices(self) -> Iterator[slice]:
        """Yield nothing."""
        return iter(())

    def compare(self, values: NDArray[np.float32]) -> list[Comparison]:
        """Return nothing: a single pixel's statistics tell nobody anything."""
        del values
        return []

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
    *,
    scale: Range | None = None,
) -> ImageSource:
    """Check all arrays that a reader found and return them as a source.

    Bytes and floats in 0..1 stay as they are. What else there is gets the values of `scale`, or
    else of `scaling.chosen`, as black and white; the source remarks on it.

    Args:
        name: of the set or file, for people.
        place: where the arrays come from, for error sentences.
        images: (n, height, width) or (n, height, width, channels).
        labels: (n,) or (n, 1), or None.
        test: like `images`, or None.
        test_labels: like `labels`, or None.
        scale: black and white; None to choose. Values outside are clipped.

    Raises:
        DataError: the arrays are not usable images, or don't fit together.
    """
    there = f"{place} (test)"
    parts = [_with_channels(images, place)]
    if test is not None:
        parts.append(_with_channels(test, there))
    used = [_extent(part, where) for part, where in zip(parts, (place, there), strict=False)]
    used_all = extents(used)
    own = scale or (None if _usable(parts[0], used_all) else chosen(used_all))
    brought = [_brought(part, own) for part in parts]
    remarks = []
    if own is not None and scale is None:
        values = f"{parts[0].dtype.name} from {figure(used_all.low, 6)} to "
        remarks.append(f"{name}: values are {values}{figure(used_all.high, 6)}; {in_words(own)}")
    elif own is not None and all(
        part is image for part, image in zip(parts, brought, strict=True)
    ):
        if own != BYTE:
            remarks.append(f"{name}: data.scale is not used: values are bytes, 255 is white")
        own = None
    elif own is not None and (clipped := sum(_count_outside(part, own) for part in parts)):
        images_ = "1 image has" if clipped == 1 else f"{clipped:,} images have"
        remarks.append(f"{name}: {images_} values outside {_between(own)}: clipped")
    train, *rest = brought
    labels = check_labels(labels, len(train), place, "image")
    if not rest:
        return ImageSource(name, train, labels, scale=own, remarks=tuple(remarks))
    _check_alike(train, rest[0], place)
    test_labels = check_labels(test_labels, len(rest[0]), there, "image")
    return ImageSource(
        name, train, labels, rest[0], test_labels, scale=own, remarks=tuple(remarks)
    )


def as_images(array: NDArray[Any], place: str) -> Images:
    """Return (n, height, width, channels), uint8 or float32 in 0..1, and scale nothing.

    Args:
        array: (n, height, width), which gains a channel axis, or (n, height, width, channels).
        place: where it comes from, for error sentences.

    Raises:
        DataError: another shape, type or range, or values that are not finite.
    """
    array = _with_channels(array, place)
    if array.dtype.kind in "biu" and array.dtype != np.uint8:
        raise DataError(place, f"values are {_range(array)}", _remedy(array))
    used = _extent(array, place)
    if not _usable(array, used):
        if array.dtype == np.uint8:  # a mask, which would train as almost black
            raise DataError(place, f"values are {_range(array)}, but 255 is white", "save x * 255")
        raise DataError(place, f"values are {_range(array)}", _remedy(array))
    return _brought(array, None)


def _with_channels(array: NDArray[Any], place: str) -> NDArray[Any]:
    """Return (n, height, width, channels) of an array whose shape can be that of images."""
    _check_shape(array, place)
    return array[..., np.newaxis] if array.ndim == 3 else array


def _extent(array: NDArray[Any], place: str) -> Extent:
    """Return the values in use, all finite."""
    if array.dtype.kind not in "biuf":
        raise DataError(place, f"values are {_range(array)}", _remedy(array))
    used = extent(array)
    if not (np.isfinite(used.low) and np.isfinite(used.high)):
        _refuse_not_finite(array, place)
    return used


def _usable(array: NDArray[Any], used: Extent) -> bool:
    """Whether values are what networks are given: bytes that use their range, or 0..1."""
    if array.dtype == np.uint8:
        return used.high > 1
    return array.dtype.kind == "f" and used.low >= 0 and used.high <= 1


def _brought(array: NDArray[Any], scale: Range | None) -> Images:
    """Return images with black and white where `scale` says.

    Whole numbers that a byte can tell apart become bytes, all else float32.
    """
    byte = array.dtype == np.uint8
    if scale is None or (byte and (scale == BYTE or not within_bytes(scale))):
        return array if byte else array.astype(np.float32, copy=False)
    small = array.dtype.kind != "f" and within_bytes(scale)
    brought = np.empty(array.shape, np.uint8 if small else np.float32)
    for part in chunks(array):
        brought[part] = (as_bytes if small else unit)(array[part], scale)
        release(array)
    return brought


def _count_outside(array: NDArray[Any], scale: Range) -> int:
    """Return how many images have values that are clipped."""
    count = 0
    for part in chunks(array):
        beyond = (array[part] < scale[0]) | (array[part] > scale[1])
        count += int(beyond.any(axis=(1, 2, 3)).sum())
        release(array)
    return count


def _check_shape(array: NDArray[Any], place: str) -> None:
    sides, said = array.shape, f"shape {array.shape}"
    if array.ndim == 2 and len(array):
        side = math.isqrt(sides[1])
        height, width = (side, side) if side * side == sides[1] else ("height", "width")
        step = f"save x.reshape(-1, {height}, {width}), or floats for a table"
        raise DataError(place, f"{said}, rows instead of images", step)
    if array.ndim == 5 and 0 not in sides:
        slices = (
            sides[2:] if sides[4] <= _MOST_CHANNELS or sides[1] > _MOST_CHANNELS else sides[3:]
        )
        step = f"save their slices as images: x.reshape(-1, {', '.join(map(str, slices))})"
        raise DataError(place, f"{said}, volumes or films instead of images", step)
    if array.ndim not in (3, 4) or 0 in sides:
        step = "expected (images, height, width), or with channels at the end, or (rows, columns)"
        raise DataError(place, said, step)
    if array.ndim == 4 and _channels_first(*sides[1:]):
        step = "save x.transpose(0, 2, 3, 1), with channels at the end"
        raise DataError(place, f"{said}, channels before height and width", step)


def _channels_first(first: int, second: int, last: int) -> bool:
    """Whether images of these axes have rather `first` channels than `last` ones."""
    if last <= _MOST_CHANNELS:
        return False
    if first in (1, 3, _MOST_CHANNELS):
        return True
    square, smaller = second == last, min(second, last)
    return smaller >= (2 if square else 4) * first and (square or smaller >= _SIDE)


def _refuse_not_finite(array: NDArray[Any], place: str) -> None:
    """Raise the sentence that counts the NaN, or the infinite, values of (n, h, w, c)."""
    nan = np.isnan(array)
    bad, word = (nan, "NaN") if nan.any() else (np.isinf(array), "infinite")
    first = int(bad.any(axis=(1, 2, 3)).argmax())
    values = "value" if bad.sum() == 1 else "values"
    said = f"{bad.sum():,} {word} {values}, the first in image {first} (counted from 0)"
    raise DataError(place, said, "repair or drop these images")


def _between(scale: Range) -> str:
    return f"{figure(scale[0], 6)} to {figure(scale[1], 6)}"


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
