"""Random search: the baseline that every other algorithm has to beat at the same budget."""

from __future__ import annotations

from collections.abc import Set
from typing import final

import numpy as np

from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.generational import AbstractElitist
from evoae.evolution.state import Proposal, State
from evoae.evolution.toolbox import toolbox


@final
class RandomSearch(AbstractElitist):
    """Samples only, with the budget, the elites and the statistics of `Generational`."""

    @property
    def guided(self) -> bool:
        """Return False: it would not be random."""
        return False

    def ask(
        self,
        state: State,  # noqa: ARG002
        rng: np.random.Generator,
        count: int,
        known: Set[str],
    ) -> tuple[Proposal, ...]:
        """Sample candidates that are not known yet."""
        return fresh_samples(toolbox(rng, self._search, self._space), count, known)
