"""Pareto dominance in loss, latent size and parameters: which candidates no other one beats.

Sizes and losses are compared on logarithmic scales, because what counts of them is the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evoae.config.values import ObjectiveName

Place = tuple[float, ...]  # the logarithm of each objective, all to minimise
LEAST = 1e-12  # of a loss: 0 has a logarithm too


def place(loss: float, latent: int, parameters: int, objectives: Sequence[ObjectiveName]) -> Place:
    """Return where a network stands in these objectives."""
    values = {"loss": max(loss, LEAST), "latent": latent, "parameters": parameters}
    return tuple(math.log(values[name]) for name in objectives)


def undominated(places: Sequence[Place]) -> list[bool]:
    """Tell of each place whether no other one is better; of equal ones, the first.

    Better is: nowhere worse, and somewhere less.
    """
    import moocore

    return moocore.is_nondominated(places, keep_weakly=False).tolist() if places else []


def hypervolume(places: Sequence[Place], worst: Place) -> float:
    """Return the volume between the places and `worst` in which some place is better.

    E. Zitzler and L. Thiele: Multiobjective Optimization Using Evolutionary Algorithms, 1998.

    Args:
        places: one that is not better than `worst` everywhere counts nothing.
        worst: the corner.
    """
    import moocore

    inside = [each for each in places if all(a < b for a, b in zip(each, worst, strict=True))]
    return float(moocore.hypervolume(inside, ref=worst)) if inside else 0.0
