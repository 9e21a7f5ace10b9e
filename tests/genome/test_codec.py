from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evoae.errors import GenomeError
from evoae.genome.codec import decode, encode
from evoae.genome.genes import (
    GENES,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Latent,
    Residual,
    UpConv,
    UpDense,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse, render
from evoae.models.plan import plan
from tests.genome.laws import refusal
from tests.genome.strategies import genomes

PUBLISHED = [-1, 64, 3, 3, -3, -1, 32, 3, 3, -4, 0.3, -2, 32, 3, 3, -2, 64, 3, 3, -3]
NEARLY_TOKENS = st.sampled_from([*range(-13, 0), 3, 0.25, 32, -1.0]) | st.floats()


def position(why: GenomeError) -> int:
    return int(why.place.rpartition(" ")[2])


@given(genomes())
def test_a_genome_survives_both_round_trips(genome: Genome) -> None:
    assert decode(encode(genome)) == genome
    assert parse(render(genome)) == genome


@given(genomes())
def test_encoding_what_was_decoded_gives_the_same_numbers(genome: Genome) -> None:
    tokens = encode(genome)
    assert encode(decode(tokens)) == tokens
    assert render(parse(render(genome))) == render(genome)


@given(genomes())
def test_a_sequence_has_the_length_that_the_gene_table_tells(genome: Genome) -> None:
    assert len(encode(genome)) == sum(GENES[type(gene)].length for gene in genome.genes)


@given(st.lists(NEARLY_TOKENS | st.integers(), max_size=200))
@example([])
@example([-1, 3, 3, 10**5000])
def test_any_number_sequence_decodes_or_names_its_first_broken_token(tokens: list[float]) -> None:
    why = refusal(decode, tokens)
    if why is None:
        assert encode(decode(tokens)) == tokens
    else:
        assert why.place.startswith("token sequence, position ")
        assert 0 <= position(why) <= len(tokens)
        assert why.next_step


@given(genomes(max_depth=2), st.data())
def test_a_cut_sequence_never_decodes_to_another_depth(
    genome: Genome, data: st.DataObject
) -> None:
    tokens = encode(genome)
    cut = tokens[: data.draw(st.integers(0, len(tokens) - 1))]
    why = refusal(decode, cut)
    if why is None:
        assert decode(cut).depth == genome.depth  # only trailing modifiers were cut
    else:
        assert position(why) == len(cut)


@pytest.mark.parametrize(
    ("tokens", "position", "value", "expected"),
    [
        ([], 0, "the sequence ends", "expected an encoder layer (conv or dense) first"),
        ([7], 0, "7", "expected a gene's token"),
        ([float("nan")], 0, "nan", "expected a gene's token"),
        (["conv"], 0, "conv", "expected a gene's token"),
        ([-1, 16], 2, "the sequence ends inside conv", "kernel_h must be a whole number in 1..63"),
        ([-1, 16.5, 3, 3], 1, "16.5 in conv", "filters must be a whole number in 1..65,536"),
        ([-1, float("inf"), 3, 3], 1, "inf in conv", "filters must be a whole number"),
        ([-1, 16, float("nan"), 3], 2, "nan in conv", "kernel_h must be a whole number"),
        ([-1, 16, 3, None], 3, "None in conv", "kernel_w must be a whole number in 1..63"),
        ([-1, 16, 3, 3, -4, 0.7], 5, "0.7 in drop", "rate must lie in 0..0.5"),
        ([-3, -1, 16, 3, 3], 0, "-3 (bn)", "expected an encoder layer (conv or dense) first"),
        ([-5, 8, -2, 16, 3, 3], 2, "-2 (upconv)", "expected no more decoder than encoder layers"),
        ([-5, 8, -3], 2, "-3 (bn)", "expected the end"),
        ([-6, 8, -1, 16, 3, 3], 2, "-1 (conv)", "expected no conv after a dense layer"),
        ([-6, 8, -5, 2, -2, 16, 3, 3], 4, "-2 (upconv)", "expected updense, the mirror"),
        ([-6, 8, -13, 1], 2, "-13 (res)", "expected it after a conv or upconv"),
        ([-1, 16, 3, 3, -12, 1], 4, "-12 (head)", "expected it before the first layer"),
        ([-12, 2], 1, "2 in head", "kind must be one of conv, mirror"),
        ([-6, 8, -9, 0], 2, "-9 (act)", "expected it before the first layer"),
        ([-9, 0, -9, 1], 2, "-9 (act)", "expected one act at most"),
        ([-9, 7], 1, "7 in act", "function must be one of relu, leaky_relu"),
        ([-8, 0.5, 32, 0.5], 3, "0.5 in train", "optimizer must be one of adam"),
        ([-9, 0], 2, "the sequence ends", "expected an encoder layer (conv or dense) first"),
        ([-2, 16, 3, 3], 0, "-2 (upconv)", "expected an encoder layer (conv or dense) first"),
        ([-1, 16, 3, 3, -5, 8, -1, 16, 3, 3], 6, "-1 (conv)", "expected no encoder layer after"),
        ([-1, 16, 3, 3, -5, 8, -5, 8], 6, "-5 (latent)", "expected one latent at most"),
        ([-1, 16, 3, 3, -2, 8, 3, 3, -5, 8], 8, "-5 (latent)", "expected one latent at most"),
        ([-1, 16, 3, 3, -5, 8, -3], 6, "-3 (bn)", "expected a decoder layer (upconv) before it"),
        ([-1, 16, 3, 3], 4, "the sequence ends", "expected 1 more decoder layer (upconv)"),
        (
            [-1, 16, 3, 3, -2, 16, 3, 3, -3, -2, 16, 3, 3],
            9,
            "-2 (upconv)",
            "expected no more decoder than encoder layers (1)",
        ),
    ],
)
def test_a_broken_sequence_names_position_token_and_expectation(
    tokens: list[Any], position: int, value: str, expected: str
) -> None:
    with pytest.raises(GenomeError) as caught:
        decode(tokens)
    assert caught.value.place == f"token sequence, position {position}"
    assert caught.value.value == value
    assert caught.value.next_step.startswith(expected)


def test_residual_blocks_of_a_dense_layer_are_refused() -> None:
    with pytest.raises(GenomeError, match=r"res follows updense; residual blocks need a map"):
        Genome((Block(Dense(8)),), None, (Block(UpDense(8), (Residual(1),)),))


def test_a_published_sequence_decodes_and_plans() -> None:
    genome = decode(PUBLISHED)
    assert genome == Genome(
        (Block(Conv(64, 3, 3), (BatchNorm(),)), Block(Conv(32, 3, 3), (Dropout(0.3),))),
        None,
        (Block(UpConv(32, 3, 3)), Block(UpConv(64, 3, 3), (BatchNorm(),))),
    )
    layers = plan(genome, NetworkDefaults((28, 28, 1)))
    assert layers.latent_shape == (7, 7, 32)
    assert layers.output_shape == (28, 28, 1)


def test_a_published_sequence_written_as_floats_decodes_to_whole_numbers() -> None:
    assert encode(decode(np.array(PUBLISHED))) == PUBLISHED  # type: ignore[arg-type]


def test_the_example_of_the_design_has_its_tokens() -> None:
    genome = Genome(
        (Block(Conv(32, 3, 3), (BatchNorm(), Dropout(0.25))),),
        Latent(32),
        (Block(UpConv(32, 3, 3)),),
    )
    assert encode(genome) == [-1, 32, 3, 3, -3, -4, 0.25, -5, 32, -2, 32, 3, 3]
    assert render(genome) == "conv(32,3x3) bn drop(0.25) | latent(32) | upconv(32,3x3)"
