"""Decoders computed otherwise: the same functions, and a model that is left as it was."""

import numpy as np
import pytest

from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import plan
from tests.contracts.fit_loop import blobs

SHAPE = (16, 12, 2)
DEEP = "conv(6,3x3) conv(5,4x3) | latent(3) | upconv(4,3x4) upconv(33,5x3)"


def built(text=DEEP, shape=SHAPE, **defaults):
    from evoae.models.build import build

    return build(plan(parse(text), NetworkDefaults(shape, min_side=3, **defaults)), seed=1)


def rewritten(model):
    from evoae.training.fit_rewritten import rewritten

    return rewritten(model)


def slopes(model, images):
    """Return a loss, and its derivatives by the images and by each weight."""
    import tensorflow as tf

    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(tf.sin(model(images, training=True)))
    sources = [images, *(weight.value for weight in model.trainable_variables)]
    return [loss.numpy(), *(found.numpy() for found in tape.gradient(loss, sources))]


def assert_near(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5 * np.abs(other).max())


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        "conv(6,3x3) | latent(3) | upconv(2,2x1)",  # a head of few filters, doubled
        "conv(6,3x3) bn drop(0.3) conv(4,3x3) | latent(3) | upconv(4,3x3) bn upconv(8,4x4)",
        "up(transposed) down(stride) conv(40,4x4) | latent(3) | upconv(40,4x4)",  # a single head
        "head(mirror) conv(6,3x3) conv(5,4x3) | latent(3) | upconv(4,3x4) upconv(6,5x3) bn",
        "head(mirror) up(transposed) conv(17,3x3) | latent(3) | upconv(17,4x5)",
        "head(mirror) up(transposed) conv(40,1x1) conv(40,1x1) | upconv(40,3x3) upconv(40,1x2)",
        # A doubled map that is added to what is convolved.
        "conv(6,3x3) conv(5,3x3) | latent(3) | upconv(4,3x3) upconv(4,3x3) res(1)",
        "conv(6,3x3) dense(5) | latent(3) | updense(6) upconv(4,3x3)",
        "act(gelu) conv(6,3x3) conv(5,3x3) | upconv(4,3x3) upconv(17,3x3)",  # no latent vector
        "dense(6) | latent(3) | updense(6)",  # no convolution at all
    ],
)
@pytest.mark.parametrize("shape", [SHAPE, (13, 16, 1)], ids=str)  # the odd side is cropped
def test_a_rewritten_decoder_has_equal_outputs_and_slopes(text, shape):
    images = np.random.default_rng(0).random((3, *shape), np.float32)
    expected = slopes(built(text, shape), images)
    model = built(text, shape)
    with rewritten(model):
        assert_near(slopes(model, images), expected)
    assert_near(slopes(built(text, shape), images), expected)


def ways_of(model):
    """Return which of the decoder's layers compute otherwise."""
    layers = model.get_layer("decoder").layers
    return [layer.name for layer in layers if {"call", "convolution_op"} & vars(layer).keys()]


def test_layers_after_doubling_and_the_head_are_rewritten_and_given_back():
    model = built()
    with rewritten(model):
        assert ways_of(model) == [
            *("decoder_upsample_1", "decoder_conv_2", "decoder_upsample_2", "head"),
        ]
    assert ways_of(model) == []
    cropped = built(shape=(13, 12, 1))
    with rewritten(cropped):
        assert ways_of(cropped) == ["head"]


def test_a_doubled_map_that_is_read_twice_stays_and_a_transposed_head_to_1_channel_does_not():
    residual = built("conv(6,3x3) conv(5,3x3) | upconv(4,3x3) upconv(4,3x3) res(1)")
    with rewritten(residual):
        assert ways_of(residual) == ["decoder_upsample_2", "head"]
    text = "head(mirror) up(transposed) conv(16,3x3) conv(16,3x3) | upconv(16,3x3) upconv(16,4x4)"
    for channels, ways in ((1, ["head"]), (2, [])):
        transposed = built(text, shape=(16, 12, channels))
        with rewritten(transposed):
            assert ways_of(transposed) == ways


def test_a_failure_meanwhile_leaves_the_model_as_it_was():
    model = built()
    with pytest.raises(KeyboardInterrupt), rewritten(model):
        raise KeyboardInterrupt
    assert ways_of(model) == []


def test_a_graph_is_rewritten_where_there_is_no_gpu_only(monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    model = built()
    with rewritten(model):
        assert ways_of(model) == []


@pytest.mark.parametrize("sides", [(3, 3), (5, 3), (4, 4), (1, 2), (4, 5), (6, 1)], ids=str)
@pytest.mark.parametrize("filters", [2, 40])  # one step, or two
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("doubled", [False, True])
def test_convolutions_of_every_shape_are_equal(sides, filters, channels, doubled):
    import tensorflow as tf

    from evoae.training.fit_rewritten import _of_doubled, _of_single

    rng = np.random.default_rng(0)
    images = tf.constant(rng.standard_normal((2, 5, 4, filters), np.float32))
    kernel = tf.constant(rng.uniform(-0.1, 0.1, (*sides, filters, channels)).astype(np.float32))

    def plain(images, kernel):
        if doubled:
            images = tf.repeat(tf.repeat(images, 2, axis=1), 2, axis=2)
        return tf.nn.conv2d(images, kernel, 1, "SAME")

    found = []
    for convolve in (_of_doubled if doubled else _of_single, plain):
        with tf.GradientTape() as tape:
            tape.watch([images, kernel])
            output = convolve(images, kernel)
            loss = tf.reduce_sum(tf.sin(output))
        found.append([output.numpy(), *map(np.asarray, tape.gradient(loss, [images, kernel]))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("precision", "rtol"),
    [("float32", 1e-5), pytest.param("bfloat16", 0.01, marks=pytest.mark.slow)],
)
def test_a_training_with_a_rewritten_decoder_is_the_oracles(precision, rtol):
    from evoae.config.objectives import ReconstructionConfig
    from evoae.config.schema import TrainingConfig
    from evoae.data.shared_memmap import Shared
    from evoae.models.objectives.base import objective_for
    from evoae.training.fit_compiled import CompiledLoop
    from evoae.training.fit_keras import KerasLoop

    def cut(count, seed):
        images = blobs(count, seed)[:, :8, :8]
        return np.kron(images, np.ones((1, 2, 2, 1), np.uint8))

    data, shape = Shared(cut(40, 0), cut(20, 1)), (16, 16, 1)
    training = TrainingConfig(batch_size=8, precision=precision)
    order = np.random.default_rng(0).permutation(40).astype(np.int32)
    curves = []
    for kind in (CompiledLoop, KerasLoop):
        loop = kind(
            built(shape=shape),
            objective_for(ReconstructionConfig(), 0, bounded=True),
            data,
            training,
        )
        curves.append([(loop.train_epoch(order), loop.validate()["loss"]) for _ in range(3)])
    np.testing.assert_allclose(*curves, rtol=rtol)
