"""The contract kit of every objective. To enrol one: a subclass of the kit with its `config`."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from evoae.config.objectives import CorruptedConfig, ObjectiveConfig
from evoae.models.objectives.base import AbstractObjective, objective_for

COUNT = 6
NUMBERS = np.arange(COUNT, dtype=np.int32)
UNITS = 3


def settings_of(kind: str = "reconstruction", **settings: Any) -> Any:
    """Return the settings of an objective."""
    return ObjectiveConfig.kinds()[kind](**settings)


def network(config: ObjectiveConfig, shape: tuple[int, ...], dropout: float = 0.3) -> Any:
    """Return a small autoencoder of the heads that an objective needs, as the builder makes it.

    Images go through a convolution, normalisation and pooling, table rows through a dense layer.
    """
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    x = inputs = keras.Input(shape)
    if len(shape) == 3:
        x = layers.Conv2D(4, 3, strides=2, padding="same", activation="elu")(x)
        x = layers.MaxPooling2D(2, padding="same")(x)
    else:
        x = layers.Dense(6, activation="tanh")(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.Flatten()(layers.Dropout(dropout, seed=2)(x))
    heads = {"code": UNITS}
    if config.code_posterior is not None:
        heads = {"mean": UNITS, "log_var": UNITS}
        if config.code_posterior == "full":
            heads["lower"] = UNITS * (UNITS - 1) // 2
    activation = config.code_activation
    codes = [layers.Dense(units, activation, name=name)(x) for name, units in heads.items()]
    encoder = keras.Model(inputs, codes if len(codes) > 1 else codes[0], name="encoder")

    x = code = keras.Input((UNITS,))
    x = layers.Dropout(dropout, seed=3)(layers.Dense(8, activation="relu")(x))
    head = "sigmoid" if len(shape) == 3 else None
    x = layers.Reshape(shape)(layers.Dense(math.prod(shape), activation=head)(x))
    decoder = keras.Model(code, x, name="decoder")

    images = keras.Input(shape)
    codes = encoder(images)
    rebuilt = decoder(codes[0] if isinstance(codes, list) else codes)
    return keras.Model(images, rebuilt, name="autoencoder")


@cache
def _kept(config: ObjectiveConfig, shape: tuple[int, ...], dropout: float) -> Any:
    made = network(config, shape, dropout)
    return made, [variable.numpy().copy() for variable in made.variables]


def fresh(config: ObjectiveConfig, shape: tuple[int, ...], dropout: float = 0.3) -> Any:
    """Return that autoencoder as it was when first built, which takes longer than most tests."""
    made, state = _kept(config, shape, dropout)
    for variable, value in zip(made.variables, state, strict=True):
        variable.assign(value)
    return made


def samples(config: ObjectiveConfig) -> bool:
    """Tell whether codes are drawn."""
    return config.code_posterior is not None


def corrupts(config: ObjectiveConfig) -> bool:
    """Tell whether inputs are corrupted."""
    return isinstance(config, CorruptedConfig) and config.corruption != "none"


def three_losses(objective, model, images):
    """Return the losses of three steps that change nothing: what differs is the noise."""
    state, found = [weight.numpy().copy() for weight in model.variables], []
    for _ in range(3):
        for weight, value in zip(model.variables, state, strict=True):
            weight.assign(value)
        found.append(float(objective.loss(model, images, NUMBERS, epoch=1.0)))
    for weight, value in zip(model.variables, state, strict=True):
        weight.assign(value)
    return found


class ObjectiveContract:
    """What a fit loop and a search rely on; every promise for images and for table rows.

    Attributes:
        of_batch: settings -> metrics that may depend on a batch as a whole. No others do.
    """

    @staticmethod
    def of_batch(config: ObjectiveConfig) -> set[str]:  # noqa: ARG004
        return set()

    @pytest.fixture
    def config(self) -> ObjectiveConfig:
        raise NotImplementedError

    @pytest.fixture(params=[(8, 7, 2), (7,)], ids=["images", "rows"])
    def shape(self, request):
        return request.param

    @pytest.fixture
    def images(self, config, shape):
        rng = np.random.default_rng(0)
        if len(shape) == 3 or config.loss == "bce":
            return rng.random((COUNT, *shape), np.float32)
        return rng.standard_normal((COUNT, *shape), np.float32)

    @pytest.fixture
    def make(self, config, shape):
        """Return the function (seed) -> objective."""
        return lambda seed=5: objective_for(config, seed, bounded=len(shape) == 3)

    @pytest.fixture
    def objective(self, make) -> AbstractObjective:
        return make()

    @pytest.fixture
    def model(self, config, shape):
        return fresh(config, shape)

    @pytest.fixture
    def steady(self, config, shape):
        """A model that draws nothing at random, so that all noise is the objective's."""
        return fresh(config, shape, dropout=0.0)

    def test_loss_and_metrics_are_finite_scalars(self, objective, model, images):
        metrics = objective.metrics(model, images, NUMBERS)
        assert {"loss", "error", objective.fitness} <= metrics.keys()
        for value in (objective.loss(model, images, NUMBERS, epoch=0.0), *metrics.values()):
            assert value.shape == ()
            assert value.dtype == "float32"
            assert math.isfinite(float(value))

    def test_equal_objectives_find_equal_metrics_every_time(self, make, model, images):
        objective = make()
        first = values(objective, model, images)
        assert values(objective, model, images) == first
        assert values(make(), model, images) == first

    def test_the_metrics_leave_the_model_as_it_was(self, objective, model, images):
        before = [weight.numpy().copy() for weight in model.variables]
        objective.metrics(model, images, NUMBERS)
        assert all(map(np.array_equal, before, (weight.numpy() for weight in model.variables)))

    def test_training_leaves_the_metrics_noise_as_it_was(self, objective, model, images):
        before = values(objective, model, images)
        state = [weight.numpy().copy() for weight in model.variables]
        objective.loss(model, images, NUMBERS, epoch=0.0)
        for weight, value in zip(model.variables, state, strict=True):
            weight.assign(value)
        assert values(objective, model, images) == before

    def test_the_metrics_of_a_batch_are_means_over_its_images(
        self, config, objective, model, images
    ):
        whole = values(objective, model, images)
        single = [values(objective, model, images[[n]], NUMBERS[[n]]) for n in NUMBERS]
        for name in whole.keys() - self.of_batch(config):
            mean = np.mean([metrics[name] for metrics in single])
            assert whole[name] == pytest.approx(mean, rel=1e-4, abs=1e-6), name

    def test_the_metrics_do_not_depend_on_the_order_of_the_images(self, objective, model, images):
        whole = values(objective, model, images)
        turned = values(objective, model, images[::-1], NUMBERS[::-1])
        assert turned == pytest.approx(whole, rel=1e-4, abs=1e-6)

    def test_the_numbers_decide_the_noise_of_the_metrics(self, config, make, steady, images):
        here = values(make(), steady, images)
        elsewhere = values(make(), steady, images, NUMBERS + 100)
        other_seed = values(make(seed=6), steady, images)
        noisy = samples(config) or corrupts(config)
        assert (elsewhere["loss"] != here["loss"]) == noisy
        assert (other_seed["loss"] != here["loss"]) == noisy
        assert elsewhere["error"] == other_seed["error"] == here["error"]

    def test_training_noise_is_fresh_at_each_step_and_equal_for_equal_seeds(
        self, config, make, steady, images
    ):
        def losses(seed):
            return three_losses(make(seed), steady, images)

        changing = samples(config) or (corrupts(config) and config.corrupt == "layer")
        once = losses(5)
        assert losses(5) == once
        assert len(set(once)) == (3 if changing else 1)
        assert (losses(6) != once) == (changing or corrupts(config))

    def test_every_trainable_weight_has_a_finite_gradient(self, objective, model, images):
        import tensorflow as tf

        for epoch in (0.0, 5.0):
            with tf.GradientTape() as tape:
                loss = objective.loss(model, tf.constant(images), NUMBERS, epoch=epoch)
            weights = [weight.value for weight in model.trainable_variables]
            gradients = tape.gradient(loss, weights)
            assert len(gradients) == len(weights) > 0
            assert all(np.isfinite(gradient).all() for gradient in gradients)

    @pytest.mark.parametrize(
        "shape",
        [(8, 7, 2), pytest.param((7,), marks=pytest.mark.slow)],  # a trace takes a second
        indirect=True,
        ids=["images", "rows"],
    )
    def test_a_compiled_loop_takes_the_steps_that_single_ones_take(
        self, config, make, shape, images
    ):
        import tensorflow as tf

        def train(model, objective, inputs, numbers):
            weights = [weight.value for weight in model.trainable_variables]

            def step(k, losses):
                with tf.GradientTape() as tape:
                    epoch = tf.cast(k, tf.float32) / 2
                    loss = objective.loss(model, inputs, numbers, epoch=epoch)
                for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
                    weight.assign_sub(0.01 * gradient)
                return k + 1, tf.concat([losses, [loss]], axis=0)

            start = (tf.constant(0), tf.zeros((0,)))
            known = (tf.TensorShape(()), tf.TensorShape((None,)))
            return tf.while_loop(lambda k, _: k < 3, step, start, shape_invariants=known)[1]

        model, objective = fresh(config, shape), make()
        signature = tf.TensorSpec((None, *shape)), tf.TensorSpec((None,), tf.int32)
        compiled = tf.function(lambda *batch: train(model, objective, *batch), signature)
        losses = compiled(tf.constant(images), tf.constant(NUMBERS)).numpy()
        eager = train(fresh(config, shape), make(), tf.constant(images), tf.constant(NUMBERS))
        np.testing.assert_allclose(losses, eager, rtol=1e-4)
        assert len(set(losses.tolist())) == 3


def values(objective, model, images, numbers=NUMBERS) -> dict[str, float]:
    metrics = objective.metrics(model, images, numbers)
    return {name: float(figure) for name, figure in metrics.items()}
