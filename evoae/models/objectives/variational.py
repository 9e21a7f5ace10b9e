"""The variational autoencoder: codes are samples of a posterior that is held near N(0, I).

Kingma and Welling, "Auto-encoding variational Bayes", ICLR 2014. The weight of the divergence,
`beta`: Higgins et al., "beta-VAE", ICLR 2017; its rise from 0 over the first epochs: Bowman et
al., "Generating sentences from a continuous space", CoNLL 2016. With a corruption, the corrupted
image is encoded and the clean one rebuilt: Im et al., "Denoising criterion for variational
auto-encoding framework", AAAI 2017.

The reconstruction, summed over the input numbers, is the negative log-likelihood in nats: of
Bernoulli pixels for bce; of a normal distribution of variance 1/2 for mse and of a Laplace
distribution of scale 1 for mae, up to a constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf

from evoae.config.objectives import VariationalConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.corruption import Corruption
from evoae.models.objectives.error import mean_error
from evoae.models.objectives.noise import FreshNoise, NumberedNoise


@final
class Variational(AbstractObjective, kind="variational"):
    """Reconstruction from one sampled code per image, plus `beta` times the divergence.

    The encoder says which posterior it is: it returns [mean, log_var], or [mean, log_var, lower]
    for one with a full covariance; see `sample`.

    Args:
        config: all but `posterior` is used.
        seed: of the sampled codes and the corruption of inputs; targets stay clean.
        bounded: of the corruption.
    """

    def __init__(self, config: VariationalConfig, seed: int, *, bounded: bool) -> None:
        self._error = mean_error(config.loss)
        self._corruption = Corruption(config, seed, bounded=bounded)
        self._beta, self._anneal = config.beta, config.anneal_epochs
        self._training = FreshNoise(seed, "code in training")
        self._validation = NumberedNoise(seed, "code in validation")

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:
        """Return reconstruction + beta x KL, beta rising with the epoch, in nats per image."""
        noisy = self._corruption.in_training(images, numbers)
        posterior = model.get_layer("encoder")(noisy, training=True)
        code = sample(posterior, self._training.normal(posterior[0], numbers))
        output = model.get_layer("decoder")(code, training=True)
        beta = self._beta
        if self._anneal:
            beta = beta * keras.ops.minimum(epoch / self._anneal, 1.0)
        return self._reconstruction(images, output) + beta * divergence(posterior)

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return `loss`, with the whole beta, `elbo`, `reconstruction`, `kl` and `error`.

        All but `error` are of corrupted images; `error` is of the decoder of the mean.
        """
        noisy = self._corruption.in_validation(images, numbers)
        posterior = model.get_layer("encoder")(noisy, training=False)
        code = sample(posterior, self._validation.normal(posterior[0], numbers))
        output = model.get_layer("decoder")(code, training=False)
        reconstruction, kl = self._reconstruction(images, output), divergence(posterior)
        return {
            "loss": reconstruction + self._beta * kl,
            "elbo": reconstruction + kl,
            "reconstruction": reconstruction,
            "kl": kl,
            "error": self._error(images, model(images, training=False)),
        }

    def _reconstruction(self, images: Any, output: Any) -> Any:
        return self._error(images, output) * math.prod(images.shape[1:])


def sample(posterior: Sequence[Any], noise: Any) -> Any:
    """Turn standard normal noise into codes, differentiable by the posterior.

    Args:
        posterior: mean (n, d); log_var (n, d), of which exp(log_var / 2) is the diagonal of the
            Cholesky factor; for a full covariance also lower (n, d(d-1)/2), the factor's entries
            below the diagonal, row by row.
        noise: (n, d).

    Returns:
        mean + factor x noise, (n, d).
    """
    mean, log_var, *lower = posterior
    code = mean + keras.ops.exp(log_var / 2) * noise
    if not lower:
        return code
    size = mean.shape[1]
    rows, columns = np.tril_indices(size, -1)
    terms = lower[0] * tf.gather(noise, columns, axis=1)
    return code + tf.transpose(tf.math.unsorted_segment_sum(tf.transpose(terms), rows, size))


def divergence(posterior: Sequence[Any]) -> Any:
    """Return KL(posterior || N(0, I)) in nats, a mean over images; for arguments see `sample`."""
    mean, log_var, *lower = posterior
    sums = keras.ops.exp(log_var) + keras.ops.square(mean) - 1 - log_var
    total = keras.ops.sum(sums, axis=1)
    if lower:
        total += keras.ops.sum(keras.ops.square(lower[0]), axis=1)
    return keras.ops.mean(total) / 2
