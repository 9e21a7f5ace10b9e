"""Trainings that the machine or a limit ended are tried again, as if they had never failed."""

import importlib
import json

import pytest

import evoae
from evoae.errors import EvoaeError, RunError
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.runs.store import Store
from tests import faulty
from tests.conftest import TINY, history, with_changes
from tests.covering import first_cells

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
GENERATIONS = {"population": 6, "generations": 4, "surrogate": 1}
VARIANTS = {
    "generational": {},
    "elaborate": {
        "repeats": 3,
        "repeat_share": 0.4,
        "racing": {"keep": 0.5, "after": 4},
        "surrogate": 2,
    },
    "mu_plus_lambda": {"algorithm": "mu_plus_lambda"},
    "aging": {
        "algorithm": "aging",
        "max_in_flight": 3,
        "repeats": 2,
        "repeat_share": 0.3,
        "surrogate": 4,
    },
    "nsga2": {"algorithm": "nsga2"},
    "random": {"algorithm": "random"},
    "budget": {"generations": None, "budget": {"evaluations": 20}},
}


def config(variant):
    return with_changes(TINY, search=GENERATIONS | VARIANTS[variant])


class Scores:
    """Instant trainings, some of which fail or end the driver.

    Attributes:
        asked: trainings since the last change.
    """

    def __init__(self):
        self.fail(Outcome.CRASHED, at=())

    def fail(self, outcome, at):
        """Let the trainings of these numbers, from 1, end with `outcome`."""
        self.asked, self._outcome, self._at, self._death = 0, outcome, at, None

    def die(self, at):
        """Let the training of this number end the driver."""
        self.asked, self._at, self._death = 0, (), at

    def __call__(self, task):
        self.asked += 1
        if self.asked == self._death:
            raise KeyboardInterrupt
        if self.asked in self._at:
            return Evaluation.failed(task, self._outcome, "the machine's doing")
        return faulty.scored(task)


@pytest.fixture
def scores(monkeypatch):
    trainings = Scores()
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(trainings))
    return trainings


@pytest.mark.parametrize(
    ("variant", "outcome"),
    first_cells(
        [
            *((variant, Outcome.CRASHED) for variant in VARIANTS),
            ("generational", Outcome.TIMED_OUT),
            ("generational", Outcome.OUT_OF_MEMORY),
        ],
        lambda each: each[0] == "elaborate" or each[1] == Outcome.TIMED_OUT,
    ),
)
def test_a_run_whose_failures_were_retried_is_the_undisturbed_run(
    variant, outcome, tmp_path, scores
):
    undisturbed = evoae.search(config(variant), run=tmp_path / "undisturbed")
    scores.fail(outcome, at={3, 9, 15})
    disturbed = evoae.search(config(variant), run=tmp_path / "run")
    assert history(disturbed) != history(undisturbed)
    trained = len(disturbed.evaluations())
    scores.fail(outcome, at=())
    resumed = evoae.resume(disturbed.path, retry_failed=True)
    assert history(resumed) == history(undisturbed)
    assert resumed.status().state == "finished"
    assert scores.asked < trained, "what was proposed again is taken, not trained"


def test_a_run_stays_as_it_was_before_a_retry(tmp_path, scores):
    scores.fail(Outcome.CRASHED, at={2})
    run = evoae.search(config("generational"), run=tmp_path / "run")
    before, models = history(run), [entry.model_path.read_bytes() for entry in run.hall_of_fame()]
    (run.path / ".before-retry-1").mkdir()  # of a driver that was killed
    scores.fail(Outcome.CRASHED, at=())
    assert history(evoae.resume(run.path, retry_failed=True)) != before
    kept = evoae.Run.open(run.path / "before-retry-1")
    assert history(kept) == before
    assert [entry.model_path.read_bytes() for entry in kept.hall_of_fame()] == models
    assert kept.status().state == "finished"
    assert sorted(path.name for path in run.path.glob("*before*")) == ["before-retry-1"]


def test_a_second_retry_finds_nothing_to_do(tmp_path, scores):
    scores.fail(Outcome.CRASHED, at={4})
    run = evoae.search(config("elaborate"), run=tmp_path / "run")
    scores.fail(Outcome.CRASHED, at=())
    first = history(evoae.resume(run.path, retry_failed=True))
    scores.fail(Outcome.CRASHED, at=range(1000))
    assert history(evoae.resume(run.path, retry_failed=True)) == first
    assert scores.asked == 0
    assert [path.name for path in run.path.glob("before-*")] == ["before-retry-1"]


@pytest.mark.slow
def test_a_retry_that_is_interrupted_goes_on(tmp_path, scores):
    undisturbed = evoae.search(config("elaborate"), run=tmp_path / "undisturbed")
    scores.fail(Outcome.CRASHED, at={3, 9})
    run = evoae.search(config("elaborate"), run=tmp_path / "run")
    for number in range(12):
        scores.die(at=number % 3 + 1)
        try:
            evoae.resume(run.path, retry_failed=number == 0)
            break
        except KeyboardInterrupt:
            continue
    else:
        pytest.fail("it never came to its end")
    assert number > 1
    assert history(run) == history(undisturbed)


def test_what_a_candidate_is_known_by_after_the_search_survives_a_retry(tmp_path, scores):
    scores.fail(Outcome.CRASHED, at={2})
    run = evoae.search(config("generational"), run=tmp_path / "run")
    best = run.hall_of_fame()[0].id
    with Store.writer(run.path) as store:
        store.set_result(best, "note", {"kept": True})
    scores.fail(Outcome.CRASHED, at=())
    evoae.resume(run.path, retry_failed=True)
    with Store.reader(run.path) as store:
        assert store.results() == {(best, "note"): {"kept": True}}


@pytest.mark.parametrize("outcome", [Outcome.DIVERGED, Outcome.OVER_LIMIT])
def test_what_would_fail_again_is_not_tried_again(outcome, tmp_path, scores):
    scores.fail(outcome, at={3})
    run = evoae.search(config("generational"), run=tmp_path / "run")
    before = history(run)
    scores.fail(outcome, at=())
    assert history(evoae.resume(run.path, retry_failed=True)) == before


@pytest.mark.parametrize(
    ("outcome", "section", "lower", "higher"),
    first_cells(
        [
            (Outcome.TIMED_OUT, "training.time_limit", 10, 20),
            (Outcome.TIMED_OUT, "training.time_limit", 10, None),
            (Outcome.OUT_OF_MEMORY, "execution.memory_limit", "1GiB", "2GiB"),
            (Outcome.OVER_LIMIT, "execution.memory_limit", "1GiB", None),
        ],
        lambda each: each[2:] in ((10, 20), ("1GiB", None)),
    ),
)
def test_a_limit_that_is_raised_retries_what_it_ended_and_nothing_else(
    outcome, section, lower, higher, tmp_path, scores
):
    room, name = section.split(".")
    limited = with_changes(config("generational"), **{room: {name: lower}})
    free = with_changes(limited, **{room: {name: higher}})
    undisturbed = evoae.search(free, run=tmp_path / "undisturbed")
    scores.fail(outcome, at={3, 8})
    run = evoae.search(limited, run=tmp_path / "run")
    failed = history(run)
    scores.fail(outcome, at=())
    assert history(evoae.resume(run.path)) == failed, "the limit is as it was"
    raised = [f"{section}={json.dumps(higher)}"]
    resumed = evoae.resume(run.path, overrides=raised)
    assert history(resumed) == history(undisturbed)
    other = Outcome.CRASHED
    scores.fail(other, at={1})
    crashed = evoae.search(limited, run=tmp_path / "crashed")
    scores.fail(other, at=())
    before = history(crashed)
    assert history(evoae.resume(crashed.path, overrides=raised)) == before


def test_spare_trainings_that_would_end_otherwise_now_are_done_again(tmp_path, scores):
    racing = with_changes(config("elaborate"), search={"racing": {"keep": 0.3, "after": 2}})
    undisturbed = evoae.search(racing, run=tmp_path / "undisturbed")
    scores.fail(Outcome.CRASHED, at={1, 2, 4})
    run = evoae.search(racing, run=tmp_path / "run")
    scores.fail(Outcome.CRASHED, at=())
    assert history(evoae.resume(run.path, retry_failed=True)) == history(undisturbed)


def test_a_damaged_spare_training_is_one_sentence(tmp_path, scores):
    scores.fail(Outcome.CRASHED, at={1})
    run = evoae.search(config("generational"), run=tmp_path / "run")
    with Store.writer(run.path) as store:
        store.set_aside({e.key for e in run.first_evaluations() if e.outcome is Outcome.CRASHED})
        store._connection.execute("UPDATE spare SET value = '[1, 2]'")
        with pytest.raises(RunError, match="damaged"):
            store.spares()


def test_records_come_back_whole_from_the_spare_ones(tmp_path, scores):
    scores.fail(Outcome.CRASHED, at={1})
    run = evoae.search(config("elaborate"), run=tmp_path / "run")
    before = {each.key: each for each in run.first_evaluations()}
    with Store.writer(run.path) as store:
        (failed,) = [key for key, each in before.items() if each.outcome is Outcome.CRASHED]
        repeats = store.repeats()
        assert store.set_aside({failed}) == 1
        assert store.evaluations() == {}
        assert store.candidates() == {}
        assert store.spares() == {k: v for k, v in (before | repeats).items() if k != failed}


def test_baselines_are_retried_too(tmp_path, scores):
    compared = with_changes(config("generational"), report={"baselines": ["plain", "random"]})
    undisturbed = evoae.search(compared, run=tmp_path / "undisturbed")
    trainings = len(undisturbed.evaluations())
    scores.fail(Outcome.CRASHED, at={trainings + 1, trainings + 3})  # plain, and one of random's
    run = evoae.search(compared, run=tmp_path / "run")
    assert run.baselines() != undisturbed.baselines()
    scores.fail(Outcome.CRASHED, at=())
    resumed = evoae.resume(run.path, retry_failed=True)
    assert resumed.baselines() == undisturbed.baselines()
    assert history(resumed) == history(undisturbed)
    beside = [evoae.Run.open(path / "random") for path in (run.path, undisturbed.path)]
    assert history(beside[0]) == history(beside[1])


def test_a_limit_that_a_resume_was_given_holds_for_later_ones(tmp_path, scores, monkeypatch):
    limited = with_changes(config("generational"), training={"time_limit": 10})
    run = evoae.search(limited, run=tmp_path / "run")
    seen = []
    honest = faulty.scored
    monkeypatch.setattr(
        faulty, "scored", lambda task: (seen.append(task.training.time_limit), honest(task))[1]
    )
    evoae.resume(run.path, generations=1, overrides=["training.time_limit=20"])
    evoae.resume(run.path, generations=1)
    assert set(seen) == {20.0}


def test_a_resume_that_is_refused_changes_nothing(tmp_path, scores, monkeypatch):
    scores.fail(Outcome.CRASHED, at={2})
    run = evoae.search(config("generational"), run=tmp_path / "run")
    before, metadata = history(run), run.metadata()
    more = {"generations": 5, "retry_failed": True}
    with pytest.raises(EvoaeError, match="no such run"):
        evoae.resume(run.path, overrides=['search.reuse=["nowhere"]'], **more)
    monkeypatch.setenv("EVOAE_CACHE", "/proc/nowhere")
    with pytest.raises(EvoaeError, match="cannot be written"):
        evoae.resume(run.path, overrides=["search.budget.evaluations=99"], **more)
    assert (history(run), run.metadata()) == (before, metadata)
    assert not list(run.path.glob("before*"))
