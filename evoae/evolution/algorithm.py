"""The interface of every search algorithm: what to ask for next, and who may be a parent then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence, Set

import numpy as np

from evoae.evolution.state import Individual, Measured, Proposal, State, best, complete
from evoae.pareto import Place

# Returns the indices of so many proposals, best first, by the acquisition value of each.
Order = Callable[[Sequence[float], Sequence[Proposal], int], list[int]]


class AbstractAlgorithm(ABC):
    """A search algorithm over pure state: no method changes the object or what it was given.

    Candidates are asked for in batches, numbered from 1, and told in that order. Batch k is asked
    from the state after batch k - `max_in_flight`, so that so many can be under way at once and no
    result depends on who finishes first. A resumed run is a replay, and a run extended by k
    generations is the run that had them from the start.
    """

    @property
    @abstractmethod
    def batches_per_generation(self) -> int:
        """Batches of a generation."""

    @property
    @abstractmethod
    def max_in_flight(self) -> int:
        """Batches that may be under way at once."""

    @property
    def guided(self) -> bool:
        """Whether a surrogate may choose among what it asks for."""
        return True

    @property
    def order(self) -> Order | None:
        """How a surrogate chooses, where more than the loss counts; None if nothing else does."""
        return None

    def sizes(self, individual: Individual) -> Place:  # noqa: ARG002
        """Return what counts of a candidate beside its loss, all to minimise; () if nothing."""
        return ()

    @abstractmethod
    def size(self, batch: int) -> int:
        """Return how many candidates batch `batch`, counted from 1, holds."""

    @abstractmethod
    def ask(
        self, state: State, rng: np.random.Generator, count: int, known: Set[str]
    ) -> tuple[Proposal, ...]:
        """Return `count` candidates to train.

        All lie inside the space. One that is known comes only when tries for a new one ran out: it
        needs no second training.

        Args:
            state: after the batch that `max_in_flight` says.
            rng: the batch's, see `batch_rng`.
            count: how many.
            known: ids of all candidates asked for so far, those under way included.
        """

    @abstractmethod
    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the population's ids once `newcomers`, in the history already, have joined."""

    def hall(self, state: State, size: int) -> tuple[Individual, ...]:
        """Return the `size` best candidates of the history, best first; none that was raced."""
        return best(complete(state.history.values()), size)

    def metrics(self, state: State) -> dict[str, float | None]:  # noqa: ARG002
        """Return further metrics that the row of a generation ends with."""
        return {}


def tell(algorithm: AbstractAlgorithm, state: State, measured: Sequence[Measured]) -> State:
    """Return the state after a batch's trainings, given in the order in which they were asked."""
    after = state.after(measured)
    names = dict.fromkeys(proposal.id for proposal, _ in measured if proposal.number == 1)
    newcomers = [after.history[id] for id in names]
    return State(after.batch, algorithm.survive(after, newcomers), after.history)


def batch_rng(seed: int, batch: int) -> np.random.Generator:
    """Return the generator of one batch's random choices, from these two numbers alone."""
    return np.random.default_rng([seed, batch])
