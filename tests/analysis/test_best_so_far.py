from __future__ import annotations

from dataclasses import replace

from evoae.analysis.best_so_far import Point
from tests.runs.samples import failed, scored


def test_the_best_so_far_is_the_least_loss_of_whole_trainings() -> None:
    point = Point().after(failed(1), None)
    assert (point.trainings, point.best) == (1, None)
    point = point.after(scored(2), 0.3).after(scored(3), 0.5).after(failed(4), None)
    assert (point.trainings, point.best) == (4, 0.3)
    assert point.after(replace(scored(5), raced=True), 0.1).best == 0.3


def test_the_cost_so_far_is_unknown_from_the_first_training_without_one_on() -> None:
    point = Point().after(replace(scored(1), cost=5), 0.3).after(replace(scored(2), cost=6), 0.2)
    assert point.cost == 11
    assert point.after(scored(3), 0.1).after(replace(scored(4), cost=7), 0.1).cost is None
