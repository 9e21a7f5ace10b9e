"""Random search: the baseline that every other algorithm has to beat at the same budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np

from evoae.config.schema import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.proposing import fresh_samples, planned
from evoae.evolution.state import Individual, Proposal, State, succeed
from evoae.genome.space import Space


@final
class RandomSearch(AbstractAlgorithm):
    """Samples only, with the budget, the elites and the statistics of `Generational`."""

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    def start(self) -> State:
        """Return the empty state."""
        return State()

    def ask(self, state: State, rng: np.random.Generator) -> tuple[Proposal, ...]:
        """Sample candidates that are not known yet."""
        count = self.planned(state.generation + 1)
        return fresh_samples(toolbox.toolbox(rng, self._search, self._space), count, state.known)

    def tell(self, state: State, individuals: Sequence[Individual]) -> State:
        """Keep the elites and follow them with `individuals`."""
        return succeed(state, individuals, self._search.elitism)

    def planned(self, generation: int) -> int:
        """Return the whole population at first, then all but the elites."""
        return planned(self._search, generation)
