"""What a variational decoder draws: new items, and what lies between given ones."""

from __future__ import annotations

from collections.abc import Callable

from evoae.errors import EvoaeError
from evoae.formatting import figure, plural
from evoae.report.blocks import Block, Section, Strips, Table, Text
from evoae.report.drawing.pictures import strip
from evoae.report.model_views import ModelViews
from evoae.use.model import Floats, Model

_ACROSS = 10
_SAMPLES = 40
_STEPS = 10
_ENDS = 5  # items that are gone between
_SIDE = 10  # of the manifold
_ROWS = 8  # of a table


def section(models: ModelViews) -> Section | None:
    """Show samples, interpolations and the manifold; None if there is no prior to draw from."""
    model = models.best
    if model is None or not model.variational:
        return None
    blocks: list[Block] = [Text(f"Drawn by {model.name.split()[-1]}, decoded from new codes.")]
    makers: list[Callable[[], list[Block]]] = [
        lambda: _samples(model),
        lambda: _between(model, models.originals),
    ]
    if model.kind.pictures and model.latent == 2:
        makers.append(lambda: _manifold(model))
    for make in makers:
        try:
            blocks += make()
        except EvoaeError as why:
            blocks.append(Text(str(why)))
    return Section("decoder", "What the decoder draws", tuple(blocks))


def _samples(model: Model) -> list[Block]:
    from evoae.use.sample import sample

    images = model.kind.pictures
    drawn = sample(model, _SAMPLES if images else _ROWS, how="mean" if images else "sample")
    caption = f"Samples from {drawn.source}"
    if not images:
        return [_rows(caption, model, drawn.values)]
    alt = f"{plural(len(drawn.values), 'new picture')}, decoded from random codes."
    return [Strips(caption, (strip("", drawn.values, alt, columns=_ACROSS),))]


def _between(model: Model, originals: Floats | None) -> list[Block]:
    from evoae.use.grid import interpolate

    if originals is None:
        return [Text("What lies between items needs the data, which cannot be had.")]
    ends = originals[:_ENDS]
    if len(ends) < 2:
        return []
    images = model.kind.pictures
    grid = interpolate(model, ends if images else ends[:2], steps=_STEPS if images else _ROWS)
    if not images:
        return [_rows("Between the first two items", model, grid.values[0])]
    rows, columns = grid.values.shape[:2]
    alt = f"{rows} rows of {columns} pictures, each from one validation item's copy to the next's."
    shown = strip("", grid.values.reshape(-1, *model.input_shape), alt, columns=columns)
    return [Strips("Between items: each row from one to the next", (shown,))]


def _manifold(model: Model) -> list[Block]:
    from evoae.use.grid import manifold

    grid = manifold(model, side=_SIDE)
    low, high = float(grid.codes.min()), float(grid.codes.max())
    alt = f"{_SIDE} by {_SIDE} pictures, decoded from codes of {low:.2f} to {high:.2f} each way."
    shown = strip("", grid.values.reshape(-1, *model.input_shape), alt, columns=_SIDE)
    return [Strips(f"The plane of codes, at {grid.source}", (shown,))]


def _rows(caption: str, model: Model, values: Floats) -> Table:
    shown = model.kind.cells(values)
    cells = tuple(tuple(_cell(value) for value in row) for row in shown)
    header = tuple(model.kind.header(model.input_shape))
    return Table(caption, header, cells, frozenset(), folded=False)


def _cell(value: object) -> str:
    return figure(value, 4) if isinstance(value, float) else str(value)
