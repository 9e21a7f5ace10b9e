"""`evoae hof`: the hall of fame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from evoae.runs.run import Run


@click.command("hof", short_help="The best models found.")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, as_json: bool) -> None:
    """List the best models of RUN, best first."""
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    opened = Run.open(run)
    if as_json:
        print_json([entry.summary() for entry in opened.hall_of_fame()])
    else:
        print_hall_of_fame(opened)


def print_hall_of_fame(run: Run) -> None:
    """Print the hall of fame as a table, and the linear bound under it."""
    from evoae.cli import wording
    from evoae.cli.tables import print_table

    entries = run.hall_of_fame()
    if not entries:
        click.echo("No model has a score yet.", err=True)
        return
    rows = [
        [
            str(entry.rank),
            wording.short(entry.id),
            wording.loss(entry.val_loss),
            wording.loss(entry.test_loss),
            wording.count(entry.latent),
            wording.count(entry.parameters),
            entry.genome,
        ]
        for entry in entries
    ]
    bound = run.linear_bound()
    if bound is not None:
        latent, value = bound
        items = "rows" if run.facts().get("table") else "images"
        remark = f"(the linear bound of this size, on the same {items})"
        rows.append(["", "PCA", wording.loss(value), "", wording.count(latent), "", remark])
    headers = ["rank", "id", "loss", "test", "latent", "params", "genome"]
    if all(entry.test_loss is None for entry in entries):
        for row in (headers, *rows):
            del row[3]
    print_table(headers, rows, right={"rank", "loss", "test", "latent", "params"})
