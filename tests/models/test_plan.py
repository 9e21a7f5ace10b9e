from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoae.genome.genome import Genome
from evoae.genome.text import parse
from evoae.models.plan import Plan, plan
from tests.genome.strategies import genomes

SQUARE = "conv(32,3x3) conv(16,3x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)"
ODD = "conv(32,3x3) conv(16,3x5) | latent(8) | upconv(24,3x3) upconv(32,3x3)"
HAND_MADE = "conv(64,3x3) conv(32,3x3) conv(16,3x3) | upconv(16,3x3) upconv(32,3x3) upconv(64,3x3)"


def rows(layers: Plan) -> list[tuple[str, tuple[int, ...], int]]:
    return [(layer.kind, layer.shape, layer.parameters) for layer in layers.layers]


def test_the_square_example_has_its_shapes_and_25529_parameters() -> None:
    layers = plan(parse(SQUARE), (28, 28, 1))
    assert rows(layers) == [
        ("conv", (28, 28, 32), 320),
        ("pool", (14, 14, 32), 0),
        ("conv", (14, 14, 16), 4624),
        ("pool", (7, 7, 16), 0),
        ("flatten", (784,), 0),
        ("dense", (8,), 6280),
        ("dense", (784,), 7056),
        ("reshape", (7, 7, 16), 0),
        ("conv", (7, 7, 16), 2320),
        ("upsample", (14, 14, 16), 0),
        ("conv", (14, 14, 32), 4640),
        ("upsample", (28, 28, 32), 0),
        ("conv", (28, 28, 1), 289),
    ]
    assert layers.size.parameters == 25_529
    assert layers.latent_shape == (8,)


def test_the_odd_example_pools_once_crops_once_and_has_35123_parameters() -> None:
    layers = plan(parse(ODD), (15, 13, 3))
    assert [(kind, shape) for kind, shape, _ in rows(layers)] == [
        ("conv", (15, 13, 32)),
        ("pool", (8, 7, 32)),
        ("conv", (8, 7, 16)),
        ("flatten", (896,)),
        ("dense", (8,)),
        ("dense", (896,)),
        ("reshape", (8, 7, 16)),
        ("conv", (8, 7, 24)),
        ("conv", (8, 7, 32)),
        ("upsample", (16, 14, 32)),
        ("crop", (15, 13, 32)),
        ("conv", (15, 13, 3)),
    ]
    assert layers.size.parameters == 35_123


def test_the_hand_made_baseline_has_its_published_49761_parameters() -> None:
    layers = plan(parse(HAND_MADE), (28, 28, 1), min_side=3)
    assert layers.size.parameters == 49_761
    assert layers.latent_shape == (4, 4, 16)
    assert layers.size.latent == 256
    assert [layer.shape[:2] for layer in layers.decoder if layer.kind != "conv"] == [
        (8, 8),
        (7, 7),
        (14, 14),
        (28, 28),
    ]


def test_modifiers_work_on_the_smaller_side_of_the_resampling() -> None:
    layers = plan(parse("conv(4,3x3) bn | upconv(5,3x3) drop(0.5)"), (28, 28, 1))
    assert rows(layers) == [
        ("conv", (28, 28, 4), 40),
        ("pool", (14, 14, 4), 0),
        ("batchnorm", (14, 14, 4), 16),
        ("conv", (14, 14, 5), 185),
        ("dropout", (14, 14, 5), 0),
        ("upsample", (28, 28, 5), 0),
        ("conv", (28, 28, 1), 46),
    ]


def test_a_multiply_add_counts_two_flops() -> None:
    size = plan(parse("conv(4,3x5) | latent(3) | upconv(5,3x3)"), (8, 9, 2), min_side=8).size
    pixels = 8 * 9
    conv, upconv, head = 2 * 15 * 4, 4 * 9 * 5, 5 * 9 * 2
    dense = 2 * pixels * 4 * 3
    assert size.flops == 2 * (pixels * (conv + upconv + head) + dense)


def test_views_take_no_activation_bytes() -> None:
    layers = plan(parse("conv(4,3x3) | latent(3) | upconv(5,3x3)"), (8, 8, 1), min_side=8)
    assert layers.size.activation_bytes == 4 * (64 * 4 + 3 + 64 * 4 + 64 * 5 + 64)


@pytest.mark.parametrize(("side", "pooled"), [(7, 7), (8, 4), (9, 5), (15, 8)])
def test_a_map_pools_only_while_its_smaller_side_exceeds_min_side(side: int, pooled: int) -> None:
    layers = plan(parse("conv(4,3x3) | upconv(4,3x3)"), (side, 40, 1), min_side=7)
    assert layers.latent_shape[0] == pooled
    assert layers.output_shape == (side, 40, 1)


@given(
    genomes(),
    st.tuples(st.integers(1, 70), st.integers(1, 70), st.integers(1, 4)),
    st.integers(1, 20),
)
def test_every_genome_rebuilds_every_shape(
    genome: Genome, shape: tuple[int, int, int], min_side: int
) -> None:
    layers = plan(genome, shape, min_side=min_side)
    assert layers.output_shape == shape
    assert len({layer.name for layer in layers.layers}) == len(layers.layers)
    assert (*layers.encoder, *layers.decoder) == layers.layers
