"""What every search algorithm promises. To enrol one: a subclass of the kit with its `name`."""

from __future__ import annotations

import copy
import dataclasses
import math
import random
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from evoae.config.model import ModelConfig, SamplingConfig
from evoae.config.search import SearchConfig
from evoae.evolution.algorithm import AbstractAlgorithm, batch_rng, tell
from evoae.evolution.batch import next_batch
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Curve, Measured, Proposal, State, complete, scored
from evoae.evolution.surrogate import Surrogate
from evoae.genome.canonical import candidate_id
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.space import Space
from evoae.models.plan import measure

INPUT = (28, 28, 1)
Judge = Callable[[Proposal], Curve | float | None]


def space(model: ModelConfig | None = None) -> Space:
    return Space(
        model or ModelConfig(max_flops=12_000_000), INPUT, measure(NetworkDefaults(INPUT))
    )


def judge_by_size(proposal: Proposal) -> float | None:
    """A cheap fitness that differs between networks; every seventh candidate fails."""
    if int(proposal.id[:8], 16) % 7 == 0:
        return None
    return math.log(space().measure(proposal.genome).parameters)


def judged(proposals: Sequence[Proposal], judge: Judge) -> tuple[Measured, ...]:
    return tuple((each, judge(each)) for each in proposals)


def history(
    algorithm: AbstractAlgorithm,
    generations: int,
    judge: Judge = judge_by_size,
    seed: int = 3,
    search: SearchConfig | None = None,
) -> list[tuple[tuple[Proposal, ...], State]]:
    """Run `generations`; return each one's proposals and the state after it."""
    search, state, steps = search or SearchConfig(surrogate=1), State(), []
    under_way: deque[tuple[Proposal, ...]] = deque()
    surrogate = Surrogate(space())
    last, asked = generations * algorithm.batches_per_generation, 0
    proposed: list[Proposal] = []
    while state.batch < last:
        while asked < last and len(under_way) < algorithm.max_in_flight:
            asked += 1
            pending = {each.key for batch in under_way for each in batch}
            under_way.append(next_batch(algorithm, search, surrogate, state, asked, seed, pending))
        done = under_way.popleft()
        proposed += done
        state = tell(algorithm, state, judged(done, judge))
        if state.batch % algorithm.batches_per_generation == 0:
            steps.append((tuple(proposed), state))
            proposed = []
    return steps


class AlgorithmContract:
    name: str  # as in `search.algorithm`

    def make(self, **search: object) -> AbstractAlgorithm:
        given = {"population": 8, "elitism": 2, **search, "algorithm": self.name}
        return algorithm_for(SearchConfig.model_validate(given), space())

    @pytest.fixture
    def algorithm(self) -> AbstractAlgorithm:
        return self.make()

    def test_the_same_numbers_give_the_same_search(self, algorithm: AbstractAlgorithm) -> None:
        assert history(algorithm, 4) == history(self.make(), 4)

    def test_the_same_numbers_give_the_same_search_with_a_surrogate(self) -> None:
        guided = SearchConfig(surrogate=3)
        found = history(self.make(), 4, search=guided)
        assert found == history(self.make(), 4, search=guided)
        unguided = history(self.make(), 4)
        assert (found != unguided) == self.make().guided
        assert [len(asked) for asked, _ in found] == [len(asked) for asked, _ in unguided]
        ids = [each.id for asked, _ in found for each in asked]
        assert len(set(ids)) == len(ids)
        assert all(space().admits(each.genome) for asked, _ in found for each in asked)

    def test_another_seed_gives_another_search(self, algorithm: AbstractAlgorithm) -> None:
        assert history(algorithm, 1, seed=3) != history(algorithm, 1, seed=4)

    def test_a_longer_search_begins_as_the_shorter_one(self) -> None:
        short, long = self.make(generations=2), self.make(generations=6)
        assert history(long, 6)[:2] == history(short, 2)

    def test_asking_and_telling_change_nothing_that_was_given(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        state = history(algorithm, 2)[-1][1]
        before, batch = copy.deepcopy(state), state.batch + algorithm.max_in_flight
        known = frozenset(state.history)
        count = algorithm.size(batch)
        proposals = algorithm.ask(state, batch_rng(3, batch), count, known)
        tell(algorithm, state, judged(proposals, judge_by_size))
        assert state == before
        assert algorithm.ask(state, batch_rng(3, batch), count, known) == proposals

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
    def test_every_batch_has_the_size_that_was_said(self, population: int, elitism: int) -> None:
        algorithm = self.make(population=population, elitism=elitism)
        asked = [len(proposals) for proposals, _ in history(algorithm, 4)]
        steps = algorithm.batches_per_generation
        assert asked == [
            sum(algorithm.size(batch) for batch in range(1 + steps * g, 1 + steps * (g + 1)))
            for g in range(4)
        ]

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
        assert all(len(proposals) >= 29 for proposals, _ in history(algorithm, 3))

    def test_parents_were_evaluated_before_their_children(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        places: dict[str, int] = {}
        for proposals, _ in history(algorithm, 5):
            for each in proposals:
                max_in_flight = (algorithm.max_in_flight - 1) * algorithm.size(2)
                assert all(
                    places[parent] <= len(places) - max_in_flight for parent in each.parents
                )
                assert each.operator
                assert (each.operator == "sample") == (not each.parents)
                places.setdefault(each.id, len(places))

    def test_the_failed_are_no_parents(self, algorithm: AbstractAlgorithm) -> None:
        def only_some_score(proposal: Proposal) -> float | None:
            return float(int(proposal.id[:4], 16)) if int(proposal.id[-1], 16) < 5 else None

        steps = history(algorithm, 8, only_some_score)
        history_ = steps[-1][1].history
        failed = {id for id, each in history_.items() if each.fitness is None}
        assert len(failed) > 10
        for proposals, _ in steps:
            assert not failed.intersection(parent for each in proposals for parent in each.parents)

    def test_a_search_in_which_nobody_scores_samples_on(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        steps = history(algorithm, 3, lambda _: None)
        assert {each.operator for proposals, _ in steps for each in proposals} == {"sample"}
        assert len(steps[-1][1].history) == sum(len(proposals) for proposals, _ in steps)
        assert algorithm.hall(steps[-1][1], 5) == ()

    def test_the_hall_is_sorted_and_holds_the_best_one(self, algorithm: AbstractAlgorithm) -> None:
        state = history(algorithm, 5)[-1][1]
        losses = [each.fitness for each in algorithm.hall(state, 6)]
        assert losses == sorted(losses)
        assert len(losses) <= 6
        assert losses[0] == min(fitness for fitness, _ in scored(state.history.values()))

    def test_the_hall_and_the_elites_were_trained_to_the_end(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        def stopped_for_the_most_part(proposal: Proposal) -> Curve | float | None:
            score = judge_by_size(proposal)
            if score is None or int(proposal.id[-1], 16) < 3:
                return score
            return Curve((score - 99.0,), raced=True)  # better than any complete one

        state = history(algorithm, 5, stopped_for_the_most_part)[-1][1]
        hall = algorithm.hall(state, 1000)
        assert {each.id for each in hall} <= {each.id for each in complete(state.history.values())}
        assert 0 < len(hall) < len(state.history) / 2
        if self.name == "generational":  # two elites
            assert len(complete(state.members[:2])) == 2

    def test_a_further_training_counts_in_the_mean_and_adds_no_member(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        state = history(algorithm, 2)[-1][1]
        one = algorithm.hall(state, 1)[0]
        again = Proposal(one.id, one.genome, one.parents, one.operator, 2)
        after = tell(algorithm, state, [(again, one.fitness + 2.0)])
        assert after.history[one.id].fitness == pytest.approx(one.fitness + 1.0)
        assert len(after.population) == len(set(after.population)) <= len(state.population)
        assert tell(algorithm, after, [(again, 0.0)]).history == after.history  # told already

    def test_what_is_in_doubt_is_trained_again_within_its_share(
        self, algorithm: AbstractAlgorithm
    ) -> None:
        search = SearchConfig(repeats=3, repeat_share=0.25, surrogate=1)
        steps = history(algorithm, 8, search=search)
        proposals = [each for batch, _ in steps for each in batch]
        again = [each for each in proposals if each.number > 1]
        assert 0 < len(again) <= 0.25 * len(proposals) + 1
        assert len({each.key for each in proposals}) == len(proposals)
        assert max(each.asked for each in steps[-1][1].history.values()) <= 3

    def test_the_state_is_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            State().batch = 1  # type: ignore[misc]
