"""The whole path, on real digits: a search, its interruption, its resume, its results."""

import os
import signal

import numpy as np
import pytest

import evoae
from evoae.config.load import make_config
from evoae.errors import RunError
from evoae.evaluation import Outcome, TrainingKey
from tests import faulty
from tests.conftest import TINY, history, with_changes


class Interrupter:
    """A callback that presses Ctrl-C when the n-th candidate is settled or generation done."""

    def __init__(self, *, candidate=None, generation=None):
        self.candidate, self.generation, self.heard = candidate, generation, False

    def said(self, line): ...

    def started(self, info): ...

    def progressed(self, progress):
        if progress.settled == self.candidate:
            os.kill(os.getpid(), signal.SIGINT)

    def generation_done(self, progress, row):
        if progress.generation == self.generation:
            os.kill(os.getpid(), signal.SIGINT)

    def stopping(self, in_flight):
        self.heard = True


@pytest.fixture
def scored(monkeypatch):
    """Let no search train: the losses follow from the candidates."""
    monkeypatch.setattr("evoae.execution.factory.train", faulty.scored)


def interrupted(moment, folder):
    """Search until Ctrl-C is pressed at that moment, and resume."""
    callback = Interrupter(**moment)
    with pytest.raises(evoae.Interrupted) as stopped:
        evoae.search(TINY, run=folder, callback=callback)
    assert callback.heard
    before = evoae.Run.open(folder)
    assert before.status().state == "interrupted"
    assert len(before.first_evaluations()) == stopped.value.trained > 0
    return evoae.resume(folder)


def test_a_search_ends_with_a_hall_of_fame_of_trained_models(tiny_run):
    hall = tiny_run.hall_of_fame()
    assert tiny_run.status().state == "finished"
    assert [entry.rank for entry in hall] == list(range(1, len(hall) + 1))
    assert [e.val_loss for e in hall] == sorted(e.val_loss for e in hall)
    assert len({entry.id for entry in hall}) == len(hall) >= 3
    assert all(entry.latent <= TINY["model"]["max_latent"] for entry in hall)


def test_a_model_of_the_hall_of_fame_has_the_loss_it_is_listed_with(tiny_run):
    from evoae.data.load import load

    config = tiny_run.config
    validation = load(config.data, config.seed).reduced(config.data.reduce, config.seed).validation
    entry = tiny_run.hall_of_fame()[0]
    model = entry.load()
    rebuilt = model.predict(validation, verbose=0)
    assert np.mean((rebuilt - validation) ** 2) == pytest.approx(entry.val_loss, rel=1e-5)
    assert model.get_layer("encoder").output_shape[-1] == entry.latent
    assert model.count_params() == entry.parameters


@pytest.mark.slow
def test_two_workers_give_the_history_that_one_process_gives(tiny_run, tmp_path):
    local = with_changes(TINY, execution={"kind": "local", "workers": 2})
    assert history(evoae.search(local, run=tmp_path / "local")) == history(tiny_run)


@pytest.mark.parametrize("moment", [{"candidate": 2}, {"candidate": 6}, {"generation": 1}])
def test_an_interrupted_search_resumes_to_the_undisturbed_end(moment, scored, tmp_path):
    undisturbed = evoae.search(TINY, run=tmp_path / "undisturbed")
    assert history(interrupted(moment, tmp_path / "run")) == history(undisturbed)


@pytest.mark.slow
def test_so_does_one_that_really_trains(tiny_run, tmp_path):
    assert history(interrupted({"candidate": 6}, tmp_path / "run")) == history(tiny_run)


def test_extending_a_finished_run_equals_asking_for_more_at_the_start(scored, tmp_path):
    undisturbed = evoae.search(TINY, run=tmp_path / "undisturbed")
    shorter = with_changes(TINY, search={"generations": 1})
    evoae.search(shorter, run=tmp_path / "run")
    more = TINY["search"]["generations"] - 1
    assert history(evoae.resume(tmp_path / "run", generations=more)) == history(undisturbed)


def test_resuming_a_finished_run_trains_nothing(tiny_run):
    before = history(tiny_run)
    assert history(evoae.resume(tiny_run.path)) == before


def test_random_search_spends_the_same_budget(scored, tmp_path):
    bred = evoae.search(TINY, run=tmp_path / "bred")
    run = evoae.search(with_changes(TINY, search={"algorithm": "random"}), run=tmp_path / "run")
    assert len(run.first_evaluations()) == len(bred.first_evaluations())


def test_an_existing_folder_is_refused_and_left_alone(tiny_run):
    before = sorted(tiny_run.path.rglob("*"))
    with pytest.raises(RunError) as refused:
        evoae.search(TINY, run=tiny_run.path)
    assert "exists" in str(refused.value)
    assert sorted(tiny_run.path.rglob("*")) == before


def test_changed_data_are_noticed_on_resume(scored, tmp_path):
    images = np.random.default_rng(0).random((40, 8, 8), dtype=np.float32)
    np.save(tmp_path / "images.npy", images)
    config = with_changes(
        TINY, data={"name": None, "path": str(tmp_path / "images.npy"), "reduce": {}}
    )
    evoae.search(with_changes(config, search={"generations": 1}), run=tmp_path / "run")
    np.save(tmp_path / "images.npy", images * 0.5)
    with pytest.raises(RunError) as refused:
        evoae.resume(tmp_path / "run", generations=1)
    assert "digest" in str(refused.value)


def test_a_config_may_be_a_mapping_or_a_model():
    assert make_config(make_config(TINY)) == make_config(TINY)


def test_a_published_sequence_is_read_built_and_trained(tiny_run):
    from evoae.data.load import load
    from evoae.data.shared_memmap import share
    from evoae.evaluation import Task
    from evoae.genome.canonical import candidate_id
    from evoae.genome.codec import decode
    from evoae.genome.network_defaults import NetworkDefaults
    from evoae.training.train import train

    genome = decode([-1, 8, 3, 3, -3, -1, 6, 3, 3, -4, 0.3, -2, 6, 3, 3, -2, 8, 3, 3, -3])
    config = tiny_run.config
    data = load(config.data, config.seed).reduced(config.data.reduce, config.seed)
    evaluation = train(
        Task(
            TrainingKey(candidate_id(genome)),
            genome,
            NetworkDefaults(data.input_shape),
            share(data),
            config.objective,
            config.training,
            seed=1,
        )
    )
    assert evaluation.outcome is Outcome.SCORED
    assert evaluation.latent == 4 * 4 * 6
