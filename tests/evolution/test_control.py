"""The control: evolution is better than random search by reading the fitness, and only so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from evoae.config.schema import ModelConfig, SearchConfig
from evoae.evolution.algorithm import generation_rng
from evoae.evolution.factory import algorithm_for
from evoae.evolution.state import Individual
from evoae.genome.genes import BatchNorm, Conv, Dropout, Latent, UpConv
from evoae.genome.genome import Genome
from tests.contracts.algorithm import space

SEEDS = range(30)
POPULATION, GENERATIONS = 12, 8


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


def best_found(name: str, seed: int, *, shuffled: bool = False) -> float:
    """Run one search; return the true best of all candidates that it evaluated."""
    config = SearchConfig.model_validate({"algorithm": name, "population": POPULATION})
    algorithm = algorithm_for(config, space(ModelConfig()))
    state, found = algorithm.start(), []
    shuffler = np.random.default_rng([seed, 99])
    for generation in range(1, GENERATIONS + 1):
        proposals = algorithm.ask(state, generation_rng(seed, generation))
        true = [landscape(each.genome) for each in proposals]
        told = shuffler.permutation(true) if shuffled else true
        found += true
        state = algorithm.tell(
            state,
            [
                Individual(each.id, each.genome, float(fitness))
                for each, fitness in zip(proposals, told, strict=True)
            ],
        )
    assert len(found) == sum(algorithm.planned(g) for g in range(1, GENERATIONS + 1))
    return min(found)


@pytest.fixture(scope="module")
def random_bests() -> list[float]:
    return [best_found("random", seed) for seed in SEEDS]


def test_evolution_beats_random_search_at_the_same_budget(random_bests: list[float]) -> None:
    evolved = [best_found("generational", seed) for seed in SEEDS]
    assert mannwhitneyu(evolved, random_bests, alternative="less").pvalue < 1e-6
    assert np.median(evolved) < 0.7 * np.median(random_bests)


def test_evolution_with_shuffled_fitness_is_no_better_than_random_search(
    random_bests: list[float],
) -> None:
    blind = [best_found("generational", seed, shuffled=True) for seed in SEEDS]
    assert mannwhitneyu(blind, random_bests, alternative="less").pvalue > 0.05
