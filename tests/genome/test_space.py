from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from evoae.config.model import ModelConfig
from evoae.errors import SpaceError
from evoae.genome.genes import Downsampling, Head, Upsampling
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import parse
from evoae.models.plan import measure
from tests.genome.laws import assert_lawful
from tests.genome.strategies import SEEDS, any_spaces, holds_a_network, spaces


def space_of(shape: tuple[int, int, int] = (28, 28, 1), **model: Any) -> Space:
    config = ModelConfig(**model)
    return Space(config, shape, measure(NetworkDefaults(shape, min_side=config.min_side)))


PLAIN = "conv(32,3x3) drop(0.2) conv(16,3x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)"


@pytest.mark.parametrize(
    ("model", "phrase"),
    [
        ({}, None),
        ({"max_parameters": 25_529}, None),
        ({"max_parameters": 25_528}, "parameters 25,529 exceed max_parameters 25,528"),
        ({"max_flops": 1_000}, "FLOPs 4,766,720 exceed max_flops 1,000"),
        (
            {"max_activation_bytes": 1_000},
            "activation bytes 313,632 exceed max_activation_bytes 1,000",
        ),
        ({"max_depth": 1}, "depth 2 exceeds max_depth 1"),
        ({"min_latent": 9}, "latent 8 outside 9..32 (model.min_latent, model.max_latent)"),
        ({"max_latent": 7}, "latent 8 outside 2..7 (model.min_latent, model.max_latent)"),
        ({"latent": "spatial"}, "a latent gene, but model.latent is spatial"),
        ({"filters": (17, 64)}, "filters 16 outside 17..64 (model.filters)"),
        ({"filter_step": 8}, None),
        ({"filter_step": 12}, "filters 32 no multiple of 12 (filter_step)"),
        ({"kernels": (4, 5)}, "kernel_h 3 outside 4..5 (model.kernels)"),
        ({"rates": (0.3, 0.5)}, "rate 0.2 outside 0.3..0.5 (model.rates)"),
    ],
)
def test_a_violation_says_what_exceeds_which_setting(
    model: dict[str, Any], phrase: str | None
) -> None:
    space = space_of(**model)
    assert space.violation(parse(PLAIN)) == phrase
    assert space.admits(parse(PLAIN)) is (phrase is None)


def test_a_spatial_bottleneck_counts_its_whole_map() -> None:
    space = space_of(latent="spatial", max_latent=783)
    text = "conv(16,3x3) conv(16,3x3) | upconv(16,3x3) upconv(16,3x3)"
    assert space.violation(parse(text)) == "latent size 784 exceeds max_latent 783"


def test_a_genome_without_latent_lies_outside_a_vector_space() -> None:
    text = "conv(16,3x3) | upconv(16,3x3)"
    assert space_of().violation(parse(text)) == "no latent gene, but model.latent is vector"


def test_a_limit_below_every_network_names_the_smallest() -> None:
    with pytest.raises(SpaceError) as caught:
        space_of(max_parameters=100).check()
    assert str(caught.value) == (
        "model.max_parameters: 100 admits no network for 28×28×1; the smallest has 11,187. "
        "Raise it or lower the fewest filters (model.filters)"
    )


def test_the_smallest_network_that_an_error_names_is_admitted() -> None:
    space = space_of(max_parameters=11_187)
    space.check()
    with pytest.raises(SpaceError):
        space_of(max_parameters=11_186).check()


def test_a_deeper_network_may_be_the_smallest() -> None:
    space = space_of()
    parameters = [space.measure(genome).parameters for genome in space.smallest()]
    assert parameters[1] < parameters[0]


def test_limits_that_exclude_each_other_are_named_together() -> None:
    space = space_of(
        latent="spatial", max_latent=300, min_side=3, filters=(16, 16), max_parameters=6_000
    )
    with pytest.raises(SpaceError) as caught:
        space.check()
    assert str(caught.value) == (
        "model: max_latent 300 and max_parameters 6,000 admit no network for 28×28×1 together, "
        "but each does alone. Raise one of them or lower the fewest filters (model.filters)"
    )


def test_a_latent_vector_beyond_the_gene_table_is_refused() -> None:
    with pytest.raises(SpaceError) as caught:
        space_of(min_latent=2_000_000, max_latent=3_000_000, max_parameters=None).check()
    assert caught.value.place == "model.min_latent"


@pytest.mark.parametrize(
    ("model", "genes", "phrase"),
    [
        ({}, "", None),
        ({}, "res(2)", None),
        ({}, "res(3)", "blocks 3 outside 1..2 (model.residual)"),
        (
            {"head": ("mirror",)},
            "",
            "genes of the whole network: none; the configuration makes it head",
        ),
    ],
)
def test_the_head_stands_in_a_genome_where_it_is_not_the_plain_one(
    model: dict[str, Any], genes: str, phrase: str | None
) -> None:
    genome = parse(f"conv(32,3x3) {genes} | latent(8) | upconv(32,3x3)")
    assert space_of(**model).violation(genome) == phrase


def test_a_mirrored_head_lies_in_its_own_space_only() -> None:
    genome = parse("head(mirror) conv(32,3x3) | latent(8) | upconv(32,3x3)")
    assert space_of(head=("mirror",)).admits(genome)
    assert space_of(head=("conv", "mirror")).admits(genome)
    assert not space_of().admits(genome)


@given(spaces(), SEEDS)
def test_the_check_passes_exactly_where_sampling_succeeds(space: Space, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(5):
        assert_lawful(sample(rng, space), space)


def test_a_range_of_learning_rates_may_hold_none_that_a_gene_can_say() -> None:
    space = space_of(learning={"evolve": True, "learning_rates": [0.0010001, 0.0010002]})
    said = r"model.learning.learning_rates: 0.0010001 to 0.0010002 hold no number"
    with pytest.raises(SpaceError, match=said):
        space.check()
    with pytest.raises(SpaceError, match=said):
        sample(np.random.default_rng(0), space)


@given(any_spaces().filter(lambda space: not holds_a_network(space)), SEEDS)
@settings(max_examples=30)
def test_sampling_an_empty_space_says_so(space: Space, seed: int) -> None:
    with pytest.raises(SpaceError):
        sample(np.random.default_rng(seed), space)


@given(spaces(), SEEDS)
def test_no_random_genome_is_smaller_than_the_smallest_of_its_depth(
    space: Space, seed: int
) -> None:
    genome = sample(np.random.default_rng(seed), space)

    def alike(other: Genome) -> bool:
        """Whether a least genome has this one's layers and ways of resampling."""
        dense = genome.depth - genome.convolutions
        layers = (genome.convolutions, min(dense, 1 if genome.convolutions else dense))
        kinds = (Downsampling, Upsampling, Head)
        ways = [[t for t in one.global_genes if isinstance(t, kinds)] for one in (genome, other)]
        return (other.convolutions, other.depth - other.convolutions) == layers and len(
            {tuple(way) for way in ways}
        ) == 1

    size = space.measure(genome)
    for least in map(space.measure, filter(alike, space.smallest())):
        assert least.parameters <= size.parameters
        assert least.flops <= size.flops
        assert least.latent <= size.latent
        assert least.activation_bytes <= size.activation_bytes


def test_genome_and_plan_import_neither_numpy_nor_tensorflow() -> None:
    modules = ("canonical", "codec", "crossover", "mutation", "sampling", "space", "text")
    imports = "; ".join(f"import evoae.genome.{module}" for module in modules)
    code = (
        f"{imports}; import evoae.models.plan, sys; "
        "sys.exit(len({'numpy', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
