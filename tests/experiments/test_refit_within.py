"""Refits in a given time: which candidate gets it, and as how many epochs."""

import shutil

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.errors import RunError
from evoae.experiments.refit import whole_problem
from evoae.experiments.refit_within import TRIAL, _epochs, _pace, refit_within
from evoae.runs.run import Run
from evoae.runs.store import Store

SETTINGS = {"batch_size": 16, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    path = shutil.copytree(tiny_run.path, tmp_path_factory.mktemp("within") / "run")
    return Run.open(path)


def trials(run):
    with Store.reader(run.path) as store:
        return {id: result for (id, kind), result in store.results().items() if kind == TRIAL}


@pytest.fixture(scope="module")
def done(run):
    said = []
    return refit_within(run.path, 0.2, settings=SETTINGS, say=said.append), said


def test_the_candidate_with_the_best_trial_is_refitted_longest(run, done):
    refitted, said = done
    tried = trials(run)
    assert set(tried) == {entry.id for entry in run.hall_of_fame()[:3]}
    best = min(tried, key=lambda id: tried[id]["val_loss"])
    assert refitted.id == best
    assert refitted.epochs[0] >= tried[best]["settings"]["epochs"]
    assert any("short refits" in line for line in said)


def test_trials_are_not_trained_twice(run, done):
    said = []
    assert refit_within(run.path, 0.2, settings=SETTINGS, say=said.append) == done[0]
    assert not any("short refit" in line for line in said)


def test_one_candidate_needs_no_trial(run, done):
    other = run.hall_of_fame()[-1].id
    before = trials(run)
    assert refit_within(run.path, 0.01, [other], settings=SETTINGS).id == other
    assert trials(run) == before


def test_time_becomes_epochs(run):
    assert _epochs(10, 2, 4) == 3
    assert _epochs(0.001, 2, 4) == 1
    found = run.find("best")
    epoch, overhead = _pace(found, whole_problem(run, run.config), run)
    more = 1_000 * found.evaluation.seconds.epochs
    assert 0 < epoch < more
    assert overhead >= 0


def test_a_run_without_a_score_has_nothing_to_refit(run, tmp_path, monkeypatch):
    monkeypatch.setattr(Run, "hall_of_fame", lambda _: [])
    with pytest.raises(RunError, match="no candidate has a score"):
        refit_within(run.path, 1)


def test_minutes_and_epochs_exclude_each_other(run):
    typed = ["refit", str(run.path), "--minutes", "1", "--epochs", "3"]
    assert "not both" in CliRunner().invoke(cli, typed).output
