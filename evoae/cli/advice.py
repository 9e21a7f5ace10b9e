"""Says what helps where PCA of the same size beats a run's best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evoae.cli.output import say
from evoae.experiments.advice import against_pca, behind_pca

if TYPE_CHECKING:
    from evoae.runs.run import Run


def say_behind_pca(run: Run) -> None:
    """Say that PCA is better than the best model of a run, if it is, and what helps soonest."""
    best = run.best()
    if behind := behind_pca(best):
        say(behind)
        for typed, purpose in against_pca(run, best)[:1]:
            say(f"{purpose[0].upper()}{purpose[1:]}:  {typed}")
