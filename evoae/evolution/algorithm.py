"""The interface of every search algorithm: what to ask for next, and who may be a parent then."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence, Set

import numpy as np

from evoae.config.search import SearchConfig
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Measured, Proposal, State, best, complete, scored
from evoae.evolution.toolbox import toolbox
from evoae.evolution.variation import offspring
from evoae.genome.space import Space
from evoae.pareto import Place

# Returns the indices of the `count` best proposals, best first, given their acquisition values.
Order = Callable[[Sequence[float], Sequence[Proposal], int], list[int]]


class AbstractAlgorithm(ABC):
    """A search algorithm over pure state: no method changes the object or what it was given.

    Candidates are asked for in batches, numbered from 1, and told in that order. Batch k is asked
    from the state after batch k - `max_in_flight`, so that so many can be under way at once and no
    result depends on who finishes first. A resumed run is a replay, and a run extended by k
    generations is the run that had them from the start.
    """

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    @property
    def batches_per_generation(self) -> int:
        """Batches of a generation."""
        return 1

    @property
    def max_in_flight(self) -> int:
        """Batches that may be under way at once."""
        return 1

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

    def size(self, batch: int) -> int:  # noqa: ARG002
        """Return how many candidates batch `batch`, counted from 1, holds."""
        return self._search.population

    def ask(
        self, state: State, rng: np.random.Generator, count: int, known: Set[str]
    ) -> tuple[Proposal, ...]:
        """Return `count` candidates to train.

        They are samples while nobody in the population scored, then offspring. All lie inside the
        space. A known candidate, which needs no second training, comes only when the tries for a
        new one ran out.

        Args:
            state: after the batch that `max_in_flight` says.
            rng: the batch's, see `batch_rng`.
            count: how many.
            known: ids of all candidates asked for so far, those under way included.
        """
        tools = toolbox(rng, self._search, self._space)
        if not scored(state.members):
            return fresh_samples(tools, count, known)
        parents = self._parents(rng, state, count + count % 2)  # in pairs
        return offspring(tools, rng, self._search, parents, known)[:count]

    def _parents(self, rng: np.random.Generator, state: State, count: int) -> list[Individual]:
        """Return the parents of `count` offspring: winners of tournaments in the population."""
        return list(toolbox(rng, self._search, self._space).select(state.members, count))

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
