"""The order in which trainings finish changes nothing but the order in which they are listed.

Every kind of search meets every order in one process, where it costs next to nothing; real worker
processes are met by three of them, and by all of them in `make slow`.
"""

import importlib
import random
from functools import partial
from typing import final

import pytest

import evoae
from evoae.execution.executor import AbstractExecutor
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from tests import faulty
from tests.conftest import TINY, history, with_changes
from tests.covering import first

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
BRED = with_changes(TINY, search={"population": 8, "generations": 3})
SEARCHES = {
    "generational": {},
    "measured again": {"repeats": 3, "repeat_share": 0.3},
    "aging": {"algorithm": "aging", "population": 6, "max_in_flight": 4},
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
        "budget": {"flops": 6e8},
    },
    "aging, without a surrogate": {"algorithm": "aging", "surrogate": 1},
    "raced": {"racing": {"keep": 0.4, "after": 6}},
    "aging, raced, all at once": {
        "algorithm": "aging",
        "max_in_flight": 3,
        "racing": {"keep": 0.5, "after": 5},
        "repeats": 2,
        "surrogate": 4,
        "budget": {"flops": 7e8},
    },
    "raced, with a budget": {
        "racing": {"keep": 0.3, "after": 4},
        "population": 12,
        "generations": None,
        "budget": {"flops": 1.2e9},
    },
    "trainings": {"budget": {"evaluations": 19}, "generations": None},
    "flops": {"algorithm": "aging", "budget": {"flops": 1e9}, "generations": None},
}
GENES = with_changes(
    BRED,
    model={"head": ["conv", "mirror"], "sampling": {"residual": 0.5}, "upsampling": "transposed"},
    search=SEARCHES["aging"],
)
SEARCHED = {name: with_changes(BRED, search=search) for name, search in SEARCHES.items()}
SEARCHED["heads and residual blocks"] = GENES
each_search = pytest.mark.parametrize("name", SEARCHED)
FIRST = (  # all kinds of bookkeeping; the others mix them otherwise
    *("aging, raced, all at once", "nsga2, measured again", "flops"),
)
IN_PROCESSES = ("measured again", "aging, raced, all at once", "nsga2")


@final
class Shuffled(AbstractExecutor):
    """So many workers, any one of which is the next to finish."""

    workers = 0

    def __init__(self, workers, seed):
        self.workers, self._rng, self._under_way = workers, random.Random(seed), []

    def start(self, task):
        assert len(self._under_way) < self.workers
        self._under_way.append(task)

    def wait(self):
        number = self._rng.randrange(len(self._under_way))
        return faulty.scored(self._under_way.pop(number))

    def close(self):
        self._under_way.clear()


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Return what runs one of the searches with an executor, as a run of that name."""

    def search(name, executor, folder):
        monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: executor)
        return evoae.search(SEARCHED[name], run=tmp_path / folder)

    return search


def in_processes(workers, train=faulty.at_any_pace):
    return LocalExecutor(workers, train=train, recycle_after=9)


def order(run):
    return tuple(evaluation.id for evaluation in run.first_evaluations())


@pytest.mark.parametrize("name", first(SEARCHED, lambda name: name in FIRST))
def test_neither_the_order_of_endings_nor_a_kill_changes_a_history(name, searched, monkeypatch):
    whole = searched(name, InlineExecutor(faulty.scored), "whole")
    shuffled = searched(name, Shuffled(4, seed=1), "shuffled")
    assert order(shuffled) != order(whole), "so this shows nothing"
    assert history(shuffled) == history(whole)
    for killed_after, workers in ((3, 2), (13, 4)):
        plug = InlineExecutor(faulty.pulled_after(killed_after))
        with pytest.raises(faulty.PulledPlugError):
            searched(name, plug, f"killed-{killed_after}")
        rest = Shuffled(workers, seed=2)
        monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_, rest=rest: rest)
        resumed = evoae.resume(shuffled.path.with_name(f"killed-{killed_after}"))
        assert history(resumed) == history(whole)


@pytest.mark.parametrize("name", first(IN_PROCESSES, lambda name: name == "nsga2"))
def test_worker_processes_of_any_pace_give_the_history_of_one_process(name, searched):
    alone = searched(name, InlineExecutor(faulty.scored), "alone")
    together = alone.path.with_name("together")
    first_is_late = partial(faulty.overtaken, order(alone)[0], together)
    together = searched(name, in_processes(3, first_is_late), together.name)
    assert order(together) != order(alone), "so this shows nothing"
    assert history(together) == history(alone)


@pytest.mark.slow
@each_search
def test_one_two_and_four_workers_give_one_history(name, searched, monkeypatch):
    alone = searched(name, InlineExecutor(faulty.scored), "alone")
    for workers in (1, 2, 4):
        assert history(searched(name, in_processes(workers), f"{workers}")) == history(alone)
    with pytest.raises(faulty.PulledPlugError):
        searched(name, InlineExecutor(faulty.pulled_after(13)), "killed")
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: in_processes(4))
    assert history(evoae.resume(alone.path.with_name("killed"))) == history(alone)
