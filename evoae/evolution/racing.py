"""Racing: a training whose learning curve falls behind the others is stopped early.

After an epoch a training goes on if it is among the best share of all trainings so far: with a
share of 1/2 the median rule (D. Golovin et al., Google Vizier, KDD 2017), with 1/3 and rungs
after 1, 3, 9, ... epochs asynchronous successive halving (L. Li et al., A System for Massively
Parallel Hyperparameter Tuning, MLSys 2020). The thresholds are set when a candidate is proposed,
from the results told by then, so that they depend on no worker's speed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from evoae.config.search import RacingConfig
from evoae.evaluation import Thresholds
from evoae.evolution.state import Individual


def thresholds(individuals: Iterable[Individual], racing: RacingConfig, epochs: int) -> Thresholds:
    """Return the largest fitness with which a training goes on, by epoch.

    Epochs that too few trainings have reached have no threshold. A training that was stopped
    counts as far as its curve goes; failed trainings do not count.

    Args:
        individuals: all that were evaluated.
        racing: its settings.
        epochs: of a whole training.
    """
    curves = [(trained.curve, trained.raced) for trained in individuals if trained.curve]
    limits = []
    for epoch in racing.compared(epochs):
        reached = sorted(
            curve[min(epoch, len(curve)) - 1]  # patience may have ended it: so it would stay
            for curve, raced in curves
            if len(curve) >= epoch or not raced
        )
        if len(reached) >= racing.after:
            limits.append((epoch, reached[math.ceil(racing.keep * len(reached)) - 1]))
    return tuple(limits)
