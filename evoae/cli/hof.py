"""`evoae hof`: the hall of fame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoae.runs.run import Entry, Run


@click.command("hof", short_help="The best models found.")
@click.argument("run")
@click.option("--front", is_flag=True, help="All that nobody beats in every objective.")
@click.option("--latent", type=click.IntRange(1), metavar="N", help="The best one of at most N.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, front: bool, latent: int | None, as_json: bool) -> None:
    """List the best models of RUN, best first.

    With --front the candidates than which none is better in all of search.objectives (loss,
    latent size, parameters); with --latent the best one of that latent size or less.
    """
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    opened = Run.open(run)
    if front and latent is not None:
        raise click.UsageError("--front and --latent exclude each other")
    if latent is not None:
        entries = [opened.best_within(latent)]
    else:
        entries = opened.front() if front else opened.hall_of_fame()
    if as_json:
        print_json([entry.summary() for entry in entries])
    else:
        print_entries(opened, entries)


def print_entries(run: Run, entries: Sequence[Entry]) -> None:
    """Print entries as a table, and the linear bound under it."""
    from evoae.cli import wording
    from evoae.cli.tables import print_table

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
