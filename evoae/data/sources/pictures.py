"""One JPEG or PNG file becomes pixels.

A picture is turned as its EXIF orientation says. One of another aspect ratio than asked for is
first cropped to it around the centre and then resized, with antialiasing: nothing is distorted.
Transparency is flattened onto white; 16-bit grey, palette and CMYK become 8-bit grey or red,
green, blue.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evoae.data.sources.damage import DAMAGE, reason

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".jpg", ".jpeg", ".png")
_ORIENTATION = 0x0112  # the EXIF tag; from 5 on it exchanges width and height
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")


class CorruptError(Exception):
    """Why a picture cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture, before it is decoded.

    Attributes:
        height, width: in pixels, as it is shown.
        grey: whether it is stored without colour; a palette counts as colour.
    """

    height: int
    width: int
    grey: bool


def look(path: Path) -> Header:
    """Read the header of a picture.

    Raises:
        CorruptError: it is no JPEG or PNG, or damaged.
    """
    with _opened(path) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION, 1) >= 5:
            width, height = height, width
        return Header(height, width, image.mode in _GREY)


def decode(path: Path, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Return the pixels of a picture, (height, width, channels).

    Args:
        path: of a JPEG or PNG.
        height: that the picture is cropped and resized to.
        width: likewise.
        channels: 1 for grey, 3 for red, green and blue.

    Raises:
        CorruptError: it is no JPEG or PNG, or damaged.
    """
    from PIL import Image, ImageOps

    with _opened(path) as image:
        enough = 2 * max(height, width)  # lets a JPEG decode small, still twice as large as needed
        image.draft(None, (enough, enough))
        turned = ImageOps.exif_transpose(image)
        flat = _flattened(turned).convert("L" if channels == 1 else "RGB")
        fitted = ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS)
        return np.asarray(fitted, np.uint8).reshape(height, width, channels)


def _flattened(image: Image) -> Image:
    """Return a picture of 8 bits a channel, without transparency."""
    import PIL.Image

    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64).clip(0, 65_535)
        return PIL.Image.fromarray((values / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = PIL.Image.new("RGBA", clear.size, "white")
        return PIL.Image.alpha_composite(white, clear)
    return image


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open a picture; what is wrong with it is a `CorruptError`, what is merely odd is ignored."""
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=("JPEG", "PNG")) as image,
        ):
            yield image
    except UnidentifiedImageError as why:
        raise CorruptError("neither JPEG nor PNG") from why
    except Image.DecompressionBombError as why:
        raise CorruptError("too many pixels to be true") from why
    except DAMAGE as why:
        raise CorruptError(reason(why)) from why
