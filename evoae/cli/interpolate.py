"""`evoae interpolate`: decodes codes between those of given items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written, say

if TYPE_CHECKING:
    from evoae.use.items import Split
    from evoae.use.model import Model


def _numbers(_context: click.Context, _option: click.Parameter, value: str) -> list[int]:
    try:
        return [int(number) for number in value.split(",")]
    except ValueError as why:
        raise click.BadParameter(f"'{value}' is no list of numbers such as 0,5,9") from why


@click.command("interpolate")
@options.model
@options.data
@options.choice(
    "--split",
    *("train", "validation", "all"),
    help="Which part the items are from. [validation; all of --data]",
)
@click.option(
    "--items",
    default="0,1,2,3",
    show_default=True,
    callback=_numbers,
    metavar="I,J,…",
    help="Numbers of two or more items, counted from 0: two make a row, four a square, "
    "others a row from each to the next.",
)
@options.number(
    "--steps", least=2, default=8, help="Codes from one item to the next, both included."
)
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(
    model: Model, data: str | None, split: Split | None, items: list[int], steps: int, out: Path
) -> None:
    """Write what model ID of RUN decodes on the way between the codes of some items."""
    from evoae.use.grid import interpolate
    from evoae.use.items import choose
    from evoae.use.output import check_decodable, write_decoded

    check_decodable(out, model, steps * max(steps, len(items)))
    chosen = choose(model, data=data, split=split, say=say)
    grid = interpolate(model, chosen.at(items), steps=steps)
    write_decoded(out, grid, model.kind)
    print_written(out, f"{grid.source} of {chosen.name}")
