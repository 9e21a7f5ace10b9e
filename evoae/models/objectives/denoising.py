"""Denoising: rebuild the clean image from a corrupted one (Vincent et al. 2008, 2010).

`corruption` has the references and the kinds of corruption.
"""

from __future__ import annotations

from typing import Any, final

import keras

from evoae.config.objectives import DenoisingConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.corruption import Corruption
from evoae.models.objectives.error import mean_error


@final
class Denoising(AbstractObjective, kind="denoising"):
    """Mean error per input number between the clean image and what the corrupted one became.

    Args:
        config: all of it is used.
        seed, bounded: of the corruption, in training and in validation.
    """

    def __init__(self, config: DenoisingConfig, seed: int, *, bounded: bool) -> None:
        self._error = mean_error(config.loss)
        self._corruption = Corruption(config, seed, bounded=bounded)

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return the mean error per input number."""
        noisy = self._corruption.in_training(images, numbers)
        return self._error(images, model(noisy, training=True))

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return `loss`, of corrupted images, and `error`, of clean ones."""
        noisy = self._corruption.in_validation(images, numbers)
        return {
            "loss": self._error(images, model(noisy, training=False)),
            "error": self._error(images, model(images, training=False)),
        }
