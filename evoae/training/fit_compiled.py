"""The fast fit loop: one compiled function runs many steps over images in memory.

Nothing returns to Python between two steps, and images stay uint8 until their batch is due. They
are handed over in pieces of a bounded size, so that a set larger than the memory, mapped from its
file, costs no more than a small one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from evoae.config.schema import TrainingConfig
from evoae.data.arrays import Images
from evoae.data.shared_memmap import Shared
from evoae.models.memory import PIECE
from evoae.models.objectives.base import AbstractObjective
from evoae.models.precision import computing_in
from evoae.training.base import PIXEL, AbstractFitLoop
from evoae.training.fit_optimizer import Optimizer
from evoae.training.fit_rewritten import rewritten


@final
class CompiledLoop(AbstractFitLoop):
    """Whole epochs in one graph. Making it traces the graphs, which takes most of a second.

    Args:
        model: trained in place.
        objective: what to minimise, and the validation metrics.
        data: read piece by piece.
        training: how; `epochs` is what the learning rate's schedule spans.
    """

    def __init__(
        self,
        model: keras.Model,
        objective: AbstractObjective,
        data: Shared,
        training: TrainingConfig,
    ) -> None:
        self._model, self._objective, self._data = model, objective, data
        self._batch = training.batch_size
        self._weights = [weight.value for weight in model.trainable_variables]
        self._optimizer = Optimizer(self._weights, training, len(data.train))
        self._names: tuple[str, ...] = ()  # of the metrics, known once they are traced
        shape, dtype = data.train.shape[1:], tf.as_dtype(data.train.dtype)
        piece = tf.TensorSpec((None, *shape), dtype), tf.TensorSpec((None,), tf.int32)
        train, check = (tf.function(f, autograph=False) for f in (self._trained, self._validated))
        with rewritten(model):
            with computing_in(training.precision, model):
                self._epoch = train.get_concrete_function(*piece, tf.TensorSpec((), tf.float32))
            self._metrics = check.get_concrete_function(*piece)
        # The first call, even without images, optimises the graph: no part of an epoch's time.
        nothing = tf.constant(data.train[:0]), tf.constant([], tf.int32)
        self._epoch(*nothing, tf.constant(0.0))
        self._metrics(*nothing)

    def train_epoch(self, order: NDArray[np.int32]) -> float:
        """Train on every image once; stop at the first loss that is not finite."""
        total = tf.constant(0.0)
        for images, numbers in self._pieces(self._data.train, order):
            total = self._epoch(images, numbers, total)
        return float(total / len(order))

    def validate(self) -> dict[str, float]:
        """Return the objective's metrics, each a mean over all validation images."""
        images = self._data.validation
        order = np.arange(len(images), dtype=np.int32)
        sums = sum(self._metrics(*piece) for piece in self._pieces(images, order))
        means = (sums / len(images)).numpy().tolist()
        return dict(zip(self._names, means, strict=True))

    def _pieces(self, images: Images, order: NDArray[np.int32]) -> Iterator[tuple[Any, Any]]:
        """Yield images and their numbers in this order, whole batches at a time."""
        batch_bytes = self._batch * images[:1].nbytes
        size = self._batch * max(1, PIECE // batch_bytes)
        for start in range(0, len(order), size):
            numbers = order[start : start + size]
            yield tf.constant(images[numbers]), tf.constant(numbers)

    def _trained(self, images: Any, numbers: Any, before: Any) -> Any:
        """Take a step for each batch; return the sum of the images' losses, added to `before`."""

        def step(start: Any, total: Any) -> tuple[Any, Any]:
            batch = _pixels(images[start : start + self._batch])
            with tf.GradientTape() as tape:
                loss = self._objective.loss(
                    self._model,
                    batch,
                    numbers[start : start + self._batch],
                    epoch=self._optimizer.epoch,
                )
            self._optimizer.apply(tape.gradient(loss, self._weights))
            return start + self._batch, total + loss * _count(batch)

        def goes_on(start: Any, total: Any) -> Any:
            return tf.logical_and(start < tf.shape(images)[0], tf.math.is_finite(total))

        return tf.while_loop(goes_on, step, (0, before), parallel_iterations=1)[1]

    def _validated(self, images: Any, numbers: Any) -> Any:
        """Return the metrics, (k,), each summed over the images."""

        def step(start: Any) -> Any:
            batch = _pixels(images[start : start + self._batch])
            metrics = self._objective.metrics(
                self._model, batch, numbers[start : start + self._batch]
            )
            self._names = tuple(metrics)
            return tf.stack([tf.cast(f, tf.float32) for f in metrics.values()]) * _count(batch)

        # A scalar 0 at first, which takes the shape of what is added: nothing is traced twice.
        return tf.while_loop(
            lambda start, _: start < tf.shape(images)[0],
            lambda start, sums: (start + self._batch, sums + step(start)),
            (0, 0.0),
            shape_invariants=(tf.TensorShape(()), tf.TensorShape(None)),
            parallel_iterations=1,
        )[1]


def _pixels(images: Any) -> Any:
    return tf.cast(images, tf.float32) * PIXEL if images.dtype == tf.uint8 else images


def _count(images: Any) -> Any:
    return tf.cast(tf.shape(images)[0], tf.float32)
