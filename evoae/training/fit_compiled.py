"""The fast fit loop: one compiled function runs a whole epoch over resident data.

Nothing returns to Python between two steps, and images stay uint8 until their batch is due. Adam
is written out: Keras' own takes as long to trace as the network, and TensorFlow's fused kernel
rounds 1 - beta2, so that losses leave the oracle's in the fifth digit. This one does Keras'
arithmetic step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from evoae.config.schema import TrainingConfig
from evoae.data.share import Shared
from evoae.models.objectives.base import AbstractObjective
from evoae.training.base import PIXEL, AbstractFitLoop


@final
class CompiledLoop(AbstractFitLoop):
    """Whole epochs in one graph. Making it traces the graphs, which takes most of a second.

    Args:
        model: trained in place.
        objective: what to minimise, and the validation figure.
        data: copied to memory, or to the GPU.
        training: its batch size and learning rate are used.
    """

    def __init__(
        self,
        model: keras.Model,
        objective: AbstractObjective,
        data: Shared,
        training: TrainingConfig,
    ) -> None:
        self._model, self._objective = model, objective
        self._batch = training.batch_size
        self._train, self._validation = tf.constant(data.train), tf.constant(data.validation)
        self._weights = [weight.value for weight in model.trainable_variables]
        self._adam = _Adam(self._weights, training.learning_rate)
        order = tf.TensorSpec((len(data.train),), tf.int32)
        self._epoch = tf.function(self._trained, autograph=False).get_concrete_function(order)
        self._figure = tf.function(self._validated, autograph=False).get_concrete_function()

    def train_epoch(self, order: NDArray[np.int32]) -> float:
        """Train on every image once; stop at the first loss that is not finite."""
        return float(self._epoch(tf.constant(order)))

    def validate(self) -> float:
        """Return the objective's figure, a mean over all validation images."""
        return float(self._figure())

    def _trained(self, order: Any) -> Any:
        def step(start: Any, total: Any) -> tuple[Any, Any]:
            batch = order[start : start + self._batch]
            images = _pixels(tf.gather(self._train, batch))
            with tf.GradientTape() as tape:
                loss = self._objective.loss(self._model, images, training=True)
            self._adam.apply(tape.gradient(loss, self._weights))
            return start + self._batch, total + loss * _count(images)

        return _mean(step, len(self._train))

    def _validated(self) -> Any:
        def step(start: Any, total: Any) -> tuple[Any, Any]:
            images = _pixels(self._validation[start : start + self._batch])
            figure = self._objective.figure(self._model, images)
            return start + self._batch, total + figure * _count(images)

        return _mean(step, len(self._validation))


class _Adam:
    """Adam (Kingma and Ba 2015) with the constants of Keras, and the order of its operations."""

    def __init__(self, weights: Sequence[Any], learning_rate: float) -> None:
        self._weights, self._rate = weights, learning_rate
        self._first = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self._second = [tf.Variable(tf.zeros_like(weight)) for weight in weights]
        self._steps = tf.Variable(0.0)

    def apply(self, gradients: Sequence[Any]) -> None:
        steps = self._steps.assign_add(1.0)
        rate = self._rate * tf.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        slots = zip(self._weights, self._first, self._second, gradients, strict=True)
        for weight, first, second, gradient in slots:
            mean = first.assign_add((gradient - first) * (1 - 0.9))
            square = second.assign_add((tf.square(gradient) - second) * (1 - 0.999))
            weight.assign_sub(mean * rate / (tf.sqrt(square) + 1e-7))


def _pixels(images: Any) -> Any:
    return tf.cast(images, tf.float32) * PIXEL if images.dtype == tf.uint8 else images


def _count(images: Any) -> Any:
    return tf.cast(tf.shape(images)[0], tf.float32)


def _mean(step: Any, images: int) -> Any:
    """Run `step` over all images, or until the sum is not finite; return the sum per image."""

    def goes_on(start: Any, total: Any) -> Any:
        return tf.logical_and(start < images, tf.math.is_finite(total))

    _, total = tf.while_loop(goes_on, step, (0, 0.0), parallel_iterations=1)
    return total / images
