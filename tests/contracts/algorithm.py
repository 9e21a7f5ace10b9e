"""What every search algorithm promises. To enrol one: a subclass of the kit with its `name`."""

from __future__ import annotations

import copy
import dataclasses
import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from evoae.config.schema import ModelConfig, SamplingConfig, SearchConfig
from evoae.evolution.algorithm import AbstractAlgorithm, generation_rng
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Individual, Proposal, State
from evoae.genome.canonical import candidate_id
from evoae.genome.frame import Frame
from evoae.genome.space import Space
from evoae.models.plan import measure

INPUT = (28, 28, 1)
Judge = Callable[[Proposal], float | None]


def space(model: ModelConfig | None = None) -> Space:
    return Space(model or ModelConfig(max_flops=12_000_000), INPUT, measure(Frame(INPUT)))


def judge_by_size(proposal: Proposal) -> float | None:
    """A cheap fitness that differs between networks; every seventh candidate fails."""
    if int(proposal.id[:8], 16) % 7 == 0:
        return None
    return math.log(space().measure(proposal.genome).parameters)


def judged(proposals: tuple[Proposal, ...], judge: Judge) -> tuple[Individual, ...]:
    return tuple(Individual(each.id, each.genome, judge(each)) for each in proposals)


def history(
    algorithm: AbstractAlgorithm, generations: int, judge: Judge = judge_by_size, seed: int = 3
) -> list[tuple[tuple[Proposal, ...], State]]:
    """Run `generations`; return each one's proposals and the state after it."""
    state, steps = algorithm.start(), []
    for generation in range(1, generations + 1):
        proposals = algorithm.ask(state, generation_rng(seed, generation))
        state = algorithm.tell(state, judged(proposals, judge))
        steps.append((proposals, state))
    return steps


class AlgorithmContract:
    name: str  # as in `search.algorithm`

    def make(self, **search: object) -> AbstractAlgorithm:
        given = {"population": 8, "elitism": 2, **search, "algorithm": self.name}
        return algorithm_for(SearchConfig.model_validate(given), space())

    @pytest.fixture
    def algorithm(self) -> AbstractAlgorithm:
        return self.make()

    def test_it_starts_before_the_first_generation(self, algorithm: AbstractAlgorithm) -> None:
        assert algorithm.start() == State(0, (), frozenset())

    def test_the_same_numbers_give_the_same_search(self, algorithm: AbstractAlgorithm) -> None:
        assert history(algorithm, 4) == history(self.make(), 4)

    def test_another_seed_gives_another_search(self, algorithm: AbstractAlgorithm) -> None:
        assert history(algorithm, 1, seed=3) != history(algorithm, 1, seed=4)

    def test_a_longer_search_begins_as_the_shorter_one(self) -> None:
        short, long = self.make(generations=2), self.make(generations=6)
        assert history(long, 6)[:2] == history(short, 2)

    def test_a_search_goes_on_from_any_state_as_if_never_stopped(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        steps = history(algorithm, 4)
        resumed, state = self.make(), steps[1][1]
        for generation, (proposals, after) in enumerate(steps[2:], start=3):
            assert resumed.ask(state, generation_rng(3, generation)) == proposals
            state = resumed.tell(state, judged(proposals, judge_by_size))
            assert state == after

    def test_asking_and_telling_change_nothing_that_was_given(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        state = history(algorithm, 2)[-1][1]
        before = copy.deepcopy(state)
        proposals = algorithm.ask(state, generation_rng(3, 3))
        individuals = judged(proposals, judge_by_size)
        algorithm.tell(state, individuals)
        assert state == before
        assert algorithm.ask(state, generation_rng(3, 3)) == proposals

    def test_the_global_random_states_stay_untouched(self, algorithm: AbstractAlgorithm) -> None:
        random.seed(11)
        ours = random.getstate()
        numpys = np.random.get_state()[1].copy()  # noqa: NPY002 - it is what must not change
        history(algorithm, 3)
        assert random.getstate() == ours
        assert (np.random.get_state()[1] == numpys).all()  # noqa: NPY002

    def test_the_global_random_state_has_no_influence(self, algorithm: AbstractAlgorithm) -> None:
        random.seed(1)
        first = history(algorithm, 3)
        random.seed(2)
        assert history(algorithm, 3) == first

    @pytest.mark.parametrize(("population", "elitism"), [(2, 0), (2, 1), (5, 0), (8, 2), (9, 4)])
    def test_every_generation_asks_for_what_was_planned(
        self, population: int, elitism: int
    ) -> None:
        algorithm = self.make(population=population, elitism=elitism)
        steps = history(algorithm, 4)
        asked = [len(proposals) for proposals, _ in steps]
        assert asked == [algorithm.planned(generation) for generation in range(1, 5)]
        assert asked == [population] + 3 * [population - elitism]

    @pytest.mark.parametrize(
        "model",
        [
            ModelConfig(max_flops=3_000_000),
            ModelConfig(latent="spatial", max_latent=1500, max_parameters=60_000),
            ModelConfig(max_depth=1, min_latent=8, max_latent=8, kernels=(3, 3)),
        ],
        ids=["flops", "spatial", "shallow"],
    )
    def test_every_proposal_lies_inside_the_space(self, model: ModelConfig) -> None:
        limited = space(model)
        config = SearchConfig.model_validate({"algorithm": self.name, "population": 10})
        for proposals, _ in history(algorithm_for(config, limited), 5):
            assert [limited.violation(each.genome) for each in proposals] == [None] * len(
                proposals
            )

    def test_a_proposal_carries_the_id_of_its_genome(self, algorithm: AbstractAlgorithm) -> None:
        for proposals, _ in history(algorithm, 3):
            assert all(each.id == candidate_id(each.genome) for each in proposals)

    def test_no_candidate_is_proposed_twice_in_a_wide_space(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        ids = [each.id for proposals, _ in history(algorithm, 12) for each in proposals]
        assert len(set(ids)) == len(ids)

    def test_the_first_generation_is_distinct_in_a_narrow_space(self) -> None:
        narrow = ModelConfig(
            max_depth=1,
            filters=(16, 20),
            kernels=(3, 3),
            min_latent=8,
            max_latent=8,
            sampling=SamplingConfig(batchnorm=0, dropout=0),
        )  # 25 networks
        config = SearchConfig.model_validate({"algorithm": self.name, "population": 12})
        proposals, _ = history(algorithm_for(config, space(narrow)), 1)[0]
        assert len({each.id for each in proposals}) == 12

    def test_a_space_of_a_few_networks_still_gets_its_budget(self) -> None:
        few = ModelConfig(
            max_depth=1, filters=(16, 17), kernels=(3, 3), min_latent=8, max_latent=8, rates=(0, 0)
        )
        config = SearchConfig.model_validate({"algorithm": self.name, "population": 30})
        algorithm = algorithm_for(config, space(few))
        assert [len(proposals) for proposals, _ in history(algorithm, 3)] == [30, 29, 29]

    def test_parents_were_evaluated_before_their_children(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        known: frozenset[str] = frozenset()
        for proposals, state in history(algorithm, 5):
            assert known.issuperset(parent for each in proposals for parent in each.parents)
            assert all(each.operator for each in proposals)
            assert all((each.operator == "sample") == (not each.parents) for each in proposals)
            known = state.known

    def test_the_population_is_elites_then_the_told_in_their_order(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        (_, first), (proposals, second) = history(algorithm, 2)
        told = judged(proposals, judge_by_size)
        assert second.population[2:] == told
        ranked = sorted(
            (each.fitness, each.id) for each in first.population if each.fitness is not None
        )
        assert [(each.fitness, each.id) for each in second.population[:2]] == ranked[:2]
        assert second.known == {each.id for each in (*first.population, *told)}
        assert second.generation == 2

    def test_the_failed_are_neither_parents_nor_elites(self, algorithm: AbstractAlgorithm) -> None:
        def only_some_score(proposal: Proposal) -> float | None:
            return float(int(proposal.id[:4], 16)) if int(proposal.id[-1], 16) < 5 else None

        failed: set[str] = set()
        for proposals, state in history(algorithm, 8, only_some_score):
            assert not failed.intersection(parent for each in proposals for parent in each.parents)
            assert not failed.intersection(each.id for each in state.population)
            failed |= {each.id for each in state.population if each.fitness is None}
        assert len(failed) > 10

    def test_a_search_in_which_nobody_scores_samples_on(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        steps = history(algorithm, 3, lambda _: None)
        assert {each.operator for proposals, _ in steps for each in proposals} == {"sample"}
        assert [len(state.population) for _, state in steps] == [8, 6, 6]
        assert len(steps[-1][1].known) == 20

    def test_the_best_of_the_population_never_gets_worse(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        bests = [
            min(each.fitness for each in state.population if each.fitness is not None)
            for _, state in history(algorithm, 8)
        ]
        assert bests == sorted(bests, reverse=True)

    def test_the_state_is_frozen(self, algorithm: AbstractAlgorithm) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            algorithm.start().generation = 1  # type: ignore[misc]
