"""Refits in a given time: which candidate gets it, and as how many epochs."""

import importlib
import shutil

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.errors import RunError
from evoae.experiments.refit import whole_problem
from evoae.experiments.refit_within import TRIAL, _contenders, _epochs, _pace, refit_within
from evoae.runs.run import Run
from evoae.runs.store import Store

refit_within_module = importlib.import_module("evoae.experiments.refit_within")
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
    with pytest.MonkeyPatch.context() as patch:  # half a second an epoch, on any machine
        patch.setattr(refit_within_module, "_pace", lambda *_: (0.5, 0.0))
        patch.setattr(refit_within_module, "_pace_of", lambda _: (0.5, 0.0))
        tried = refit_within_module._tried
        patch.setattr(  # and each trial half a second, whatever it took
            refit_within_module,
            "_tried",
            lambda *args: {id: {**one, "seconds": 0.5} for id, one in tried(*args).items()},
        )
        return refit_within(run.path, 0.12, settings=SETTINGS, say=said.append), said


def test_the_two_candidates_with_the_best_trials_are_refitted_longest(run, done):
    refitted, said = done
    tried = trials(run)
    assert set(tried) == {entry.id for entry in run.hall_of_fame()[:4]}
    best = sorted(tried, key=lambda id: tried[id]["val_loss"])[:2]
    assert {one.id for one in refitted} == set(best)
    assert refitted[0].val_loss <= refitted[1].val_loss
    for one in refitted:
        assert one.epochs[0] > tried[one.id]["settings"]["epochs"]
    assert any("short refits" in line for line in said)


@pytest.mark.slow
def test_time_that_would_overfit_goes_to_other_start_weights(run, monkeypatch):
    monkeypatch.setattr(refit_within_module, "_EPOCHS_THAT_OVERFIT", 2)
    monkeypatch.setattr(refit_within_module, "_STEPS_THAT_OVERFIT", 1)
    monkeypatch.setattr(refit_within_module, "_pace", lambda *_: (0.1, 0.1))
    settings = SETTINGS | {"batch_size": 128}
    (refitted,) = refit_within(run.path, 0.02, [run.hall_of_fame()[0].id], settings=settings)
    assert refitted.settings["epochs"] == 2
    assert 1 < refitted.settings["seeds"] <= 5


@pytest.mark.slow
def test_trials_are_not_trained_twice(run, done, monkeypatch):
    said = []
    known = {id: trial["settings"] for id, trial in trials(run).items()}
    monkeypatch.setattr(refit_within_module, "_pace", lambda *_: (0.5, 0.0))
    refit_within(run.path, 0.12, settings=SETTINGS, say=said.append)
    assert {id: trial["settings"] for id, trial in trials(run).items()} == known
    assert not any("short refit" in line for line in said)


def test_without_time_for_trials_the_first_two_share_it(run, done, monkeypatch):
    monkeypatch.setattr(refit_within_module, "_FEWEST_EPOCHS", 1)
    before = trials(run)
    refitted = refit_within(run.path, 0.0001, settings=SETTINGS)
    assert {one.id for one in refitted} == {entry.id for entry in run.hall_of_fame()[:2]}
    assert trials(run) == before


def test_without_time_for_two_the_best_has_it_alone(run, done, monkeypatch):
    monkeypatch.setattr(refit_within_module, "_pace", lambda *_: (2.0, 0.0))
    monkeypatch.setattr(refit_within_module, "_tells_more", lambda *_: False)
    (refitted,) = refit_within(run.path, 0.08, settings=SETTINGS)
    assert refitted.id == run.hall_of_fame()[0].id
    assert refitted.settings["epochs"] == 2


def test_one_of_the_two_has_another_linear_path(run, monkeypatch):
    entries = [run.find(entry.id) for entry in run.hall_of_fame()]
    with_path = {entries[-1].candidate.id}
    monkeypatch.setattr(
        refit_within_module, "_linear_path", lambda each: each.candidate.id in with_path
    )
    chosen = [each.candidate.id for each in _contenders(run, [], 2)]
    assert chosen == [entries[0].candidate.id, entries[-1].candidate.id]


def test_one_candidate_needs_no_trial(run, done):
    other = run.hall_of_fame()[-1].id
    before = trials(run)
    assert [one.id for one in refit_within(run.path, 0.01, [other], settings=SETTINGS)] == [other]
    assert trials(run) == before


def test_time_becomes_epochs(run):
    assert _epochs(10, 2, 4) == 3
    assert (_epochs(9.4, 2, 4), _epochs(9.6, 2, 4)) == (2, 3)
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
