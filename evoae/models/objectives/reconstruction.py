"""Plain reconstruction: give back the image that came in."""

from __future__ import annotations

from typing import Any, final

import keras

from evoae.config.objectives import ReconstructionConfig
from evoae.models.objectives.base import AbstractObjective
from evoae.models.objectives.error import mean_error


@final
class Reconstruction(AbstractObjective, kind="reconstruction"):
    """Mean error per input number, the same in training and in validation.

    Args:
        config: all of it is used.
        seed, bounded: not used.
    """

    def __init__(self, config: ReconstructionConfig, seed: int, *, bounded: bool) -> None:  # noqa: ARG002
        self._error = mean_error(config.loss)

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return the mean error per input number."""
        return self._error(images, model(images, training=True))

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return `loss` and `error`, which are equal."""
        error = self._error(images, model(images, training=False))
        return {"loss": error, "error": error}
