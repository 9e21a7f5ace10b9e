"""`evoae evaluate`: measures a trained model on any data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_table, say

if TYPE_CHECKING:
    from evoae.use.items import AnySplit


@click.command("evaluate")
@options.run
@options.id
@options.data
@options.choice(
    "--split",
    *("train", "validation", "test", "all"),
    help="Which part; all of the run's own data is train and validation."
    " [test of the run's own data; all of --data]",
)
@options.json()
def command(run: str, id: str, data: str | None, split: AnySplit | None) -> Output:
    """Print the figures of model ID of RUN, or of a .keras file, on its test set or on other data.

    Look at the test set when you are done, not to choose: it says how good the choice was.
    """
    from evoae.use.evaluate import evaluate

    figures = evaluate(run, id, data=data, split=split, say=say)

    def text() -> None:
        say(f"{figures.model} on {figures.items}, {figures.count:,} items")
        print_table(("figure", "value"), figures.metrics.items(), right={"value"})
        if data is None and (words := _in_words(run, id, split, figures.metrics.get("mse"))):
            click.echo(words)

    return Output(figures, text)


def _in_words(run: str, id: str, split: AnySplit | None, error: float | None) -> str:
    """Say what an error on the run's own test or validation split means, as its refit measured."""
    from evoae.formatting import explained
    from evoae.runs.hall_of_fame import share
    from evoae.runs.run import Run

    opened = Run.open(run)
    refit = opened.refitted(opened.find(id).candidate.id) or {}
    variance = refit.get("variance", {}).get(split or "test")
    reached = share(error, variance)
    pca = refit.get("pca_validation" if split == "validation" else "pca")
    return "" if reached is None else explained(reached, share(pca, variance))
