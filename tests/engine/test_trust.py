"""Failures, reuse across runs, and what a resume may change."""

import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.engine.progress import Callback
from evoae.errors import ConfigError, RunError, SearchError
from evoae.evaluation import Evaluation, Outcome
from evoae.execution import bfloat16
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests import faulty
from tests.conftest import TINY, history, with_changes

WILD = with_changes(TINY, training={"learning_rate": 1e30}, model={"output": "linear"})


def run_cli(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def wild_run(tmp_path_factory):
    """A run in which everything failed, stopped by the share of its failures."""
    folder = tmp_path_factory.mktemp("wild") / "run"
    with pytest.raises(SearchError) as stopped:
        evoae.search(WILD, run=folder)
    assert "4 of 4 trainings failed (4 diverged; mostly: the training loss" in str(stopped.value)
    return evoae.Run.open(folder)


def test_too_many_failures_stop_the_search_after_saving_them(wild_run):
    assert {e.outcome for e in wild_run.first_evaluations()} == {Outcome.DIVERGED}
    status = wild_run.status()
    assert status.state == "failed"
    assert "trainings failed" in status.why
    assert "evoae failures" in run_cli("status", wild_run.path).stderr
    assert wild_run.hall_of_fame() == []
    assert run_cli("hof", wild_run.path).exit_code == 0


@pytest.mark.slow
def test_a_stopped_search_goes_on_when_its_failures_are_allowed(wild_run, tmp_path):
    allowed = with_changes(WILD, search={"max_failure_share": 1.0})
    undisturbed = evoae.search(allowed, run=tmp_path / "run")
    resumed = evoae.resume(wild_run.path, overrides=["search.max_failure_share=1"])
    assert history(resumed) == history(undisturbed)
    assert not list(resumed.path.rglob("*.keras"))


def test_failures_are_listed_with_kind_reason_and_traceback(wild_run):
    listed = json.loads(run_cli("failures", wild_run.path, "--json").stdout)
    assert len(listed) == len(wild_run.first_evaluations())
    assert {failure["outcome"] for failure in listed} == {"diverged"}
    assert all("Traceback" in failure["traceback"] for failure in listed)
    lines = run_cli("failures", wild_run.path).stdout.splitlines()
    assert lines[1].split()[:3] == [listed[0]["id"][:6], "diverged", "1"]


def test_a_failure_can_be_repeated_alone(wild_run):
    failed = wild_run.first_evaluations()[0].id
    done = run_cli("replay", wild_run.path, failed[:10])
    assert done.exit_code == 0
    assert "no longer finite" in done.stdout
    assert "The same, to the last digit." in done.stderr


def test_a_replayed_score_is_the_recorded_one(tiny_run):
    found, now = evoae.replay(tiny_run.path, "best")
    assert isinstance(now, Evaluation)
    assert now.validation_loss == found.evaluation.validation_loss


@pytest.fixture(scope="module")
def all_kept(tiny_run, tmp_path_factory):
    """A run that keeps every model, and took over those that `tiny_run` had kept."""
    borrowing = with_changes(TINY, search={"reuse": [str(tiny_run.path)], "hof_size": 50})
    return evoae.search(borrowing, run=tmp_path_factory.mktemp("all kept") / "run")


def test_equal_trainings_of_another_run_are_taken_over(tiny_run, all_kept, tmp_path, monkeypatch):
    borrowing = with_changes(TINY, search={"reuse": [str(all_kept.path)]})

    def no_training(*_):
        raise AssertionError("trained")

    monkeypatch.setattr("evoae.execution.factory.train", no_training)
    run = evoae.search(borrowing, run=tmp_path / "run")
    assert history(run) == history(tiny_run)
    assert run.status().reused == len(tiny_run.first_evaluations())
    assert all(entry.load().count_params() == entry.parameters for entry in run.hall_of_fame())


def test_a_training_whose_model_is_wanted_but_gone_is_done_again(tiny_run, all_kept):
    hall = all_kept.hall_of_fame()
    assert all_kept.status().reused == len(tiny_run.hall_of_fame()) < len(hall)
    assert all(entry.load().count_params() == entry.parameters for entry in hall)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"training": {"epochs": 1}}, "training.epochs is 2 there and 1 here"),
        ({"objective": {"loss": "mae"}}, "objective.loss"),
        ({"data": {"validation": 0.2}}, "data_digest"),
        ({"model": {"min_side": 3}}, "model.min_side"),
        ({"model": {"activation": "tanh"}}, "model.activation"),
        ({"model": {"downsampling": "stride"}}, "model.downsampling"),
        ({"model": {"upsampling": "transposed"}}, "model.upsampling"),
    ],
)
def test_unequal_trainings_are_not_taken_over(changes, named, tiny_run, tmp_path):
    changed = with_changes(TINY, search={"reuse": [str(tiny_run.path)]}, **changes)
    with pytest.raises(RunError) as refused:
        evoae.search(changed, run=tmp_path / "run")
    assert named in str(refused.value)
    assert not (tmp_path / "run").exists()


def as_before_precision(source, folder):
    """Copy a run as one that was made when there was no `precision` yet."""
    shutil.copytree(source, folder)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    with Store.writer(folder) as store:
        recorded = store.metadata().config
        for section in ("training", "refit"):
            for each in (config, recorded):
                assert each[section].pop("precision") == "float32"
        store.update(config=recorded)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_a_run_older_than_precision_goes_on_in_float32(tiny_run, tmp_path):
    older = as_before_precision(tiny_run.path, tmp_path / "older")
    _, now = evoae.replay(older, "best")
    found = Run.open(older).find("best").evaluation
    assert (now.validation_loss, now.fitness) == (found.validation_loss, found.fitness)
    with pytest.raises(RunError, match=r"training\.precision was 'float32'"):
        evoae.resume(older, overrides=["training.precision=bfloat16"])
    assert history(evoae.resume(older, overrides=["training.precision=float32"])) == history(
        tiny_run
    )


def test_a_run_older_than_precision_lends_to_float32_alone(tiny_run, tmp_path):
    older = as_before_precision(tiny_run.path, tmp_path / "older")
    reuse = {"reuse": [str(older)], "generations": 1}
    run = evoae.search(with_changes(TINY, search=reuse), run=tmp_path / "run")
    assert run.status().reused > 0
    other = with_changes(TINY, search=reuse, training={"precision": "bfloat16"})
    with pytest.raises(RunError, match="'float32' there and 'bfloat16' here"):
        evoae.search(other, run=tmp_path / "other")


@pytest.mark.slow
def test_a_search_in_bfloat16_ends_the_same_twice_and_otherwise_than_in_float32(
    tiny_run, tmp_path, monkeypatch
):
    config = with_changes(TINY, search={"generations": 1}, training={"precision": "bfloat16"})
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: {"avx512_bf16": False})
    monkeypatch.setattr(bfloat16, "visible_gpus", lambda: ())
    callback = Notes()
    first = evoae.search(config, run=tmp_path / "first", callback=callback)
    assert [note.partition(":")[0] for note in callback.notes] == [
        "This processor has no instructions for bfloat16"
    ]
    assert history(evoae.search(config, run=tmp_path / "second")) == history(first)
    ids = {each.id: each.fitness for each in tiny_run.first_evaluations()}
    both = [each for each in first.first_evaluations() if each.id in ids]
    assert both
    assert all(each.fitness == pytest.approx(ids[each.id], rel=0.05) for each in both)
    assert any(each.fitness != ids[each.id] for each in both)


@pytest.mark.parametrize("setting", ["search.population=5", "seed=4", "training.epochs=3"])
def test_a_resume_refuses_to_change_what_results_depend_on(setting, tiny_run):
    with pytest.raises(RunError) as refused:
        evoae.resume(tiny_run.path, overrides=[setting])
    assert setting.split("=")[0] in str(refused.value)
    assert "execution" in str(refused.value)


def test_a_resume_may_change_how_trainings_run(tiny_run):
    before = history(tiny_run)
    overrides = ["execution.kind=local", "execution.workers=1", "training.time_limit=60"]
    assert history(evoae.resume(tiny_run.path, overrides=overrides)) == before


def test_a_resume_refuses_an_unknown_setting_by_name(tiny_run):
    with pytest.raises(ConfigError) as refused:
        evoae.resume(tiny_run.path, overrides=["execution.worker=1"])
    assert "did you mean 'workers'" in str(refused.value)


class Notes:
    """A callback that keeps what it is told at the start."""

    def __init__(self):
        self.notes = ()

    def said(self, line): ...

    def started(self, info):
        self.notes = info.notes

    def progressed(self, progress): ...
    def generation_done(self, progress, row): ...
    def stopping(self, in_flight): ...


def test_a_resume_on_another_machine_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("evoae.execution.factory.train", faulty.scored)
    evoae.search(with_changes(TINY, search={"generations": 1}), run=tmp_path / "run")
    from evoae.runs.environment import environment

    elsewhere = replace(environment(), processor="Another One")
    monkeypatch.setattr(sys.modules["evoae.engine.problem"], "environment", lambda: elsewhere)
    callback = Notes()
    evoae.resume(tmp_path / "run", callback=callback)
    there, elsewhere = callback.notes
    assert re.match(r"Going on: \d+ trainings there already, none is repeated\.", there)
    assert "processor Another One, was " in elsewhere


def test_a_resume_trains_a_lost_model_again(tiny_run, tmp_path):
    run = Run.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    lost = run.hall_of_fame()[1]
    lost.model_path.unlink()
    with pytest.raises(RunError):
        lost.load()
    assert history(evoae.resume(run.path)) == history(tiny_run)
    assert lost.load().count_params() == lost.parameters


@pytest.mark.slow
def test_a_tampered_cache_of_the_data_is_noticed_and_said_when_a_run_resumes(
    tiny_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    half = with_changes(TINY, search={"generations": 1})
    run = evoae.search(half, run=tmp_path / "run")
    (copy,) = (tmp_path / "cache" / "shared").iterdir()
    images = np.load(copy / "train.npy")
    np.save(copy / "train.npy", np.zeros_like(images))
    said = []

    class Listener(Callback):
        def said(self, line):
            said.append(line)

    resumed = evoae.resume(run.path, generations=1, callback=Listener())
    assert history(resumed) == history(tiny_run)
    assert any("a cached copy of the data was damaged" in line for line in said)
    assert np.array_equal(np.load(copy / "train.npy"), images)
