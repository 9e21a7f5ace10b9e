from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoae.errors import GenomeError
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import Plan, plan
from tests.genome.strategies import genomes

SQUARE = "conv(32,3x3) conv(16,3x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)"
ODD = "conv(32,3x3) conv(16,3x5) | latent(8) | upconv(24,3x3) upconv(32,3x3)"
HAND_MADE = "conv(64,3x3) conv(32,3x3) conv(16,3x3) | upconv(16,3x3) upconv(32,3x3) upconv(64,3x3)"


def rows(layers: Plan) -> list[tuple[str, tuple[int, ...], int]]:
    return [(layer.kind, layer.shape, layer.parameters) for layer in layers.layers]


def test_the_square_example_has_its_shapes_and_25529_parameters() -> None:
    layers = plan(parse(SQUARE), NetworkDefaults((28, 28, 1)))
    assert rows(layers) == [
        ("conv", (28, 28, 32), 320),
        ("maxpool", (14, 14, 32), 0),
        ("conv", (14, 14, 16), 4624),
        ("maxpool", (7, 7, 16), 0),
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
    layers = plan(parse(ODD), NetworkDefaults((15, 13, 3)))
    assert [(kind, shape) for kind, shape, _ in rows(layers)] == [
        ("conv", (15, 13, 32)),
        ("maxpool", (8, 7, 32)),
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
    layers = plan(parse(HAND_MADE), NetworkDefaults((28, 28, 1), min_side=3))
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
    layers = plan(parse("conv(4,3x3) bn | upconv(5,3x3) drop(0.5)"), NetworkDefaults((28, 28, 1)))
    assert rows(layers) == [
        ("conv", (28, 28, 4), 40),
        ("maxpool", (14, 14, 4), 0),
        ("batchnorm", (14, 14, 4), 16),
        ("conv", (14, 14, 5), 185),
        ("dropout", (14, 14, 5), 0),
        ("upsample", (28, 28, 5), 0),
        ("conv", (28, 28, 1), 46),
    ]


def test_a_multiply_add_counts_two_flops() -> None:
    size = plan(
        parse("conv(4,3x5) | latent(3) | upconv(5,3x3)"), NetworkDefaults((8, 9, 2), min_side=8)
    ).size
    pixels = 8 * 9
    conv, upconv, head = 2 * 15 * 4, 4 * 9 * 5, 5 * 9 * 2
    dense = 2 * pixels * 4 * 3
    assert size.flops == 2 * (pixels * (conv + upconv + head) + dense)


def test_views_take_no_activation_bytes() -> None:
    layers = plan(
        parse("conv(4,3x3) | latent(3) | upconv(5,3x3)"), NetworkDefaults((8, 8, 1), min_side=8)
    )
    assert layers.size.activation_bytes == 4 * (64 * 4 + 3 + 64 * 4 + 64 * 5 + 64)


@pytest.mark.parametrize(("side", "pooled"), [(7, 7), (8, 4), (9, 5), (15, 8)])
def test_a_map_pools_only_while_its_smaller_side_exceeds_min_side(side: int, pooled: int) -> None:
    layers = plan(parse("conv(4,3x3) | upconv(4,3x3)"), NetworkDefaults((side, 40, 1), min_side=7))
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
    layers = plan(genome, NetworkDefaults(shape, min_side=min_side))
    assert layers.output_shape == shape
    assert len({layer.name for layer in layers.layers}) == len(layers.layers)
    assert (*layers.encoder, *layers.decoder) == layers.layers


STRIDED = (
    "down(stride) up(transposed) conv(32,4x4) conv(64,4x4) | latent(32) | "
    "upconv(64,4x4) upconv(32,4x4)"
)


def test_strided_and_transposed_convolutions_have_the_published_335937_parameters() -> None:
    layers = plan(parse(STRIDED), NetworkDefaults((28, 28, 1)))
    assert [(kind, shape) for kind, shape, _ in rows(layers)] == [
        ("conv", (14, 14, 32)),
        ("conv", (7, 7, 64)),
        ("flatten", (3136,)),
        ("dense", (32,)),
        ("dense", (3136,)),
        ("reshape", (7, 7, 64)),
        ("transposed", (14, 14, 64)),
        ("transposed", (28, 28, 32)),
        ("conv", (28, 28, 1)),
    ]
    assert layers.size.parameters == 335_937
    assert round(layers.size.flops / 2e6, 1) == 11.8  # million multiply-adds


@pytest.mark.parametrize(
    ("upsampling", "decoder"),
    [
        (
            "transposed",
            [
                ("transposed", "decoder_transposed_1", (8, 14, 64)),
                ("crop", "decoder_crop_1", (8, 13, 64)),
                ("batchnorm", "decoder_batchnorm_1", (8, 13, 64)),
                ("transposed", "head", (16, 26, 3)),
                ("crop", "image", (15, 26, 3)),
            ],
        ),
        (
            "upsample",
            [
                ("conv", "decoder_conv_1", (4, 7, 64)),
                ("upsample", "decoder_upsample_1", (8, 14, 64)),
                ("crop", "decoder_crop_1", (8, 13, 64)),
                ("batchnorm", "decoder_batchnorm_1", (8, 13, 64)),
                ("upsample", "decoder_upsample_2", (16, 26, 64)),
                ("conv", "head", (16, 26, 3)),
                ("crop", "image", (15, 26, 3)),
            ],
        ),
    ],
)
def test_a_mirrored_head_is_the_last_convolution_after_its_modifiers(
    upsampling: Any, decoder: list[tuple[str, str, tuple[int, ...]]]
) -> None:
    text = "head(mirror) conv(32,4x4) conv(64,4x4) | upconv(64,4x4) upconv(32,4x5) bn"
    layers = plan(parse(text), NetworkDefaults((15, 26, 3), upsampling=upsampling))
    assert [(layer.kind, layer.name, layer.shape) for layer in layers.decoder] == decoder
    head = layers.layers[-2]
    assert (head.activation, head.kernel) == ("sigmoid", (4, 5))
    assert head.parameters == 64 * 4 * 5 * 3 + 3


def test_a_mirrored_head_without_doubling_needs_no_crop() -> None:
    text = "head(mirror) conv(8,3x3) | latent(2) | upconv(8,3x3) res(1) drop(0.1)"
    layers = plan(parse(text), NetworkDefaults((7, 6, 1), output="linear"))
    assert [layer.name for layer in layers.decoder] == [
        *("decode", "unflatten", "decoder_res_1_conv_1", "decoder_res_1_conv_2", "decoder_res_1"),
        *("decoder_dropout_1", "head"),
    ]
    assert layers.layers[-1].activation == "linear"


def test_strided_and_transposed_convolutions_with_a_mirrored_head_take_5_of_12_million() -> None:
    layers = plan(parse(f"head(mirror) {STRIDED}"), NetworkDefaults((28, 28, 1)))
    assert layers.size.parameters == 303_873
    assert round(layers.size.flops / 2e6, 1) == 5.3  # million multiply-adds


def test_dense_heads_are_as_they_were() -> None:
    text = "dense(8) | latent(2) | updense(8)"
    for shape in ((5, 4, 1), (13,)):
        assert plan(parse(f"head(mirror) {text}"), NetworkDefaults(shape)) == plan(
            parse(text), NetworkDefaults(shape)
        )


def test_residual_blocks_mirror_each_other_on_the_smaller_side() -> None:
    text = "conv(4,3x3) res(1) bn | upconv(5,3x3) res(1) bn"
    for upsampling, kinds in (
        ("upsample", ["conv", "batchnorm", "upsample"]),
        ("transposed", ["transposed", "batchnorm"]),
    ):
        layers = plan(parse(text), NetworkDefaults((28, 28, 1), upsampling=upsampling))
        assert [layer.kind for layer in layers.encoder] == [
            *("conv", "maxpool", "conv", "conv", "add", "batchnorm"),
        ]
        assert [layer.kind for layer in layers.decoder] == ["conv", "conv", "add", *kinds, "conv"]
        for part in (layers.encoder[2:5], layers.decoder[:3]):
            assert [layer.shape for layer in part] == [(14, 14, 4)] * 3
            assert [layer.activation for layer in part] == ["relu", "linear", "linear"]
            assert [layer.parameters for layer in part] == [9 * 4 * 4 + 4] * 2 + [0]
            assert [layer.flops for layer in part] == [2 * 14 * 14 * 9 * 4 * 4] * 2 + [0]


def test_a_dense_network_flattens_an_image_and_its_head_gives_it_back() -> None:
    text = "dense(256) dense(64) | latent(32) | updense(64) updense(256)"
    layers = plan(parse(text), NetworkDefaults((28, 28, 1)))
    assert [shape for kind, shape, _ in rows(layers) if kind == "dense"] == [
        (256,),
        (64,),
        (32,),
        (64,),
        (256,),
        (784,),
    ]
    assert layers.layers[0].kind == "flatten"
    assert (layers.layers[-1].kind, layers.output_shape) == ("reshape", (28, 28, 1))
    assert layers.layers[-2].activation == "sigmoid"


def test_a_latent_gene_alone_is_two_dense_layers() -> None:
    layers = plan(parse("latent(32)"), NetworkDefaults((28, 28, 1)))
    assert [shape for kind, shape, _ in rows(layers) if kind == "dense"] == [(32,), (784,)]
    assert layers.size.parameters == 784 * 32 + 32 + 32 * 784 + 784


def test_a_vector_head_flattens_where_the_decoder_makes_its_map() -> None:
    text = "conv(8,3x3) dense(16) bn | latent(2) | updense(16) drop(0.1) upconv(8,3x3)"
    layers = plan(parse(text), NetworkDefaults((9, 8, 1)))
    assert [(layer.name, layer.shape) for layer in layers.layers] == [
        ("encoder_conv_1", (9, 8, 8)),
        ("encoder_pool_1", (5, 4, 8)),
        ("flatten", (160,)),
        ("encoder_dense_1", (16,)),
        ("encoder_batchnorm_1", (16,)),
        ("code", (2,)),
        ("decoder_dense_1", (16,)),
        ("decoder_dropout_1", (16,)),
        ("decode", (160,)),
        ("unflatten", (5, 4, 8)),
        ("decoder_conv_1", (5, 4, 8)),
        ("decoder_upsample_1", (10, 8, 8)),
        ("decoder_crop_1", (9, 8, 8)),
        ("head", (9, 8, 1)),
    ]


def test_a_table_takes_dense_layers_and_refuses_convolutions_in_one_sentence() -> None:
    defaults = NetworkDefaults((13,), output="linear")
    layers = plan(parse("dense(8) | latent(2) | updense(8)"), defaults)
    assert layers.output_shape == (13,)
    assert layers.size.parameters == 14 * 8 + 9 * 2 + 3 * 8 + 9 * 13
    with pytest.raises(GenomeError, match="convolutions need images"):
        plan(parse("conv(8,3x3) | latent(2) | upconv(8,3x3)"), defaults)


@pytest.mark.parametrize(("posterior", "heads"), [("diagonal", [3]), ("full", [3, 3])])
def test_a_posterior_adds_heads_beside_the_code(posterior: Any, heads: list[int]) -> None:
    genome = parse("dense(8) | latent(3) | updense(8)")
    layers = plan(genome, NetworkDefaults((13,), posterior=posterior))
    assert [layer.shape for layer in layers.heads] == [(width,) for width in heads]
    plain = plan(genome, NetworkDefaults((13,)))
    more = sum(9 * width for width in heads)
    assert layers.size.parameters == plain.size.parameters + more
    assert layers.latent_shape == (3,)


def test_a_gene_of_the_whole_network_outranks_the_frame() -> None:
    defaults = NetworkDefaults(
        (28, 28, 1), activation="elu", downsampling="average", upsampling="transposed"
    )
    text = "conv(4,3x3) | latent(3) | upconv(5,3x3)"
    by_default = plan(parse(text), defaults)
    assert {layer.activation for layer in by_default.layers if layer.kernel == (3, 3)} >= {"elu"}
    assert "avgpool" in {layer.kind for layer in by_default.layers}
    by_gene = plan(parse(f"act(gelu) down(max) up(upsample) {text}"), defaults)
    kinds = {layer.kind for layer in by_gene.layers}
    assert {"maxpool", "upsample"} <= kinds
    assert not {"avgpool", "transposed"} & kinds
    assert by_gene.layers[0].activation == "gelu"
