"""A search through a space of networks that go wrong in every way, and what it makes of them."""

import importlib
import json

import numpy as np
import pytest

import evoae
from evoae.evaluation import Outcome
from evoae.execution.local import LocalExecutor
from evoae.runs.store import Store
from tests import faulty
from tests.conftest import TINY, with_changes

pytestmark = pytest.mark.slow  # one search of half a minute; each fault alone: tests/execution
CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
RECYCLE_AFTER = 20
LIMIT = 256 * 2**20  # a worker without TensorFlow takes less than half of it
SALTED = with_changes(
    TINY,
    search={"population": 60, "generations": 6, "surrogate": 1},
    training={"time_limit": 3.0},
    execution={"kind": "local", "workers": 2, "memory_limit": LIMIT},
)
EXPECTED = {
    None: Outcome.SCORED,
    "diverge": Outcome.DIVERGED,
    "exceed memory": Outcome.OUT_OF_MEMORY,
    "hang": Outcome.TIMED_OUT,
    "abort": Outcome.CRASHED,
    "be killed": Outcome.CRASHED,
}


@pytest.fixture(scope="module")
def salted(tmp_path_factory):
    """A finished search of more than 300 candidates, some of each kind of fault."""

    def executor(*_):
        return LocalExecutor(2, train=faulty.leaking_and_faulty, recycle_after=RECYCLE_AFTER)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CONDUCTOR, "executor_for", executor)
        return evoae.search(SALTED, run=tmp_path_factory.mktemp("salted") / "run")


def test_the_search_finishes_and_met_every_kind_of_fault(salted):
    assert salted.status().state == "finished"
    evaluations = salted.first_evaluations()
    assert len(evaluations) >= 300
    assert {faulty.fault_of(evaluation.id) for evaluation in evaluations} == EXPECTED.keys()


def test_every_candidate_is_in_the_store_under_its_kind(salted):
    for evaluation in salted.first_evaluations():
        assert evaluation.outcome is EXPECTED[faulty.fault_of(evaluation.id)], evaluation


def test_a_failure_says_why_and_has_no_fitness(salted):
    failures = [e for e in salted.first_evaluations() if e.outcome is not Outcome.SCORED]
    assert {e.fitness for e in failures} == {None}
    said = {faulty.fault_of(e.id): e.message for e in failures}
    assert "256 MiB (execution.memory_limit)" in said["exceed memory"]
    assert "3 s (training.time_limit)" in said["hang"]
    assert "SIGABRT" in said["abort"]
    assert "SIGKILL" in said["be killed"]


def test_no_failure_is_an_elite_a_parent_or_in_the_hall_of_fame(salted):
    failed = {e.id for e in salted.first_evaluations() if e.fitness is None}
    parents = {id for found in candidates(salted) for id in found.parents}
    elites = {generation.population[0] for generation in salted.generations()[1:]}
    famous = {id for generation in salted.generations() for id in generation.hall_of_fame}
    assert not failed & (parents | elites | famous)
    assert parents
    assert len(salted.hall_of_fame()) == TINY["search"]["hof_size"]


def test_the_hall_of_fame_is_the_best_of_all_scores_and_has_its_models(salted):
    scores = sorted((e.fitness, e.id) for e in salted.first_evaluations() if e.fitness is not None)
    hall = salted.hall_of_fame()
    assert [(entry.val_loss, entry.id) for entry in hall] == scores[: len(hall)]
    held = {path.name for path in (salted.path / "models").rglob("*") if path.is_file()}
    assert held == {f"{entry.id}.keras" for entry in hall}


def test_statistics_are_those_of_the_scored_candidates_alone(salted):
    by_id = {e.id: e for e in salted.first_evaluations()}
    proposed = candidates(salted)
    for generation in salted.generations():
        assert generation.stats["duplicates"] == 0  # else a proposal would be in two generations
        members = [by_id[c.id] for c in proposed if c.generation == generation.number]
        scores = [member.fitness for member in members if member.fitness is not None]
        figures = {name: getattr(np, name)(scores) for name in ("min", "median", "mean", "std")}
        assert {name: generation.stats[name] for name in figures} == pytest.approx(figures)
        assert generation.stats["failed"] == len(members) - len(scores) > 0
        assert generation.stats["trained"] == len(members)


def test_the_memory_of_workers_stays_bounded_though_every_training_leaks(salted):
    resident = [e.peak_memory for e in salted.first_evaluations() if e.peak_memory is not None]
    allowed = (RECYCLE_AFTER + 10) * faulty.LEAK  # what one worker may gather, and some air
    assert max(resident) - min(resident) < allowed
    slope = np.polyfit(np.arange(len(resident)), resident, 1)[0]
    assert abs(slope) < 0.1 * faulty.LEAK  # half of LEAK, were the two workers never replaced


def test_what_went_wrong_is_told_by_status_and_show(salted):
    from click.testing import CliRunner

    from evoae.cli.main import cli

    failed = [e for e in salted.first_evaluations() if e.fitness is None]
    told = CliRunner().invoke(cli, ["status", str(salted.path), "--json"])
    assert json.loads(told.stdout)["failed"] == len(failed)
    shown = CliRunner().invoke(cli, ["show", str(salted.path), failed[0].id])
    assert f"{failed[0].outcome}: {failed[0].message}" in shown.stdout


def candidates(run):
    with Store.reader(run.path) as store:
        return list(store.candidates().values())
