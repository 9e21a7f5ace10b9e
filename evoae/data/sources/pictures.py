"""One file of a picture becomes pixels of 8 bits.

A picture is turned as its EXIF orientation says. One of another aspect ratio than asked for is
first cropped to it around the centre and then resized, with antialiasing: nothing is distorted.
Transparency is laid on a colour. More than 8 bits, whole numbers or floats, are brought to 8 by a
scale that is the same for all pictures. Palettes and CMYK become grey or red, green, blue. Of
several frames or pages the first is taken.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.scaling import BYTE, WORD, Extent, Range, as_bytes, outside
from evoae.data.sources.damage import DAMAGE, reason
from evoae.data.sources.picture_formats import formats, suffix_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

_ORIENTATION = 0x0112  # the EXIF tag; from 5 on it exchanges width and height
_GREY = ("1", "L", "LA", "La", "I", "F")
_LOSSY = 2  # levels by which the channels of a grey picture differ in WebP, which has no grey
_LAYERED = ("PSD",)  # whose frames after the first are layers of it
# The layouts of files that Pillow cuts to 8 bits, such as RGB;16B, and those of the other order.
_DEEP_COLOUR = re.compile(r"(RGBA?|RGBX|LA|CMYK);16([BLN])|L;16B?")
_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


class CorruptError(Exception):
    """Why a picture cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture.

    Attributes:
        height, width: in pixels, as it is shown.
        grey: whether it is stored without colour; of a palette, whether all colours in use are.
        deep: the values in use, if it has more than 8 bits; else None.
        cut: whether it has more than 8 bits of which no more than 8 can be read.
        frames: how many pictures the file holds.
    """

    height: int
    width: int
    grey: bool
    deep: Extent | None = None
    cut: bool = False
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Look:
    """What all pictures of a folder shall look like.

    Attributes:
        height, width: that they are cropped and resized to.
        channels: 1 for grey, 3 for red, green and blue.
        background: colour that transparency is laid on, as Pillow names it.
        deep: black and white of pictures of more than 8 bits; None for 0 and 65,535.
        shallow: black and white of all others.
    """

    height: int
    width: int
    channels: int
    background: str = "white"
    deep: Range | None = None
    shallow: Range = BYTE


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        pixels: (height, width, channels).
        transparent: whether any pixel of it was, if only a little.
        clipped: whether values lay outside black and white.
        grey: whether all channels are equal, or as good as.
    """

    pixels: NDArray[np.uint8]
    transparent: bool
    clipped: bool
    grey: bool


def look(path: Path) -> Header:
    """Read the header of a picture; decode it only if the header does not say enough.

    Raises:
        CorruptError: it is no picture, or damaged.
    """
    with _opened(path) as image:
        frames = 1 if image.format in _LAYERED else getattr(image, "n_frames", 1)
        image.seek(0)
        cut = any(_DEEP_COLOUR.match(_raw_mode(tile)) for tile in image.tile)
        deep = _values(path, image)
        if image.format == "TIFF" and _orientation(image) != 1:
            image.load()  # which turns it
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        grey = image.mode.startswith(_GREY) or (image.mode in ("P", "PA") and _grey_palette(image))
        used = None if deep is None else _extent(deep)
        return Header(height, width, grey, used, cut and deep is None, frames)


def _orientation(image: Image) -> int:
    return int(image.getexif().get(_ORIENTATION, 1))


def decode(path: Path, wanted: Look) -> Picture:
    """Return a picture as it is wanted.

    Raises:
        CorruptError: it is no picture, or damaged.
    """
    from PIL import Image, ImageOps

    with _opened(path) as image:
        enough = 2 * max(wanted.height, wanted.width)  # a JPEG may decode small, not too small
        image.draft(None, (enough, enough))
        shown, clipped = _eight_bit(path, image, wanted)
        turned = ImageOps.exif_transpose(shown)
        flat, transparent = _flattened(turned, wanted.background)
        mode = "L" if wanted.channels == 1 else "RGB"
        size = wanted.width, wanted.height
        fitted = ImageOps.fit(flat.convert(mode), size, Image.Resampling.LANCZOS)
    pixels = np.asarray(fitted, np.uint8).reshape(wanted.height, wanted.width, wanted.channels)
    return Picture(pixels, transparent, clipped, _is_grey(pixels))


def _is_grey(pixels: NDArray[np.uint8]) -> bool:
    """Whether channels are equal, but for what a lossy format does to them."""
    if pixels.shape[-1] == 1:
        return True
    # A few pixels tell of most pictures that they are not.
    return _channels_meet(pixels[::8, ::8]) and _channels_meet(pixels)


def _channels_meet(pixels: NDArray[np.uint8]) -> bool:
    first, *others = np.moveaxis(pixels.astype(np.int16), -1, 0)
    return all(bool(np.abs(other - first).max() <= _LOSSY) for other in others)


def _eight_bit(path: Path, image: ImageFile, wanted: Look) -> tuple[Image, bool]:
    """Return a picture of 8 bits a channel, and whether any value was clipped."""
    import PIL.Image

    values = _values(path, image)
    if values is None:
        return _stretched(image, wanted.shallow)
    scale = WORD if wanted.deep is None else wanted.deep
    pixels = as_bytes(values, scale)
    if image.mode == "RGBA":
        pixels[..., 3] = as_bytes(values[..., 3], WORD)
    shown = PIL.Image.fromarray(pixels)
    shown.info["exif"] = image.getexif().tobytes()
    return shown, outside(_extent(values), scale)


def _stretched(image: Image, scale: Range) -> tuple[Image, bool]:
    """Return a picture of 8 bits, stretched by `scale`, and whether any value was clipped."""
    if scale == BYTE or image.mode == "1":
        return image, False
    if image.has_transparency_data:
        shown = image.convert("RGBA")
    else:
        shown = image if image.mode in ("L", "RGB") else image.convert("RGB")
    values = np.asarray(shown)
    clipped = outside(_extent(values), scale)
    table = as_bytes(np.arange(256), scale).tolist() * min(3, len(shown.getbands()))
    if shown.mode == "RGBA":
        table += range(256)
    shown = shown.point(table)
    shown.info["exif"] = image.getexif().tobytes()
    return shown, clipped


def _values(path: Path, image: ImageFile) -> NDArray[Any] | None:
    """Return values of more than 8 bits, (height, width) or with channels; None of other pictures.

    Pillow has no mode for more than 8 bits of a colour and keeps the upper ones. Those below are
    had by opening the picture once more as if its bytes were in the other order.

    Raises:
        CorruptError: floats that are not finite.
    """
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.int64)
    if image.mode == "F":
        values = np.asarray(image)
        if not np.isfinite(values).all():
            raise CorruptError("holds values that are NaN or infinite")
        return values
    raw_modes = {_raw_mode(tile) for tile in image.tile}
    mode = raw_modes.pop() if len(raw_modes) == 1 else ""
    deep = _DEEP_COLOUR.fullmatch(mode)
    if deep is None or deep[1] not in ("RGB", "RGBA") or image.mode != deep[1]:
        return None
    with _opened(path) as lower:
        swapped = f"{deep[1]};16{_SWAPPED[deep[2]]}"
        lower.tile = [_with_raw_mode(tile, swapped) for tile in lower.tile]
        below = np.asarray(lower).astype(np.int64)
    return np.asarray(image).astype(np.int64) * 256 + below


def _raw_mode(tile: Any) -> str:
    arguments = tile[3]
    mode = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return mode if isinstance(mode, str) else ""


def _with_raw_mode(tile: Any, mode: str) -> Any:
    *where, arguments = tile
    return (*where, mode if isinstance(arguments, str) else (mode, *arguments[1:]))


def _extent(values: NDArray[Any]) -> Extent:
    """Return the extent of values, without that of an alpha channel."""
    colours = values[..., :3] if values.ndim == 3 else values
    return Extent(float(colours.min()), float(colours.max()), values.dtype.kind != "f")


def _grey_palette(image: Image) -> bool:
    """Whether all colours of its palette that a picture uses are grey."""
    palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    grey = (palette == palette[:, :1]).all(axis=1)
    if grey.all():
        return True
    indices = np.asarray(image.getchannel(0) if image.mode == "PA" else image)
    used = np.unique(indices)
    return bool(grey[used[used < len(grey)]].all())


def _flattened(image: Image, background: str) -> tuple[Image, bool]:
    """Return a picture without transparency, and whether it had any."""
    import PIL.Image

    if not image.has_transparency_data:
        return image, False
    clear = image.convert("RGBA")
    lowest = int(np.asarray(clear.getchannel("A")).min())
    ground = PIL.Image.new("RGBA", clear.size, background)
    ground.putalpha(255)
    return PIL.Image.alpha_composite(ground, clear), lowest < 255


@contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    """Open a picture; what is wrong with it is a `CorruptError`, what is merely odd is ignored."""
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            warnings.catch_warnings(action="ignore"),
            path.open("rb") as file,  # Pillow maps what it knows by path, and turns TIFF wrongly
            Image.open(file, formats=formats(suffix_of(path.name))) as image,
        ):
            yield image
    except UnidentifiedImageError as why:
        raise CorruptError(_unknown(path)) from why
    except Image.DecompressionBombError as why:
        raise CorruptError("too many pixels to be true") from why
    except DAMAGE as why:
        raise CorruptError(reason(why)) from why


def _unknown(path: Path) -> str:
    try:
        empty = path.stat().st_size == 0
    except OSError:
        empty = False
    return "an empty file" if empty else "no picture of a known format"
