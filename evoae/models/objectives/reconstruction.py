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

    @property
    def fitness(self) -> str:
        """The error itself."""
        return "loss"

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:  # noqa: ARG002
        """Return the mean error per pixel."""
        return keras.ops.mean(self._error(images, model(images, training=True)))

    def figures(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return `loss`, the mean error per pixel of the model as used."""
        return {"loss": keras.ops.mean(self._error(images, model(images, training=False)))}
