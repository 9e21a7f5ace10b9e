"""`evoae hof`: the hall of fame."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoae.runs.hall_of_fame import Entry
    from evoae.runs.records import Baseline
    from evoae.runs.run import Run


@click.command("hof", short_help="The best models found.")
@click.argument("run")
@click.option("--front", is_flag=True, help="All that nobody beats in every objective.")
@click.option("--latent", type=click.IntRange(1), metavar="N", help="The best one of at most N.")
@options.formats
def command(run: str, front: bool, latent: int | None, as_csv: bool, as_json: bool) -> None:
    """List the best models of RUN, best first.

    With --front the candidates than which none is better in all of search.objectives (loss,
    latent size, parameters); with --latent the best one of that latent size or less.
    """
    from evoae.cli.tables import print_csv, print_json
    from evoae.runs.hall_of_fame import Entry
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
    elif as_csv:
        columns = [field.name for field in fields(Entry)]
        print_csv(columns, [entry.summary() for entry in entries])
    else:
        print_entries(opened, entries, front=front)


def print_entries(run: Run, entries: Sequence[Entry], *, front: bool = False) -> None:
    """Print entries as a table, and under it what they are compared with.

    PCA stands beside each network of a front, as that of an nsga2 search is.
    """
    from evoae.cli import formatting
    from evoae.cli.tables import print_table

    if not entries:
        click.echo("No model has a score yet.", err=True)
        return
    bounds = run.linear_bounds()
    rows = [
        [
            str(entry.rank),
            formatting.short(entry.id),
            formatting.loss(entry.val_loss),
            formatting.loss(bounds.get(entry.latent)),
            formatting.loss(entry.test_loss),
            formatting.count(entry.latent),
            formatting.count(entry.parameters),
            entry.genome,
        ]
        for entry in entries
    ] + [_compared(baseline, f"{run.item()}s") for baseline in run.baselines()]
    headers = ["rank", "id", "loss", "PCA", "test", "latent", "params", "genome"]
    unused = {"test"} if all(entry.test_loss is None for entry in entries) else set()
    if not bounds or not (front or run.config.search.algorithm == "nsga2"):
        unused.add("PCA")
    kept = [place for place, header in enumerate(headers) if header not in unused]
    print_table(
        [headers[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
        right={"rank", "loss", "PCA", "test", "latent", "params"},
    )


def _compared(baseline: Baseline, items: str) -> list[str]:
    """Return a baseline's row."""
    from evoae.cli import formatting

    name, latent, parameters = baseline.name, baseline.latent, baseline.parameters
    if baseline.val_loss is None:
        remark = f"({baseline.outcome}: {baseline.message})"
    elif name == "pca":
        remark = f"(the linear bound of this size, on the same {items})"
    elif name == "random":
        trainings = formatting.plural(baseline.trainings, "training")
        remark = f"(the best of random search at equal cost, {trainings}) {baseline.genome}"
    else:
        remark = str(baseline.genome)
    return [
        "",
        "PCA" if name == "pca" else name,
        formatting.loss(baseline.val_loss),
        "",
        "",
        "" if latent is None else formatting.count(latent),
        "" if parameters is None else formatting.count(parameters),
        remark if baseline.cost is None else f"{remark}  ({formatting.flops(baseline.cost)})",
    ]
