"""The plain Keras loop: `compile`, `fit`, `evaluate`. The oracle of the fast one."""

from __future__ import annotations

from typing import Any, final

import keras
import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import TrainingConfig
from evoae.data.share import Shared
from evoae.models.objectives.base import AbstractObjective
from evoae.training.base import AbstractFitLoop, scaled


@final
class KerasLoop(AbstractFitLoop):
    """Keras' own training; it traces in the first epoch.

    Args:
        model: trained in place, not compiled itself.
        objective: what to minimise, and the validation figure.
        data: held in memory as float32.
        training: its batch size and learning rate are used.
    """

    def __init__(
        self,
        model: keras.Model,
        objective: AbstractObjective,
        data: Shared,
        training: TrainingConfig,
    ) -> None:
        self._train, self._validation = scaled(data.train), scaled(data.validation)
        self._batch = training.batch_size
        self._trained = _ObjectiveModel(model, objective)
        self._trained.compile(
            keras.optimizers.Adam(training.learning_rate), loss=None, jit_compile=False
        )

    def train_epoch(self, order: NDArray[np.int32]) -> float:
        """Train on every image once."""
        history = self._trained.fit(
            self._train[order], batch_size=self._batch, shuffle=False, verbose=0
        )
        return float(history.history["loss"][0])

    def validate(self) -> float:
        """Return the objective's figure, a mean over all validation images."""
        figures = self._trained.evaluate(
            self._validation, batch_size=self._batch, verbose=0, return_dict=True
        )
        return float(figures["loss"])


@final
class _ObjectiveModel(keras.Model):  # type: ignore[misc]  # Keras is untyped
    """The network as `fit` wants it: images in, the objective as its loss."""

    def __init__(self, model: keras.Model, objective: AbstractObjective) -> None:
        super().__init__(name="objective_model")
        self.network, self.objective = model, objective

    def call(self, images: Any, training: bool = False) -> Any:
        if training:
            self.add_loss(self.objective.loss(self.network, images, training=True))
        else:
            self.add_loss(self.objective.figure(self.network, images))
        return images
