"""DEAP's own loops on real trainings."""

import math
import random

import numpy as np
import pytest
from deap import algorithms, tools

import evoae
from evoae.errors import ConfigError
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from tests import faulty
from tests.conftest import TINY, with_changes

OWN_LOOP = "evoae.integrations.deap_toolbox.executor_for"


def evolved(words, *, size=4, generations=1):
    """The logbook of DEAP's simplest loop, and its hall of fame."""
    random.seed(11)
    fame = tools.HallOfFame(3)
    statistics = tools.Statistics(lambda individual: individual.fitness.values[0])
    statistics.register("best", np.min)
    _, book = algorithms.eaSimple(
        words.population(size),
        words,
        cxpb=0.6,
        mutpb=0.6,
        ngen=generations,
        stats=statistics,
        halloffame=fame,
        verbose=False,
    )
    return book, [(each.id, each.fitness.values) for each in fame]


@pytest.mark.slow
def test_deaps_simple_loop_evolves_digits_and_repeats_itself(tmp_path):
    config = with_changes(TINY, training={"epochs": 1})
    book, fame = evolved(evoae.deap_toolbox(config, keep=tmp_path), size=2)
    assert 0 < min(book.select("best")) == fame[0][1][0] < 0.2
    assert all((tmp_path / f"{id}.keras").is_file() for id, _ in fame)
    assert evolved(evoae.deap_toolbox(config), size=2) == (book, fame)


def test_a_network_scores_what_it_scores_in_a_search(tiny_run):
    from evoae.evolution.toolbox import EvoaeIndividual
    from evoae.genome.text import parse

    entry = tiny_run.hall_of_fame()[0]
    individual = EvoaeIndividual(parse(entry.genome))
    words = evoae.deap_toolbox(TINY)
    assert words.evaluate(individual) == (entry.val_loss,)
    assert words.evaluation(individual).id == entry.id


def test_each_network_is_trained_once(monkeypatch):
    trained = []

    def counted(task):
        trained.append(task.id)
        return faulty.scored(task)

    monkeypatch.setattr(OWN_LOOP, lambda _: InlineExecutor(counted))
    words = evoae.deap_toolbox(TINY)
    evolved(words, size=20, generations=4)
    assert len(trained) == len(set(trained)) > 20
    individual = words.individual()
    twice = words.map(words.evaluate, [individual, words.clone(individual)])
    assert twice[0] == twice[1] == words.evaluate(individual)
    assert trained.count(individual.id) == 1


def test_a_failed_training_is_the_worst_of_fitnesses_and_says_why(monkeypatch):
    def failing(task):
        return Evaluation.failed(task, Outcome.DIVERGED, "no longer finite")

    monkeypatch.setattr(OWN_LOOP, lambda _: InlineExecutor(failing))
    words = evoae.deap_toolbox(TINY)
    individual = words.individual()
    assert words.evaluate(individual) == (math.inf,)
    evaluation = words.evaluation(individual)
    assert (evaluation.outcome, evaluation.message) == (Outcome.DIVERGED, "no longer finite")


def test_an_interrupted_map_leaves_nothing_behind_for_the_next(monkeypatch):
    executors = []

    class PulledPlugError(BaseException):
        pass

    def pulled(task, left=[2]):  # noqa: B006 - it counts over all calls
        left[0] -= 1
        if left[0] == 0:
            raise PulledPlugError
        return faulty.scored(task)

    def executor(_):
        executors.append(InlineExecutor(pulled))
        return executors[-1]

    monkeypatch.setattr(OWN_LOOP, executor)
    words = evoae.deap_toolbox(TINY)
    population = words.population(4)
    with pytest.raises(PulledPlugError):
        words.map(words.evaluate, population)
    fitnesses = words.map(words.evaluate, population)
    assert len(executors) == 2
    assert fitnesses == [(0.05 + int(individual.id[:8], 16) / 2**32,) for individual in population]


def test_the_trainings_of_a_generation_run_in_the_configured_workers(monkeypatch):
    made = []

    def executor(execution):
        made.append(LocalExecutor(execution.workers, train=faulty.at_any_pace))
        return made[-1]

    monkeypatch.setattr(OWN_LOOP, executor)
    config = with_changes(TINY, execution={"kind": "local", "workers": 2})
    words = evoae.deap_toolbox(config)
    population = words.population(6)
    assert words.map(words.evaluate, population) == [
        (0.05 + int(individual.id[:8], 16) / 2**32,) for individual in population
    ]
    assert len(made) == 1
    assert words.map(str, population) == [str(individual) for individual in population]


def test_a_setting_that_is_misspelt_is_named():
    with pytest.raises(ConfigError) as refused:
        evoae.deap_toolbox(with_changes(TINY, search={"tornament": 3}))
    assert "did you mean 'tournament'?" in str(refused.value)
