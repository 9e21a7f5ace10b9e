from __future__ import annotations

import numpy as np
import pytest

from evoae.evolution.noise import PRIOR, deviation, needs_repeat
from evoae.evolution.state import Individual
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))


def individual(name: str, *scores: float, asked: int | None = None) -> Individual:
    return Individual(name, GENOME, scores, asked or len(scores))


def test_the_deviation_is_the_prior_until_something_was_measured_twice() -> None:
    assert deviation([individual("a", 1.0), individual("b", 5.0)]) == (PRIOR, 0)


def test_the_deviation_comes_to_that_of_the_trainings() -> None:
    rng = np.random.default_rng(5)
    measured = [
        individual(str(n), *(scale * (1 + 0.1 * rng.standard_normal(3))))
        for n, scale in enumerate(rng.uniform(0.01, 100, size=400))
    ]
    noise, freedom = deviation(measured)
    assert freedom == 800
    assert noise == pytest.approx(0.1, rel=0.06)


@pytest.mark.parametrize("level", [-1000.0, -1.0, 0.0])
def test_the_deviation_of_losses_below_zero_is_relative_to_their_usual_size(level: float) -> None:
    """A log-likelihood's zero means nothing; what counts is how far its losses lie from it."""
    rng = np.random.default_rng(5)
    means = rng.uniform(-1, 1, size=401) + level
    usual = float(np.median(np.abs(means)))
    measured = [
        individual(str(n), *(mean + 0.1 * usual * rng.standard_normal(3)))
        for n, mean in enumerate(means)
    ]
    noise, freedom = deviation(measured)
    assert freedom == 802
    assert noise == pytest.approx(0.1, rel=0.06)


def test_losses_of_either_sign_deviate_as_much_as_their_mirror_images() -> None:
    pairs = {"a": (1.0, 1.2), "b": (3.0, 2.5), "c": (2.0,)}
    mirrored = [individual(id, *(-score for score in scores)) for id, scores in pairs.items()]
    assert deviation(mirrored)[1] == 2
    assert 0.05 < deviation(mirrored)[0] < 0.15
    assert deviation([individual("a", -0.5, -0.5), individual("b", 0.5, 0.5)])[0] < PRIOR


def test_a_loss_near_zero_is_not_taken_for_certain_where_others_are_negative() -> None:
    pool = [
        individual("best", -10.0, -10.0, -10.0),
        individual("near", -9.9),
        individual("far", -5.0),
        individual("zero", 0.0),
    ]
    assert [str(each.key) for each in needs_repeat(pool, 3, 5)] == ["near 2"]
    usual = [individual(str(loss), loss) for loss in (1.0, 2.0, 3.0)]
    close = [individual("best", -0.001), individual("second", 0.001), *usual]
    assert [str(each.key) for each in needs_repeat(close, 3, 5)] == ["best 2", "second 2"]


def test_those_that_may_be_the_best_are_trained_again_the_likeliest_first() -> None:
    pool = [
        individual("far", 1.2),
        individual("near", 1.01),
        individual("best", 1.0),
        individual("failed", asked=1),
    ]
    assert [str(each.key) for each in needs_repeat(pool, 2, 5)] == ["best 2", "near 2"]
    assert [str(each.key) for each in needs_repeat(pool, 2, 1)] == ["best 2"]


def test_where_sizes_count_the_best_of_each_size_is_trained_again() -> None:
    """A code half as large may cost loss, and its best network is in doubt all the same."""
    pool = [
        individual("large", 1.0, 1.0),
        individual("small", 2.0),
        individual("worse", 2.5),
        individual("close", 2.02),
    ]
    latent = {"large": (8.0,), "small": (4.0,), "worse": (4.0,), "close": (6.0,)}
    found = needs_repeat(pool, 2, 5, lambda each: latent[each.id])
    assert [str(each.key) for each in found] == ["small 2", "close 2"]
    assert needs_repeat(pool, 2, 5) == []


def test_nothing_is_trained_more_often_than_allowed() -> None:
    pool = [individual("best", 1.0, 1.0), individual("near", 1.01), individual("c", 1.0, asked=2)]
    assert [str(each.key) for each in needs_repeat(pool, 2, 5)] == ["near 2"]
    assert [str(each.key) for each in needs_repeat(pool, 3, 5)] == ["c 3", "best 3", "near 2"]
    assert needs_repeat(pool, 1, 5) == []
    assert needs_repeat([], 3, 5) == []


@pytest.mark.slow
def test_selection_with_further_trainings_finds_better_candidates_than_without() -> None:
    """The winner's curse, and its cure, on candidates whose true loss is known."""
    rng = np.random.default_rng(11)
    plain, cured = [], []
    for _ in range(200):
        true = rng.uniform(1.0, 1.3, size=60)

        def score(n: int, true: np.ndarray = true) -> float:
            return float(true[n] * (1 + 0.05 * rng.standard_normal()))

        pool = {str(n): individual(str(n), score(n)) for n in range(60)}
        plain.append(true[int(min(pool, key=lambda id: pool[id].fitness))])
        for _ in range(30):
            for again in needs_repeat(pool.values(), 6, 1):
                old = pool[again.id]
                pool[again.id] = individual(again.id, *old.scores, score(int(again.id)))
        trusted = min(pool.values(), key=lambda each: (each.fitness, -len(each.scores)))
        cured.append(true[int(trusted.id)])
    assert np.mean(cured) - 1 < 0.7 * (np.mean(plain) - 1)
