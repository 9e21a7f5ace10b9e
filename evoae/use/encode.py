"""Codes of items, for people and for other models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.use.items import Items
from evoae.use.model import Floats, Model
from evoae.use.output import write_csv, write_npz
from evoae.use.table_format import columns, plain, rows

SUFFIXES = (".npz", ".csv")


def encode(model: Model, items: Items) -> Floats:
    """Return the codes of `items`, (n, latent), in their order.

    A feature map is flattened, a distribution stands as its mean.
    """
    parts = [model.encode(batch).reshape(-1, model.latent) for batch in items.batches(model.batch)]
    return np.concatenate(parts)


def write_codes(path: Path, codes: Floats, items: Items, *, concat: bool = False) -> None:
    """Write codes to an .npz file (`codes`, `labels`) or a CSV file (columns z1, z2, …, label).

    Args:
        path: its suffix chooses.
        codes: of `items`, (n, latent).
        items: whose codes they are.
        concat: also put each item before its code: in the .npz file as an array `features`
            (n, inputs + latent) of the network's own inputs and the code, in the CSV file as
            columns in the original units (of an image its values in 0..1, x1, x2, …).
    """
    if path.suffix.lower() == ".npz":
        arrays: dict[str, NDArray[Any]] = {"codes": codes}
        if items.labels is not None:
            arrays["labels"] = items.labels
        if concat:
            inputs = items.all().reshape(len(items), -1)
            arrays["features"] = np.hstack([inputs, codes])
        write_npz(path, arrays)
        return
    header = [f"z{number}" for number in range(1, codes.shape[1] + 1)]
    if concat:
        header = [*columns(items.table, items.shape), *header]
    if items.labels is not None:
        header.append("label")
    write_csv(path, header, _lines(codes, items, concat=concat))


def _lines(codes: Floats, items: Items, *, concat: bool) -> Iterator[list[object]]:
    at = 0
    for batch in items.batches(256):
        here = slice(at, at + len(batch))
        at += len(batch)
        lines = plain(codes[here])
        if concat:
            before = rows(items.table, batch)
            lines = [[*left, *right] for left, right in zip(before, lines, strict=True)]
        if items.labels is not None:
            for line, label in zip(lines, items.labels[here], strict=True):
                line.append(label)
        yield from lines
