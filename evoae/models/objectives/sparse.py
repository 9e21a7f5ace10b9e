"""Sparse codes: few units are active for any one image.

- kl: Lee, Ekanadham and Ng, "Sparse deep belief net model for visual area V2", NIPS 20, 2008; in
  the form of Ng, "Sparse autoencoder", CS294A lecture notes, 2011: the divergence of a unit's mean
  activation from a target, both taken as probabilities.
- l1: the absolute activations, the prior of Olshausen and Field, Nature 381, 1996.

The notes take a unit's mean over all training images; here, as in every stochastic training, it
is the batch's. So `penalty` and `loss` with kl are no means over images: small batches give more.
"""

from __future__ import annotations

from typing import Any, final

import keras

from evoae.config.objectives import SparseConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.corruption import Corruption
from evoae.models.objectives.error import mean_error

_LEAST = 1e-7  # keeps logarithms finite where a unit is always on or always off


@final
class Sparse(AbstractObjective, kind="sparse"):
    """Mean error per input number, plus `weight` times the penalty of the code.

    Args:
        config: all of it is used; kl needs a code in 0..1.
        seed, bounded: of the corruption of inputs; targets stay clean.
    """

    def __init__(self, config: SparseConfig, seed: int, *, bounded: bool) -> None:
        self._error = mean_error(config.loss)
        self._corruption = Corruption(config, seed, bounded=bounded)
        self._kind, self._target, self._weight = config.sparsity, config.target, config.weight

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return error + weight x penalty."""
        noisy = self._corruption.in_training(images, numbers)
        code = model.get_layer("encoder")(noisy, training=True)
        output = model.get_layer("decoder")(code, training=True)
        return self._error(images, output) + self._weight * self._penalty(code)

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return `loss`, `error`, `penalty` and `activity`.

        All but `error` are of corrupted images.
        """
        noisy = self._corruption.in_validation(images, numbers)
        code = model.get_layer("encoder")(noisy, training=False)
        error = self._error(images, model.get_layer("decoder")(code, training=False))
        penalty = self._penalty(code)
        clean = error if noisy is images else self._error(images, model(images, training=False))
        return {
            "loss": error + self._weight * penalty,
            "error": clean,
            "penalty": penalty,
            "activity": keras.ops.mean(keras.ops.abs(code)),
        }

    def _penalty(self, code: Any) -> Any:
        """Return the sum over code units of l1 or kl, a scalar."""
        if self._kind == "l1":
            return keras.ops.sum(keras.ops.mean(keras.ops.abs(code), axis=0))
        return keras.ops.sum(divergence(self._target, keras.ops.mean(code, axis=0)))


def divergence(target: float, activity: Any) -> Any:
    """Return KL(target || activity) of two probabilities of being on, in nats, by element."""
    on = target * keras.ops.log(target / (activity + _LEAST))
    return on + (1 - target) * keras.ops.log((1 - target) / (1 - activity + _LEAST))
