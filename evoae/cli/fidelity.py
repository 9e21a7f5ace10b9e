"""`evoae fidelity`: measures how well a search's short trainings rank networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from evoae.cli import options
from evoae.cli.output import Output, print_dotted, print_folded, print_table, say
from evoae.formatting import short

if TYPE_CHECKING:
    from evoae.experiments.rank_fidelity import Correlation, Fidelity


@click.command("fidelity")
@options.run
@options.number(
    "--candidates",
    least=4,
    default=12,
    help="How many to train longer: the three best, and others of every rank.",
)
@options.number(
    "--epochs",
    help="Of each. [a third of refit.epochs; at least 3 times the search's optimiser steps]",
)
@options.overrides()
@options.json()
def command(run: str, **settings: Any) -> Output:
    """Train a sample of RUN's candidates longer, and compare how they rank then.

    They are trained from scratch on all training data, as `refit` says, and measured on the
    validation split; the test set stays shut. What is trained is recorded and not repeated.
    """
    from evoae.experiments.rank_fidelity import fidelity

    measured = fidelity(run, say=say, **settings)
    return Output(measured, lambda: _print(measured))


def _print(measured: Fidelity) -> None:
    """Print the sample, what it says, and what to do."""
    headers = ["place", "id", "search", "longer", "rank", "then", "genome"]
    rows = [
        (
            *(trained.place, short(trained.id), trained.search_loss, trained.loss),
            *(trained.ranks or (None, None)),
            (f"({trained.outcome}: {trained.message}) " if trained.message is not None else "")
            + trained.genome,
        )
        for trained in measured.candidates
    ]
    print_table(headers, rows, right={"place", "search", "longer", "rank", "then"})
    noise = "not measured (search.repeats is 1)"
    if measured.noise is not None:
        noise = f"{measured.noise:.1%}"
    figures = [
        _correlation("Spearman", measured.spearman),
        _correlation("Kendall", measured.kendall),
        f"seed noise {noise}",
    ]
    if measured.winner_rank is not None:
        ranked = sum(trained.ranks is not None for trained in measured.candidates)
        figures.insert(2, f"the search's winner is {measured.winner_rank} of {ranked}")
    click.echo()
    print_dotted(figures)
    print_folded(measured.advice, "")


def _correlation(name: str, rank: Correlation | None) -> str:
    """Word a correlation and its interval."""
    if rank is None:
        return f"{name} -"
    return f"{name} {rank.value:.2f} (90%: {rank.low:.2f} to {rank.high:.2f})"
