"""`evoae evaluations`: lists every training of a run."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_table, say
from evoae.formatting import count, flops, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoae.runs.run import Run
    from evoae.runs.trainings import Training

_HEADERS = ("gen", "id", "loss", "latent", "params", "cost", "epochs", "s", "operator", "genome")


@click.command("evaluations")
@options.opened
@options.csv
@options.json()
def command(run: Run) -> Output:
    """List every training of RUN in the order of finishing, failed ones too.

    A candidate that was trained several times, with other seeds, has as many lines; `repeat`
    numbers them in CSV and JSON. In Python, `evoae.Run.open(RUN).evaluations()` has the same rows.
    """
    from evoae.runs.trainings import Training

    trainings = run.evaluations()
    data = [training.summary() for training in trainings]
    return Output(data, lambda: _print(trainings), [field.name for field in fields(Training)])


def _print(trainings: Sequence[Training]) -> None:
    if not trainings:
        say("No training has ended yet.")
        return
    right = {"gen", "loss", "latent", "params", "cost", "epochs", "s"}
    print_table(_HEADERS, map(_row, trainings), right=right)
    if any(training.raced for training in trainings):
        say("\n* stopped early by racing; its loss is no more than a bound")


def _row(training: Training) -> tuple[str | float | None, ...]:
    """Word a training; in place of its loss how it failed."""
    return (
        training.generation,
        short(training.id) + (f" ({training.repeat})" if training.repeat > 1 else ""),
        training.outcome if training.val_loss is None else training.val_loss,
        training.latent,
        training.parameters,
        flops(training.cost),
        count(training.epochs) + ("*" if training.raced else ""),
        f"{training.seconds:.1f}",
        training.operator,
        training.genome,
    )
