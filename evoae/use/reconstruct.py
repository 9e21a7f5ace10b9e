"""Items beside what comes out of the autoencoder again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evoae.use.items import Items
from evoae.use.model import Floats, Model
from evoae.use.output import (
    check_drawable,
    no_columns,
    write_batches_npz,
    write_csv,
    write_picture,
)
from evoae.use.score import errors
from evoae.use.table_format import columns, rows

SUFFIXES = (".png", ".npz", ".csv")
IN_A_PICTURE = 64  # items, where no number is given
_ACROSS = 16  # items in a row of the picture


def rebuilt(model: Model, items: Items) -> Iterator[tuple[Floats, ...]]:
    """Yield batches of items and of what comes out for them, each (at most a batch, *shape).

    Between the two, what goes in, where the run corrupts its validation inputs.
    """
    corruption, first = model.corruption, 0
    for batch in items.batches(model.batch):
        stages = [batch]
        if corruption is not None:
            numbers = np.arange(first, first + len(batch), dtype=np.int32)
            stages.append(np.asarray(corruption.in_validation(batch, numbers)))
            first += len(batch)
        yield (*stages, model.rebuild(stages[-1]))


def write_rebuilt(path: Path, model: Model, items: Items) -> None:
    """Write items and what comes out for them.

    A .png file shows a row of images above the row of their copies. An .npz file holds `originals`
    and `rebuilt`, (n, *shape) each, as the network sees them. A CSV file has a line for each item:
    its number, its error, and each column's value before and after, in the original units.

    Where the run corrupts its inputs, copies are made of corrupted ones, as in validation; these
    are a row between in a .png file, and `corrupted` in an .npz file.

    Raises:
        UseError: the items are no images that PNG can show, or no table rows for a CSV file.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        check_drawable(path, items.shape, 3 * len(items))
        write_picture(path, _picture(model, items))
    elif suffix == ".npz":
        shape = (len(items), *items.shape)
        copies = (parts[-1] for parts in rebuilt(model, items))
        arrays = {"originals": (shape, items.batches(model.batch)), "rebuilt": (shape, copies)}
        if model.corruption is not None:
            arrays["corrupted"] = (shape, (parts[1] for parts in rebuilt(model, items)))
        write_batches_npz(path, arrays)
    else:
        if items.table is None:
            raise no_columns(path, items.shape)
        names = columns(items.table, items.shape)
        header = ["index", "error", *names, *(f"{name}_rebuilt" for name in names)]
        write_csv(path, header, _lines(model, items))


def _picture(model: Model, items: Items) -> Floats:
    """Return rows of at most 16 items, each row followed by those of what was made of them."""
    stages = list(zip(*rebuilt(model, items), strict=True))
    across = min(_ACROSS, len(items))
    down = -(-len(items) // across)
    grid = np.ones((len(stages), down * across, *items.shape), np.float32)
    for row, parts in zip(grid, stages, strict=True):
        row[: len(items)] = np.concatenate(parts)
    stacked = grid.reshape(len(stages), down, across, *items.shape).swapaxes(0, 1)
    return stacked.reshape(len(stages) * down, across, *items.shape)


def _lines(model: Model, items: Items) -> Iterator[list[object]]:
    index = 0
    for before, *_, after in rebuilt(model, items):
        for error, left, right in zip(
            errors(before, after, model.loss),
            rows(items.table, before),
            rows(items.table, after),
            strict=True,
        ):
            yield [index, f"{error:.6g}", *left, *right]
            index += 1
