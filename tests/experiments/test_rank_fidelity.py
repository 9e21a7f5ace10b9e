"""How a search's ranks compare with those of longer trainings."""

import importlib
import json
import shutil

import numpy as np
import pytest
import scipy.stats
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.experiments import rank_fidelity as module
from evoae.experiments.rank_fidelity import Trained, conclude, fidelity, strata
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests import faulty
from tests.conftest import TINY, with_changes

BRED = with_changes(TINY, search={"population": 10, "generations": 4, "repeats": 2})


class Longer:
    """An executor's factory whose trainings score what `loss` says; it counts them."""

    def __init__(self, loss):
        self.tasks, self.loss = [], loss

    def __call__(self, *_):
        return InlineExecutor(self.train)

    def train(self, task):
        self.tasks.append(task)
        loss = self.loss(task)
        if loss is None:
            return Evaluation.failed(task, Outcome.DIVERGED, "no longer finite")
        return Evaluation(task.key, Outcome.SCORED, loss, validation_loss=(loss,))


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch):
    monkeypatch.setattr(module, "_RESAMPLES", 200)


def searched_by_fakes(config, folder):
    """Return a finished search of fake trainings."""
    conductor = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conductor, "executor_for", lambda *_: InlineExecutor(faulty.scored))
        return evoae.search(config, run=folder)


@pytest.fixture(scope="module")
def bred(tmp_path_factory):
    return searched_by_fakes(BRED, tmp_path_factory.mktemp("bred") / "run")


@pytest.fixture
def run(bred, tmp_path):
    """A finished search, of which a test may do what it likes."""
    return Run.open(shutil.copytree(bred.path, tmp_path / "run"))


@pytest.fixture
def trained_as(monkeypatch):
    def replaced(loss):
        longer = Longer(loss)
        monkeypatch.setattr("evoae.execution.factory.executor_for", longer)
        return longer

    return replaced


def searched(task):
    return 0.05 + int(task.id[:8], 16) / 2**32


def sample(*losses, places=None):
    """A sample that the search ranked in this order."""
    return [
        Trained(f"{n:06}", "dense(4)", place, n / 10, loss, None, "scored", None, 1.0)
        for n, (loss, place) in enumerate(
            zip(losses, places or range(1, 99), strict=False), start=1
        )
    ]


@pytest.mark.parametrize(("total", "count"), [(4, 4), (12, 12), (60, 12), (61, 7), (13, 12)])
def test_the_sample_has_the_best_three_and_one_of_each_stratum_below(total, count):
    places = strata(total, count)
    assert places[:3] == [1, 2, 3]
    assert len(set(places)) == count
    assert places == sorted(places)
    assert places[-1] <= total
    gaps = np.diff(places[3:])
    assert len(gaps) == 0 or max(gaps) - min(gaps) <= 1


def test_longer_trainings_use_all_data_the_refit_settings_and_seeds_of_their_own(run, trained_as):
    longer = trained_as(searched)
    found = fidelity(run.path, candidates=6)
    assert len(longer.tasks) == len(found.candidates) == 6
    for task in longer.tasks:
        assert task.images == 1455  # not the search's 96
        assert (task.training.batch_size, task.training.schedule) == (64, "cosine")
        assert (task.training.epochs, task.training.patience) == (found.epochs, None)
        assert task.keep is None
    assert found.epochs == 10  # a third of refit's 30
    assert [each.id for each in found.candidates[:3]] == [e.id for e in run.hall_of_fame()[:3]]
    assert found.noise == pytest.approx(run.status().noise)


def test_a_long_search_training_asks_for_a_longer_one_still():
    from evoae.config.load import make_config

    config = make_config(with_changes(TINY, training={"epochs": 100, "batch_size": 32}))
    # 3 times 100 epochs of 3 steps, in epochs of 23 steps
    assert module._epochs(config, 96, 1455) == 40
    assert module._epochs(make_config(TINY), 96, 1455) == 10


def test_what_is_trained_is_recorded_and_not_repeated(run, trained_as):
    class PulledPlugError(BaseException):
        pass

    def pulls(task, left=[4]):  # noqa: B006 - it counts over all calls
        left[0] -= 1
        if left[0] < 0:
            raise PulledPlugError
        return searched(task)

    trained_as(pulls)
    with pytest.raises(PulledPlugError):
        fidelity(run.path)
    rest = trained_as(searched)
    first = fidelity(run.path)
    assert len(rest.tasks) == 8
    again = trained_as(searched)
    assert fidelity(run.path) == first
    assert again.tasks == []
    fidelity(run.path, epochs=3)
    assert len(again.tasks) == 12
    assert fidelity(run.path) == first  # the other ones are still there
    assert len(again.tasks) == 12


def test_the_search_and_its_hall_of_fame_stay_as_they_are(run, trained_as):
    from tests.conftest import history

    trained_as(lambda task: 9.0 - searched(task))
    before = history(run)
    fidelity(run.path)
    assert history(run) == before
    assert all(entry.test_loss is None for entry in run.hall_of_fame())


def test_failures_are_shown_and_have_no_rank(run, trained_as):
    ids = [entry.id for entry in run.hall_of_fame()]
    trained_as(lambda task: None if task.id == ids[0] else searched(task))
    found = fidelity(run.path)
    first, *others = found.candidates
    assert (first.outcome, first.loss, first.ranks) == ("diverged", None, None)
    assert found.winner_rank is None
    assert sorted(each.ranks[1] for each in others) == list(range(1, 12))
    shown = CliRunner().invoke(cli, ["fidelity", str(run.path)]).stdout
    assert "(diverged: no longer finite)" in shown
    assert first.id[:6] in shown


def test_where_all_fail_there_is_no_correlation_but_a_sentence(run, trained_as):
    trained_as(lambda _: None)
    found = fidelity(run.path)
    assert (found.spearman, found.kendall, found.needed) == (None, None, None)
    assert "look at what failed" in found.advice


def test_correlations_are_scipys_with_an_interval_around_them(tiny_run):
    rng = np.random.default_rng(1)
    losses = rng.normal(size=12) / 4 + np.arange(12) / 10 + 1
    found = conclude(tiny_run, 5, 12, sample(*losses), None)
    order = np.arange(12)
    assert found.spearman.value == pytest.approx(scipy.stats.spearmanr(order, losses).statistic)
    assert found.kendall.value == pytest.approx(scipy.stats.kendalltau(order, losses).statistic)
    for each in (found.spearman, found.kendall):
        assert -1 <= each.low < each.value < each.high <= 1
    assert conclude(tiny_run, 5, 12, sample(*losses), None) == found


@pytest.mark.slow
def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    truth = 6 / np.pi * np.arcsin(0.8 / 2)  # Spearman's, of normal pairs with correlation .8
    hits = 0
    for _ in range(60):
        losses, noise = rng.normal(size=(2, 30))
        ordered = np.sort(losses)
        pairs = np.column_stack([ordered, 0.8 * ordered + 0.6 * noise])
        interval = module._correlation("spearman", pairs, 3)
        hits += interval.low <= truth <= interval.high
    assert 0.75 <= hits / 60 <= 1.0


@pytest.mark.parametrize(
    ("losses", "places", "needed", "said"),
    [
        (range(1, 13), None, 1, "Trust the ranks: "),
        ([1.005, 1, *range(2, 12)], None, 1, "Trust the ranks: "),  # as good as the best
        ([3, 2, 1, *range(4, 13)], None, 3, "--top 3"),
        ([2, 3, 4, 1, *range(5, 13)], [1, 2, 3, 17, *range(20, 28)], 17, "000004' trains it"),
        ([7, 3, 11, 2, 9, 1, 12, 5, 4, 10, 6, 8], None, 6, "Don't trust the ranks"),
        ([1] * 12, None, 1, "Too few"),
    ],
)
def test_the_advice_follows_from_the_ranks(losses, places, needed, said, tiny_run):
    found = conclude(tiny_run, 5, 12, sample(*losses, places=places), None)
    assert found.needed == needed
    assert said in found.advice
    assert found.advice.endswith(".")


def test_an_open_question_asks_for_more_candidates(tiny_run):
    found = conclude(tiny_run, 5, 40, sample(1, 2, 3, 5, 4), None)
    assert found.spearman.value > 0.7
    assert found.spearman.low < 0.3
    assert "--candidates 10" in found.advice


def test_too_few_candidates_are_refused(tmp_path, trained_as):
    few = with_changes(TINY, search={"population": 2, "generations": 1})
    run = searched_by_fakes(few, tmp_path / "few")
    with pytest.raises(RunError, match="2 candidates with a score"):
        fidelity(run.path)


def test_a_run_under_way_is_refused(run, trained_as):
    trained_as(searched)
    with Store.writer(run.path), pytest.raises(RunError, match="already running"):
        fidelity(run.path)


def test_the_command_trains_prints_and_says_what_to_do(tiny_run, tmp_path):
    run = Run.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    asked = ["fidelity", str(run.path), "--candidates", "4", "--epochs", "1"]
    done = CliRunner().invoke(cli, asked)
    assert done.exit_code == 0, done.output
    assert "4 trainings of 1 epochs, 1,455 for training" in done.stderr
    header, *rows, blank, figures, advice = done.stdout.splitlines()
    assert header.split() == ["place", "id", "search", "longer", "rank", "then", "genome"]
    assert [row.split()[:2] for row in rows[:3]] == [
        [str(entry.rank), entry.id[:6]] for entry in run.hall_of_fame()[:3]
    ]
    assert (len(rows), blank) == (4, "")
    assert figures.startswith("Spearman ")
    told = json.loads(CliRunner().invoke(cli, [*asked, "--json"]).stdout)
    assert told["advice"] == advice
    assert {"value", "low", "high"} == told["spearman"].keys()
    assert all(each["loss"] > 0 and each["ranks"] for each in told["candidates"])
