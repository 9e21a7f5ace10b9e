"""`evoae hof`: lists the best candidates of a run, its hall of fame."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.advice import say_behind_pca
from evoae.cli.output import Output, print_table, say
from evoae.formatting import count, flops, plural, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoae.runs.hall_of_fame import Entry
    from evoae.runs.records import Baseline
    from evoae.runs.run import Run


@click.command("hof")
@options.opened
@click.option("--front", is_flag=True, help="All that nobody beats in every objective.")
@options.number("--latent", metavar="N", help="The best one of at most N.")
@options.csv
@options.json()
def command(run: Run, front: bool, latent: int | None) -> Output:
    """List the best models of RUN, best first: refitted ones by validation, then the others.

    With --front the candidates than which none is better in all of search.objectives (loss,
    latent size, parameters); with --latent the best one of that latent size or less.
    """
    from evoae.runs.hall_of_fame import Entry, leading

    if front and latent is not None:
        raise click.UsageError("--front and --latent exclude each other")
    if latent is not None:
        entries = [run.best_within(latent)]
    else:
        entries = run.front() if front else leading(run.hall_of_fame())
    return Output(
        [entry.summary() for entry in entries],
        lambda: _print(run, entries, front=front, all_of_it=latent is None and not front),
        [field.name for field in fields(Entry)],
    )


def _print(run: Run, entries: Sequence[Entry], *, front: bool, all_of_it: bool) -> None:
    """Print entries, and what to do where PCA is better than the best model of the run."""
    print_entries(run, entries, front=front)
    if all_of_it and run.status().pid is None:
        say_behind_pca(run)


def print_entries(run: Run, entries: Sequence[Entry], *, front: bool = False) -> None:
    """Print entries as a table, and under it what they are compared with.

    Under the figures of a refit stand PCA's on the same items. PCA stands beside each network of a
    front, as that of an nsga2 search is.
    """
    if not entries:
        say("No model has a score yet.")
        return
    bounds, again = run.linear_bounds(), any(entry.test_loss is not None for entry in entries)
    rows: list[tuple[str | float | None, ...]] = [
        (
            *(entry.rank, short(entry.id), entry.val_loss, bounds.get(entry.latent)),
            *(entry.refit_loss, entry.test_loss),
            *(entry.latent, entry.parameters, entry.genome),
        )
        for entry in entries
    ]
    rows += [_compared(baseline, run, entries[0]) for baseline in run.baselines()]
    search = "search" if again else "loss"
    headers = ["rank", "id", search, "PCA", "refit", "test", "latent", "params", "genome"]
    unused = set() if again else {"refit", "test"}
    if not bounds or not (front or run.config.search.algorithm == "nsga2"):
        unused.add("PCA")
    kept = [number for number, header in enumerate(headers) if header not in unused]
    print_table(
        [headers[number] for number in kept],
        [[row[number] for number in kept] for row in rows],
        right=set(headers) - {"id", "genome"},
    )


def _compared(baseline: Baseline, run: Run, best: Entry) -> tuple[str | float | None, ...]:
    """Return a baseline's row, that of PCA with its figures beside those of the best model."""
    name, latent, parameters = baseline.name, baseline.latent, baseline.parameters
    later: list[str | float | None] = ["", ""]
    if baseline.val_loss is None:
        remark = f"({baseline.outcome}: {baseline.message})"
    elif name == "pca":
        name, remark = "PCA", f"(the linear bound of this size, on the same {run.item()}s)"
        if best.test_loss is not None:
            later = [best.refit_pca, best.test_pca] if latent == best.latent else [None, None]
            remark = f"(the linear bound of this size, on the {run.item()}s of each column)"
    elif name == "random":
        trainings = plural(baseline.trainings, "training")
        remark = f"(the best of random search at equal cost, {trainings}) {baseline.genome}"
    else:
        remark = str(baseline.genome)
    if baseline.cost is not None:
        remark += f"  ({flops(baseline.cost)})"
    sizes = ("" if number is None else count(number) for number in (latent, parameters))
    return "", name, baseline.val_loss, "", *later, *sizes, remark
