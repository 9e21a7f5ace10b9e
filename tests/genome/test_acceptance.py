"""10,000 random genomes and 10,000 random variations over many input shapes keep every law.

So many are checked by `make slow`; every other run checks a tenth of them for each shape.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pytest

from evoae.config.model import LearningConfig, ModelConfig, SamplingConfig
from evoae.config.search import MutationConfig
from evoae.genome.crossover import swap_blocks, swap_genes
from evoae.genome.mutation import mutate
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.models.plan import measure
from tests.genome.laws import assert_lawful, frame_of

SHAPES = [
    (8, 8, 1),
    (8, 8, 3),
    (9, 11, 1),
    (15, 13, 3),
    (16, 9, 2),
    (28, 28, 1),
    (27, 29, 1),
    (32, 32, 3),
    (31, 17, 4),
    (48, 20, 1),
    (64, 64, 3),
    (97, 33, 3),
    (200, 8, 1),
]
TABLES = [(1,), (2,), (13,), (28,), (784,)]
CASES = [(shape, latent) for shape in SHAPES for latent in ("vector", "spatial")]
SHARES = [pytest.param(0.1, id="a tenth"), pytest.param(1.0, id="all", marks=pytest.mark.slow)]
EVERY_GENE = {
    "activation": ("relu", "leaky_relu", "selu", "elu", "gelu", "tanh"),
    "downsampling": ("max", "average", "stride"),
    "upsampling": ("upsample", "transposed"),
    "head": ("conv", "mirror"),
    "residual": (1, 3),
    "sampling": SamplingConfig(residual=0.4),
    "learning": LearningConfig(evolve=True, optimizers=("adam", "adamw", "sgd", "muon")),
}


def space_of(shape: tuple[int, ...], latent: Literal["vector", "spatial"], **model: Any) -> Space:
    largest = 32 if latent == "vector" else 64 * math.prod(shape)
    config = ModelConfig(
        latent=latent, max_latent=largest, min_side=4, max_parameters=500_000, **model
    )
    return Space(config, shape, measure(frame_of(config, shape)))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("shape", "latent"), CASES, ids=str)
def test_random_genomes_and_variations_keep_every_law(
    shape: tuple[int, int, int], latent: Literal["vector", "spatial"], share: float
) -> None:
    space = space_of(shape, latent)
    assert_laws_hold(space, np.random.default_rng([*shape, len(latent)]), share / len(CASES))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(("shape", "latent"), CASES, ids=str)
def test_the_same_with_every_gene_there_is(
    shape: tuple[int, int, int], latent: Literal["vector", "spatial"], share: float
) -> None:
    space = space_of(shape, latent, layers="both", units=(4, 64), **EVERY_GENE)
    assert_laws_hold(space, np.random.default_rng([*shape, len(latent)]), share / len(CASES))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", TABLES, ids=str)
def test_the_same_for_rows_of_tables(shape: tuple[int], share: float) -> None:
    space = space_of(shape, "vector", units=(1, 64), **EVERY_GENE)
    assert_laws_hold(space, np.random.default_rng(shape), share / len(TABLES))


def assert_laws_hold(space: Space, rng: np.random.Generator, share: float) -> None:
    """Check every law on a share of 10,000 random genomes, and on as many variations of them."""

    count = math.ceil(share * 10_000)
    genomes = [sample(rng, space) for _ in range(count)]
    for genome in genomes:
        assert_lawful(genome, space)

    made = 0
    while made < count:
        i, j = map(int, rng.integers(len(genomes), size=2))
        a, b = genomes[i], genomes[j]
        match int(rng.integers(3)):
            case 0:
                children = swap_genes(rng, a, b, space)
            case 1:
                children = swap_blocks(rng, a, b, space)
            case _:
                children = tuple(
                    mutate(rng, one, space, MutationConfig()).genome for one in (a, b)
                )
        for child in children:
            assert_lawful(child, space)
        genomes[i], genomes[j] = children
        made += len(children)
