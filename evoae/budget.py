"""What a search has spent, and what it may still spend."""

from __future__ import annotations

import time

from evoae.config.search import BudgetConfig


class Purse:
    """The account of one search. FLOPs and trainings are counted in the order of proposal.

    So what is afforded never depends on who finishes first; only minutes do.

    Args:
        budget: what may be spent.
        seconds: that earlier drivers of the run have spent.
    """

    def __init__(self, budget: BudgetConfig, seconds: float = 0.0) -> None:
        self._budget, self._before, self._began = budget, seconds, time.monotonic()
        self._flops = self._trainings = 0  # told
        self._promised: dict[str, int] = {}  # FLOPs of those that are not

    @property
    def flops(self) -> int:
        """FLOPs of the trainings that were told."""
        return self._flops

    @property
    def seconds(self) -> float:
        """Wall time of all drivers so far."""
        return self._before + time.monotonic() - self._began

    @property
    def out_of_time(self) -> bool:
        """Whether the minutes are over."""
        minutes = self._budget.minutes
        return minutes is not None and self.seconds >= 60 * minutes

    @property
    def share(self) -> float:
        """How much of the budget is spent, from 0 to 1, where it has gone furthest."""
        return self._budget.spent(
            trainings=self._trainings, flops=self._flops, seconds=self.seconds
        )

    def affords(self, flops: int) -> bool:
        """Tell whether one more training of so many FLOPs can be paid."""
        budget = self._budget
        trainings = self._trainings + len(self._promised) + 1
        total = self._flops + sum(self._promised.values()) + flops
        return (budget.evaluations is None or trainings <= budget.evaluations) and (
            budget.flops is None or total <= budget.flops
        )

    def promise(self, key: str, flops: int) -> None:
        """Set aside what a training may cost, or has cost and is not told yet."""
        self._promised[key] = flops

    def settle(self, key: str, flops: int) -> None:
        """Book what it did cost."""
        del self._promised[key]
        self._flops += flops
        self._trainings += 1

    def forget(self, key: str) -> None:
        """Take a promise back: the training does not take place."""
        del self._promised[key]
