"""(mu + lambda) evolution: parents stay until something better comes.

H.-P. Schwefel, Numerical Optimization of Computer Models, 1981; DEAP's `eaMuPlusLambda`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.state import Individual, State, best


@final
class MuPlusLambda(AbstractAlgorithm):
    """In a generation as many offspring as parents; the better half of both goes on."""

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the best of old and new."""
        survivors = best((*state.members, *newcomers), self._search.population)
        return tuple(individual.id for individual in survivors)
