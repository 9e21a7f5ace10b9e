"""`evoae fidelity`: how well cheap trainings rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.experiments.rank_fidelity import Correlation, Fidelity


@click.command("fidelity", short_help="How well the search's short trainings rank.")
@click.argument("run")
@click.option(
    "--candidates",
    type=click.IntRange(min=4),
    default=12,
    show_default=True,
    help="How many to train longer: the three best, and others of every rank.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Of each. [a third of refit.epochs; at least 3 times the search's optimiser steps]",
)
@options.overrides
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: str, candidates: int, epochs: int | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Train a sample of RUN's candidates longer, and compare how they rank then.

    They are trained from scratch on all training data, as `refit` says, and measured on the
    validation split; the test set stays shut. What is trained is recorded and not repeated.
    """
    from evoae.cli.tables import print_json
    from evoae.experiments.rank_fidelity import fidelity

    found = fidelity(
        run,
        candidates=candidates,
        epochs=epochs,
        overrides=overrides,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json(found.summary())
    else:
        _print(found)


def _print(found: Fidelity) -> None:
    """Print the sample, what it says, and what to do."""
    from evoae.cli.tables import print_table

    headers = ["place", "id", "search", "longer", "rank", "then", "genome"]
    rows = []
    for each in found.candidates:
        ranks = ("-", "-") if each.ranks is None else map(str, each.ranks)
        failed = "" if each.message is None else f"({each.outcome}: {each.message}) "
        losses = (formatting.loss(each.search_loss), formatting.loss(each.loss))
        rows.append(
            (str(each.place), formatting.short(each.id), *losses, *ranks, failed + each.genome)
        )
    print_table(headers, rows, right={"place", "search", "longer", "rank", "then"})
    measured = "not measured (search.repeats is 1)"
    figures = [
        _correlation("Spearman", found.spearman),
        _correlation("Kendall", found.kendall),
        f"seed noise {measured if found.noise is None else f'{found.noise:.1%}'}",
    ]
    if found.winner_rank is not None:
        ranked = sum(each.ranks is not None for each in found.candidates)
        figures.insert(2, f"the search's winner is {found.winner_rank} of {ranked}")
    click.echo("\n" + " · ".join(figures))
    click.echo(found.advice)


def _correlation(name: str, found: Correlation | None) -> str:
    """Word a correlation and its interval."""
    if found is None:
        return f"{name} -"
    return f"{name} {found.value:.2f} (90%: {found.low:.2f} to {found.high:.2f})"
