from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from deap import base

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import batch_rng, tell
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Individual, best
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome
from tests.contracts.algorithm import history, judged, space

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))


def offspring_of(**search: object) -> list[tuple[tuple[str, ...], str]]:
    """Parents and operator of the second generation's proposals."""
    config = SearchConfig.model_validate({"population": 60, **search})
    proposals, _ = history(algorithm_for(config, space()), 2, lambda p: float(len(p.id)))[1]
    return [(each.parents, each.operator) for each in proposals]


def test_without_crossover_and_mutation_a_copy_is_mutated_until_it_is_new() -> None:
    for parents, operator in offspring_of(cxpb=0.0, mutpb=0.0):
        assert len(parents) == 1
        assert operator
        assert "swap" not in operator


def test_with_certain_crossover_every_offspring_has_two_parents() -> None:
    made = offspring_of(cxpb=1.0, mutpb=0.0)
    assert {len(parents) for parents, _ in made} == {2}
    assert all(operator.startswith("swap_") for _, operator in made)


@pytest.mark.parametrize(("share", "word"), [(0.0, "swap_genes"), (1.0, "swap_blocks")])
def test_the_share_of_block_crossover_is_obeyed(share: float, word: str) -> None:
    made = offspring_of(cxpb=1.0, block_crossover=share)
    assert all(operator.startswith(word) for _, operator in made)


def test_with_certain_mutation_every_crossed_offspring_is_mutated_too() -> None:
    made = offspring_of(cxpb=1.0, mutpb=1.0)
    assert all("+" in operator for _, operator in made)


def test_tournament_winners_are_mostly_good_and_never_failed() -> None:
    individuals = [Individual(str(n), GENOME, (float(n),)) for n in range(20)]
    individuals += [Individual(f"failed {n}", GENOME, ()) for n in range(80)]
    config = SearchConfig(tournament=5)
    select = toolbox.toolbox(np.random.default_rng(0), config, space()).select
    winners = Counter(each.id for each in select(individuals, 4000))
    assert not [name for name in winners if name.startswith("failed")]
    # The best of 20 wins whenever it is among 5 drawn with replacement: 1 - (19/20)^5 = .226.
    assert winners["0"] / 4000 == pytest.approx(0.226, abs=0.02)


def test_selection_draws_from_the_generator_alone() -> None:
    individuals = [Individual(str(n), GENOME, (float(n),)) for n in range(20)]

    def select(seed: int) -> list[Individual]:
        rng = np.random.default_rng(seed)
        return toolbox.toolbox(rng, SearchConfig(), space()).select(individuals, 50)

    random.seed(5)
    before = random.getstate()
    first = select(1)
    assert random.getstate() == before
    random.seed(6)
    assert select(1) == first
    assert select(2) != first


def test_the_global_state_is_put_back_when_selection_fails() -> None:
    before = random.getstate()
    select = toolbox.toolbox(np.random.default_rng(0), SearchConfig(), space()).select
    with pytest.raises(IndexError):
        select([Individual("a", GENOME, ())], 1)
    assert random.getstate() == before


def test_a_smaller_fitness_is_better_for_deap() -> None:
    assert issubclass(toolbox.Fitness, base.Fitness)
    assert toolbox.Fitness((1.0,)) > toolbox.Fitness((2.0,))


def test_the_best_are_distinct_and_equals_rank_by_id() -> None:
    named = [("c", 1.0), ("a", 1.0), ("a", 1.0), ("x", None), ("b", 0.5)]
    individuals = [
        Individual(name, GENOME, () if fitness is None else (fitness,)) for name, fitness in named
    ]
    assert [each.id for each in best(individuals, 3)] == ["b", "a", "c"]
    assert best(individuals, 0) == ()


def test_each_generation_and_seed_has_its_own_numbers() -> None:
    drawn = {
        batch_rng(seed, generation).random() for seed in range(20) for generation in range(20)
    }
    assert len(drawn) == 400
    assert batch_rng(2**63 - 1, 1).random() == batch_rng(2**63 - 1, 1).random()


def test_the_population_is_elites_then_the_told_in_their_order() -> None:
    search = SearchConfig(population=8, elitism=2)
    algorithm = algorithm_for(search, space())
    (_, first), (proposals, second) = history(algorithm, 2)
    assert second.population[2:] == tuple(each.id for each in proposals)
    elites = best(first.members, 2)
    assert second.population[:2] == tuple(each.id for each in elites)


def test_elites_that_are_asked_again_do_not_fill_the_population_twice() -> None:
    algorithm = algorithm_for(SearchConfig(population=4, elitism=3), space())
    proposals, state = history(algorithm, 1, lambda p: float(int(p.id[:6], 16)))[0]
    again = tell(algorithm, state, judged(proposals[:1], lambda p: float(int(p.id[:6], 16))))
    third = tell(algorithm, again, ())
    assert len(set(third.population)) == len(third.population) == 3
