"""The best loss of a search so far, beside what the search has cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from evoae.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Point:
    """How far a search has come.

    Attributes:
        trainings: number of trainings so far, failed ones and repeats included.
        cost: their FLOPs; None where the cost of one is unknown.
        best: the least validation loss so far; None before the first score.
    """

    trainings: int = 0
    cost: int | None = 0
    best: float | None = None

    def after(self, evaluation: Evaluation, loss: float | None) -> Self:
        """Return the point after one more training.

        Args:
            evaluation: what the training earned.
            loss: what it counts with; None if it failed. The loss of a training that racing
                stopped is no more than a bound, so that it is never the best.
        """
        known = [value for value in (self.best, loss) if value is not None]
        return type(self)(
            self.trainings + 1,
            None if self.cost is None or evaluation.cost is None else self.cost + evaluation.cost,
            self.best if evaluation.raced else min(known, default=None),
        )
