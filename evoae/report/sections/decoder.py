"""What a variational decoder draws: new items, and what lies between given ones."""

from __future__ import annotations

from evoae.errors import EvoaeError
from evoae.formatting import plural
from evoae.report.blocks import Block, Section, Strips, Table, Text
from evoae.report.drawing.pictures import strip
from evoae.report.model_views import ModelViews, cells
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
    for make in (_samples, _between, _manifold):
        try:
            blocks += make(model, models.originals)
        except EvoaeError as why:
            blocks.append(Text(str(why)))
    return Section("decoder", "What the decoder draws", tuple(blocks))


def _samples(model: Model, _: Floats | None) -> list[Block]:
    from evoae.use.sample import sample

    images = model.kind.pictures
    drawn = sample(model, _SAMPLES if images else _ROWS, how="mean" if images else "sample")
    caption = f"Samples from {drawn.source}"
    if not images:
        return [_rows(caption, model, drawn.values)]
    alt = f"{plural(len(drawn.values), 'new picture')}, decoded from random codes."
    return [_pictures(caption, model, drawn.values, alt, _ACROSS)]


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
    title = "Between items: each row from one to the next"
    return [_pictures(title, model, grid.values, alt, columns)]


def _manifold(model: Model, _: Floats | None) -> list[Block]:
    from evoae.use.grid import manifold

    if not model.kind.pictures or model.latent != 2:
        return []
    grid = manifold(model, side=_SIDE)
    low, high = float(grid.codes.min()), float(grid.codes.max())
    alt = f"{_SIDE} by {_SIDE} pictures, decoded from codes of {low:.2f} to {high:.2f} each way."
    return [_pictures(f"The plane of codes, at {grid.source}", model, grid.values, alt, _SIDE)]


def _pictures(title: str, model: Model, values: Floats, alt: str, columns: int) -> Strips:
    images = values.reshape(-1, *model.input_shape)
    return Strips(title, (strip("", images, alt, columns=columns),))


def _rows(caption: str, model: Model, values: Floats) -> Table:
    header = tuple(model.kind.header(model.input_shape))
    return Table(caption, header, tuple(cells(model.kind, values)), frozenset(), folded=False)
