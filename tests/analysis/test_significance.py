from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest

from evoae.analysis.best_so_far import Point
from evoae.analysis.comparison import Course, Group
from evoae.analysis.significance import contrasts

SEEDS = count()


def run(
    *bests: float | None,
    cost: int | None = 10,
    state: str = "finished",
    seed: int | None = None,
) -> Course:
    costs = [None if cost is None else cost * number for number in range(1, len(bests) + 1)]
    points = tuple(
        Point(number, spent, best)
        for number, (spent, best) in enumerate(zip(costs, bests, strict=True), start=1)
    )
    return Course("run", next(SEEDS) if seed is None else seed, state, {}, {}, points)


def of(*many: list[Course]) -> tuple[list[Course], list[Group]]:
    courses, found = [], []
    for number, group in enumerate(many):
        places = tuple(range(len(courses), len(courses) + len(group)))
        found.append(Group("ABC"[number], {}, places))
        courses += group
    return courses, found


def ending(*bests: float) -> list[Course]:
    return [run(9.0, best) for best in bests]


def test_three_against_three_can_never_be_significant() -> None:
    (one,) = contrasts(*of(ending(1, 2, 3), ending(4, 5, 6)))
    assert (one.groups, one.runs, one.medians) == (("A", "B"), (3, 3), (2.0, 5.0))
    assert one.difference == 3.0
    assert one.p == pytest.approx(0.1)  # 2 of the 20 ways to rank them
    assert one.least_p == pytest.approx(0.1)
    assert not one.differ


def test_ties_promise_no_more_than_so_few_runs_can_show() -> None:
    (one,) = contrasts(*of(ending(1, 1, 2), ending(3, 4, 5)))
    assert one.p == pytest.approx(one.least_p) == pytest.approx(0.1)


def test_a_run_and_its_copies_count_once() -> None:
    copies = [run(9.0, 1.0, seed=-1) for _ in range(3)]
    assert contrasts(*of(copies, ending(4, 5, 6))) == []
    (one,) = contrasts(*of([*copies, *ending(2, 3)], ending(4, 5, 6)))
    assert one.runs == (3, 3)


def test_four_against_four_that_do_not_overlap_differ() -> None:
    (one,) = contrasts(*of(ending(1, 2, 3, 4), ending(5, 6, 7, 8)))
    assert one.p == pytest.approx(2 / math.comb(8, 4))
    assert one.differ
    assert 1 <= one.low < one.difference == 4 < one.high <= 7


def test_runs_count_up_to_the_least_that_any_of_them_spent() -> None:
    longer = [run(9.0, best, 0.001) for best in (1, 2, 3)]
    (one,) = contrasts(*of(longer, ending(1, 2, 3)))
    assert (one.cost, one.trainings, one.difference) == (20, None, 0.0)
    dear = [run(9.0, best, cost=25) for best in (1, 2, 3)]  # 50 each, for the same losses
    (one,) = contrasts(*of(dear, [run(9.0, 5.0, best) for best in (1, 2, 3)]))
    assert (one.cost, one.medians) == (30, (9.0, 2.0))


def test_without_known_costs_trainings_count() -> None:
    old = [run(9.0, best, cost=None) for best in (1, 2, 3)]
    (one,) = contrasts(*of(old, [run(9.0, best, 0.001) for best in (1, 2, 3)]))
    assert (one.cost, one.trainings, one.difference) == (None, 2, 0.0)


def test_too_few_or_unfinished_runs_say_nothing() -> None:
    assert contrasts(*of(ending(1, 2), ending(4, 5, 6))) == []
    unfinished = [*ending(1, 2), run(9.0, 3.0, state="interrupted")]
    assert contrasts(*of(unfinished, ending(4, 5, 6))) == []
    unscored = [*ending(1, 2), run(None, None)]
    assert contrasts(*of(unscored, ending(4, 5, 6))) == []
    late = [*ending(1, 2), run(None, 3.0, cost=10)]
    assert contrasts(*of(late, [run(1.0, cost=10) for _ in range(3)])) == []


def test_equal_losses_are_no_difference() -> None:
    (one,) = contrasts(*of(ending(2, 2, 2), ending(2, 2, 2)))
    assert (one.difference, one.low, one.high, one.p) == (0.0, 0.0, 0.0, 1.0)


def test_several_pairs_are_corrected_after_holm() -> None:
    found = contrasts(*of(ending(1, 2, 3, 4), ending(5, 6, 7, 8), ending(1.5, 2.5, 3.5, 4.5)))
    p = {"".join(one.groups): one.p for one in found}
    extreme = 2 / math.comb(8, 4)
    assert p["AB"] == pytest.approx(3 * extreme)
    assert p["BC"] == pytest.approx(3 * extreme)  # 2 x is less than what came before
    assert p["AC"] > 0.5
    assert found[0].least_p == pytest.approx(3 * extreme)


def test_equal_groups_are_told_apart_by_chance_once_in_twenty_times_at_most() -> None:
    rng, told = np.random.default_rng(2), 0
    for _ in range(200):
        draws = rng.normal(10, 1, (2, 5))
        (one,) = contrasts(*of(ending(*draws[0]), ending(*draws[1])))
        told += one.differ
    assert told <= 18  # 200 trials at 5% stay below with a probability of 99%
