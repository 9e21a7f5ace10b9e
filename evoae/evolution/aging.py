"""Aging evolution: whoever is old leaves, however good (Real et al., AAAI 2019).

Parents are tournament winners, children their mutants. There is no barrier between generations:
candidate i is bred from the candidates before i - max_in_flight in the order of proposal, whoever
of them finished first. So workers stay busy, and results depend on no clock.

E. Real, A. Aggarwal, Y. Huang, Q. V. Le: Regularized Evolution for Image Classifier Architecture
Search, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import final

import numpy as np

from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Proposal, State, scored
from evoae.evolution.toolbox import toolbox
from evoae.evolution.variation import copied, mutated, renewed


@final
class Aging(AbstractAlgorithm):
    """A queue of the youngest `search.population`; a batch is one candidate."""

    @property
    def batches_per_generation(self) -> int:
        """As many candidates as the population holds are called a generation."""
        return self._search.population

    @property
    def max_in_flight(self) -> int:
        """Candidates under way at once."""
        return self._search.max_in_flight

    def size(self, batch: int) -> int:  # noqa: ARG002
        """Return 1."""
        return 1

    def ask(
        self, state: State, rng: np.random.Generator, count: int, known: Set[str]
    ) -> tuple[Proposal, ...]:
        """Sample a population first; then mutate winners of tournaments in it."""
        tools = toolbox(rng, self._search, self._space)
        if len(known) < self._search.population or not scored(state.members):
            return fresh_samples(tools, count, known)
        seen, children = set(known), []
        for parent in tools.select(state.members, count):
            children.append(renewed(tools, mutated(tools, copied(parent)), seen))
            seen.add(children[-1].id)
        return tuple(children)

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the youngest; the failed count, so that a bad neighbourhood is left too."""
        ids = dict.fromkeys((*state.population, *(individual.id for individual in newcomers)))
        return tuple(ids)[-self._search.population :]
