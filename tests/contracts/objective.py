"""The contract kit of every objective."""

import math

import numpy as np
import pytest

from evoae.genome.text import parse
from evoae.models.plan import plan

TEXT = "conv(4,3x3) bn drop(0.5) | latent(3) | upconv(4,3x3)"


class ObjectiveContract:
    """What a fit loop and a search rely on; a subclass gives the fixture `objective`."""

    @pytest.fixture
    def model(self):
        from evoae.models.build import build

        return build(plan(parse(TEXT), (8, 8, 2)), seed=1)

    @pytest.fixture
    def images(self):
        return np.random.default_rng(0).random((6, 8, 8, 2), np.float32)

    def test_loss_and_figure_are_finite_scalars(self, objective, model, images):
        for value in (
            objective.loss(model, images, training=True),
            objective.figure(model, images),
        ):
            assert value.shape == ()
            assert math.isfinite(float(value))

    def test_the_figure_of_the_same_model_is_the_same_every_time(self, objective, model, images):
        assert float(objective.figure(model, images)) == float(objective.figure(model, images))

    def test_the_figure_leaves_the_model_as_it_was(self, objective, model, images):
        before = [weight.copy() for weight in model.get_weights()]
        objective.figure(model, images)
        assert all(map(np.array_equal, before, model.get_weights()))

    def test_the_figure_of_a_batch_is_the_mean_over_its_images(self, objective, model, images):
        single = [float(objective.figure(model, image[np.newaxis])) for image in images]
        assert float(objective.figure(model, images)) == pytest.approx(np.mean(single), rel=1e-5)

    def test_every_trainable_weight_has_a_gradient(self, objective, model, images):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = objective.loss(model, tf.constant(images), training=True)
        weights = [weight.value for weight in model.trainable_variables]
        gradients = tape.gradient(loss, weights)
        assert len(gradients) == len(weights) > 0
        assert all(np.isfinite(gradient).all() for gradient in gradients)
