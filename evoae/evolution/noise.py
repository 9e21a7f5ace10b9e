"""How far a score can be believed: the noise between trainings that differ in their seed alone.

Selection keeps the lucky: the best of many short trainings is partly the one whose seed was kind
(the winner's curse). So candidates that may be the best are trained again with other seeds, and
count by their mean.
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
    means = [(fitness, each.scores) for fitness, each in scored(individuals)]
    size_of = _sizes([mean for mean, _ in means])
    squares, freedom = _PRIOR_WEIGHT * PRIOR**2, 0
    for mean, scores in means:
        size = size_of(mean)
        if len(scores) > 1 and size > 0:
            squares += sum((score / size - mean / size) ** 2 for score in scores)
            freedom += len(scores) - 1
    return math.sqrt(squares / (_PRIOR_WEIGHT + freedom)), freedom


def _sizes(losses: Sequence[float]) -> Callable[[float], float]:
    """Return what gives the size that the noise of a loss is relative to, see `deviation`."""
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
    """Return further trainings of those that may be the best, for all that is known.

    None of what racing stopped: it is no candidate for the best.

    That is so while the interval of a standard error around its mean reaches that of the best of
    those that are nowhere larger. Those that reach the farthest below it come first.

    Args:
        individuals: all of the search.
        most: most trainings of one candidate.
        count: most trainings to return.
        sizes: what counts of each beside its loss, as many figures of each.
    """
    pool = scored(complete(individuals))
    if most < 2 or count < 1 or not pool:
        return []
    noise, _ = deviation(each for _, each in pool)
    size_of = _sizes([fitness for fitness, _ in pool])

    def error(fitness: float, each: Individual) -> float:
        return size_of(fitness) * noise / math.sqrt(len(each.scores))

    pool.sort(key=lambda pair: (pair[0], pair[1].id))
    figures = np.array([sizes(each) for _, each in pool])
    found = []
    for (fitness, each), own in zip(pool, figures, strict=True):
        if each.asked >= most:
            continue
        # The first in order of fitness that is nowhere larger; itself at the latest.
        best_fitness, best = pool[int((figures <= own).all(axis=1).argmax())]
        reach = best_fitness + error(best_fitness, best)
        below = (reach - fitness + error(fitness, each)) / (size_of(reach) or 1.0)
        if below > 0:
            found.append((-below, each.id, each))
    return [
        Proposal(each.id, each.genome, each.parents, each.operator, each.asked + 1)
        for _, _, each in sorted(found)[:count]
    ]
