"""`evoae manifold`: decodes a grid over a two-dimensional code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written

if TYPE_CHECKING:
    from evoae.use.model import Model


@click.command("manifold")
@options.model
@options.number("--side", least=2, default=20, help="Codes along each side.")
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(model: Model, side: int, data: str | None, out: Path) -> None:
    """Write what model ID of RUN decodes on a grid over its two-dimensional code."""
    from evoae.use.grid import manifold
    from evoae.use.output import check_decodable, write_decoded

    check_decodable(out, model, side * side)
    grid = manifold(model, side=side, data=data)
    write_decoded(out, grid, model.kind)
    print_written(out, f"{side} by {side} codes: {grid.source}")
