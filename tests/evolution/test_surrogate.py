from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from evoae.config.search import SearchConfig
from evoae.evolution.deduplication import propose
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Individual, Proposal
from evoae.evolution.surrogate import Surrogate, _Trend, expected
from evoae.evolution.toolbox import toolbox
from evoae.evolution.variation import mutated
from evoae.genome.genes import BatchNorm
from evoae.genome.sampling import sample
from evoae.genome.text import parse
from tests.contracts.algorithm import judge_by_size, space

SPACE = space()


def samples(seed: int, count: int) -> list[Proposal]:
    rng = np.random.default_rng(seed)
    return [propose(sample(rng, SPACE), (), "sample") for _ in range(count)]


@pytest.fixture(scope="module")
def known() -> list[Individual]:
    scores = [(each, judge_by_size(each)) for each in samples(1, 200)]
    return [Individual(p.id, p.genome, () if s is None else (s,)) for p, s in scores]


def same(proposal: Proposal) -> Proposal:
    return proposal


def varied(seed: int) -> Callable[[Proposal], Proposal]:
    rng = np.random.default_rng(seed)
    tools = toolbox(rng, SearchConfig(), SPACE)
    return lambda proposal: mutated(tools, proposal)


def mean_score(proposals: Sequence[Proposal]) -> float:
    scores = [judge_by_size(each) for each in proposals]
    return float(np.mean([score for score in scores if score is not None]))


def test_the_promising_are_better_than_the_rest(known: list[Individual]) -> None:
    offered = samples(2, 80)
    chosen = Surrogate(SPACE).select(known, offered, 20, set(), same)
    assert set(chosen) < set(offered)
    assert mean_score(chosen) < mean_score(offered) - 0.5


def test_what_is_bred_further_is_better_still(known: list[Individual]) -> None:
    offered = samples(2, 80)
    chosen = Surrogate(SPACE).select(known, offered, 20, set(), same)
    bred = Surrogate(SPACE).select(known, offered, 20, set(), varied(1))
    assert len(set(bred) & set(offered)) < 5
    assert all(SPACE.admits(each.genome) for each in bred)
    assert mean_score(bred) < mean_score(chosen) - 0.1


def test_nothing_is_chosen_that_was_asked_for(known: list[Individual]) -> None:
    offered = samples(2, 30)
    first = Surrogate(SPACE).select(known, offered, 10, set(), varied(1))
    asked = {each.id for each in first}
    again = Surrogate(SPACE).select(known, offered, 10, asked, varied(1))
    bred = [each for each in again if each not in offered]
    assert bred
    assert not asked & {each.id for each in bred}


def test_a_batch_spreads(known: list[Individual]) -> None:
    """The second choice is not the first one's twin, as it is when each is made for itself."""
    twins = [parse(f"conv({n},3x3) | latent(16) | upconv(8,3x3)") for n in (8, 9, 10)]
    other = parse("conv(8,5x5) conv(8,5x5) | latent(16) | upconv(8,3x3) upconv(8,3x3)")
    offered = [propose(genome, (), "sample") for genome in (*twins, other)]
    chosen = Surrogate(SPACE).select(known, offered, 2, set(), same)
    assert offered[-1] in chosen


def test_too_few_known_give_the_first(known: list[Individual]) -> None:
    offered = samples(3, 40)
    chosen = Surrogate(SPACE).select(known[:8], offered, 10, set(), varied(1))
    assert chosen == tuple(offered[:10])


def test_what_is_remembered_changes_no_choice(known: list[Individual]) -> None:
    offered = samples(3, 40)
    fresh = Surrogate(SPACE).select(known, offered, 10, set(), varied(1))
    used = Surrogate(SPACE)
    used.select(known[:100], offered, 10, set(), varied(1))
    used.select(known, samples(4, 40), 10, set(), varied(1))
    assert used.select(known, offered, 10, set(), varied(1)) == fresh


def test_a_score_that_was_corrected_is_learned(known: list[Individual]) -> None:
    offered = samples(5, 40)
    used = Surrogate(SPACE)
    before = used.select(known, offered, 10, set(), same)
    turned = [
        Individual(each.id, each.genome, tuple(-score for score in each.scores)) for each in known
    ]
    assert used.select(turned, offered, 10, set(), same) != before


def test_what_racing_stopped_is_taken_for_what_it_would_have_become() -> None:
    """Half a loss below what the others had after as many epochs, it stays so far below them."""
    whole = [Individual(each.id, each.genome, (1.0,), curve=(3.0, 1.0)) for each in samples(6, 20)]
    stopped = Individual("s", samples(7, 1)[0].genome, (2.5,), curve=(2.5,), raced=True)
    assert expected([*whole, stopped])[-1] == 0.5


def test_an_algorithm_may_weigh_more_than_the_loss(known: list[Individual]) -> None:
    """A small code costs loss here; it is chosen all the same where it counts."""
    config = SearchConfig(algorithm="nsga2", objectives=("loss", "latent"))
    order = algorithm_for(config, SPACE).order
    turned = [
        Individual(each.id, each.genome, tuple(-score for score in each.scores)) for each in known
    ]
    offered = samples(8, 200)
    by_both = Surrogate(SPACE).select(turned, offered, 12, set(), same, order)
    by_loss = Surrogate(SPACE).select(turned, offered, 12, set(), same)
    least, of_both, of_loss = (
        min(SPACE.measure(each.genome).latent for each in some)
        for some in (offered, by_both, by_loss)
    )
    assert least == of_both < of_loss


def test_of_a_front_counts_what_is_good_for_its_size() -> None:
    """Batch normalisation costs a tenth here, a code of half the size doubles the loss."""

    def normalised(proposal: Proposal) -> int:
        blocks = (*proposal.genome.encoder, *proposal.genome.decoder)
        return sum(isinstance(each, BatchNorm) for block in blocks for each in block.modifiers)

    def loss(proposal: Proposal) -> float:
        return 1.1 ** normalised(proposal) / SPACE.measure(proposal.genome).latent

    known = [Individual(each.id, each.genome, (loss(each),)) for each in samples(1, 120)]
    offered = samples(2, 300)
    config = SearchConfig(algorithm="nsga2", objectives=("loss", "latent"))
    order = algorithm_for(config, SPACE).order
    chosen = Surrogate(SPACE).select(known, offered, 20, set(), same, order)
    assert len({SPACE.measure(each.genome).latent for each in chosen}) > 10
    assert np.mean([*map(normalised, chosen)]) < 0.15 * np.mean([*map(normalised, offered)])


def test_what_is_known_is_chosen_only_where_nothing_else_is(known: list[Individual]) -> None:
    offered, other = samples(2, 30), samples(9, 30)
    asked = {each.id for each in offered}
    chosen = Surrogate(SPACE).select(known, (*offered, *other), 20, asked, same)
    assert not asked & {each.id for each in chosen}
    some = Surrogate(SPACE).select(known, (*offered, *other[:5]), 20, asked, same)
    assert len(some) == 20
    assert set(other[:5]) < set(some)
    assert Surrogate(SPACE).select(known, offered, 20, asked, same) == tuple(offered[:20])


def test_a_trend_stays_in_bounds_beyond_the_sizes_that_it_was_seen_with() -> None:
    rng = np.random.default_rng(4)
    sizes = np.log(np.stack([rng.integers(28, 33, 13), rng.integers(90_000, 120_000, 13)], axis=1))
    losses = rng.uniform(0.01, 0.02, 13).tolist()
    far = np.log([[2.0, 1000.0], [64.0, 10_000_000.0], [30.0, 100_000.0]])
    found = _Trend.of(sizes, losses).losses(far, np.zeros(3))
    assert np.all((found > math.log(0.005)) & (found < math.log(0.04)))
    perfect = _Trend.of(sizes, [0.0, *losses[1:]])
    assert perfect.spread < 2.5


def test_nothing_is_chosen_of_nothing(known: list[Individual]) -> None:
    assert Surrogate(SPACE).select(known, (), 0, set(), same) == ()
