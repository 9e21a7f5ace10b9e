"""The interface of every search algorithm: ask for candidates, tell how they did."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from evoae.evolution.state import Individual, Proposal, State


class AbstractAlgorithm(ABC):
    """A search algorithm over pure state: no method changes the object or what it was given.

    Generation g is `tell(state, evaluated ask(state, generation_rng(seed, g)))`. So a resumed
    run is a replay, and a run extended by k generations is the run that had them from the start.
    """

    @abstractmethod
    def start(self) -> State:
        """Return the state before the first generation."""

    @abstractmethod
    def ask(self, state: State, rng: np.random.Generator) -> tuple[Proposal, ...]:
        """Return the next generation's candidates, `planned(state.generation + 1)` of them.

        All lie inside the space. One whose id is known comes only when tries for a new one ran
        out: it needs no second training.
        """

    @abstractmethod
    def tell(self, state: State, individuals: Sequence[Individual]) -> State:
        """Return the state after the asked candidates were evaluated, given in their order."""

    @abstractmethod
    def planned(self, generation: int) -> int:
        """Return how many candidates generation `generation`, counted from 1, asks for."""


def generation_rng(seed: int, generation: int) -> np.random.Generator:
    """Return the generator of one generation's random choices, from these two numbers alone."""
    return np.random.default_rng([seed, generation])
