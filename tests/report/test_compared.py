"""What a search is compared with at its end: recorded once, and never in its way."""

import importlib
import json

import numpy as np
import pytest
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.data.load import load
from evoae.data.pca import pca_error, pca_errors
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.training.train import train
from tests import faulty
from tests.conftest import TINY, history, with_changes
from tests.covering import first
from tests.engine.test_search import Interrupter

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
ALL = with_changes(TINY, report={"baselines": ["pca", "handmade", "plain", "random"]})


class Counted:
    """An executor's factory that counts trainings and lets some of them fail."""

    def __init__(self, failing=lambda _: False):
        self.trained, self.failing = [], failing

    def __call__(self, *_):
        return InlineExecutor(self.train)

    def train(self, task):
        self.trained.append(task)
        if self.failing(task):
            return Evaluation.failed(task, Outcome.TIMED_OUT, "took longer than 300 s")
        return faulty.scored(task)


@pytest.fixture
def executor(monkeypatch):
    counted = Counted()
    monkeypatch.setattr(CONDUCTOR, "executor_for", counted)
    return counted


def named(run):
    return {baseline.name: baseline for baseline in run.baselines()}


def test_a_search_is_compared_with_all_that_is_asked_for_and_stays_as_it_is(executor, tmp_path):
    alone = evoae.search(TINY, run=tmp_path / "alone")
    run = evoae.search(ALL, run=tmp_path / "run")
    assert history(run) == history(alone)
    found, best = named(run), run.hall_of_fame()[0]
    assert list(found) == ["pca", "handmade", "plain", "random"]
    assert all(each.outcome == "scored" and each.val_loss > 0 for each in found.values())
    assert (found["pca"].val_loss, found["pca"].latent) == (run.linear_bound()[1], best.latent)
    assert (found["plain"].latent, found["handmade"].latent) == (best.latent, 2 * 2 * 16)
    assert f"latent({best.latent})" in found["plain"].genome
    assert list(named(alone)) == ["pca"]


def test_the_hand_made_network_is_the_published_one(tmp_path, executor):
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((40, 28, 28), np.float32))
    raw = with_changes(ALL, data={"name": None, "path": str(tmp_path / "images.npy")})
    raw["data"]["reduce"] = {}
    found = named(evoae.search(raw, run=tmp_path / "run"))
    assert (found["handmade"].parameters, found["handmade"].latent) == (49_761, 256)


def test_random_search_costs_what_the_search_did_and_is_a_run_of_its_own(executor, tmp_path):
    bred = with_changes(ALL, search={"population": 8, "generations": 4})
    run = evoae.search(bred, run=tmp_path / "run")
    spent, found = run.generations()[-1].stats["cost"], named(run)["random"]
    other = evoae.Run.open(run.path / "random")
    assert (
        0.8 * spent < found.cost == other.generations()[-1].stats["cost"] <= spent == found.budget
    )
    assert found.val_loss == other.hall_of_fame()[0].val_loss
    assert all(candidate.parents == () for candidate in candidates(other))
    assert named(other) == {}
    before = history(other)
    assert history(evoae.resume(other.path)) == before


def candidates(run):
    from evoae.runs.store import Store

    with Store.reader(run.path) as store:
        return list(store.candidates().values())


def test_a_resume_repeats_no_baseline_and_makes_up_for_those_asked_for_later(executor, tmp_path):
    run = evoae.search(ALL, run=tmp_path / "run")
    found, trained = run.baselines(), len(executor.trained)
    assert evoae.resume(run.path).baselines() == found
    assert len(executor.trained) == trained
    later = evoae.search(TINY, run=tmp_path / "later")
    executor.trained.clear()
    asked = ["report.baselines=[pca, plain, handmade, random]"]
    assert evoae.resume(later.path, overrides=asked).baselines() == found
    assert len(executor.trained) == 2 + found[-1].trainings


def test_a_longer_search_is_compared_with_a_longer_random_one(executor, tmp_path):
    run = evoae.search(ALL, run=tmp_path / "run")
    before, first = named(run)["random"], evoae.Run.open(run.path / "random").first_evaluations()
    after = named(evoae.resume(run.path, generations=2))["random"]
    assert before.budget < after.budget
    assert before.cost < after.cost <= after.budget
    second = evoae.Run.open(run.path / "random").first_evaluations()
    assert second[: len(first)] == first
    assert len(second) == after.trainings


def test_a_network_that_the_search_has_trained_is_not_trained_again(executor, tmp_path):
    rows = np.random.default_rng(0).normal(size=(60, 6)).round(3)
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (tmp_path / "rows.csv").write_text(f"a,b,c,d,e,f\n{text}\n")
    linear = with_changes(
        TINY,
        data={"name": None, "path": str(tmp_path / "rows.csv"), "reduce": {}},
        model={"max_depth": 1, "units": [64, 64], "min_latent": 4, "max_latent": 4},
        search={"population": 2, "generations": 1},
        report={"baselines": ["plain", "handmade"]},
    )
    linear["model"]["sampling"] = {"batchnorm": 0.0, "dropout": 0.0}
    run = evoae.search(linear, run=tmp_path / "run")
    (plain,) = run.baselines()  # the hand-made one is for images
    assert plain.genome == "dense(64) | latent(4) | updense(64)"
    ids = [task.id for task in executor.trained]
    assert len(ids) == len(set(ids)) == len(run.first_evaluations())


def test_a_baseline_that_fails_is_recorded_with_its_kind_and_shown(monkeypatch, tmp_path):
    counted = Counted(failing=lambda task: task.defaults.min_side == 3)
    monkeypatch.setattr(CONDUCTOR, "executor_for", counted)
    asked = with_changes(ALL, report={"baselines": ["handmade"]})
    run = evoae.search(asked, run=tmp_path / "run")
    (found,) = run.baselines()
    assert (found.outcome, found.val_loss) == ("timed_out", None)
    assert run.status().failed == 0
    line = CliRunner().invoke(cli, ["hof", str(run.path)]).stdout.splitlines()[-1]
    assert line.split()[:2] == ["handmade", "-"]
    assert "(timed_out: took longer than 300 s)" in line


def test_a_random_search_that_cannot_go_on_spoils_nothing(monkeypatch, tmp_path):
    counted = Counted(failing=lambda task: "random" in task.keep.parts)
    monkeypatch.setattr(CONDUCTOR, "executor_for", counted)
    asked = with_changes(ALL, report={"baselines": "random"})
    run = evoae.search(asked, run=tmp_path / "run")
    (found,) = run.baselines()
    assert (found.outcome, found.val_loss) == ("failed", None)
    assert "4 timed out" in found.message
    assert run.status().state == "finished"


@pytest.mark.parametrize("pressed_after", [10, 12])
def test_an_interrupted_comparison_goes_on_where_it_was(pressed_after, executor, tmp_path):
    class Late(Interrupter):
        count = 0

        def progressed(self, progress):
            self.count += 1
            if self.count == pressed_after:
                super().progressed(type("_", (), {"settled": self.candidate}))

    undisturbed = evoae.search(ALL, run=tmp_path / "undisturbed")
    callback = Late(candidate=-1)
    with pytest.raises(evoae.Interrupted) as stopped:
        evoae.search(ALL, run=tmp_path / "run", callback=callback)
    assert stopped.value.run == tmp_path / "run"
    assert callback.heard
    assert evoae.resume(tmp_path / "run").baselines() == undisturbed.baselines()


def test_hof_shows_baselines_under_the_line_and_status_tells_programs(executor, tmp_path):
    run = evoae.search(ALL, run=tmp_path / "run")
    lines = CliRunner().invoke(cli, ["hof", str(run.path)]).stdout.splitlines()
    hall = run.hall_of_fame()
    assert [line.split()[0] for line in lines[1 + len(hall) :]] == [
        *("PCA", "handmade", "plain", "random"),
    ]
    listed = json.loads(CliRunner().invoke(cli, ["hof", str(run.path), "--json"]).stdout)
    assert len(listed) == len(hall)
    status = json.loads(CliRunner().invoke(cli, ["status", str(run.path), "--json"]).stdout)
    assert [each["name"] for each in status["baselines"]] == [*named(run)]


def test_a_front_has_the_curve_of_pca_beside_it(executor, tmp_path):
    nsga2 = with_changes(TINY, search={"algorithm": "nsga2", "population": 8})
    run = evoae.search(nsga2, run=tmp_path / "run")
    sizes = {entry.latent for entry in run.front()}
    assert len(sizes) > 1
    bounds, config = run.linear_bounds(), run.config
    assert sizes < bounds.keys() == set(range(2, 9))  # all that the space admits
    data = load(config.data, config.seed).reduced(config.data.reduce, config.seed)
    for size, bound in bounds.items():
        assert bound == pytest.approx(pca_error(data.train, data.validation, size), rel=1e-5)
    header, *rows = CliRunner().invoke(cli, ["hof", str(run.path), "--front"]).stdout.splitlines()
    assert header.split()[:5] == ["rank", "id", "loss", "PCA", "latent"]
    best = run.front()[0]
    assert float(rows[0].split()[3]) == pytest.approx(bounds[best.latent], abs=1e-5)


def test_one_decomposition_gives_the_error_of_every_size():
    rows = np.random.default_rng(3).normal(size=(60, 12)).astype(np.float32)
    errors = pca_errors(rows[:40], rows[40:], [1, 5, 12, 99])
    mean = rows[:40].mean(axis=0)
    parts = np.linalg.svd(rows[:40] - mean, full_matrices=False)[2]
    for size, error in errors.items():
        kept = (rows[40:] - mean) @ parts[:size].T @ parts[:size]
        assert error == pytest.approx(np.mean((kept + mean - rows[40:]) ** 2), abs=1e-6)


@pytest.mark.parametrize(
    "kind",
    first(
        ["reconstruction", "sparse", "contractive", "variational"],
        lambda kind: kind == "variational",
    ),
)
def test_the_plain_networks_are_trained_for_every_objective(kind, monkeypatch, tmp_path):
    really = []

    def without_candidates(task):
        if task.keep is not None:  # a model is kept of a candidate alone
            return faulty.scored(task)
        really.append(task)
        return train(task)

    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(without_candidates))
    small = with_changes(
        TINY,
        data={"reduce": {"train": 32, "validation": 16}},
        search={"population": 2, "generations": 1},
        training={"epochs": 1},
        objective={"kind": kind},
        report={"baselines": ["handmade", "plain"]},
    )
    found = named(evoae.search(small, run=tmp_path / "run"))
    assert list(found) == (["plain"] if kind == "variational" else ["handmade", "plain"])
    assert all(each.outcome == "scored" and each.val_loss > 0 for each in found.values())
    assert all(each.cost > 0 for each in found.values())
    assert len(really) == len(found)
