"""Training images moved and mirrored at random, so that a long training learns more than them.

The network must rebuild the image as it was moved. Validation sees the images as they are.
P. Simard, D. Steinkraus, J. Platt: Best practices for convolutional neural networks applied to
visual document analysis, ICDAR 2003.
"""

from __future__ import annotations

from typing import Any, final

import keras
import tensorflow as tf

from evoae.config.schema import TrainingConfig
from evoae.models.objectives.base import AbstractObjective


@final
class Augmented(AbstractObjective):
    """Another objective on varied training images.

    Args:
        objective: what the network is trained for.
        training: `shift` is the most pixels that an image is moved in each direction, its border
            mirrored outwards; `flip` the probability that left and right change places;
            `augment_until` the share of the epochs after which images come as they are, so that
            the end of the training is on what the network is for.
        seed: of the variation.
    """

    def __init__(self, objective: AbstractObjective, training: TrainingConfig, seed: int) -> None:
        self._objective, self.fitness = objective, objective.fitness
        self._shift, self._flip = training.shift, training.flip
        self._end = training.augment_until * training.epochs
        self._ends = training.augment_until < 1
        self._seeds = keras.random.SeedGenerator(seed)

    def loss(self, model: keras.Model, images: Any, numbers: Any, *, epoch: Any) -> Any:
        """Return the objective's loss on varied images."""
        varied = self._varied(images)
        if self._ends:
            varied = keras.ops.where(epoch < self._end, varied, images)
        return self._objective.loss(model, varied, numbers, epoch=epoch)

    def metrics(self, model: keras.Model, images: Any, numbers: Any) -> dict[str, Any]:
        """Return the objective's metrics, on images as they are."""
        return self._objective.metrics(model, images, numbers)

    def _varied(self, images: Any) -> Any:
        count = keras.ops.shape(images)[0]
        if self._flip:
            chosen = keras.random.uniform((count, 1, 1, 1), seed=self._seeds) < self._flip
            images = keras.ops.where(chosen, images[:, :, ::-1], images)
        for axis in (1, 2) if self._shift else ():
            images = self._moved(images, axis, count)
        return images

    def _moved(self, images: Any, axis: int, count: Any) -> Any:
        """Move each image along an axis by -shift..shift pixels."""
        most, side = self._shift, images.shape[axis]
        pads = [(most, most) if each == axis else (0, 0) for each in range(4)]
        wide = keras.ops.pad(images, pads, mode="symmetric")
        by = keras.random.randint((count, 1), 0, 2 * most + 1, seed=self._seeds)
        return tf.gather(wide, by + tf.range(side), axis=axis, batch_dims=1)
