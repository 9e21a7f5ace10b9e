"""Items beside what comes out of the autoencoder again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

from evoae.errors import UseError
from evoae.use import output
from evoae.use.items import Items
from evoae.use.model import Floats, Model
from evoae.use.score import errors

IN_A_PICTURE = 64  # items, where no number is given
_ACROSS = 16  # items in a row of the picture


def rebuilt(model: Model, items: Items, seed: int | None = None) -> Iterator[tuple[Floats, ...]]:
    """Yield batches of items and of what comes out for them, each (at most a batch, *shape).

    Between the two, what goes in, where the run corrupts its validation inputs.

    Args:
        model: that rebuilds them.
        items: to rebuild.
        seed: of draws from the distribution over codes of a variational model, one for each item;
            None to decode the distribution's mean.
    """
    corruption, first = model.corruption, 0
    rng = None if seed is None else np.random.default_rng(seed)
    for batch in items.batches(model.batch):
        stages = [batch]
        if corruption is not None:
            numbers = np.arange(first, first + len(batch), dtype=np.int32)
            stages.append(np.asarray(corruption.in_validation(batch, numbers)))
            first += len(batch)
        taken = stages[-1]
        codes = model.encode(taken) if rng is None else model.draw_codes(taken, rng)
        yield (*stages, model.decode(codes))


def check_posterior(model: Model) -> None:
    """Refuse to draw codes of a model that has one code for an item.

    Raises:
        UseError: it is no variational one.
    """
    if not model.variational:
        said = "its encoder gives an item one code, and there is nothing to draw"
        raise UseError(model.name, said, "leave --how out, or take a variational model")


def write_rebuilt(
    path: Path,
    model: Model,
    items: Items,
    keep: Collection[str] = (),
    seed: int | None = None,
) -> None:
    """Write items and what comes out for them.

    A .png file shows a row of images above the row of their copies. An .npz file holds `originals`
    and `rebuilt`, (n, *shape) each, as the network sees them. A CSV file has a line for each item:
    what names it (see `Items.beside`, also for `keep`), its error, and each column's value before
    and after, in the original units.

    Where the run corrupts its inputs, copies are made of corrupted ones, as in validation; these
    are a row between in a .png file, and `corrupted` in an .npz file.

    Args:
        path: its suffix chooses.
        model: that makes the copies.
        items: to copy.
        keep: columns that networks did not see, to write as well.
        seed: see `rebuilt`.

    Raises:
        UseError: the items are no images that PNG can show, or no table rows for a CSV file; or
            there is no such column to keep.
    """
    suffix = path.suffix.lower()
    if suffix == ".png":
        output.check_drawable(path, items.kind, items.shape, 3 * len(items))
        output.write_picture(path, _picture(model, items, seed), items.kind)
    elif suffix == ".npz":
        shape = (len(items), *items.shape)
        copies = (parts[-1] for parts in rebuilt(model, items, seed))
        arrays = {"originals": (shape, items.batches(model.batch)), "rebuilt": (shape, copies)}
        if model.corruption is not None:
            arrays["corrupted"] = (shape, (parts[1] for parts in rebuilt(model, items)))
        output.write_batches_npz(path, arrays)
    else:
        output.check_columns(path, items.kind, items.shape)
        names = items.kind.header(items.shape)
        own = ["error", *names, *(f"{name}_rebuilt" for name in names)]
        beside = items.beside(keep, own)
        lines = zip(zip(*beside.values(), strict=True), _lines(model, items, seed), strict=True)
        output.write_csv(path, [*beside, *own], ([*name, *line] for name, line in lines))


def _picture(model: Model, items: Items, seed: int | None) -> Floats:
    """Return rows of at most 16 items, each row followed by those of what was made of them."""
    across = min(_ACROSS, len(items))
    stages = zip(*rebuilt(model, items, seed), strict=True)
    grids = [output.in_rows(np.concatenate(parts), across) for parts in stages]
    return np.stack(grids, axis=1).reshape(-1, across, *items.shape)


def _lines(model: Model, items: Items, seed: int | None) -> Iterator[list[object]]:
    for before, *_, after in rebuilt(model, items, seed):
        for error, left, right in zip(
            errors(before, after, model.loss),
            items.kind.cells(before),
            items.kind.cells(after),
            strict=True,
        ):
            yield [f"{error:.6g}", *left, *right]
