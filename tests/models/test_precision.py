import math

import numpy as np
import pytest

from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.objectives.base import objective_for
from evoae.models.plan import plan
from tests.contracts.objective import settings_of

SHAPE = (8, 6, 2)
TEXT = (
    "conv(6,3x3) bn drop(0.3) conv(5,3x3) | latent(3) | upconv(4,3x3) bn upconv(7,3x3) drop(0.2)"
)
KINDS = [
    {"kind": "reconstruction"},
    {"kind": "reconstruction", "loss": "bce"},
    {"kind": "denoising", "corruption": "masking"},
    {"kind": "sparse"},
    {"kind": "sparse", "sparsity": "l1"},
    {"kind": "contractive", "contraction": 0.1},
    {"kind": "variational"},
    {"kind": "variational", "posterior": "full", "corruption": "gaussian"},
]


def built(defaults=None, text=TEXT):
    from evoae.models.build import build

    return build(plan(parse(text), defaults or NetworkDefaults(SHAPE)), seed=1)


def computing_in(precision, model):
    from evoae.models.precision import computing_in

    return computing_in(precision, model)


def images(count=16):
    return np.random.default_rng(0).random((count, *SHAPE), np.float32)


def policies(model):
    layers = [*model.get_layer("encoder").layers, *model.get_layer("decoder").layers]
    return {layer.name: layer.dtype_policy.name for layer in layers}


def test_all_but_code_head_and_dropout_compute_in_bfloat16_and_only_meanwhile():
    model = built(NetworkDefaults(SHAPE, posterior="full"))
    with computing_in("bfloat16", model):
        within = policies(model)
    exact = {name for name, policy in within.items() if policy == "float32"}
    assert {*exact} == {
        *("encoder_input", "decoder_input", "encoder_dropout_1", "decoder_dropout_1"),
        *("code", "code_log_var", "code_lower", "head"),
    }
    assert {policy for name, policy in within.items() if name not in exact} == {"mixed_bfloat16"}
    assert set(policies(model).values()) == {"float32"}
    with computing_in("float32", model):
        assert set(policies(model).values()) == {"float32"}


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("conv(4,3x3) | upconv(4,3x3)", (9, 8, 2)),
        ("conv(4,3x3) conv(4,3x3) | upconv(4,3x3) upconv(5,3x3)", (8, 8, 2)),
        ("head(mirror) conv(4,3x3) res(1) | upconv(4,3x3) res(1)", (9, 8, 2)),
        ("head(mirror) up(transposed) conv(4,3x3) | latent(3) | upconv(4,3x3)", (9, 8, 2)),
        ("dense(6) | latent(3) | updense(5)", (7,)),
        ("dense(6) | latent(3) | updense(5)", (4, 4, 1)),
    ],
)
@pytest.mark.parametrize("code", ["linear", "sigmoid"])
def test_code_and_output_are_float32_whatever_the_network(text, shape, code):
    model = built(NetworkDefaults(shape, code=code), text)
    inputs = np.random.default_rng(0).random((3, *shape), np.float32)
    exact = model(inputs, training=False).numpy()
    with computing_in("bfloat16", model):
        codes = model.get_layer("encoder")(inputs, training=True)
        output = model.get_layer("decoder")(codes, training=True).numpy()
    assert codes.dtype == output.dtype == "float32"
    # More digits than bfloat16 has.
    assert not np.array_equal(output, _as_bfloat16(output))
    np.testing.assert_allclose(output, exact, rtol=0, atol=0.02)


def _as_bfloat16(array):
    import tensorflow as tf

    return tf.cast(tf.cast(array, tf.bfloat16), tf.float32).numpy()


def test_a_network_computes_as_keras_own_mixed_one_does():
    import keras
    from keras import layers

    model = built(text="conv(6,3x3) bn | latent(3) | upconv(7,3x3)")
    weights = model.get_weights()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        x = inputs = keras.Input(SHAPE)
        x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Dense(3, dtype="float32")(layers.Flatten()(x))
        x = layers.Reshape((8, 6, 6))(layers.Dense(8 * 6 * 6, activation="relu")(x))
        x = layers.Conv2D(7, 3, padding="same", activation="relu")(x)
        x = layers.Conv2D(2, 3, padding="same", activation="sigmoid", dtype="float32")(x)
        reference = keras.Model(inputs, x)
    finally:
        keras.config.set_dtype_policy("float32")
    reference.set_weights(weights)
    for training in (False, True):
        with computing_in("bfloat16", model):
            found = model(images(), training=training).numpy()
        assert np.array_equal(found, reference(images(), training=training).numpy())
    after = zip(model.get_weights(), reference.get_weights(), strict=True)
    assert all(np.array_equal(ours, theirs) for ours, theirs in after)


def test_dropout_drops_the_units_that_it_drops_in_float32():
    text = "conv(6,3x3) drop(0.3) | latent(3) | upconv(6,3x3)"
    dropped = {}
    for precision in ("float32", "bfloat16"):
        model = built(text=text)
        drop = model.get_layer("encoder").get_layer("encoder_dropout_1")
        with computing_in(precision, model):
            dropped[precision] = drop(np.ones((50, 4, 3, 6), np.float32), training=True).numpy()
    assert np.array_equal(dropped["float32"], dropped["bfloat16"])


@pytest.mark.parametrize("raw", KINDS, ids=str)
def test_every_objective_is_float32_and_near_its_value_in_float32(raw):
    import tensorflow as tf

    config = settings_of(**raw)
    found = {}
    for precision in ("float32", "bfloat16"):
        model = built(
            NetworkDefaults(SHAPE, posterior=config.code_posterior, code=config.code_activation)
        )
        objective = objective_for(config, 5, bounded=True)
        numbers = np.arange(16, dtype=np.int32)
        weights = [weight.value for weight in model.trainable_variables]
        with computing_in(precision, model), tf.GradientTape() as tape:
            loss = objective.loss(model, tf.constant(images()), numbers, epoch=1.0)
        slopes = tape.gradient(loss, weights)
        assert {loss.dtype, *(slope.dtype for slope in slopes)} == {tf.float32}
        metrics = objective.metrics(model, tf.constant(images()), numbers)
        assert all(value.dtype == tf.float32 for value in metrics.values())
        flat = np.concatenate([slope.numpy().ravel() for slope in slopes])
        found[precision] = float(loss), flat
    (exact, right), (loss, slope) = found["float32"], found["bfloat16"]
    assert math.isfinite(loss)
    assert loss != exact
    assert loss == pytest.approx(exact, rel=0.01)
    assert slope @ right / np.linalg.norm(slope) / np.linalg.norm(right) > 0.99
