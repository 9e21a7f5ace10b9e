"""What a search's trainings cost, and which of them the budget pays.

Decisions come in the order of proposal, so that they never depend on who finishes first; and a
replay decides as the drivers before it did, unless the budget has grown.
"""

from __future__ import annotations

from collections.abc import Sequence

from evoae.config.search import BudgetConfig
from evoae.engine.budget import Budget, BudgetStops
from evoae.errors import SearchError
from evoae.formatting import flops as worded
from evoae.runs.metadata import RunMetadata


class Ledger:
    """The books of one search.

    Args:
        limits: what may be spent.
        metadata: of the run: what earlier drivers spent, and where a budget ended it.
        begun: number of the last generation of which a candidate is recorded; 0 for none.

    Attributes:
        budget: the account.
        ended: whether nothing further is to be trained: the budget is spent, or the space.
    """

    def __init__(self, limits: BudgetConfig, metadata: RunMetadata, begun: int) -> None:
        self._limits = limits
        self.budget = Budget(limits, metadata.seconds)
        self._stops = BudgetStops(metadata.budget_stops, begun)
        self.ended = False

    def has_place(self, generation: int, key: str, cost: int) -> bool:
        """Tell whether a proposal has a place in a generation that a budget may have ended.

        Args:
            generation: its number.
            key: of the proposal; they come in order.
            cost: FLOPs of its training.
        """
        return self._stops.admits(generation, key, lambda: self.budget.can_start(cost))

    def reserve(self, key: str, cost: int, *, trained: bool) -> bool:
        """Set aside what a training may cost; False if the budget does not pay it, for now.

        What is under way may cost less than was set aside for it, so one that is not paid for now
        may be later.

        Args:
            key: of the training.
            cost: FLOPs of all its epochs.
            trained: whether it has ended already, under an earlier driver: then it is paid.

        Raises:
            SearchError: the budget does not even pay the first training.
        """
        if not trained and not self.budget.affords(cost):
            if self.budget.untouched:
                raise SearchError(
                    "search.budget",
                    f"{worded(self._limits.flops or 0)} do not pay the first training, of "
                    f"{worded(cost)}",
                    "raise it, or make trainings cheaper: fewer epochs or images",
                )
            return False
        self.budget.reserve(key, cost)
        return True

    def ends_with(self, generation: int) -> bool:
        """Tell whether the search ends with this generation, all proposals of which have come."""
        return self._stops.ends(generation)

    def stopped_at(self, generation: int, keys: Sequence[str]) -> dict[str, Sequence[str]]:
        """Add the generation that the search ends with now; return all of them, to be recorded.

        Args:
            generation: its number.
            keys: of the proposals that had a place in it.
        """
        return self._stops.added(generation, keys)
