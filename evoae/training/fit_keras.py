"""The plain Keras loop, `compile` and `fit`: the reference that the fast one is checked by."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import keras
import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import Shared
from evoae.models.objectives.base import AbstractObjective
from evoae.models.precision import computing_in
from evoae.training.base import AbstractFitLoop, scaled, steps_of
from evoae.training.fit_optimizer import as_matrix, is_matrix, rms
from evoae.training.measure import mean_metrics


@final
class KerasLoop(AbstractFitLoop):
    """Keras' own training; it traces in the first epoch.

    Args:
        model: trained in place, not compiled itself.
        objective: what to minimise, and the validation metrics.
        data: held in memory as float32.
        training: how; `epochs` is what the learning rate's schedule spans.
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
        self._model, self._objective = model, objective
        self._precision = training.precision
        per_epoch, _, _ = steps_of(training, len(data.train))
        self._trained = _ObjectiveModel(model, objective, per_epoch)
        self._trained.compile(_optimizer(training, len(data.train)), loss=None, jit_compile=False)

    def train_epoch(self, order: NDArray[np.int32]) -> float:
        """Train on every image once."""
        inputs = {"images": self._train[order], "numbers": order}
        with computing_in(self._precision, self._model):  # traced when first called
            history = self._trained.fit(inputs, batch_size=self._batch, shuffle=False, verbose=0)
        return float(history.history["loss"][0])

    def validate(self) -> dict[str, float]:
        """Return the objective's metrics, each a mean over all validation images."""
        metrics = partial(self._objective.metrics, self._model)
        return mean_metrics(metrics, [self._validation], self._batch)


@final
class _ObjectiveModel(keras.Model):  # type: ignore[misc]  # Keras is untyped
    """The network as `fit` wants it: images in, the objective as its loss."""

    def __init__(
        self, model: keras.Model, objective: AbstractObjective, steps_per_epoch: int
    ) -> None:
        super().__init__(name="objective_model")
        self.network, self.objective = model, objective
        self.steps_per_epoch = steps_per_epoch

    def call(self, inputs: Any, training: bool = False) -> Any:
        images, numbers = inputs["images"], inputs["numbers"]
        if training:
            epoch = keras.ops.cast(self.optimizer.iterations, "float32") / self.steps_per_epoch
            self.add_loss(self.objective.loss(self.network, images, numbers, epoch=epoch))
        return images


@final
class Muon(keras.optimizers.Muon):  # type: ignore[misc]  # Keras is untyped
    """Keras' Muon, which leaves kernels of convolutions to Adam, for these as well.

    Its methods are no part of Keras' interface: a test says when a new Keras changes them.
    """

    def _should_use_adamw(self, variable: Any) -> bool:
        return not is_matrix(variable.shape)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return about the nearest matrix of equal singular values, shaped as a kernel."""
        matrix = keras.ops.reshape(x, as_matrix(x.shape))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Return an orthogonal step as large as one of Adam."""
        return x * rms(as_matrix(x.shape))


def _optimizer(training: TrainingConfig, images: int) -> Any:
    _, warmup, decay = steps_of(training, images)
    rate: Any = training.learning_rate
    if training.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay,
            warmup_target=rate if warmup else None,
            warmup_steps=warmup,
        )
    match training.optimizer:
        case "adam":
            return keras.optimizers.Adam(rate)
        case "adamw":
            return keras.optimizers.AdamW(rate, weight_decay=training.weight_decay)
        case "muon":
            return Muon(
                rate,
                weight_decay=training.weight_decay,
                adam_weight_decay=training.weight_decay,
                name="muon",
            )
        case "sgd":
            return keras.optimizers.SGD(rate, momentum=training.momentum)
        case "rmsprop":
            return keras.optimizers.RMSprop(rate)
        case "adadelta":
            return keras.optimizers.Adadelta(rate)
