"""A search that ends when its budget does, and goes on when it gets more."""

import importlib
from functools import cache
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest

import evoae
from evoae.analysis.comparison import course
from evoae.errors import ConfigError, SearchError
from evoae.execution.executor import AbstractExecutor, attempt
from evoae.execution.inline import InlineExecutor
from evoae.report.page import write_report
from tests import faulty
from tests.conftest import TINY, history, with_changes
from tests.covering import covering, first

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
BRED = with_changes(TINY, search={"population": 6, "generations": 5, "elitism": 1})


@pytest.fixture(autouse=True)
def _without_tensorflow(monkeypatch):
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))


def budgeted(search, **changes):
    return with_changes(BRED, search={"budget": search, **changes})


def few_networks(search):
    """Return the same search in a space of up to 18 networks: 3 widths, twice, and 2 codes."""
    few = {"max_depth": 1, "filters": [4, 6], "kernels": [3, 3], "min_latent": 4, "max_latent": 5}
    few["sampling"] = {"batchnorm": 0.0, "dropout": 0.0}
    return with_changes(search, model=few, search={"mutation": {"modifiers": 0, "rates": 0}})


def test_no_more_trainings_than_the_budget_has(tmp_path):
    run = evoae.search(budgeted({"evaluations": 14}), run=tmp_path / "run")
    status = run.status()
    assert (len(run.first_evaluations()), status.state, status.eta_seconds) == (
        14,
        "finished",
        0.0,
    )
    assert [g.stats["trained"] for g in run.generations()] == [6, 5, 3]


def test_no_more_flops_than_the_budget_has_and_hardly_less(tmp_path):
    whole = evoae.search(BRED, run=tmp_path / "whole")
    costs = [evaluation.flops * 3 * 96 * 2 for evaluation in whole.first_evaluations()]
    run = evoae.search(budgeted({"flops": sum(costs) / 2}), run=tmp_path / "run")
    spent = run.generations()[-1].stats["cost"]
    assert spent <= sum(costs) / 2 < spent + max(costs)
    shorter, longer = history(run)["evaluations"], history(whole)["evaluations"]
    assert shorter.items() <= longer.items()


@pytest.mark.parametrize("algorithm", ["generational", "aging"])
def test_a_search_with_more_budget_goes_on_and_repeats_nothing(algorithm, tmp_path):
    search = budgeted({"evaluations": 14}, algorithm=algorithm, max_in_flight=3, generations=None)
    run = evoae.search(search, run=tmp_path / "run")
    trained, before = run.first_evaluations(), run.generations()
    assert evoae.resume(run.path).first_evaluations() == trained  # nothing is left
    more = evoae.resume(run.path, overrides=["search.budget.evaluations=25"])
    assert more.first_evaluations()[:14] == trained
    assert len(more.first_evaluations()) == 25
    assert [(g.number, g.population, g.stats) for g in more.generations()[: len(before)]] == [
        (g.number, g.population, g.stats) for g in before
    ]
    again = evoae.resume(run.path, overrides=["search.budget.evaluations=25"])
    assert history(again) == history(more)


ALGORITHMS = ["generational", "mu_plus_lambda", "aging", "random", "nsga2"]
SHARED = [
    ("generational", 0.5),
    ("mu_plus_lambda", 0.8),
    ("aging", 0.3),
    ("random", 0.5),
    ("nsga2", 0.3),
]


@pytest.fixture(scope="module")
def cost_of_all(tmp_path_factory):
    """Return what gives the FLOPs that a whole search with an algorithm spends."""

    @cache
    def cost(algorithm):
        search = with_changes(BRED, search={"algorithm": algorithm, "surrogate": 1})
        whole = evoae.search(search, run=tmp_path_factory.mktemp(algorithm) / "whole")
        return whole.generations()[-1].stats["cost"]

    return cost


@pytest.mark.parametrize(("algorithm", "share"), covering(SHARED, ALGORITHMS, [0.3, 0.5, 0.8]))
def test_a_search_that_its_budget_ended_is_not_gone_on_with_for_something_cheaper(
    algorithm, share, cost_of_all, tmp_path
):
    search = {"algorithm": algorithm, "surrogate": 1}
    spent = {"flops": share * cost_of_all(algorithm)}
    run = evoae.search(budgeted(spent, **search, generations=None), run=tmp_path / "run")
    before = history(run)
    assert history(evoae.resume(run.path)) == before
    assert history(evoae.resume(run.path)) == before
    more = evoae.resume(run.path, overrides=[f"search.budget.flops={2.2 * spent['flops']}"])
    assert len(more.first_evaluations()) > len(before["evaluations"])
    before = history(more)
    assert history(evoae.resume(run.path)) == before


TRAININGS, FLOPS = {"evaluations": 11}, {"flops": 2.5e8}
ENDED = [("generational", TRAININGS)]


@pytest.mark.parametrize(
    "ended", first(product(ALGORITHMS, (TRAININGS, FLOPS)), lambda each: each in ENDED)
)
def test_a_space_of_few_networks_may_be_gone_on_with_after_its_budget(ended, tmp_path):
    algorithm, budget = ended
    search = {"algorithm": algorithm, "surrogate": 1, "max_in_flight": 3, "population": 12}
    few = budgeted(budget, **search, generations=None)
    run = evoae.search(few_networks(few), run=tmp_path / "run")
    before = history(run)
    assert history(evoae.resume(run.path)) == before
    ((kind, value),) = budget.items()
    more = evoae.resume(run.path, overrides=[f"search.budget.{kind}={2 * value}"])
    assert history(evoae.resume(more.path)) == history(more)


def test_a_search_ends_when_its_minutes_are_over(tmp_path):
    endless = budgeted({"minutes": 0.02}, generations=None)
    run = evoae.search(endless, run=tmp_path / "run")
    assert run.status().state == "finished"
    assert run.hall_of_fame()
    assert history(evoae.resume(run.path)) == history(run)


def test_a_budget_that_pays_no_training_is_refused(tmp_path):
    with pytest.raises(SearchError) as refused:
        evoae.search(budgeted({"flops": 1000}), run=tmp_path / "run")
    assert refused.value.place == "search.budget"


@pytest.mark.parametrize("kind", ["evaluations", "flops"])
def test_a_budget_may_end_with_a_generation(kind, tmp_path):
    first = evoae.search(budgeted({}, generations=1), run=tmp_path / "first")
    spent = {"evaluations": 6, "flops": first.generations()[0].stats["cost"]}
    run = evoae.search(budgeted({kind: spent[kind]}), run=tmp_path / "run")
    assert run.status().state == "finished"
    assert history(evoae.resume(run.path)) == history(run)
    assert len(run.first_evaluations()) == 6


def test_a_search_without_any_end_is_refused():
    with pytest.raises(ConfigError, match="needs a budget"):
        evoae.search(with_changes(BRED, search={"generations": None}))


GUIDED, BLIND = (8, {"evaluations": 500}), (1, {"minutes": 9})
EXHAUSTED = [("generational", BLIND), ("aging", BLIND), ("random", GUIDED), ("nsga2", BLIND)]


@pytest.mark.parametrize(
    ("algorithm", "limits"),
    covering(EXHAUSTED, ["generational", "aging", "random", "nsga2"], [GUIDED, BLIND]),
)
def test_a_search_ends_when_its_space_has_nothing_new(algorithm, limits, tmp_path):
    surrogate, budget = limits
    search = {"algorithm": algorithm, "surrogate": surrogate, "generations": None}
    small = few_networks(budgeted(budget, **search))
    run = evoae.search(small, run=tmp_path / "run")
    assert 12 <= len(run.first_evaluations()) <= 18
    assert (run.status().state, run.search_on()) == ("finished", None)
    before = history(run)
    assert history(evoae.resume(run.path)) == before


def test_what_goes_on_with_a_search_is_what_ended_it(tmp_path):
    run = evoae.search(budgeted({"evaluations": 4}, generations=None), run=tmp_path / "run")
    assert run.search_on() == f"evoae resume {run.path} --set search.budget.evaluations=8"
    run = evoae.search(BRED, run=tmp_path / "other")
    assert run.search_on() == f"evoae resume {run.path} --generations 10"
    many = budgeted({"evaluations": 600_000}, generations=1)
    run = evoae.search(many, run=tmp_path / "a third")
    changed = "--set search.budget.evaluations=1200000 --generations 10"
    assert run.search_on() == f"evoae resume '{run.path}' {changed}"


@pytest.mark.slow
def test_a_larger_budget_holds_for_later_resumes_too(tmp_path, monkeypatch):
    given = ["search.budget.evaluations=30"]
    search = budgeted({"evaluations": 14}, generations=None, surrogate=1)
    whole = evoae.search(search, run=tmp_path / "whole")
    evoae.resume(whole.path, overrides=given)
    run = evoae.search(search, run=tmp_path / "run")
    with monkeypatch.context() as patched:
        plug = faulty.pulled_after(9)
        patched.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(plug))
        with pytest.raises(faulty.PulledPlugError):
            evoae.resume(run.path, overrides=given)
    assert history(evoae.resume(run.path)) == history(whole)
    assert run.search_on() == f"evoae resume {run.path} --set search.budget.evaluations=60"
    assert (run.config.search.budget.evaluations, run.in_force().search.budget.evaluations) == (
        14,
        30,
    )
    assert course(run).settings["search"]["budget"]["evaluations"] == 30
    page = Path(write_report(run.path).path).read_text(encoding="utf-8")
    assert f"{run.path}/config.yaml --set search.budget.evaluations=30" in page
    evoae.resume(run.path, overrides=["search.budget.evaluations=5"])
    assert run.search_on() == f"evoae resume {run.path} --set search.budget.evaluations=60"
    config = run.path / "config.yaml"  # edited by hand, which counts again
    config.write_text(config.read_text().replace("evaluations: 14", "evaluations: 40"))
    assert len(evoae.resume(run.path).first_evaluations()) == 40


@pytest.mark.slow
def test_what_a_budget_of_minutes_left_out_was_pending_for_those_behind_it(tmp_path, monkeypatch):
    """Aging breeds many ahead, and a driver that was killed may have finished some of the last."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("evoae.engine.budget.time", clock)

    class LastFirst(AbstractExecutor):
        """Workers, of which the last one to begin is the first one to end, after some seconds."""

        workers = 0

        def __init__(self, workers, seconds, train):
            self.workers, self.seconds, self.train, self.begun = workers, seconds, train, []

        def start(self, task):
            self.begun.append(task)

        def wait(self):
            clock.now += self.seconds
            return attempt(self.train, self.begun.pop())

        def close(self):
            self.begun.clear()

    def trained_by(*how):
        monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: LastFirst(*how))

    search = {"algorithm": "aging", "max_in_flight": 8, "surrogate": 1, "generations": None}
    few = few_networks(budgeted({"minutes": 26 / 60}, **search))
    few["model"].update(filters=[4, 8], max_latent=6)
    for seed in range(3):
        few["seed"] = seed
        clock.now, path = 0.0, tmp_path / str(seed)
        trained_by(6, 1, faulty.pulled_after(20))
        with pytest.raises(faulty.PulledPlugError):
            evoae.search(few, run=path)
        trained_by(1, 5, faulty.scored)
        before = history(evoae.resume(path))
        assert history(evoae.resume(path)) == before


def test_generations_that_bring_nothing_new_are_told(tmp_path):
    run = evoae.search(
        few_networks(budgeted({}, generations=15, surrogate=1)), run=tmp_path / "run"
    )
    assert len(run.generations()) == 15
    assert run.search_on() is None


def test_what_is_best_without_regard_to_the_loss_is_in_the_hall_of_fame(tmp_path):
    search = {"algorithm": "nsga2", "objectives": ["latent", "parameters"]}
    run = evoae.search(with_changes(BRED, search=search), run=tmp_path / "run")
    hall = run.hall_of_fame()
    assert hall[0].val_loss > min(each.fitness for each in run.first_evaluations())
    assert run.find("best").candidate.id == hall[0].id
    assert run.status().best == (hall[0].id, hall[0].val_loss)


def test_the_time_is_saved_with_each_generation(tmp_path, monkeypatch):
    """So that a driver that is killed loses no more of it than a generation's."""
    plug = faulty.pulled_after(8)
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(plug))
    with pytest.raises(faulty.PulledPlugError):
        evoae.search(BRED, run=tmp_path / "run")
    assert evoae.Run.open(tmp_path / "run").metadata().seconds > 0


@pytest.mark.parametrize("algorithm", ["generational", "aging", "random"])
def test_a_space_smaller_than_the_population_is_trained_and_paid_once(algorithm, tmp_path):
    model = {"max_depth": 1, "filters": [4, 4], "kernels": [3, 3]}
    fixed = {**model, "min_latent": 4, "max_latent": 4}
    few = with_changes(BRED, model=fixed, search={"algorithm": algorithm, "generations": 2})
    few["model"]["sampling"] = {"batchnorm": 0.0, "dropout": 0.0}
    run = evoae.search(few, run=tmp_path / "run")
    assert run.status().duplicates
    cost = sum(3 * each.flops * 96 * 2 for each in run.first_evaluations())
    assert run.generations()[-1].stats["cost"] == cost


@pytest.mark.slow
def test_every_training_has_its_cost(tmp_path, monkeypatch):
    monkeypatch.undo()
    two = with_changes(TINY, search={"population": 2, "generations": 1})
    run = evoae.search(two, run=tmp_path / "run")
    assert len(run.first_evaluations()) == 2
    for each in run.first_evaluations():
        assert each.cost == 3 * each.flops * 96 * 2  # images and epochs of TINY
    assert run.status().cost == sum(each.cost for each in run.first_evaluations())
