"""`evoae sample`: new items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.use.sample import How


@click.command("sample", short_help="New items from random codes.")
@options.model
@click.option(
    "-n",
    "--number",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="How many.",
)
@click.option(
    "--how",
    type=click.Choice(["mean", "mode", "sample"]),
    show_default="mean of images, sample of rows",
    help="What to take of the distribution that a decoded code stands for.",
)
@options.seed
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.")
def command(
    run: str,
    id: str,
    number: int,
    how: How | None,
    seed: int,
    data: str | None,
    out: Path,
    force: bool,
) -> None:
    """Draw codes at random and write what model ID of RUN decodes them to.

    A variational model has a prior to draw from; for others a Gaussian is fitted to the codes of
    training items.
    """
    from evoae.cli import formatting
    from evoae.use.model import open_model
    from evoae.use.output import SUFFIXES, check_decodable, check_output, write_decoded
    from evoae.use.sample import sample

    check_output(out, SUFFIXES, force=force)
    model = open_model(run, id)
    check_decodable(out, model, number)
    # A mean image is sharp enough to look at; mean rows are all alike.
    how = how or ("mean" if model.table is None else "sample")
    drawn = sample(model, number, how=how, seed=seed, data=data)
    write_decoded(out, drawn, model.table)
    click.echo(f"{formatting.plural(number, 'code')} from {drawn.source}", err=True)
    click.echo(out)
