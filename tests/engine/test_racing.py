"""A search that stops trainings which fall behind."""

import importlib
from collections import Counter

import pytest
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.errors import ConfigError, RunError
from evoae.evaluation import stopped_after
from evoae.execution.inline import InlineExecutor
from tests import faulty
from tests.conftest import TINY, history, with_changes
from tests.covering import first_cells

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
PLAIN = with_changes(
    TINY,
    search={"population": 8, "generations": 4, "hof_size": 50, "surrogate": 1},
    training={"epochs": 4},
)
RACED = with_changes(PLAIN, search={"racing": {"keep": 0.34, "after": 4}})


class Trainings:
    """An executor's factory that remembers the tasks."""

    def __init__(self):
        self.tasks = []

    def __call__(self, *_):
        return InlineExecutor(self.train)

    def train(self, task):
        self.tasks.append(task)
        return faulty.scored(task)


@pytest.fixture
def trainings(monkeypatch):
    made = Trainings()
    monkeypatch.setattr(CONDUCTOR, "executor_for", made)
    return made


def stopped(run):
    return {each.id: each for each in run.first_evaluations() if each.raced}


def test_what_falls_behind_is_stopped_paid_for_what_it_was_and_never_shown(trainings, tmp_path):
    whole = evoae.search(PLAIN, run=tmp_path / "whole")
    run = evoae.search(RACED, run=tmp_path / "run")
    raced, status = stopped(run), run.status()
    lengths = Counter(len(each.validation_loss) for each in run.first_evaluations())
    assert lengths[4] == len(run.first_evaluations()) - len(raced) >= 8
    assert lengths[1] > lengths[2] > 0
    assert status.raced == len(raced) > len(run.first_evaluations()) / 2
    assert all(each.fitness == each.validation_loss[-1] for each in raced.values())
    assert status.cost == sum(
        3 * each.flops * 96 * len(each.validation_loss) for each in run.first_evaluations()
    )
    assert status.cost < 0.7 * whole.status().cost
    shown = {entry.id for entry in (*run.hall_of_fame(), *run.front())}
    assert not shown & raced.keys()
    assert status.best[0] not in raced
    kept = {path.stem for path in (run.path / "models").rglob("*.keras")}
    assert kept == {entry.id for entry in run.hall_of_fame()}
    rows = [generation.stats for generation in run.generations()]
    assert rows[0]["raced"] == 0
    assert sum(row["raced"] for row in rows) == len(raced)
    assert rows[-1]["cost"] == status.cost


@pytest.mark.parametrize(
    "search",
    [{"population": 12}, {"algorithm": "aging", "max_in_flight": 6}],
    ids=["batches", "aging"],
)
def test_what_stopped_trainings_leave_of_a_budget_is_spent(search, trainings, tmp_path):
    whole = evoae.search(RACED, run=tmp_path / "whole").status().cost
    budget = {"budget": {"flops": float(whole)}, "generations": None}
    run = evoae.search(with_changes(RACED, search={**search, **budget}), run=tmp_path / "run")
    dearest = max(3 * each.flops * 96 * 4 for each in run.first_evaluations())
    assert whole - 2 * dearest < run.status().cost <= whole


def test_the_thresholds_decide_and_nothing_else(trainings, tmp_path):
    evoae.search(PLAIN, run=tmp_path / "whole")
    assert not any(task.thresholds for task in trainings.tasks)
    trainings.tasks.clear()
    run = evoae.search(RACED, run=tmp_path / "run")
    by_id = {task.id: task for task in trainings.tasks}
    for each in run.first_evaluations():
        task = by_id[each.id]
        ended = stopped_after(each.validation_loss, task.thresholds)
        assert ended == (len(each.validation_loss) if each.raced else None)


def test_further_trainings_go_to_the_end(trainings, tmp_path):
    search = {**RACED["search"], "repeats": 3, "repeat_share": 0.4}
    run = evoae.search(with_changes(RACED, search=search), run=tmp_path / "run")
    again = [task for task in trainings.tasks if task.key.repeat > 1]
    assert len(again) == run.status().repeated > 1
    assert not any(task.thresholds for task in again)
    assert not {task.id for task in again} & stopped(run).keys()


@pytest.mark.parametrize(
    ("lending", "borrowing"),
    first_cells(
        [(PLAIN, RACED), (RACED, PLAIN), (RACED, RACED)], lambda each: each == (PLAIN, RACED)
    ),
)
def test_only_what_would_end_alike_is_taken_over(lending, borrowing, trainings, tmp_path):
    lender = evoae.search(lending, run=tmp_path / "lender")
    alone = evoae.search(borrowing, run=tmp_path / "alone")
    trainings.tasks.clear()
    reuse = {"reuse": [str(lender.path)]}
    run = evoae.search(with_changes(borrowing, search=reuse), run=tmp_path / "run")
    assert history(run) == history(alone)
    lent = {each.id: each.validation_loss for each in lender.first_evaluations()}
    alike = [each for each in run.first_evaluations() if lent.get(each.id) == each.validation_loss]
    assert run.status().reused == len(alike) > 0
    assert len(trainings.tasks) == len(run.first_evaluations()) - len(alike)
    assert (len(trainings.tasks) == 0) == (lending == borrowing)


def test_a_stopped_training_is_no_baseline(trainings, tmp_path):
    handmade = "conv({0},3x3) conv({1},3x3) conv({2},3x3) | latent(4) | upconv({2},3x3) "
    handmade = (handmade + "upconv({1},3x3) upconv({0},3x3)").format(64, 32, 16)
    given = ["conv(9,3x3) | latent(4) | upconv(9,3x3)", handmade]
    (tmp_path / "seeds.txt").write_text("\n".join([given[0]] * 2 + given[1:]))
    model = {"min_latent": 4, "max_latent": 4, "max_depth": 3, "filters": [4, 64]}
    search = {
        "seed_genomes": str(tmp_path / "seeds.txt"),
        "algorithm": "aging",
        "max_in_flight": 1,
    }
    search |= {"racing": {"keep": 0.01, "after": 1}, "population": 4}
    config = with_changes(PLAIN, model=model, search=search, report={"baselines": ["plain"]})
    run = evoae.search(config, run=tmp_path / "run")
    of_it = [task for task in trainings.tasks if run.find(task.id).candidate.genome == handmade]
    assert of_it[0].id in stopped(run)
    assert [bool(task.thresholds) for task in of_it] == [True, False]
    (baseline,) = [each for each in run.baselines() if each.name == "plain"]
    assert baseline.val_loss < run.find(of_it[0].id).evaluation.fitness


def test_people_are_told(trainings, tmp_path):
    run = evoae.search(RACED, run=tmp_path / "run")
    raced = stopped(run)
    said = CliRunner().invoke(cli, ["status", str(run.path)]).stdout
    assert f"({len(raced)} stopped early)" in said
    one = next(iter(raced.values()))
    epochs = len(one.validation_loss)
    said = CliRunner().invoke(cli, ["show", str(run.path), one.id]).stdout
    assert f", stopped early after epoch {epochs}" in said
    assert run.find(one.id).summary()["raced"] == epochs
    assert run.find("best").summary()["raced"] is None


def test_a_resume_may_not_change_the_racing(trainings, tmp_path):
    run = evoae.search(RACED, run=tmp_path / "run")
    with pytest.raises(RunError, match=r"search\.racing\.keep was 0\.34"):
        evoae.resume(run.path, overrides=["search.racing.keep=0.5"])


@pytest.mark.slow
def test_a_real_stopped_training_is_replayed_to_the_last_digit(tmp_path):
    raced = {"population": 2, "racing": {"keep": 0.1, "after": 2}}
    config = with_changes(TINY, search=raced, training={"epochs": 3})
    run = evoae.search(config, run=tmp_path / "run")
    recorded = next(iter(stopped(run).values()))
    _, now = evoae.replay(run.path, recorded.id)
    assert now.raced
    assert (now.validation_loss, now.cost) == (recorded.validation_loss, recorded.cost)


@pytest.mark.parametrize(
    ("search", "training", "place"),
    [
        ({"algorithm": "nsga2"}, {}, "search.racing.keep"),
        ({}, {"epochs": 1}, "search.racing.rungs"),
        ({"racing": {"keep": 0.5, "rungs": [4, 9]}}, {}, "search.racing.rungs"),
        ({"racing": {"keep": 0.0}}, {}, "search.racing.keep"),
    ],
)
def test_racing_that_cannot_be_is_refused(search, training, place):
    with pytest.raises(ConfigError) as refused:
        evoae.search(with_changes(RACED, search=search, training=training))
    assert refused.value.place.endswith(place)
