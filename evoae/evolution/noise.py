"""How far a score can be believed: the noise between trainings that differ in their seed alone.

Selection keeps the lucky: the best of many short trainings is partly the one whose seed was kind
(the winner's curse). So candidates that may be the best are trained again with other seeds, and
count by their mean.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

from evoae.evolution.state import Individual, Proposal, complete, scored

PRIOR = 0.03  # relative deviation of the losses of short trainings, as measured on Fashion-MNIST
_PRIOR_WEIGHT = 4  # of the prior, in degrees of freedom


def deviation(individuals: Iterable[Individual]) -> tuple[float, int]:
    """Estimate the relative standard deviation of a score between seeds.

    Pooled over all candidates that were trained more than once, with a prior of 3% that counts as
    four degrees of freedom.

    Returns:
        the deviation, and the degrees of freedom that the trainings gave; 0 for the prior alone.
    """
    squares, freedom = _PRIOR_WEIGHT * PRIOR**2, 0
    for each in individuals:
        mean = abs(statistics.fmean(each.scores)) if len(each.scores) > 1 else 0.0
        if mean > 0:
            squares += sum((score / mean - 1) ** 2 for score in each.scores)
            freedom += len(each.scores) - 1
    return math.sqrt(squares / (_PRIOR_WEIGHT + freedom)), freedom


def doubtful(individuals: Iterable[Individual], measures: int, count: int) -> list[Proposal]:
    """Return further trainings of those that may be the best, for all that is known.

    None of what racing stopped: it is no candidate for the best.

    That is so while the interval of a standard error around its mean reaches that of the best.
    Those with the least optimistic bound come first.

    Args:
        individuals: all of the search.
        measures: most trainings of one candidate.
        count: most trainings to return.
    """
    pool = scored(complete(individuals))
    if measures < 2 or count < 1 or not pool:
        return []
    noise, _ = deviation(each for _, each in pool)

    def error(fitness: float, each: Individual) -> float:
        return abs(fitness) * noise / math.sqrt(len(each.scores))

    best_fitness, best = min(pool, key=lambda pair: (pair[0], pair[1].id))
    reach = best_fitness + error(best_fitness, best)
    bounds = [
        (fitness - error(fitness, each), each.id, each)
        for fitness, each in pool
        if each.asked < measures
    ]
    bounds = sorted(bound for bound in bounds if bound[0] < reach)
    return [
        Proposal(each.id, each.genome, each.parents, each.operator, each.asked + 1)
        for _, _, each in bounds[:count]
    ]
