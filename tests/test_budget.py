from __future__ import annotations

from evoae.budget import Purse
from evoae.config.search import BudgetConfig


def test_an_empty_budget_affords_everything() -> None:
    purse = Purse(BudgetConfig())
    assert purse.affords(10**30)
    assert (purse.share, purse.out_of_time) == (0.0, False)


def test_flops_are_afforded_up_to_the_budget_with_those_under_way_counted() -> None:
    purse = Purse(BudgetConfig(flops=100))
    purse.promise("a", 60)
    assert purse.affords(40)
    assert not purse.affords(41)
    purse.settle("a", 20)  # it stopped early
    assert (purse.flops, purse.share) == (20, 0.2)
    assert purse.affords(80)


def test_trainings_are_afforded_up_to_their_number() -> None:
    purse = Purse(BudgetConfig(evaluations=2))
    purse.promise("a", 5)
    assert purse.affords(5)
    purse.promise("b", 5)
    assert not purse.affords(5)
    purse.forget("b")
    purse.settle("a", 5)
    assert purse.affords(5)
    assert purse.share == 0.5


def test_minutes_count_those_of_earlier_drivers() -> None:
    assert Purse(BudgetConfig(minutes=1), seconds=61).out_of_time
    assert not Purse(BudgetConfig(minutes=1), seconds=1).out_of_time
