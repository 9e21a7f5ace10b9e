"""Searches killed without warning at chosen points; `benchmarks.crash` does many more."""

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from benchmarks.crash import SEARCHES, Bench, draw
from benchmarks.sudden_death import MOMENTS, POINTS, VICTIMS, Blow

FEW = [
    ("commit", "during", "driver", "inline"),
    ("generation change", "after", "driver", "inline"),
    ("model writing", "during", "driver", "inline"),
    ("model keeping", "before", "driver", "inline"),
    ("model keeping", "during", "worker", "local"),
    ("commit", "before", "both", "local"),
    ("restoring", "during", "driver", "inline"),
    ("baselines", "before", "driver", "inline"),
    ("training", "during", "all workers", "local"),
    ("training", "during", "group, SIGTERM", "local"),
]


def kill(folder, blows):
    return Bench(folder).kill(blows)


@pytest.fixture(scope="module")
def tally(tmp_path_factory):
    blows = [Blow(number, *what, occurrence=1, share=0.5) for number, what in enumerate(FEW)]
    # A process of its own: the bench forks, which is safe only where TensorFlow has not run yet.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(kill, tmp_path_factory.mktemp("crash"), blows).result()


@pytest.mark.slow
def test_every_blow_falls(tally):
    fallen = [(blow.point, blow.moment, blow.victim, blow.kind) for blow in tally.fallen]
    assert sorted(fallen) == sorted(FEW)
    assert tally.flawless
    assert tally.resumes >= 5


@pytest.mark.slow
def test_no_committed_evaluation_is_lost_or_trained_again(tally):
    assert tally.committed >= 10
    assert (tally.lost, tally.repeated) == (0, 0)


@pytest.mark.slow
def test_every_killed_run_ends_like_the_undisturbed_one(tally):
    assert tally.runs > 0
    assert tally.different == []


def test_the_long_form_covers_every_point_moment_victim_and_algorithm():
    blows = draw(160, seed=1)
    assert len(blows) == 160
    met = Counter((blow.point, blow.moment, blow.victim) for blow in blows)
    for point in POINTS:
        for moment in MOMENTS:
            assert all(met[point, moment, victim] for victim in VICTIMS)
    assert sum(blow.point == "any" for blow in blows) == 16
    assert Counter(blow.algorithm for blow in blows) == dict.fromkeys(SEARCHES, 32)
