"""What to do about a model that PCA of the same size beats, as commands that work as printed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evoae.cli.output import say
from evoae.formatting import command, loss

if TYPE_CHECKING:
    from evoae.runs.hall_of_fame import Entry
    from evoae.runs.run import Run

_MOST_MINUTES = 60


def behind_pca(best: Entry | None) -> str:
    """Say that PCA is better than the best model; "" where it is not, or is not known."""
    if best is None or not best.standing.behind_pca:
        return ""
    standing = best.standing
    where = "on the test set" if standing.split == "test" else "in validation"
    return (
        f"PCA of the same size is better {where}: {loss(standing.pca)} against "
        f"{loss(standing.loss)}."
    )


def say_behind_pca(run: Run) -> None:
    """Say that PCA is better than the best model of a run, if it is, and what helps soonest."""
    best = run.best()
    if behind := behind_pca(best):
        say(behind)
        for typed, purpose in against_pca(run, best)[:1]:
            say(f"{purpose[0].upper()}{purpose[1:]}:  {typed}")


def against_pca(run: Run, best: Entry | None) -> list[tuple[str, str]]:
    """Return the commands that help where PCA is better, what helps soonest first."""
    if best is None or not best.standing.behind_pca:
        return []
    metadata, steps = run.metadata(), []
    if best.standing.split == "validation" and best.refit_loss is None:
        minutes = min(_MOST_MINUTES, max(1, math.ceil(metadata.seconds / 60)))
        refit = command("refit", run.path, "--minutes", minutes)
        steps.append((refit, "train the best longer, since searches train briefly"))
    if metadata.genome is not None:
        return steps
    search = ("search", "--config", run.path / "config.yaml", "--set")
    if "pca" not in run.config.model.linear and _may_be_linear(run):
        linear = command(*search, "model.linear=[pca, none]")
        steps.append((linear, "let networks begin at PCA, so that none ends worse"))
    elif run.config.model.latent == "vector" and run.config.model.max_latent:
        twice = 2 * run.config.model.max_latent
        if twice < math.prod(metadata.input_shape):
            larger = command(*search, f"model.max_latent={twice}")
            steps.append((larger, "allow a larger code"))
    return steps


def _may_be_linear(run: Run) -> bool:
    """Whether networks of the run could have a linear path, see `why_no_linear_path`."""
    objective, metadata = run.config.objective, run.metadata()
    usual = objective.code_posterior is None and objective.code_activation == "linear"
    return (
        run.config.model.latent == "vector"
        and usual
        and objective.loss == "mse"
        and bool(metadata.pca)
    )
