"""Plain reconstruction: give back the image that came in."""

from __future__ import annotations

from typing import Any, final

import keras

from evoae.config.schema import ObjectiveConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.error import mean_error


@final
class Reconstruction(AbstractObjective):
    """Mean error per input number, the same in training and in validation.

    Args:
        config: `loss` is used.
    """

    fitness = "loss"

    def __init__(self, config: ObjectiveConfig) -> None:
        self._error = mean_error(config.loss)

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return the mean error per input number."""
        return self._error(images, model(images, training=True))

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return `loss` and `error`, which are equal."""
        error = self._error(images, model(images, training=False))
        return {"loss": error, "error": error}
