"""Plain reconstruction: give back the image that came in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import keras

from evoae.config.schema import ObjectiveConfig
from evoae.models.objectives.base import AbstractObjective

_ERRORS: dict[str, Callable[[Any, Any], Any]] = {
    "mse": lambda images, output: keras.ops.square(images - output),
    "mae": lambda images, output: keras.ops.abs(images - output),
    "bce": lambda images, output: keras.ops.binary_crossentropy(images, output),
}


@final
class Reconstruction(AbstractObjective):
    """Mean error per pixel, the same figure in training and in validation.

    Args:
        config: `loss` is `mse`, `mae` or `bce`; the last one needs pixels and output in 0..1.
    """

    def __init__(self, config: ObjectiveConfig) -> None:
        self._error = _ERRORS[config.loss]

    def loss(self, model: keras.Model, images: Any, *, training: bool) -> Any:
        """Return the mean error per pixel."""
        return keras.ops.mean(self._error(images, model(images, training=training)))

    def figure(self, model: keras.Model, images: Any) -> Any:
        """Return the mean error per pixel of the model as used."""
        return self.loss(model, images, training=False)
