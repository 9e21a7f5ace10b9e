"""How fast trainings are here: seconds that follow from epochs and FLOPs."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import numpy as np

from evoae.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one training takes on one worker while the others are busy too.

    Attributes:
        once: seconds to build, load and save, and by which the first epoch is longer: it traces.
        epoch: seconds of an epoch, whatever the network.
        flop: seconds of an epoch for each FLOP of one image's forward pass.
    """

    once: float
    epoch: float
    flop: float

    @classmethod
    def of(cls, trained: Sequence[Evaluation]) -> Self:
        """Fit the throughput to trainings with a score, at least one; relative errors count.

        What the first epoch takes longer shows where trainings differ in length, and is else taken
        for what any epoch takes.
        """
        from scipy.optimize import nnls

        seconds = np.maximum([each.seconds.epochs for each in trained], 1e-6)
        lengths = np.array([float(len(each.validation_loss)) for each in trained])
        flops = np.array([float(each.flops or 0) for each in trained])
        unit = max(1.0, flops.mean())  # so that the columns are of one size
        columns = [lengths, lengths * flops / unit]
        if len(set(lengths)) > 1:
            columns.append(np.ones(len(trained)))
        (base, slope, *first), _ = nnls(
            np.stack(columns, axis=1) / seconds[:, None], np.ones(len(trained))
        )
        once = fmean(each.seconds.total - each.seconds.epochs for each in trained) + sum(first)
        return cls(float(once), float(base), float(slope) / unit)

    def seconds(self, flops: int, epochs: int) -> float:
        """Return what a training takes.

        Args:
            flops: of one image's forward pass.
            epochs: that it is trained.
        """
        return self.once + epochs * (self.epoch + self.flop * flops)


def makespan(seconds: Iterable[float], workers: int) -> float:
    """Return how long so many workers take for trainings, the longest one begun first."""
    free = [0.0] * workers
    for each in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + each)
    return max(free)
