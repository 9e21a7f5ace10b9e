from __future__ import annotations

import numpy as np
import pytest

from evoae.evolution.proposing import propose
from evoae.evolution.state import Individual, Proposal
from evoae.evolution.surrogate import Surrogate
from evoae.genome.sampling import sample
from tests.contracts.algorithm import judge_by_size, space

SPACE = space()


def samples(seed: int, count: int) -> list[Proposal]:
    rng = np.random.default_rng(seed)
    return [propose(sample(rng, SPACE), (), "sample") for _ in range(count)]


@pytest.fixture(scope="module")
def known() -> list[Individual]:
    scores = [(each, judge_by_size(each)) for each in samples(1, 200)]
    return [Individual(p.id, p.genome, () if s is None else (s,)) for p, s in scores]


def test_the_promising_are_better_than_the_rest(known: list[Individual]) -> None:
    offered = [each for each in samples(2, 80) if judge_by_size(each) is not None]
    chosen = Surrogate(SPACE).promising(known, offered, 20)
    assert list(chosen) == [each for each in offered if each in chosen]
    assert np.mean([judge_by_size(p) for p in chosen]) < np.mean(
        [judge_by_size(p) for p in offered]
    )


def test_what_is_remembered_changes_no_choice(known: list[Individual]) -> None:
    offered = samples(3, 40)
    fresh = Surrogate(SPACE).promising(known, offered, 10)
    used = Surrogate(SPACE)
    used.promising(known[:100], offered, 10)
    used.promising(known, samples(4, 40), 10)
    assert used.promising(known, offered, 10) == fresh


def test_a_score_that_was_corrected_is_learned(known: list[Individual]) -> None:
    offered = samples(5, 40)
    used = Surrogate(SPACE)
    before = used.promising(known, offered, 10)
    turned = [
        Individual(each.id, each.genome, tuple(-score for score in each.scores)) for each in known
    ]
    assert used.promising(turned, offered, 10) != before


def test_nothing_is_chosen_of_nothing(known: list[Individual]) -> None:
    assert Surrogate(SPACE).promising(known, (), 0) == ()
