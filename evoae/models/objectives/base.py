"""What a network is trained for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras


class AbstractObjective(ABC):
    """What training minimises, and the figures that validation reports.

    An objective gets the model, not its output, so that it may feed it altered inputs, look at its
    code or add a penalty. Its methods are traced into the fit loops' graphs: they may use Keras
    and TensorFlow operations only. Fresh noise comes from a `keras.random.SeedGenerator`; noise
    that must be the same every time depends on the seed and on each input's number alone, so that
    figures don't depend on how inputs are batched.
    """

    @property
    @abstractmethod
    def fitness(self) -> str:
        """Name of the figure that the search minimises."""

    @abstractmethod
    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:
        """Return what training minimises, a scalar: the mean over the batch.

        Args:
            model: the autoencoder, with its nested `encoder` and `decoder`; called as in training.
            images: (n, *input_shape), float32.
            numbers: (n,), int32: the number of each input in the training split.
            epoch: float32 scalar: how many epochs the model has been trained, with the fraction.
        """

    @abstractmethod
    def figures(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return the validation figures by name, each a scalar: the mean over the batch.

        Args:
            model: the autoencoder; called as for use, not as in training.
            images: (n, *input_shape), float32.
            numbers: (n,), int32: the number of each input in its split.
        """
