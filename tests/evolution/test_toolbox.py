"""The toolbox for loops that people write themselves, without any training."""

from __future__ import annotations

import math
import operator
import pickle
import random

import numpy as np
import pytest
from deap import algorithms, base, creator, tools

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.toolbox import EvoaeIndividual
from tests.contracts.algorithm import space


def words(seed: int = 0, **search: object) -> base.Toolbox:
    config = SearchConfig.model_validate({"tournament": 3, **search})
    return toolbox.public_toolbox(np.random.default_rng(seed), config, space())


def scored(individual: EvoaeIndividual, fitness: float) -> EvoaeIndividual:
    individual.fitness.values = (fitness,)
    return individual


def test_equal_seeds_give_equal_populations_parents_and_children() -> None:
    def everything(seed: int) -> list[str]:
        tools_of_loop = words(seed)
        population = tools_of_loop.population(6)
        for rank, individual in enumerate(population):
            scored(individual, float(rank))
        chosen = tools_of_loop.select(population, 6)
        children = [*tools_of_loop.mate(*chosen[:2]), *tools_of_loop.mutate(chosen[2])]
        return [str(each) for each in (*population, *chosen, *children)]

    random.seed(1)
    first = everything(5)
    random.seed(2)
    assert everything(5) == first
    assert everything(6) != first


def test_deaps_own_state_of_chance_is_left_alone() -> None:
    tools_of_loop = words()
    before = random.getstate()
    a, b = (scored(each, 1.0) for each in tools_of_loop.population(2))
    tools_of_loop.select([*tools_of_loop.mate(a, b), a, b], 3)
    tools_of_loop.mutate(a)
    assert random.getstate() == before


def test_children_are_new_objects_inside_the_space_and_parents_stay_as_they_were() -> None:
    tools_of_loop, limits = words(), space()
    population = tools_of_loop.population(20)
    for mother, father in zip(population[::2], population[1::2], strict=True):
        scored(mother, 1.0)
        before = str(mother), str(father)
        children = [*tools_of_loop.mate(mother, father), *tools_of_loop.mutate(mother)]
        assert (str(mother), str(father)) == before
        assert mother.fitness.values == (1.0,)
        assert all(limits.admits(child.genome) for child in children)
        assert not any(child.fitness.valid for child in children)
        assert not {id(child) for child in children} & {id(mother), id(father)}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_of_block_crossover_is_obeyed(share: float, monkeypatch) -> None:
    called = []
    for name in ("swap_genes", "swap_blocks"):
        swap = getattr(toolbox, name)
        spy = lambda *args, name=name, swap=swap: called.append(name) or swap(*args)  # noqa: E731
        monkeypatch.setattr(toolbox, name, spy)
    tools_of_loop = words(block_crossover=share)
    for _ in range(10):
        tools_of_loop.mate(*tools_of_loop.population(2))
    assert set(called) == {"swap_blocks" if share else "swap_genes"}


def test_a_clone_has_a_fitness_of_its_own() -> None:
    tools_of_loop = words()
    original = scored(tools_of_loop.individual(), 0.25)
    clone = tools_of_loop.clone(original)
    assert clone == original
    assert clone.fitness.values == (0.25,)
    del clone.fitness.values
    assert original.fitness.values == (0.25,)


def test_a_failure_wins_no_tournament_that_holds_a_score() -> None:
    tools_of_loop = words(tournament=2)
    population = tools_of_loop.population(10)
    for individual in population:
        scored(individual, math.inf)
    best = scored(population[3], 5.0)
    chosen = tools_of_loop.select(population, 2000)
    # It is among 2 of 10 drawn with replacement in 1 - .9^2 = .19 of the tournaments.
    assert chosen.count(best) / 2000 == pytest.approx(0.19, abs=0.03)
    assert tools.selBest(population, 1) == [best]


def test_the_hall_of_fame_takes_a_network_once() -> None:
    tools_of_loop = words()
    a, b = tools_of_loop.population(2)
    fame = tools.HallOfFame(5, similar=operator.eq)  # DEAP's default
    fame.update([scored(a, 2.0), scored(tools_of_loop.clone(a), 2.0), scored(b, 1.0)])
    assert list(fame) == [b, a]


def test_the_types_stand_under_deaps_usual_names_and_pickle() -> None:
    assert creator.EvoaeIndividual is EvoaeIndividual
    assert creator.EvoaeFitness.weights == (-1.0,)
    individual = scored(words().individual(), 0.5)
    assert isinstance(individual.fitness, creator.EvoaeFitness)
    again = pickle.loads(pickle.dumps(individual))
    assert (again, again.fitness.values, str(again)) == (individual, (0.5,), str(individual))


def test_deaps_own_loop_improves_on_its_first_generation() -> None:
    tools_of_loop = words(seed=4)
    tools_of_loop.register("evaluate", lambda each: (abs(each.genome.latent.units - 7),))
    statistics = tools.Statistics(lambda individual: individual.fitness.values[0])
    statistics.register("mean", np.mean)
    random.seed(4)
    _, book = algorithms.eaSimple(
        tools_of_loop.population(20), tools_of_loop, 0.5, 0.5, 8, stats=statistics, verbose=False
    )
    means = book.select("mean")
    assert len(means) == 9
    assert means[-1] < means[0] / 2
