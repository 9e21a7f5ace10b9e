"""`evoae evaluate`: the figures of a trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.use.items import AnySplit


@click.command("evaluate", short_help="The figures of a trained model, on any data.")
@options.model
@options.data
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    help="Which part; all of the run's own data is train and validation."
    " [test of the run's own data; all of --data]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, id: str, data: str | None, split: AnySplit | None, as_json: bool) -> None:
    """Print the figures of model ID of RUN, or of a .keras file, on its test set or on other data.

    Look at the test set when you are done, not to choose: it says how good the choice was.
    """
    from dataclasses import asdict

    from evoae.cli import formatting
    from evoae.cli.tables import print_json, print_table
    from evoae.use.evaluate import evaluate

    found = evaluate(run, id, data=data, split=split)
    if as_json:
        print_json(asdict(found))
        return
    click.echo(f"{found.model} on {found.items}, {found.count:,} items", err=True)
    rows = [(name, formatting.loss(value)) for name, value in found.metrics.items()]
    print_table(("figure", "value"), rows, right={"value"})
