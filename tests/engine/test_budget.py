from __future__ import annotations

from evoae.config.search import BudgetConfig
from evoae.engine.budget import Budget, BudgetStops
from evoae.evaluation import TrainingKey

A, B = TrainingKey("a"), TrainingKey("b", 2)


def test_an_empty_budget_affords_everything() -> None:
    budget = Budget(BudgetConfig())
    assert budget.affords(10**30)
    assert (budget.share, budget.out_of_time) == (0.0, False)


def test_flops_are_afforded_up_to_the_budget_with_those_under_way_counted() -> None:
    budget = Budget(BudgetConfig(flops=100))
    budget.reserve(A, 60)
    assert budget.affords(40)
    assert not budget.affords(41)
    budget.commit(A, 20)  # it stopped early
    assert (budget.flops, budget.share) == (20, 0.2)
    assert budget.affords(80)


def test_trainings_are_afforded_up_to_their_number() -> None:
    budget = Budget(BudgetConfig(evaluations=2))
    budget.reserve(A, 5)
    assert budget.affords(5)
    budget.reserve(B, 5)
    assert not budget.affords(5)
    budget.forget(B)
    budget.commit(A, 5)
    assert budget.affords(5)
    assert budget.share == 0.5


def test_minutes_count_those_of_earlier_drivers() -> None:
    assert Budget(BudgetConfig(minutes=1), seconds=61).out_of_time
    assert not Budget(BudgetConfig(minutes=1), seconds=1).out_of_time


def test_where_a_budget_ended_a_search_is_told_as_text_and_read_back() -> None:
    recorded = BudgetStops({}, 3).added(3, [A, B])
    assert recorded == {"3": ["a", "b 2"]}
    stops = BudgetStops(recorded, 3)
    assert [stops.admits(3, key, lambda: False) for key in (A, B, A)] == [True, True, False]
    assert stops.ends(3)
