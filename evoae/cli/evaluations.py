"""`evoae evaluations`: every training of a run."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.runs.trainings import Training

_HEADERS = ("gen", "id", "loss", "latent", "params", "cost", "epochs", "s", "operator", "genome")


@click.command("evaluations", short_help="Every training of a run, as a table, CSV or JSON.")
@click.argument("run")
@options.formats
def command(run: str, as_csv: bool, as_json: bool) -> None:
    """List every training of RUN in the order of finishing, failed ones too.

    A candidate that was trained several times, with other seeds, has as many lines; `repeat`
    numbers them in CSV and JSON. In Python, `evoae.Run.open(RUN).evaluations()` has the same rows.
    """
    from evoae.cli.tables import print_csv, print_json, print_table
    from evoae.runs.run import Run
    from evoae.runs.trainings import Training

    trainings = Run.open(run).evaluations()
    summaries = [each.summary() for each in trainings]
    if as_json:
        print_json(summaries)
    elif as_csv:
        print_csv([field.name for field in fields(Training)], summaries)
    elif not trainings:
        click.echo("No training has ended yet.", err=True)
    else:
        right = {"gen", "loss", "latent", "params", "cost", "epochs", "s"}
        print_table(_HEADERS, map(_row, trainings), right=right)
        if any(each.raced for each in trainings):
            click.echo("\n* stopped early by racing; its loss is no more than a bound", err=True)


def _row(each: Training) -> tuple[str, ...]:
    """Word a training; in place of its loss how it failed."""
    again = f" ({each.repeat})" if each.repeat > 1 else ""
    return (
        str(each.generation),
        formatting.short(each.id) + again,
        each.outcome if each.val_loss is None else formatting.loss(each.val_loss),
        formatting.count(each.latent),
        formatting.count(each.parameters),
        "-" if each.cost is None else formatting.flops(each.cost),
        formatting.count(each.epochs) + ("*" if each.raced else ""),
        f"{each.seconds:.1f}",
        each.operator,
        each.genome,
    )
