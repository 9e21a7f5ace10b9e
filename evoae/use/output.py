"""Files that the commands write: refused before any work, written whole or not at all."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import AbstractKind
from evoae.errors import UseError
from evoae.runs.files import replacing
from evoae.use.model import Decoded, Floats, Model

SUFFIXES = (".png", ".npz", ".csv")  # of what `write_decoded` writes
_MOST_PIXELS = 10**8  # of one picture
_MOST_VALUES = 2**28  # that are decoded at once: 1 GiB
_DRAWABLE = (1, 3, 4)  # channels: grey, colour, colour with transparency
_LEGIBLE = 64  # pixels of an image's smaller side, to which small ones are magnified
_PAPER = 255  # what shows between the images of a grid


def check_output(path: Path, suffixes: Collection[str] = (), *, force: bool = False) -> None:
    """Refuse a path that nothing can or should be written to.

    Args:
        path: to write to.
        suffixes: that are possible, such as {".npz", ".csv"}; empty for any.
        force: whether a file may be replaced.

    Raises:
        UseError: another suffix, no such folder, or something is there.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        raise UseError(
            str(path), f"unknown suffix '{path.suffix}'", f"use {' or '.join(sorted(suffixes))}"
        )
    if not path.parent.is_dir():
        raise UseError(str(path), "no such folder", f"make {path.parent} first")
    if path.is_dir():
        raise UseError(str(path), "a folder", "name a file")
    if path.exists() and not force:
        raise UseError(str(path), "exists already", "replace it with --force, or name another")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows under a header as they come."""
    with replacing(path) as draft, draft.open("x", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(chain([header], rows))


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by name."""
    with replacing(path) as draft, draft.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def write_batches_npz(
    path: Path, arrays: Mapping[str, tuple[tuple[int, ...], Iterable[Floats]]]
) -> None:
    """Write float32 arrays that come in batches, with one batch in memory at a time.

    Args:
        path: of the .npz file.
        arrays: by name, the whole one's shape and the batches that make it up, in order.
    """
    with replacing(path) as draft, zipfile.ZipFile(draft, "x") as archive:
        for name, (shape, batches) in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                for batch in batches:
                    file.write(np.ascontiguousarray(batch, "<f4").data)


def write_picture(path: Path, grid: NDArray[Any], kind: AbstractKind) -> None:
    """Write a grid of images as a PNG file, a white line between neighbours.

    Small images are magnified by a whole number, each pixel to a square.

    Args:
        path: of the file.
        grid: (rows, columns, height, width, channels), float in 0..1; what lies outside is shown
            as black or white.
        kind: of the items.

    Raises:
        UseError: PNG cannot show so many channels or pixels, or the items are no images.
    """
    from PIL import Image

    check_drawable(path, kind, grid.shape[2:], grid.shape[0] * grid.shape[1])
    rows, columns, height, width, channels = grid.shape
    canvas = np.full((rows, height + 1, columns, width + 1, channels), _PAPER, np.uint8)
    pixels = (np.clip(grid, 0, 1) * 255).round().astype(np.uint8)
    canvas[:, :height, :, :width] = pixels.transpose(0, 2, 1, 3, 4)
    picture = canvas.reshape(rows * (height + 1), columns * (width + 1), channels)[:-1, :-1]
    scale = _magnified(height, width, picture.shape)
    drawn = Image.fromarray(picture[..., 0] if channels == 1 else picture)
    drawn = drawn.resize((scale * drawn.width, scale * drawn.height), Image.Resampling.NEAREST)
    with replacing(path) as draft:
        drawn.save(draft, format="PNG")


def _magnified(height: int, width: int, canvas: tuple[int, ...]) -> int:
    """Return how many pixels a side of the screen each one of the images gets."""
    room = math.isqrt(_MOST_PIXELS // (canvas[0] * canvas[1]))
    return max(1, min(-(-_LEGIBLE // min(height, width)), room))


def check_drawable(path: Path, kind: AbstractKind, shape: tuple[int, ...], count: int) -> None:
    """Refuse items that a PNG file cannot show.

    Raises:
        UseError: they are no images, or have too many channels or pixels.
    """
    if not kind.pictures:
        raise UseError(str(path), f"the items are {kind.described}, no images", "use .csv or .npz")
    height, width, channels = shape
    if channels not in _DRAWABLE:
        raise UseError(str(path), f"PNG cannot show {channels} channels", "use .npz")
    if count * (height + 1) * (width + 1) > _MOST_PIXELS:
        raise UseError(str(path), f"{count:,} images are too many for one picture", "use .npz")


def in_rows(values: NDArray[Any], across: int) -> NDArray[Any]:
    """Return (n, ...) as a grid (rows, across, ...), its last row filled up with white."""
    rows = -(-len(values) // across)
    grid = np.ones((rows * across, *values.shape[1:]), values.dtype)
    grid[: len(values)] = values
    return grid.reshape(rows, across, *values.shape[1:])


def check_decodable(path: Path, model: Model, count: int) -> None:
    """Refuse before any work to write what a model decodes to a file that cannot hold it.

    Raises:
        UseError: PNG cannot show such items, or so many; there are no columns for a CSV file; or
            the items would not fit in memory.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        check_drawable(path, model.kind, model.input_shape, count)
    elif suffix == ".csv":
        check_columns(path, model.kind, model.input_shape)
    if count * (math.prod(model.input_shape) + model.latent) > _MOST_VALUES:
        raise UseError(str(path), f"{count:,} items are too many to decode at once", "take fewer")


def check_columns(path: Path, kind: AbstractKind, shape: tuple[int, ...]) -> None:
    """Refuse a CSV file of items that are no lines of a table, or whose columns nobody knows.

    Raises:
        UseError: they are so.
    """
    if kind.pictures:
        raise UseError(str(path), f"{kind.described} are no table rows", "use .png or .npz")
    if not kind.header(shape):
        said = "a lone file does not know the columns of its table"
        raise UseError(str(path), said, "use .npz, or name the run")


def write_decoded(path: Path, decoded: Decoded, kind: AbstractKind) -> None:
    """Write decoded codes: a PNG grid, an .npz file of `codes` and `values`, or a table's rows.

    Args:
        path: its suffix chooses; see `check_decodable`.
        decoded: what to write; the CSV file of a grid begins with row and column.
        kind: of the items.
    """
    suffix, codes, values = path.suffix.lower(), decoded.codes, decoded.values
    is_grid = codes.ndim == 3
    if suffix == ".npz":
        write_npz(path, {"codes": codes, "values": values})
    elif suffix == ".png":
        near_square = math.ceil(math.sqrt(len(values)))
        write_picture(path, values if is_grid else in_rows(values, near_square), kind)
    else:
        shape = values.shape[codes.ndim - 1 :]
        header, lines = kind.header(shape), kind.cells(values.reshape(-1, *shape))
        if is_grid:
            header = ["row", "column", *header]
            places = np.ndindex(codes.shape[:2])
            lines = [[*place, *line] for place, line in zip(places, lines, strict=True)]
        write_csv(path, header, lines)
