"""The generational algorithm: tournaments, crossover, mutation, elites (DEAP's `eaSimple`).

It differs from `eaSimple` in three ways: elites pass unchanged; an offspring that is known already
is mutated until it is new; and failed candidates are no parents.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import final

import numpy as np

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Proposal, State, best, complete, scored
from evoae.evolution.variation import offspring
from evoae.genome.space import Space


@final
class Generational(AbstractAlgorithm):
    """A random first generation, then offspring of tournament winners beside the elites."""

    batches_per_generation, max_in_flight = 1, 1

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    def size(self, batch: int) -> int:
        """Return the whole population at first, then all but the elites."""
        search = self._search
        return search.population if batch == 1 else search.population - search.elitism

    def ask(
        self, state: State, rng: np.random.Generator, count: int, known: Set[str]
    ) -> tuple[Proposal, ...]:
        """Sample the first generation, breed the later ones; sample anew while nobody scored."""
        tools = toolbox.toolbox(rng, self._search, self._space)
        if not scored(state.members):
            return fresh_samples(tools, count, known)
        parents = tools.select(state.members, count + count % 2)  # in pairs
        return offspring(tools, rng, self._search, parents, known)[:count]

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the elites, and after them the newcomers in their order."""
        elites = best(complete(state.members), self._search.elitism)
        return tuple(dict.fromkeys(each.id for each in (*elites, *newcomers)))
