"""The contract kit of every objective."""

import math

import numpy as np
import pytest

from evoae.genome.frame import Frame
from evoae.genome.text import parse
from evoae.models.plan import plan

TEXT = "conv(4,3x3) bn drop(0.5) | latent(3) | upconv(4,3x3)"
NUMBERS = np.arange(6, dtype=np.int32)


def figure(objective, model, images, first=0):
    numbers = np.arange(first, first + len(images), dtype=np.int32)
    return float(objective.figures(model, images, numbers)[objective.fitness])


class ObjectiveContract:
    """What a fit loop and a search rely on; a subclass gives the fixture `objective`."""

    @pytest.fixture
    def model(self):
        from evoae.models.build import build

        return build(plan(parse(TEXT), Frame((8, 8, 2))), seed=1)

    @pytest.fixture
    def images(self):
        return np.random.default_rng(0).random((6, 8, 8, 2), np.float32)

    def test_loss_and_figure_are_finite_scalars(self, objective, model, images):
        figures = objective.figures(model, images, NUMBERS)
        assert objective.fitness in figures
        for value in (objective.loss(model, images, NUMBERS, epoch=0.0), *figures.values()):
            assert value.shape == ()
            assert math.isfinite(float(value))

    def test_the_figure_of_the_same_model_is_the_same_every_time(self, objective, model, images):
        assert figure(objective, model, images) == figure(objective, model, images)

    def test_the_figure_leaves_the_model_as_it_was(self, objective, model, images):
        before = [weight.copy() for weight in model.get_weights()]
        objective.figures(model, images, NUMBERS)
        assert all(map(np.array_equal, before, model.get_weights()))

    def test_the_figure_of_a_batch_is_the_mean_over_its_images(self, objective, model, images):
        single = [figure(objective, model, images[n : n + 1], n) for n in NUMBERS]
        assert figure(objective, model, images) == pytest.approx(np.mean(single), rel=1e-5)

    def test_every_trainable_weight_has_a_gradient(self, objective, model, images):
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = objective.loss(model, tf.constant(images), NUMBERS, epoch=0.0)
        weights = [weight.value for weight in model.trainable_variables]
        gradients = tape.gradient(loss, weights)
        assert len(gradients) == len(weights) > 0
        assert all(np.isfinite(gradient).all() for gradient in gradients)
