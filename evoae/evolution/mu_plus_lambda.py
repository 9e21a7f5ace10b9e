"""(mu + lambda) evolution: parents stay until something better comes.

H.-P. Schwefel, Numerical Optimization of Computer Models, 1981; DEAP's `eaMuPlusLambda`.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import final

import numpy as np

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Proposal, State, best, scored
from evoae.evolution.variation import offspring
from evoae.genome.space import Space


@final
class MuPlusLambda(AbstractAlgorithm):
    """Each generation as many offspring as parents; the better half of both goes on."""

    batches_per_generation, max_in_flight = 1, 1

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    def size(self, batch: int) -> int:  # noqa: ARG002
        """Return the population's size."""
        return self._search.population

    def ask(
        self, state: State, rng: np.random.Generator, count: int, known: Set[str]
    ) -> tuple[Proposal, ...]:
        """Sample the first generation, breed the later ones; sample anew while nobody scored."""
        tools = toolbox.toolbox(rng, self._search, self._space)
        if not scored(state.members):
            return fresh_samples(tools, count, known)
        parents = tools.select(state.members, count + count % 2)
        return offspring(tools, rng, self._search, parents, known)[:count]

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the best of old and new."""
        survivors = best((*state.members, *newcomers), self._search.population)
        return tuple(each.id for each in survivors)
