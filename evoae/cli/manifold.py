"""`evoae manifold`: decodes a grid over a two-dimensional code."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written, say_clipped

if TYPE_CHECKING:
    from evoae.use.model import Model


def _range(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        low, high = (float(end) for end in value.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise click.BadParameter(f"'{value}' is no lower and higher number such as -3,3")
    return low, high


@click.command("manifold")
@options.model
@options.number("--side", least=2, default=20, help="Codes along each side.")
@click.option(
    "--range",
    "span",
    callback=_range,
    metavar="LOW,HIGH",
    help="Numbers of the code, at even steps in both directions; of a variational model they are "
    "standard deviations of the prior. [variational: equal steps of the prior's probability; "
    "others: the middle 98% of training codes]",
)
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(
    model: Model, side: int, span: tuple[float, float] | None, data: str | None, out: Path
) -> None:
    """Write what model ID of RUN decodes on a grid over its two-dimensional code."""
    from evoae.use.grid import manifold
    from evoae.use.output import check_decodable, write_decoded

    check_decodable(out, model, side * side)
    grid = manifold(model, side=side, data=data, span=span)
    write_decoded(out, grid, model.kind)
    say_clipped(grid.clipped)
    print_written(out, f"{side} by {side} codes: {grid.source}")
