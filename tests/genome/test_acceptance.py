"""10,000 random genomes and 10,000 random variations over many input shapes keep every law."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from evoae.config.schema import ModelConfig, MutationConfig
from evoae.genome.crossover import swap_blocks, swap_genes
from evoae.genome.mutation import mutate
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.models.plan import measure
from tests.genome.laws import assert_lawful

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
CASES = [(shape, latent) for shape in SHAPES for latent in ("vector", "spatial")]
PER_CASE = -(-10_000 // len(CASES))


@pytest.mark.parametrize(("shape", "latent"), CASES, ids=str)
def test_random_genomes_and_variations_keep_every_law(
    shape: tuple[int, int, int], latent: Literal["vector", "spatial"]
) -> None:
    largest = 32 if latent == "vector" else 64 * shape[0] * shape[1]
    model = ModelConfig(latent=latent, max_latent=largest, min_side=4, max_parameters=500_000)
    space = Space(model, shape, measure(shape, min_side=model.min_side))
    rng = np.random.default_rng([*shape, len(latent)])

    genomes = [sample(rng, space) for _ in range(PER_CASE)]
    for genome in genomes:
        assert_lawful(genome, space)

    made = 0
    while made < PER_CASE:
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
