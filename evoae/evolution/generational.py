"""The generational algorithm: tournaments, crossover, mutation, elites (DEAP's `eaSimple`).

It differs from `eaSimple` in three ways: elites pass unchanged; an offspring that is known already
is mutated until it is new; and failed candidates are no parents.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import final

from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.state import Individual, State, best, complete


class AbstractElitist(AbstractAlgorithm):
    """An algorithm whose elites pass to the next generation unchanged."""

    @property
    @abstractmethod
    def guided(self) -> bool:
        """Whether a surrogate may choose among what it asks for."""

    def size(self, batch: int) -> int:
        """Return the whole population at first, then all but the elites."""
        search = self._search
        return search.population if batch == 1 else search.population - search.elitism

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the elites, and after them the newcomers in their order."""
        elites = best(complete(state.members), self._search.elitism)
        return tuple(dict.fromkeys(individual.id for individual in (*elites, *newcomers)))


@final
class Generational(AbstractElitist):
    """A random first generation, then offspring of tournament winners beside the elites."""

    @property
    def guided(self) -> bool:
        """Return True."""
        return True
