"""The order in which trainings finish changes nothing but the order in which they are listed."""

import importlib

import pytest

import evoae
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from tests import faulty
from tests.conftest import TINY, history, with_changes

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
BRED = with_changes(TINY, search={"population": 12, "generations": 4})
SEARCHES = {
    "generational": {},
    "measured again": {"repeats": 3, "repeat_share": 0.3},
    "aging": {"algorithm": "aging", "population": 8, "max_in_flight": 4},
    "aging, measured again": {
        "algorithm": "aging",
        "max_in_flight": 3,
        "repeats": 3,
        "repeat_share": 0.3,
    },
    "mu_plus_lambda": {"algorithm": "mu_plus_lambda"},
    "nsga2": {"algorithm": "nsga2", "hof_size": 5},
    "nsga2, measured again": {"algorithm": "nsga2", "repeats": 2, "repeat_share": 0.3},
    "generational, all at once": {
        "racing": {"keep": 0.5, "after": 5},
        "repeats": 3,
        "repeat_share": 0.3,
        "budget": {"flops": 4e9},
    },
    "aging, without a surrogate": {"algorithm": "aging", "surrogate": 1},
    "raced": {"racing": {"keep": 0.4, "after": 6}},
    "aging, raced, all at once": {
        "algorithm": "aging",
        "max_in_flight": 3,
        "racing": {"keep": 0.5, "after": 5},
        "repeats": 2,
        "surrogate": 4,
        "budget": {"flops": 4e9},
    },
    "raced, with a budget": {
        "racing": {"keep": 0.3, "after": 4},
        "population": 20,
        "generations": None,
        "budget": {"flops": 3e9},
    },
    "trainings": {"budget": {"evaluations": 29}, "generations": None},
    "flops": {"algorithm": "aging", "budget": {"flops": 4e9}, "generations": None},
}
GENES = with_changes(
    BRED,
    model={"head": ["conv", "mirror"], "sampling": {"residual": 0.5}, "upsampling": "transposed"},
    search=SEARCHES["aging"],
)
each_search = pytest.mark.parametrize(
    "bred",
    [*(with_changes(BRED, search=search) for search in SEARCHES.values()), GENES],
    ids=[*SEARCHES, "heads and residual blocks"],
)


@each_search
def test_one_two_and_four_workers_of_any_pace_give_one_history(bred, tmp_path, monkeypatch):
    runs = []
    for workers in (0, 1, 2, 4):

        def executor(*_, workers=workers):
            if not workers:
                return InlineExecutor(faulty.scored)
            return LocalExecutor(workers, train=faulty.at_any_pace, recycle_after=9)

        monkeypatch.setattr(CONDUCTOR, "executor_for", executor)
        runs.append(evoae.search(bred, run=tmp_path / f"{workers}-workers"))
    alone, *others = runs
    for other in others:
        assert history(other) == history(alone)
    orders = {tuple(e.id for e in run.first_evaluations()) for run in runs}
    assert len(orders) > 1, "all finished in one order, so this shows nothing"


@each_search
@pytest.mark.parametrize("killed_after", [3, 20])
def test_a_run_begun_by_one_and_resumed_by_four_gives_the_same_history(
    killed_after, bred, tmp_path, monkeypatch
):
    plug = faulty.pulled_after(killed_after)
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    whole = evoae.search(bred, run=tmp_path / "whole")
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(plug))
    with pytest.raises(faulty.PulledPlugError):
        evoae.search(bred, run=tmp_path / "run")
    monkeypatch.setattr(
        CONDUCTOR, "executor_for", lambda *_: LocalExecutor(4, train=faulty.at_any_pace)
    )
    assert history(evoae.resume(tmp_path / "run")) == history(whole)
