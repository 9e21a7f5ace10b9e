"""`evoae interpolate`: decodes codes between those of given items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written, say, say_clipped

if TYPE_CHECKING:
    from evoae.use.items import ItemName, Split
    from evoae.use.model import Model


@click.command("interpolate")
@options.model
@options.data
@options.choice(
    "--split",
    *("train", "validation", "all"),
    help="Which part the items are from. [of positions validation, of names all; all of --data]",
)
@click.option(
    "--items",
    default="0,1,2,3",
    show_default=True,
    callback=options.named_items,
    metavar="I,J,…",
    help="Two or more items: two make a row, four a square, others a row from each to the next. "
    "Positions in the split, counted from 0, or names as in results: row=279,row=12 or "
    "file=a.png,file=b.png, index=17,index=4, or by a key.",
)
@options.number(
    "--random", least=2, metavar="N", help="Between so many random codes, in place of items'."
)
@options.number("--seed", least=0, help="Of the random codes. [0]")
@options.number(
    "--steps", least=2, default=8, help="Codes from one item to the next, both included."
)
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(
    model: Model,
    data: str | None,
    split: Split | None,
    items: list[ItemName],
    random: int | None,
    seed: int | None,
    steps: int,
    out: Path,
) -> None:
    """Write what model ID of RUN decodes on the way between the codes of some items.

    Random codes are drawn as `evoae sample` draws them.
    """
    from evoae.use.grid import interpolate, interpolate_random
    from evoae.use.items import choose_named
    from evoae.use.output import check_decodable, write_decoded

    if random is None and seed is not None:
        raise click.UsageError("--seed is of random codes: say with --random how many")
    typed = click.get_current_context().get_parameter_source("items")
    by_default = typed is click.core.ParameterSource.DEFAULT
    if random is not None and not (by_default and split is None):
        raise click.UsageError("--random draws codes and takes no --items or --split")
    check_decodable(out, model, steps * max(steps, random or len(items)))
    if random is not None:
        grid = interpolate_random(model, random, steps=steps, seed=seed or 0, data=data)
        source = grid.source
    else:
        chosen, numbers = choose_named(model, items, data=data, split=split, say=say)
        grid = interpolate(model, chosen.at(numbers), steps=steps)
        source = f"{grid.source} of {chosen.name}"
    write_decoded(out, grid, model.kind)
    say_clipped(grid.clipped)
    print_written(out, source)
