"""`evoae manifold`: a two-dimensional code as a map."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options


@click.command("manifold", short_help="A two-dimensional code as a map.")
@options.model
@click.option(
    "--side",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Codes along each side.",
)
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.")
def command(run: str, id: str, side: int, data: str | None, out: Path, force: bool) -> None:
    """Write what model ID of RUN decodes on a grid over its two-dimensional code."""
    from evoae.use.grid import manifold
    from evoae.use.model import open_model
    from evoae.use.output import SUFFIXES, check_decodable, check_output, write_decoded

    check_output(out, SUFFIXES, force=force)
    model = open_model(run, id)
    check_decodable(out, model, side * side)
    grid = manifold(model, side=side, data=data)
    write_decoded(out, grid, model.table)
    click.echo(f"{side} by {side} codes: {grid.source}", err=True)
    click.echo(out)
