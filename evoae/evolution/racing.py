"""Racing: a training that falls behind the others is stopped, as its learning curve shows.

After an epoch a training goes on if it is then among the best share of all that came so far: with
a share of 1/2 the median rule (D. Golovin et al., Google Vizier, KDD 2017), with 1/3 and rungs
after 1, 3, 9, ... epochs asynchronous successive halving (L. Li et al., A System for Massively
Parallel Hyperparameter Tuning, MLSys 2020). The thresholds are set when a candidate is asked for,
so that they follow from what was told by then and from nobody's speed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from evoae.config.search import RacingConfig
from evoae.evaluation import Thresholds
from evoae.evolution.state import Individual


def thresholds(individuals: Iterable[Individual], racing: RacingConfig, epochs: int) -> Thresholds:
    """Return what a training must reach to go on, for each epoch where enough is known.

    What was stopped itself counts as far as its curve goes; failed trainings do not count.

    Args:
        individuals: all that were told.
        racing: how.
        epochs: of a whole training.
    """
    curves = [(each.curve, each.raced) for each in individuals if each.curve]
    found = []
    for epoch in racing.compared(epochs):
        reached = sorted(
            curve[min(epoch, len(curve)) - 1]  # patience may have ended it: so it would stay
            for curve, raced in curves
            if len(curve) >= epoch or not raced
        )
        if len(reached) >= racing.after:
            found.append((epoch, reached[math.ceil(racing.keep * len(reached)) - 1]))
    return tuple(found)
