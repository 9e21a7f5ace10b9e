"""The comparison of searches: its account, its landscape, its contestants, its figures."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality import report
from benchmarks.quality.account import Account, Spent
from benchmarks.quality.contestants import CONTESTANTS
from benchmarks.quality.landscape import Landscape
from benchmarks.quality.original import crossed, mutated
from benchmarks.quality.real import Recorded
from evoae.config.load import make_config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.genome.genes import Conv, UpConv
from evoae.genome.sampling import sample
from evoae.genome.text import render
from evoae.training.train import train
from tests.conftest import TINY, with_changes
from tests.covering import first

GLOBAL_GENES = {"activation": ["relu", "elu"], "downsampling": ["max", "stride"]}
EPOCHS = 3


@pytest.fixture(scope="module")
def problem():
    raw = with_changes(
        TINY,
        model=GLOBAL_GENES | {"max_flops": 200_000},
        training={"epochs": EPOCHS, "schedule": "constant"},
    )
    return Problem.make(make_config(raw))


def loss(genome, space):
    """A loss that falls with the size of a network and rises with dropout."""
    dropped = sum(getattr(gene, "rate", 0.0) for gene in genome.genes)
    return 0.5 * space.measure(genome).parameters ** -0.3 * (1 + dropped)


def row(genome, space, source, factor=1.0):
    last = loss(genome, space) * factor
    curve = [last * (1 + 1 / epoch**2) for epoch in range(1, EPOCHS)] + [last]
    return {"source": source, "genome": render(genome), "outcome": "scored", "curve": curve}


@pytest.fixture(scope="module")
def rows(problem):
    rng = np.random.default_rng(1)
    genomes = [sample(rng, problem.space) for _ in range(150)]
    found = [row(genome, problem.space, "random") for genome in genomes]
    for genome in genomes[:20]:
        found += [row(genome, problem.space, "again", 1 + 0.05 * rng.normal()) for _ in range(4)]
    return found


@pytest.fixture(scope="module")
def landscape(rows, problem):
    return Landscape(rows, problem.space)


def task_of(problem, seed, epochs=EPOCHS, number=0):
    genome = sample(np.random.default_rng(number), problem.space)
    task = problem.task(genome, share(problem.dataset))
    return replace(task, seed=seed, training=task.training.model_copy(update={"epochs": epochs}))


def test_the_landscape_knows_networks_that_it_has_not_seen(landscape, problem):
    rng = np.random.default_rng(2)
    genomes = [sample(rng, problem.space) for _ in range(100)]
    told = np.log([landscape.mean(genome) for genome in genomes])
    truth = np.log([loss(genome, problem.space) for genome in genomes])
    assert np.var(told - truth) < 0.2 * np.var(truth)
    found = landscape.quality(folds=5)
    assert found["r2"] > 0.8
    assert found["spearman"] > 0.8


def test_a_seed_determines_a_training_and_a_short_one_is_the_start_of_a_long_one(
    landscape, problem
):
    whole = landscape(task_of(problem, seed=5))
    assert landscape(task_of(problem, seed=5)) == whole
    assert landscape(task_of(problem, seed=6)).fitness != whole.fitness
    assert landscape(task_of(problem, 5, epochs=2)).validation_loss == whole.validation_loss[:2]
    with pytest.raises(ValueError, match="3 are recorded"):
        landscape(task_of(problem, 5, epochs=EPOCHS + 1))


def test_trainings_scatter_around_the_true_mean_as_widely_as_recorded_ones(landscape, problem):
    task = task_of(problem, 0)
    scores = np.array([landscape(replace(task, seed=seed)).fitness for seed in range(1000)])
    true = landscape.mean(task.genome)
    assert np.mean(scores) == pytest.approx(true, rel=0.01)
    assert np.std(scores) == pytest.approx(0.05 * true, rel=0.3)


def test_a_landscape_without_repeated_trainings_is_refused(rows, problem):
    with pytest.raises(ValueError, match="noise is unknown"):
        Landscape([each for each in rows if each["source"] != "again"], problem.space)


def test_a_training_is_paid_once_and_further_epochs_are_paid_alone(landscape, problem):
    cost = task_of(problem, 1).cost
    account = Account(landscape, 2.5 * cost)
    for epochs in (1, 3, 3, 1):
        account.train(task_of(problem, 1, epochs))
    assert (account.spent, account.trainings) == (cost, 1)
    account.train(task_of(problem, 2))
    assert (account.spent, account.trainings) == (2 * cost, 2)
    with pytest.raises(Spent):
        account.train(task_of(problem, 3))
    assert account.spent == 2 * cost


def test_a_search_believes_in_the_best_mean_not_in_the_best_score(problem):
    scores = {(0, 1): 0.5, (1, 1): 0.4, (1, 2): 0.8}
    ids = {task_of(problem, 1, number=number).id: number for number in (0, 1)}

    def trained(task):
        score = scores[ids[task.id], task.seed]
        return Evaluation(task.key, Outcome.SCORED, score, cost=task.cost)

    account = Account(trained, math.inf)
    for number, seed in scores:
        account.train(task_of(problem, seed, number=number))
    assert [point.believed for point in account.points] == [0.5, 0.4, 0.5]


@pytest.mark.filterwarnings("default")  # the tuners' own
@pytest.mark.parametrize(
    "name",
    first(
        ["evoae", "random", "original", "optuna", "keras_tuner", "aging+all"],
        lambda name: name in ("evoae", "optuna"),
    ),
)
def test_every_contestant_spends_the_budget_but_for_less_than_a_training(name, landscape, problem):
    rng = np.random.default_rng(3)
    costs = [
        problem.task(sample(rng, problem.space), share(problem.dataset)).cost for _ in range(50)
    ]
    budget, trained = 40 * float(np.mean(costs)), []

    def counted(task):
        trained.append(task)
        return landscape(task)

    contestant = CONTESTANTS[name]
    own, account = contestant.problem(problem, budget), Account(counted, budget)
    contestant.search(own, account)
    dearest = 3 * 200_000 * task_of(problem, 0).images * EPOCHS
    assert budget - dearest < account.spent <= budget
    assert all(own.space.admits(task.genome) for task in trained)
    flops = [point.flops for point in account.points]
    assert flops == sorted(flops)
    assert len(flops) > 1

    again = Account(landscape, budget)
    contestant.search(own, again)
    assert again.points == account.points


def test_the_original_scheme_keeps_depth_and_range(problem):
    rng = np.random.default_rng(4)
    a, b = (sample(rng, problem.space) for _ in range(2))
    for _ in range(50):
        a2, b2 = crossed(rng, a, b)
        a2, b2 = (mutated(rng, each, problem.space) for each in (a2, b2))
        assert (a2.depth, b2.depth) == (a.depth, b.depth)
        filters = [gene.filters for gene in a2.genes if isinstance(gene, Conv | UpConv)]
        assert all(4 <= each <= 12 for each in filters)


def test_a_real_training_is_made_once_and_begins_like_a_shorter_one(problem, tmp_path):
    file, done = tmp_path / "kept.jsonl", []

    def counted(task):
        done.append(task.id)
        return train(task)

    whole, short = task_of(problem, 1), task_of(problem, 1, epochs=1)
    kept = Recorded(InlineExecutor(counted), file)
    first, start = kept(whole), kept(short)
    assert first.validation_loss[:1] == start.validation_loss
    with file.open("a") as torn:
        torn.write('\n{"key": "cut o')
    assert Recorded(InlineExecutor(counted), file)(whole) == first
    assert len(done) == 2


def line(contestant, seed, course):
    return {"contestant": contestant, "seed": seed, "budget": 100, "course": course}


def test_the_report_compares_true_means_at_equal_cost():
    there = [line("random", seed, [[10, 0.1, 0.4], [80, 0.1, 0.2]]) for seed in range(5)]
    there += [line("better", seed, [[20, 0.3, 0.3], [40, 0.2, 0.1]]) for seed in range(5)]
    found = report.courses(there)
    assert found["random"].at(0.5).tolist() == [0.4] * 5
    assert found["better"].at(0.5).tolist() == [0.1] * 5
    assert found["better"].at(0.1).tolist() == [math.inf] * 5
    best, random = report.table(there).splitlines()[1:]
    assert best.split()[0] == "better"
    assert "50.0%" in best
    assert "40%" in best or "41%" in best  # of the budget, on a grid of costs
    assert random.split()[0] == "random"


def test_winners_are_compared_by_what_they_earn_from_scratch():
    there = []
    for seed, true in enumerate([0.1, 0.2, 0.3]):
        winner = f"net {seed}"
        found = {"kind": "search", "winner": winner, "latent": 8}
        there.append(line("random", seed, [[10, 0.1, true]]) | found)
        there.append({"kind": "retrained", "winner": winner, "recipe": "R", "losses": [2 * true]})
    text = report.retrained(there)
    assert "0.40000" in text  # the median
    assert "+100.0%" in text
    assert "Spearman 1.00" in text


def test_the_picture_is_drawn_from_lines_alone(tmp_path):
    there = [line("random", seed, [[10, 0.1, 0.4], [80, 0.1, 0.2]]) for seed in range(3)]
    report.draw(there, tmp_path / "new" / "picture.png", ["random", "absent"], "a title")
    assert (tmp_path / "new" / "picture.png").stat().st_size > 10_000
