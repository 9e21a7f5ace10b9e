"""Pictures inside the page: items as PNG files in `data:` addresses, and where they went wrong."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

from evoae.report.blocks import Strip
from evoae.use.model import Floats

_DRAWABLE = (1, 3, 4)  # channels: grey, colour, colour with transparency
_LARGEST = 112  # pixels of a picture's longer side; larger ones are made smaller
_WIDE = 92  # pixels that each picture of a strip may take on the screen
_HEAT_LEVEL = 99.5  # per cent of errors below the brightest colour


def strip(label: str, images: Floats, alt: str, *, columns: int | None = None) -> Strip:
    """Set images side by side.

    Args:
        label: what they are.
        images: (n, height, width, channels) in 0..1; what lies outside is shown as black or white.
        alt: alternative text.
        columns: images in a row; None for all of them.
    """
    pixels = _pixels(np.stack([_shown(image) for image in images]))
    columns = columns or len(pixels)
    rows = -(-len(pixels) // columns)
    number, height, width, _ = pixels.shape
    gap = max(1, width // 16)
    cells = np.zeros((rows * columns, height + gap, width + gap, 4), np.uint8)
    cells[:number, :height, :width] = pixels
    rowwise = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    canvas = rowwise.reshape(rows * cells.shape[1], columns * cells.shape[2], 4)[:-gap, :-gap]
    return Strip(label, _uri(canvas), alt, canvas.shape[1], canvas.shape[0], columns * _WIDE)


def heat_level(*errors: Floats) -> float:
    """Return the error that all but the largest half per cent stay below, more than 0."""
    level = float(np.percentile(np.concatenate([each.ravel() for each in errors]), _HEAT_LEVEL))
    return level if level > 0 else 1.0


def heat(errors: Floats, level: float) -> Floats:
    """Return errors (n, height, width) as colours (n, height, width, 3), `level` the brightest.

    The scale, cividis, is read alike with every kind of colour vision (Nuñez, Anderton and Renslow
    2018, doi 10.1371/journal.pone.0199239).
    """
    from matplotlib import colormaps

    coloured = colormaps["cividis"](np.clip(errors / level, 0, 1))
    return np.asarray(coloured[..., :3], np.float32)


def _shown(image: Floats) -> Floats:
    """Return an image of 1, 3 or 4 channels, and of bearable size."""
    from PIL import Image

    if image.shape[-1] not in _DRAWABLE:
        image = image.mean(axis=-1, keepdims=True)
    height, width, channels = image.shape
    if max(height, width) <= _LARGEST:
        return image
    share = _LARGEST / max(height, width)
    size = max(1, round(width * share)), max(1, round(height * share))
    planes = [
        np.asarray(Image.fromarray(image[..., k]).resize(size, Image.Resampling.BOX))
        for k in range(channels)
    ]
    return np.stack(planes, axis=-1)


def _pixels(images: Floats) -> NDArray[np.uint8]:
    """Return images (n, height, width, 1, 3 or 4) of floats as bytes, (n, height, width, 4)."""
    pixels = (np.clip(images, 0, 1) * 255).round().astype(np.uint8)
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    opaque = np.full((*pixels.shape[:-1], 1), 255, np.uint8)
    return np.concatenate([pixels, opaque], axis=-1)[..., :4]


def _uri(canvas: NDArray[np.uint8]) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(canvas).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
