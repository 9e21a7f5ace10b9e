"""`evoae sample`: decodes new items from random codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.use.model import Model
    from evoae.use.sample import How


@click.command("sample")
@options.model
@options.number("-n", "--number", default=64, help="How many.")
@options.choice(
    "--how",
    *("mean", "mode", "sample"),
    shown="mean of images, sample of rows",
    help="What to take of the distribution that a decoded code stands for.",
)
@options.number("--seed", least=0, default=0, help="Of the draws.")
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(
    model: Model, number: int, how: How | None, seed: int, data: str | None, out: Path
) -> None:
    """Draw codes at random and write what model ID of RUN decodes them to.

    A variational model has a prior to draw from; for others a Gaussian is fitted to the codes of
    training items.
    """
    from evoae.use.output import check_decodable, write_decoded
    from evoae.use.sample import sample

    check_decodable(out, model, number)
    # A mean image is sharp enough to look at; mean rows are all alike.
    how = how or ("mean" if model.kind.pictures else "sample")
    drawn = sample(model, number, how=how, seed=seed, data=data)
    write_decoded(out, drawn, model.kind)
    print_written(out, f"{plural(number, 'code')} from {drawn.source}")
