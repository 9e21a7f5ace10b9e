"""Models of the hall of fame that are missing are trained again before a search has ended."""

import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest

import evoae
from evoae.engine.progress import Callback
from evoae.errors import SearchError
from evoae.runs.files import model_path
from evoae.runs.metadata import Restored
from evoae.runs.run import Run
from evoae.training import train as training
from tests import faulty
from tests.conftest import TINY, history, with_changes


class Listener(Callback):
    """Keeps what it is told."""

    def __init__(self):
        self.lines = []

    def said(self, line):
        self.lines.append(line)


@pytest.fixture
def run(tiny_run, tmp_path):
    """A finished run of one's own."""
    return Run.open(shutil.copytree(tiny_run.path, tmp_path / "run"))


@pytest.fixture
def otherwise(monkeypatch):
    """Return a function that lets trainings end with a loss so many times as large."""
    honest = training.train

    def change(factor):
        def train(task):
            evaluation = honest(task)
            return replace(evaluation, fitness=evaluation.fitness * factor)

        monkeypatch.setattr("evoae.execution.factory.train", train)

    return change


def remove_models(run, count):
    removed = [entry.id for entry in run.hall_of_fame()[:count]]
    for id in removed:
        model_path(run.path, id).unlink()
    return removed


def test_missing_models_are_trained_again(run, tiny_run):
    remove_models(run, 2)
    listener = Listener()
    resumed = evoae.resume(run.path, callback=listener)
    assert history(resumed) == history(tiny_run)
    assert all(entry.load().count_params() == entry.parameters for entry in resumed.hall_of_fame())
    assert "Trained again, as recorded: 2 missing models of the hall of fame." in listener.lines
    assert resumed.metadata().restored == {}


def test_a_difference_within_rounding_is_kept_and_recorded(run, otherwise):
    (id,) = remove_models(run, 1)
    recorded = run.find(id).evaluation.fitness
    otherwise(1 + 1e-6)
    listener = Listener()
    resumed = evoae.resume(run.path, callback=listener)
    assert model_path(run.path, id).is_file()
    assert resumed.metadata().restored == {id: Restored(recorded, recorded * (1 + 1e-6))}
    assert any(line.startswith(f"{id[:6]}: trained again") for line in listener.lines)
    assert resumed.status().state == "finished"
    assert resumed.hall_of_fame()[0].val_loss == recorded


@pytest.mark.slow
def test_a_model_that_differs_by_more_is_refused_each_time_until_it_is_accepted(run, otherwise):
    (id,) = remove_models(run, 1)
    otherwise(1.5)
    for _ in range(2):
        with pytest.raises(SearchError, match=r"instead of .*--accept-models'") as refused:
            evoae.resume(run.path)
        assert refused.value.place == str(model_path(run.path.absolute(), id))
        assert not model_path(run.path, id).exists()
        assert Run.open(run.path).status().state == "failed"
    accepted = evoae.resume(run.path, accept_models=True)
    assert accepted.status().state == "finished"
    assert model_path(run.path, id).is_file()
    assert accepted.metadata().restored[id].now == pytest.approx(
        1.5 * accepted.hall_of_fame()[0].val_loss
    )


def test_a_stop_while_models_are_restored_is_heard(run, monkeypatch):
    removed = remove_models(run, 2)
    honest, stops = training.train, []

    @contextmanager
    def remembered(stop, _):
        stops.append(stop)
        yield

    monkeypatch.setattr("evoae.engine.session.stopped_by_signals", remembered)

    def stopped_meanwhile(task):
        stops[-1].made = True
        return honest(task)

    monkeypatch.setattr("evoae.execution.factory.train", stopped_meanwhile)
    with pytest.raises(evoae.Interrupted):
        evoae.resume(run.path)
    there = [model_path(run.path, id).is_file() for id in removed]
    assert sorted(there) == [False, True]
    assert Run.open(run.path).status().state == "interrupted"


def test_a_search_has_ended_when_its_baselines_have(tmp_path, monkeypatch):
    config = with_changes(TINY, report={"baselines": ["plain"]})
    seen = []

    def dies_at_the_plain_one(task):
        seen.append(Run.open(tmp_path / "run").status().state)
        if len(seen) > 7:  # those of the search
            raise KeyboardInterrupt
        return faulty.scored(task)

    with monkeypatch.context() as patch:
        patch.setattr("evoae.execution.factory.train", dies_at_the_plain_one)
        with pytest.raises(KeyboardInterrupt):
            evoae.search(config, run=tmp_path / "run")
    monkeypatch.setattr("evoae.execution.factory.train", faulty.scored)
    assert set(seen) == {"running"}
    assert len(Run.open(tmp_path / "run").first_evaluations()) == 7
    assert Run.open(tmp_path / "run").status().state == "interrupted"
    assert evoae.resume(tmp_path / "run").status().state == "finished"
