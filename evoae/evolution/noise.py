"""The noise of a score: how much losses vary with the seed alone, and which candidates to repeat.

Selection favours luck: the best of many short trainings owes its loss partly to its seed (the
winner's curse). So candidates that may be the best are trained again with other seeds, and their
mean counts.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from evoae.evolution.state import Individual, Proposal, complete, scored

PRIOR = 0.03  # relative deviation of the losses of short trainings, as measured on Fashion-MNIST
_PRIOR_WEIGHT = 4  # of the prior, in degrees of freedom


def deviation(individuals: Iterable[Individual]) -> tuple[float, int]:
    """Estimate the standard deviation of a score between seeds, relative to its size.

    Pooled over all candidates that were trained more than once, with a prior of 3% that counts as
    four degrees of freedom. The size of a score is its candidate's mean. Where any candidate's
    mean is negative, a score may lie anywhere around zero and its own size says nothing of its
    noise: then one size counts for all, the median of the means without their signs.

    Returns:
        the deviation, a share of that size, and the degrees of freedom that the trainings gave;
        0 for the prior alone.
    """
    means = [(fitness, individual.scores) for fitness, individual in scored(individuals)]
    size_of = _sizes([mean for mean, _ in means])
    squares, freedom = _PRIOR_WEIGHT * PRIOR**2, 0
    for mean, scores in means:
        size = size_of(mean)
        if len(scores) > 1 and size > 0:
            squares += sum((score / size - mean / size) ** 2 for score in scores)
            freedom += len(scores) - 1
    return math.sqrt(squares / (_PRIOR_WEIGHT + freedom)), freedom


def _sizes(losses: Sequence[float]) -> Callable[[float], float]:
    """Return the function that gives the size a loss's noise is relative to, see `deviation`."""
    if min(losses, default=0.0) >= 0:
        return abs
    typical = statistics.median(map(abs, losses))
    return lambda _: typical


def needs_repeat(
    individuals: Iterable[Individual],
    most: int,
    count: int,
    sizes: Callable[[Individual], Sequence[float]] = lambda _: (),
) -> list[Proposal]:
    """Return further trainings of the candidates that may be the best.

    A candidate needs a repeat while its confidence interval, a standard error around its mean,
    overlaps that of the best candidate of its sizes or smaller. Those whose interval reaches the
    farthest below the other come first. Candidates that racing stopped never need a repeat.

    Args:
        individuals: all of the search.
        most: most trainings of a candidate.
        count: most trainings to return.
        sizes: the objectives of a candidate other than its loss.
    """
    pool = scored(complete(individuals))
    if most < 2 or count < 1 or not pool:
        return []
    noise, _ = deviation(individual for _, individual in pool)
    size_of = _sizes([fitness for fitness, _ in pool])

    def error(fitness: float, individual: Individual) -> float:
        return size_of(fitness) * noise / math.sqrt(len(individual.scores))

    pool.sort(key=lambda pair: (pair[0], pair[1].id))
    all_sizes = np.array([sizes(individual) for _, individual in pool])
    in_need = []
    for (fitness, individual), own in zip(pool, all_sizes, strict=True):
        if individual.asked >= most:
            continue
        # The first in order of fitness that is nowhere larger; itself at the latest.
        best_fitness, best = pool[int((all_sizes <= own).all(axis=1).argmax())]
        reach = best_fitness + error(best_fitness, best)
        below = (reach - fitness + error(fitness, individual)) / (size_of(reach) or 1.0)
        if below > 0:
            in_need.append((-below, individual.id, individual))
    return [
        Proposal(who.id, who.genome, who.parents, who.operator, who.asked + 1)
        for _, _, who in sorted(in_need)[:count]
    ]
