"""Counts what a search has spent and set aside, and remembers where a budget ended it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from evoae.config.search import BudgetConfig


class Budget:
    """The account of one search. FLOPs and trainings are counted in the order of proposal.

    So what is afforded never depends on who finishes first; only minutes do.

    Args:
        limits: what may be spent.
        seconds: that earlier drivers of the run have spent.
    """

    def __init__(self, limits: BudgetConfig, seconds: float = 0.0) -> None:
        self._limits, self._before, self._began = limits, seconds, time.monotonic()
        self._flops = self._trainings = 0  # told
        self._reserved: dict[str, int] = {}  # FLOPs of those that are not

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
        minutes = self._limits.minutes
        return minutes is not None and self.seconds >= 60 * minutes

    @property
    def share(self) -> float:
        """How much of the budget is spent, from 0 to 1, where it has gone furthest."""
        return self._limits.spent(
            trainings=self._trainings, flops=self._flops, seconds=self.seconds
        )

    @property
    def untouched(self) -> bool:
        """Whether nothing was spent or set aside."""
        return not self._trainings and not self._reserved

    def affords(self, flops: int) -> bool:
        """Tell whether one more training of so many FLOPs can be paid."""
        limits = self._limits
        trainings = self._trainings + len(self._reserved) + 1
        total = self._flops + sum(self._reserved.values()) + flops
        return (limits.evaluations is None or trainings <= limits.evaluations) and (
            limits.flops is None or total <= limits.flops
        )

    def can_start(self, flops: int) -> bool:
        """Tell whether one more training of so many FLOPs can be paid, and there is time."""
        return self.affords(flops) and not self.out_of_time

    def reserve(self, key: str, flops: int) -> None:
        """Set aside what a training may cost, or has cost and is not told yet."""
        self._reserved[key] = flops

    def commit(self, key: str, flops: int) -> None:
        """Book what it did cost."""
        del self._reserved[key]
        self._flops += flops
        self._trainings += 1

    def forget(self, key: str) -> None:
        """Take a promise back: the training does not take place."""
        del self._reserved[key]


class BudgetStops:
    """Where a budget ended a search, so that a replay ends there too unless the budget has grown.

    Args:
        recorded: by number of the generation, the keys of those proposals that had a place in it.
        begun: number of the last generation that was.
    """

    def __init__(self, recorded: Mapping[str, Sequence[str]], begun: int) -> None:
        self._recorded, self._begun = dict(recorded), begun
        # A key stands for one proposal: a small space may have given it again, in vain.
        self._left = {int(number): Counter(keys) for number, keys in recorded.items()}
        self._over: dict[int, bool] = {}

    def admits(self, generation: int, key: str, affords: Callable[[], bool]) -> bool:
        """Tell whether a proposal of a generation had a place in it, or could have one now.

        Args:
            generation: its number.
            key: of the proposal; they come in order.
            affords: whether the budget, which may have grown, pays for it.
        """
        left = self._left.get(generation)
        if left is None:
            return True
        if left[key]:
            left[key] -= 1
            return True
        if generation not in self._over:  # the first one of those that had no place
            self._over[generation] = generation == self._begun and not affords()
        return False

    def ends(self, generation: int) -> bool:
        """Tell whether the search ends with this generation, all proposals of which have come."""
        return self._over.get(generation, False)

    def added(self, generation: int, keys: Sequence[str]) -> dict[str, Sequence[str]]:
        """Add where a search ends now; return all of them, to be recorded."""
        self._recorded[str(generation)] = keys
        return self._recorded
