"""Codes of items, for people and for other models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.arrays import plain
from evoae.models.batches import batches
from evoae.use.items import Items
from evoae.use.model import Floats, Model
from evoae.use.output import write_csv, write_npz

SUFFIXES = (".npz", ".csv")
_AT_ONCE = 256  # items that become text together


def encode(model: Model, items: Items) -> Floats:
    """Return the codes of `items`, (n, latent), in their order.

    A feature map is flattened, a distribution stands as its mean.
    """
    parts = [model.encode(batch).reshape(-1, model.latent) for batch in items.batches(model.batch)]
    return np.concatenate(parts)


def write_codes(
    path: Path, codes: Floats, items: Items, *, concat: bool = False, keep: Collection[str] = ()
) -> None:
    """Write codes to an .npz file (`codes`, `labels`) or a CSV file (columns z1, z2, …, label).

    Both begin with what names the items: the number of the row, the file or the place in the
    array, and the keys of a table.

    Args:
        path: its suffix chooses.
        codes: of `items`, (n, latent).
        items: whose codes they are.
        concat: also put each item before its code: in the .npz file as an array `features`
            (n, inputs + latent) of the network's own inputs and the code, in the CSV file as
            columns in the original units (of an image its values in 0..1, x1, x2, …).
        keep: columns that networks did not see, to write as well; `all` for all of them.

    Raises:
        UseError: there is no such column.
    """
    if path.suffix.lower() == ".npz":
        arrays: dict[str, NDArray[Any]] = {"codes": codes}
        if items.labels is not None:
            arrays["labels"] = items.labels
        if concat:
            inputs = items.all().reshape(len(items), -1)
            arrays["features"] = np.hstack([inputs, codes])
        for name, cells in items.beside(keep, arrays).items():
            arrays[name] = as_array(cells)
        write_npz(path, arrays)
        return
    names = [f"z{number}" for number in range(1, codes.shape[1] + 1)]
    lines: Iterator[list[Any]] = chain.from_iterable(map(plain, batches(codes, _AT_ONCE)))
    if concat:
        names = [*items.kind.header(items.shape), *names]
        before = (row for batch in items.batches(_AT_ONCE) for row in items.kind.cells(batch))
        lines = ([*left, *right] for left, right in zip(before, lines, strict=True))
    if items.labels is not None:
        names.append("label")
        lines = ([*line, label] for line, label in zip(lines, items.labels, strict=True))
    beside = items.beside(keep, names)
    lines = (
        [*left, *right]
        for left, right in zip(zip(*beside.values(), strict=True), lines, strict=True)
    )
    write_csv(path, [*beside, *names], lines)


def as_array(cells: Sequence[Any]) -> NDArray[Any]:
    """Return cells, n, as an array that needs no Python objects: of text, if of several types."""
    types = {type(cell) for cell in cells}
    return np.array(cells) if len(types) == 1 else np.array([str(cell) for cell in cells])
