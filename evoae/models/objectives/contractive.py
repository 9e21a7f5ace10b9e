"""Contractive: codes change little where images change little.

Rifai, Vincent, Muller, Glorot and Bengio, "Contractive auto-encoders: explicit invariance during
feature extraction", ICML 2011. The penalty is the squared Frobenius norm of the code's Jacobian by
the image, exact for any encoder: automatic differentiation gives one row for each code unit.

The Jacobian is that of the encoder as used: dropout off, batch normalisation with its moving
statistics. With the batch's own, each code would depend on all images, and the rows, which are
derivatives of sums over images, would partly cancel: wholly where batch normalisation comes last.

Each code unit costs another pass through the encoder and its derivatives, so a training step takes
about 1 + latent times as long as without: 8 times at latent 8 and 26 at 32, for two layers of 16
filters a side, 28×28×1 images, batches of 32 and one thread (`benchmarks/contractive.py`); 9 and
34 with batches of 128. The latent size and the encoder's share of the network decide it. The rows
are found one by one: all at once, by `batch_jacobian` or by repeating the images, took .9 to 1.2
times as long, and memory that grows with the latent size (at 32, 200 to 270 MiB against 41).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import keras
import tensorflow as tf

from evoae.config.objectives import ContractiveConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.error import mean_error


@final
class Contractive(AbstractObjective, kind="contractive"):
    """Mean error per input number, plus `contraction` times the penalty.

    Args:
        config: all of it is used.
        seed, bounded: not used.
    """

    def __init__(self, config: ContractiveConfig, seed: int, *, bounded: bool) -> None:  # noqa: ARG002
        self._error, self._weight = mean_error(config.loss), config.contraction

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return error + contraction x penalty."""
        encoder = model.get_layer("encoder")
        weights = [weight.value for weight in encoder.trainable_variables]
        penalty, slopes = jacobian_norm(encoder, images, weights)
        # Its slopes are known, so it enters as its tangent: right value, right gradient, and
        # nothing of the computation of many code units has to be kept for a backward pass.
        tangent = tf.stop_gradient(penalty)
        for weight, slope in zip(weights, slopes, strict=True):
            change = weight - tf.stop_gradient(weight)
            tangent += tf.reduce_sum(tf.stop_gradient(slope) * change)
        return self._error(images, model(images, training=True)) + self._weight * tangent

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return `loss`, `error` and `penalty`."""
        error = self._error(images, model(images, training=False))
        penalty, _ = jacobian_norm(model.get_layer("encoder"), images, ())
        return {"loss": error + self._weight * penalty, "error": error, "penalty": penalty}


def jacobian_norm(
    encoder: keras.Model, images: Any, weights: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """Return the squared Frobenius norm of the code's Jacobian by images, and its slopes.

    Args:
        encoder: images to codes; called as for use.
        images: (n, *input_shape).
        weights: variables of the encoder, or none.

    Returns:
        The norm, a mean over images, and its derivatives by the weights.
    """
    images = tf.convert_to_tensor(images)
    units = math.prod(encoder.output_shape[1:])
    axes = range(1, len(images.shape))

    def add_row(unit: Any, norm: Any, slopes: list[Any]) -> tuple[Any, Any, list[Any]]:
        with tf.GradientTape() as by_weights:
            with tf.GradientTape() as by_image:
                by_image.watch(images)
                codes = tf.reshape(encoder(images, training=False), (-1, units))
                activations = tf.gather(codes, unit, axis=1)
            row = by_image.gradient(activations, images)
            square = tf.reduce_mean(tf.reduce_sum(tf.square(row), axis=axes))
        found = by_weights.gradient(square, weights, unconnected_gradients="zero")
        return unit + 1, norm + square, [a + b for a, b in zip(slopes, found, strict=True)]

    start = (0, tf.zeros((), images.dtype), [tf.zeros_like(weight) for weight in weights])
    _, norm, slopes = tf.while_loop(
        lambda unit, *_: unit < units, add_row, start, parallel_iterations=1
    )
    return norm, slopes
