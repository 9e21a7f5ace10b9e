"""What a network is trained for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras


class AbstractObjective(ABC):
    """What training minimises, and the validation figure that becomes the fitness.

    An objective gets the model, not its output, so that it may feed it altered images, look at its
    code or add a penalty. Both methods are traced into the fit loops' graphs: they may use Keras
    and TensorFlow operations only, and keep no state.
    """

    @abstractmethod
    def loss(self, model: keras.Model, images: Any, *, training: bool) -> Any:
        """Return what training minimises, a scalar: the mean over the images of the batch.

        Args:
            model: the autoencoder, with its nested `encoder` and `decoder`.
            images: (n, height, width, channels), float32.
            training: whether dropout drops and batch normalisation uses the batch's statistics.
        """

    @abstractmethod
    def figure(self, model: keras.Model, images: Any) -> Any:
        """Return the validation figure, a scalar: the mean over the images of the batch.

        Args:
            model: the autoencoder; called as for use, not as in training.
            images: (n, height, width, channels), float32.
        """
