"""The interface of the fit loops, and what they have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import TrainingConfig

PIXEL = np.float32(1 / 255)  # every loop multiplies by it, so that all see the same float32 pixels


class AbstractFitLoop(ABC):
    """One network in training, epoch by epoch.

    A loop is made for one candidate, of (model, objective, data, training), changes the model's
    weights, and draws nothing at random itself: the order of the images is handed in, and dropout
    has its seeds in the model. So two loops that are given equal networks and orders find equal
    losses, up to the rounding of floats.
    """

    @abstractmethod
    def train_epoch(self, order: NDArray[np.int32]) -> float:
        """Train on every image once.

        Args:
            order: (n,), a permutation of the training images; a batch is a run of it, the last
                one may be shorter.

        Returns:
            The running loss, a mean over images of the loss before each step; not finite if the
            training diverged, in which case steps may have been left out.
        """

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Return the objective's metrics by name, each a mean over all validation images."""


def scaled(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return images in 0..1 as float32, which they are already unless they are uint8."""
    return images * PIXEL if images.dtype == np.uint8 else images


def steps_of(training: TrainingConfig, images: int) -> tuple[int, int, int]:
    """Return optimiser steps: of an epoch, of the warm-up, and of the decay after it."""
    epoch = -(-images // training.batch_size)
    total = epoch * training.epochs
    warmup = min(round(training.warmup * total), total - 1)
    return epoch, warmup, total - warmup
