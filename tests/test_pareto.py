from __future__ import annotations

import math

import pytest

from evoae.pareto import hypervolume, place, undominated


def test_a_place_holds_the_logarithms_of_the_objectives_asked_for() -> None:
    found = place(0.5, 8, 1000, ("parameters", "loss"))
    assert found == pytest.approx((math.log(1000), math.log(0.5)))
    assert math.isfinite(place(0.0, 8, 1000, ("loss",))[0])


def test_the_undominated_are_those_nobody_beats_and_equals_count_once() -> None:
    places = [(1.0, 4.0), (2.0, 2.0), (2.0, 3.0), (4.0, 1.0), (2.0, 2.0)]
    assert undominated(places) == [True, True, False, True, False]
    assert undominated([]) == []


def test_the_hypervolume_is_the_area_under_the_corner() -> None:
    assert hypervolume([(0.0, 1.0), (1.0, 0.0)], (2.0, 2.0)) == pytest.approx(3.0)
    assert hypervolume([(0.0, 1.0), (3.0, 0.0)], (2.0, 2.0)) == pytest.approx(2.0)
    assert hypervolume([], (2.0, 2.0)) == 0.0
    assert hypervolume([(5.0, 5.0)], (2.0, 2.0)) == 0.0
