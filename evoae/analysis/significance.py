"""Whether two groups of runs differ by more than their seeds would make them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evoae.analysis.comparison import Course, Group

FEWEST = 3  # runs of each group
_RESAMPLES = 10_000
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Contrast:
    """What two groups' best losses say after equal effort.

    Attributes:
        groups: their names.
        cost: FLOPs up to which each run counts, the least that any of them spent; None where they
            are unknown.
        trainings: likewise, in place of the cost where that is unknown; None else.
        runs: of each group.
        medians: of each group's best losses.
        difference: of the medians, the second's less the first's.
        low, high: 95% interval of the difference: percentiles of the bootstrap (Efron 1979), each
            group resampled. Of few runs it is rough, rather too narrow.
        p: two-sided, of the Mann-Whitney test (1947); corrected after Holm (1979) where there are
            several pairs of groups.
        least_p: that so few runs can reach at all, corrected for as many pairs.
    """

    groups: tuple[str, str]
    cost: int | None
    trainings: int | None
    runs: tuple[int, int]
    medians: tuple[float, float]
    difference: float
    low: float
    high: float
    p: float
    least_p: float

    @property
    def differ(self) -> bool:
        """Whether the difference is significant at 5%."""
        return self.p <= _LEVEL


def contrasts(courses: Sequence[Course], groups: Sequence[Group]) -> list[Contrast]:
    """Return what can be said of each pair of groups with at least three finished runs each."""
    finished = [
        (group.name, _independent([courses[index] for index in group.members])) for group in groups
    ]
    able = [(name, runs) for name, runs in finished if len(runs) >= FEWEST]
    pairs = list(combinations(able, 2))
    found = [_contrast((a, b), one, two, len(pairs)) for (a, one), (b, two) in pairs]
    return _corrected([each for each in found if each is not None])


def _independent(members: Sequence[Course]) -> list[Course]:
    """Return those that count: finished, with a score, and one for each seed."""
    whole = [each for each in members if each.state == "finished" and each.end.best is not None]
    return list({each.seed: each for each in reversed(whole)}.values())[::-1]


def _contrast(
    names: tuple[str, str], one: Sequence[Course], two: Sequence[Course], pairs: int
) -> Contrast | None:
    """Return what two groups say; None if one of their runs had no score when another ended."""
    costs = [course.end.cost for course in (*one, *two)]
    known = [cost for cost in costs if cost is not None]
    cost = min(known) if len(known) == len(costs) else None
    trainings = min(c.end.trainings for c in (*one, *two)) if cost is None else None
    losses = [[course.at(trainings, cost) for course in group] for group in (one, two)]
    if any(loss is None for group in losses for loss in group):
        return None
    a, b = (np.array(group, float) for group in losses)
    rng = np.random.default_rng(0)
    drawn = [np.median(rng.choice(each, (_RESAMPLES, len(each))), axis=1) for each in (a, b)]
    low, high = np.quantile(drawn[1] - drawn[0], (0.025, 0.975))
    medians = float(np.median(a)), float(np.median(b))
    return Contrast(
        groups=names,
        cost=cost,
        trainings=trainings,
        runs=(len(a), len(b)),
        medians=medians,
        difference=medians[1] - medians[0],
        low=float(low),
        high=float(high),
        p=_p(a, b),
        least_p=min(1.0, pairs * 2 / math.comb(len(a) + len(b), len(a))),
    )


def _p(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    from scipy.stats import mannwhitneyu, permutation_test

    if len({*a, *b}) == len(a) + len(b):
        return float(mannwhitneyu(a, b).pvalue)

    # With ties SciPy's own p-value is asymptotic, and of few runs less than they can show.
    def statistic(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
        return float(mannwhitneyu(one, two, method="asymptotic").statistic)

    found = permutation_test((a, b), statistic, vectorized=False, random_state=0)
    return float(found.pvalue)


def _corrected(found: Sequence[Contrast]) -> list[Contrast]:
    """Return the same with p-values that hold for all of them together."""
    corrected, largest = dict[tuple[str, str], float](), 0.0
    for number, each in enumerate(sorted(found, key=lambda one: one.p)):
        largest = max(largest, min(1.0, (len(found) - number) * each.p))
        corrected[each.groups] = largest
    return [replace(each, p=corrected[each.groups]) for each in found]
