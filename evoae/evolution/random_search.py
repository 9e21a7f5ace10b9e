"""Random search: the baseline that every other algorithm has to beat at the same budget."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import final

import numpy as np

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Proposal, State, best, complete
from evoae.genome.space import Space


@final
class RandomSearch(AbstractAlgorithm):
    """Samples only, with the budget, the elites and the statistics of `Generational`."""

    batches_per_generation, max_in_flight = 1, 1

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    @property
    def guided(self) -> bool:
        """Return False: it would not be random."""
        return False

    def size(self, batch: int) -> int:
        """Return the whole population at first, then all but the elites."""
        search = self._search
        return search.population if batch == 1 else search.population - search.elitism

    def ask(
        self,
        state: State,  # noqa: ARG002
        rng: np.random.Generator,
        count: int,
        known: Set[str],
    ) -> tuple[Proposal, ...]:
        """Sample candidates that are not known yet."""
        return fresh_samples(toolbox.toolbox(rng, self._search, self._space), count, known)

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the elites, and after them the newcomers in their order."""
        elites = best(complete(state.members), self._search.elitism)
        return tuple(dict.fromkeys(each.id for each in (*elites, *newcomers)))
