import itertools
import math
import subprocess
import sys

import numpy as np
import pytest

from evoae.config.model import LearningConfig, ModelConfig, SamplingConfig
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import parse
from evoae.models.plan import measure, plan
from tests.covering import first

SHAPES = [
    *[(8, 8, 1), (28, 28, 1), (15, 13, 3), (9, 31, 2), (32, 32, 3), (17, 17, 1)],
    *[(8, 40, 1), (33, 11, 4), (16, 16, 2), (64, 9, 3), (10, 10, 5), (29, 30, 1)],
]
NOW = ((8, 8, 1), (15, 13, 3), (9, 31, 2), (1,), (13,))
ALL_KINDS = (
    "conv(6,3x5) res(1) bn drop(0.3) conv(5,4x3) | latent(4) | "
    "upconv(7,3x3) drop(0.1) upconv(4,3x3) res(2) bn"
)


def build(*args, **kwargs):
    from evoae.models.build import build

    return build(*args, **kwargs)


EVERY_GENE = {
    "layers": "both",
    "activation": ("relu", "leaky_relu", "selu", "elu", "gelu", "tanh"),
    "downsampling": ("max", "average", "stride"),
    "upsampling": ("upsample", "transposed"),
    "head": ("conv", "mirror"),
    "linear": ("none", "pca"),
    "sampling": SamplingConfig(residual=0.5),
    "learning": LearningConfig(evolve=True),
}


def random_genome(seed, shape, **others):
    latent = ("vector", "spatial")[seed % 2]
    model = ModelConfig(latent=latent, max_latent=32 if latent == "vector" else None, **others)
    return sample(
        np.random.default_rng(seed), Space(model, shape, measure(NetworkDefaults(shape)))
    )


def flops_of(layer):
    """Return two for each multiply-add of a Keras layer."""
    if not hasattr(layer, "kernel"):
        return 0
    back = type(layer).__name__ == "Conv2DTranspose"
    places = (layer.input if back else layer.output).shape[1:-1]
    return 2 * math.prod(layer.kernel.shape) * math.prod(places)


@pytest.mark.parametrize(
    "shape", first([*SHAPES, (1,), (2,), (13,), (40,)], lambda shape: shape in NOW), ids=str
)
def test_nine_random_networks_have_the_planned_costs_and_give_back_the_shape(shape):
    for seed in range(9):
        others = {} if seed < 5 else EVERY_GENE | ({"layers": "auto"} if len(shape) == 1 else {})
        layers = plan(random_genome(seed, shape, **others), NetworkDefaults(shape))
        model = build(layers)
        assert model.count_params() == layers.size.parameters
        assert model.output_shape == (None, *shape)
        assert model.get_layer("encoder").output_shape == (None, *layers.latent_shape)
        inner = [*model.get_layer("encoder").layers, *model.get_layer("decoder").layers]
        assert sum(map(flops_of, inner)) == layers.size.flops
        keras_shapes = {
            layer.name: layer.output.shape[1:]
            for part in ("encoder", "decoder")
            for layer in model.get_layer(part).layers
        }
        assert all(keras_shapes[layer.name] == layer.shape for layer in layers.layers)


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_a_variational_encoder_gives_the_mean_and_the_heads_and_the_whole_decodes_the_mean(
    posterior,
):
    text = "conv(4,3x3) dense(6) | latent(3) | updense(5) upconv(4,3x3)"
    layers = plan(parse(text), NetworkDefaults((9, 8, 2), posterior=posterior))
    model = build(layers, seed=1)
    assert model.count_params() == layers.size.parameters
    images = np.random.default_rng(0).random((4, 9, 8, 2), np.float32)
    outputs = model.get_layer("encoder").predict(images, verbose=0)
    assert [output.shape for output in outputs] == [(4, 3)] * (3 if posterior == "full" else 2)
    decoded = model.get_layer("decoder").predict(outputs[0], verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), decoded, rtol=0, atol=1e-6)


def test_a_sigmoid_code_lies_between_0_and_1_as_vector_and_as_map():
    images = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)
    for text in (
        "conv(4,3x3) | latent(3) | upconv(4,3x3)",
        "conv(4,3x3) | upconv(4,3x3)",
        "dense(9) | updense(9)",
    ):
        model = build(plan(parse(text), NetworkDefaults((8, 8, 1), code="sigmoid")), seed=1)
        code = model.get_layer("encoder").predict(images, verbose=0)
        assert code.min() > 0
        assert code.max() < 1


@pytest.mark.parametrize(
    ("text", "shape", "min_side", "parameters"),
    [
        (
            "conv(32,3x3) conv(16,3x3) | latent(8) | upconv(16,3x3) upconv(32,3x3)",
            (28, 28, 1),
            7,
            25_529,
        ),
        (
            "conv(32,3x3) conv(16,3x5) | latent(8) | upconv(24,3x3) upconv(32,3x3)",
            (15, 13, 3),
            7,
            35_123,
        ),
        (
            "conv(64,3x3) conv(32,3x3) conv(16,3x3) | "
            "upconv(16,3x3) upconv(32,3x3) upconv(64,3x3)",
            (28, 28, 1),
            3,
            49_761,
        ),
    ],
)
def test_the_worked_examples_have_their_published_size(text, shape, min_side, parameters):
    assert (
        build(plan(parse(text), NetworkDefaults(shape, min_side=min_side))).count_params()
        == parameters
    )


def test_every_layer_has_the_name_and_shape_of_the_plan():
    layers = plan(parse(ALL_KINDS), NetworkDefaults((15, 13, 3)))
    assert {layer.kind for layer in layers.layers} == {
        *("conv", "maxpool", "batchnorm", "dropout", "flatten"),
        *("dense", "reshape", "upsample", "crop", "add"),
    }
    model = build(layers)
    for part in ("encoder", "decoder"):
        built = [(layer.name, layer.output.shape[1:]) for layer in model.get_layer(part).layers]
        assert built[1:] == [(layer.name, layer.shape) for layer in getattr(layers, part)]


def test_a_residual_block_adds_what_two_convolutions_make_of_a_map():
    layers = plan(parse("conv(3,3x3) res(1) | upconv(4,3x3) res(2)"), NetworkDefaults((6, 5, 2)))
    model, maps = build(layers, seed=1), np.random.default_rng(0).random((2, 6, 5, 3), np.float32)
    for part, number in (("encoder", 1), ("decoder", 1), ("decoder", 2)):
        layer = model.get_layer(part).get_layer
        name = f"{part}_res_{number}"
        inner = layer(f"{name}_conv_2")(layer(f"{name}_conv_1")(maps))
        given, made = layer(name).input
        assert np.array_equal(layer(name)([maps, inner]), maps + inner)
        assert made is layer(f"{name}_conv_2").output
        assert given is layer(f"{name}_conv_1").input
        assert [layer(f"{name}_conv_{n}").activation.__name__ for n in (1, 2)] == [
            *("relu", "linear")
        ]


def test_equal_seeds_build_equal_weights_and_other_seeds_others():
    layers = plan(parse(ALL_KINDS), NetworkDefaults((8, 8, 1)))
    first, again, other = (build(layers, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_layers_of_one_network_start_from_different_weights():
    text = "conv(4,3x3) | upconv(4,3x3)"
    weights = build(plan(parse(text), NetworkDefaults((8, 8, 4))), seed=1).get_weights()
    kernels = [each for each in weights if each.ndim == 4]
    assert len({kernel.shape for kernel in kernels}) == 1
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(kernels, 2))


RELOAD = """
import sys
sys.path = [entry for entry in sys.path if entry]
import keras, numpy as np
assert not any(name.split(".")[0] == "evoae" for name in sys.modules)
model = keras.models.load_model(sys.argv[1])
images = np.load(sys.argv[2])
code = model.get_layer("encoder").predict(images, verbose=0)
np.savez(sys.argv[3], whole=model.predict(images, verbose=0),
         parts=model.get_layer("decoder").predict(code, verbose=0))
"""


@pytest.mark.slow
def test_a_saved_model_reloads_without_evoae_and_reconstructs_the_same(tmp_path):
    model = build(plan(parse(ALL_KINDS), NetworkDefaults((15, 13, 3))), seed=3)
    images = np.random.default_rng(0).random((5, 15, 13, 3), np.float32)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    files = [str(tmp_path / name) for name in ("model.keras", "images.npy", "out.npz")]
    subprocess.run(
        [sys.executable, "-c", RELOAD, *files],
        check=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    out = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(out["whole"], model.predict(images, verbose=0), rtol=0, atol=1e-6)
    np.testing.assert_allclose(out["parts"], out["whole"], rtol=0, atol=1e-6)
