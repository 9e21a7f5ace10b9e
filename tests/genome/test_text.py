from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evoae.errors import GenomeError
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.genes import GENES
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse, render
from evoae.models.plan import plan
from tests.genome.laws import refusal
from tests.genome.strategies import genomes

PIECES = st.sampled_from(
    [
        "conv",
        "(32,3x3)",
        "upconv(8,3x5)",
        " ",
        "|",
        "bn",
        "drop(.25)",
        "latent(3)",
        "dense(4)",
        "updense(5)",
        "act(gelu)",
        "train(-2,32,sgd)",
        "head(mirror)",
        "res(2)",
        "(",
        "x",
        "1e9",
    ]
)


@given(st.text(max_size=200) | st.lists(PIECES, max_size=30).map("".join))
@example("conv(" + "9" * 5000 + ",3x3)")
@example("conv(٣,3x3) | upconv(3,3x3)")
def test_any_text_parses_or_raises_a_genome_error(text: str) -> None:
    why = refusal(parse, text)
    if why is None:
        assert parse(render(parse(text))) == parse(text)
    else:
        assert why.place.startswith("genome '")
        assert "\n" not in str(why)


@given(genomes(), st.data())
def test_white_space_is_free(genome: Genome, data: st.DataObject) -> None:
    spaces = st.text(" \t\n", max_size=2)
    text = "".join(
        data.draw(spaces) + mark + data.draw(spaces) if mark in "(),|" else mark
        for mark in render(genome)
    )
    assert parse(text) == genome


def test_a_kernel_is_written_height_by_width() -> None:
    layer = parse("conv(16,3x5) | upconv(16,4x2)").encoder[0].layer
    assert (layer.kernel_h, layer.kernel_w) == (3, 5)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            "conv(32,3x3) drop(0.7) | upconv(32,3x3)",
            "genome 'conv(32,3x3) drop(0.7) | upconv(32,3x3)'",
            "drop(0.7) at gene 2: rate must lie in 0..0.5",
        ),
        (
            "conv(32,3x3) drop(0.7) | latent(32) | upconv(32,3x3)",
            "genome 'conv(32,3x3) drop(0.7) | latent(32) | u…'",
            "drop(0.7) at gene 2: rate must lie in 0..0.5",
        ),
        ("", "genome ''", "the text is empty: expected an encoder layer (conv or dense) first"),
        ("bn", "genome 'bn'", "bn at gene 1: expected an encoder layer (conv or dense) first"),
        (
            "konv(3)",
            "genome 'konv(3)'",
            "konv(3) at gene 1: expected a gene (conv, upconv, bn, drop, latent, "
            "dense, updense, train, act, down, up, head, res, linear)",
        ),
        (
            "conv(3,3)",
            "genome 'conv(3,3)'",
            "conv(3,3) at gene 1: expected conv(filters, kernel_h x kernel_w)",
        ),
        (
            "conv(nan,3x3)",
            "genome 'conv(nan,3x3)'",
            "conv(nan,3x3) at gene 1: expected conv(filters, kernel_h x kernel_w)",
        ),
        (
            "conv(2.5,3x3)",
            "genome 'conv(2.5,3x3)'",
            "conv(2.5,3x3) at gene 1: filters must be a whole number in 1..65,536",
        ),
        (
            "conv(3,3x3) bn(3)",
            "genome 'conv(3,3x3) bn(3)'",
            "bn(3) at gene 2: expected bn without numbers",
        ),
        (
            "conv(3,3x3) dense(4) res(1) | latent(2) | updense(4) upconv(3,3x3)",
            "genome 'conv(3,3x3) dense(4) res(1) | latent(2)…'",
            "res(1) at gene 3: expected it after a conv or upconv: residual blocks need a map",
        ),
        (
            "conv(3,3x3) res(9) | upconv(3,3x3)",
            "genome 'conv(3,3x3) res(9) | upconv(3,3x3)'",
            "res(9) at gene 2: blocks must be a whole number in 1..8",
        ),
        (
            "conv(3,3x3) upconv(3,3x3)",
            "genome 'conv(3,3x3) upconv(3,3x3)'",
            "upconv(3,3x3) at gene 2: expected a bar '|' before it",
        ),
        (
            "conv(3,3x3) || upconv(3,3x3)",
            "genome 'conv(3,3x3) || upconv(3,3x3)'",
            "upconv(3,3x3) at gene 2: expected no further bar '|' before it",
        ),
        (
            "conv(3,3x3) | upconv(3,3x3) |",
            "genome 'conv(3,3x3) | upconv(3,3x3) |'",
            "the text ends after gene 2: expected no further bar '|' before it",
        ),
        (
            "conv(3,3x3) | latent(3)",
            "genome 'conv(3,3x3) | latent(3)'",
            "the text ends after gene 2: "
            "expected 1 more decoder layer (upconv), as in the encoder",
        ),
    ],
)
def test_a_broken_text_names_gene_number_word_and_expectation(
    text: str, place: str, said: str
) -> None:
    with pytest.raises(GenomeError) as caught:
        parse(text)
    assert (caught.value.place, caught.value.value) == (place, said)


def test_tokens_and_words_are_unique() -> None:
    kinds = GENES.values()
    assert len({kind.token for kind in kinds}) == len({kind.word for kind in kinds}) == len(kinds)


@given(genomes())
def test_the_canonical_form_of_a_canonical_genome_is_itself(genome: Genome) -> None:
    assert canonical(canonical(genome)) == canonical(genome)
    assert candidate_id(canonical(genome)) == candidate_id(genome)


def test_networks_that_are_equal_share_an_id() -> None:
    messy = parse(
        "conv(8,3x3) bn drop(0.0001) bn drop(0.12345) | latent(4) | upconv(8,3x3) drop(0)"
    )
    clean = parse("conv(8,3x3) bn drop(0.123) | latent(4) | upconv(8,3x3)")
    assert canonical(messy) == clean
    assert candidate_id(messy) == candidate_id(clean)


@pytest.mark.parametrize(
    ("messy", "clean"),
    [
        # A mirrored head makes the image's channels, whatever its gene says.
        (
            "head(mirror) conv(8,3x3) conv(9,3x3) | upconv(7,3x3) upconv(5,3x3) bn",
            "head(mirror) conv(8,3x3) conv(9,3x3) | upconv(7,3x3) upconv(8,3x3) bn",
        ),
        ("head(conv) dense(8) | updense(8)", "head(mirror) dense(8) | updense(8)"),
        # A decoder's residual blocks stand before its convolution.
        (
            "conv(8,3x3) res(1) res(2) | upconv(8,3x3) res(7) bn drop(.1) res(2)",
            "conv(8,3x3) res(3) | upconv(8,3x3) res(8) res(1) bn drop(.1)",
        ),
    ],
)
def test_what_a_network_does_not_depend_on_is_no_part_of_its_id(messy: str, clean: str) -> None:
    assert canonical(parse(messy)) == parse(clean) == canonical(parse(clean))
    shape = (9, 8, 2)
    assert plan(parse(messy), NetworkDefaults(shape)) == plan(parse(clean), NetworkDefaults(shape))


@pytest.mark.parametrize(
    "text",
    [
        "head(conv) conv(8,3x3) | upconv(5,3x3)",
        "conv(8,3x3) bn res(1) | upconv(8,3x3)",
        "conv(8,3x3) res(1) bn res(1) | upconv(8,3x3)",
    ],
)
def test_what_a_network_depends_on_stays(text: str) -> None:
    assert canonical(parse(text)) == parse(text)


def test_a_bn_after_a_drop_is_not_a_repeated_one() -> None:
    genome = parse("conv(8,3x3) bn drop(0.1) bn | upconv(8,3x3)")
    assert canonical(genome) == genome


def test_networks_that_differ_have_different_ids() -> None:
    texts = [
        "conv(8,3x3) | upconv(8,3x3)",
        "conv(8,3x4) | upconv(8,3x3)",
        "conv(8,3x3) | latent(4) | upconv(8,3x3)",
        "conv(8,3x3) bn | upconv(8,3x3)",
    ]
    ids = {candidate_id(parse(text)) for text in texts}
    assert len(ids) == len(texts)
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in ids)
