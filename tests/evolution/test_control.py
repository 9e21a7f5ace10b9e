"""The control: evolution is better than random search by reading the fitness, and only so."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from evoae.config.model import ModelConfig
from evoae.config.search import SearchConfig
from evoae.evolution.algorithm import tell
from evoae.evolution.batch import next_batch
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import State
from evoae.evolution.surrogate import Surrogate
from evoae.genome.genes import BatchNorm, Conv, Dropout, Latent, UpConv
from evoae.genome.genome import Genome
from tests.contracts.algorithm import space

SEEDS = range(30)
POPULATION, BUDGET = 12, 89


def landscape(genome: Genome) -> float:
    """A smooth bowl over genomes, 0 at best: no training, but every kind of gene counts."""
    convolutions = [gene for gene in genome.genes if isinstance(gene, Conv | UpConv)]
    widths = np.log2([gene.filters for gene in convolutions])
    kernels = [gene.kernel_h * gene.kernel_w for gene in convolutions]
    dropped = sum(gene.rate for gene in genome.genes if isinstance(gene, Dropout))
    normed = sum(isinstance(gene, BatchNorm) for gene in genome.genes)
    units = next(gene.units for gene in genome.genes if isinstance(gene, Latent))
    return float(
        np.mean((widths - math.log2(90)) ** 2)
        + (genome.depth - 3) ** 2
        + np.mean(((np.asarray(kernels) - 15) / 8) ** 2)
        + (math.log2(units) - 4.5) ** 2
        + 4 * dropped
        + (normed - 2) ** 2 / 4
    )


def best_found(name: str, seed: int, *, shuffled: bool = False, **settings: object) -> float:
    """Run one search; return the true best of all candidates that it evaluated."""
    given = {
        "algorithm": name,
        "population": POPULATION,
        "max_in_flight": 2,
        "surrogate": 1,
        **settings,
    }
    config = SearchConfig.model_validate(given)
    algorithm = algorithm_for(config, space(ModelConfig()))
    surrogate = Surrogate(space(ModelConfig()))
    shuffler = np.random.default_rng([seed, 99])
    state, under_way, found, asked = State(), deque(), [], 0
    while len(found) < BUDGET:
        while len(under_way) < algorithm.max_in_flight:
            asked += 1
            pending = {each.key for batch in under_way for each in batch}
            under_way.append(next_batch(algorithm, config, surrogate, state, asked, seed, pending))
        proposals = under_way.popleft()
        true = [landscape(each.genome) for each in proposals]
        said = shuffler.permutation(true).tolist() if shuffled else true
        found += true
        state = tell(algorithm, state, list(zip(proposals, said, strict=True)))
    return min(found[:BUDGET])


@pytest.fixture(scope="module")
def random_bests() -> list[float]:
    return [best_found("random", seed) for seed in SEEDS]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["generational", "mu_plus_lambda", "aging"])
def test_evolution_beats_random_search_at_the_same_budget(
    name: str, random_bests: list[float]
) -> None:
    evolved = [best_found(name, seed) for seed in SEEDS]
    assert mannwhitneyu(evolved, random_bests, alternative="less").pvalue < 1e-6
    assert np.median(evolved) < 0.7 * np.median(random_bests)


def test_evolution_with_shuffled_fitness_is_no_better_than_random_search(
    random_bests: list[float],
) -> None:
    blind = [best_found("generational", seed, shuffled=True) for seed in SEEDS]
    assert mannwhitneyu(blind, random_bests, alternative="less").pvalue > 0.05


@pytest.mark.slow
def test_a_surrogate_finds_better_candidates_at_the_same_budget() -> None:
    plain = [best_found("aging", seed) for seed in range(12)]
    guided = [best_found("aging", seed, surrogate=8) for seed in range(12)]
    assert mannwhitneyu(guided, plain, alternative="less").pvalue < 0.05
