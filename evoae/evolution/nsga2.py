"""NSGA-II: many trade-offs between loss and size in one search.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan: A fast and elitist multiobjective genetic algorithm:
NSGA-II, 2002. Sorting and crowding are DEAP's. The limits of the space hold without penalties: no
network outside them is ever proposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from typing import final

import numpy as np

from evoae.config.search import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm, Order
from evoae.evolution.deduplication import fresh_samples
from evoae.evolution.state import Individual, Proposal, State, complete, scored
from evoae.evolution.variation import offspring
from evoae.genome.space import Space
from evoae.pareto import Place, hypervolume, place, undominated


@final
class Nsga2(AbstractAlgorithm):
    """As many offspring as parents; the better by front and crowding go on."""

    batches_per_generation, max_in_flight = 1, 1

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    @property
    def order(self) -> Order:
        """How a surrogate chooses: by front and crowding, with the hope for the loss."""
        return self._order

    def sizes(self, individual: Individual) -> Place:
        """Return the place without its loss."""
        others = tuple(name for name in self._search.objectives if name != "loss")
        size = self._space.measure(individual.genome)
        return place(1.0, size.latent, size.parameters, others)

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
        ranked = self._ranked(state.members)
        parents = toolbox.binary_tournaments(rng, ranked, count + count % 2)
        return offspring(tools, rng, self._search, parents, known)[:count]

    def survive(self, state: State, newcomers: Sequence[Individual]) -> tuple[str, ...]:
        """Return the first fronts of old and new, the last one of them thinned by crowding."""
        ranked = self._ranked((*state.members, *newcomers))
        return tuple(each.id for each in ranked[: self._search.population])

    def hall(self, state: State, size: int) -> tuple[Individual, ...]:
        """Return the front of the history, best loss first; thinned by crowding to `size`."""
        placed = self._placed(complete(state.history.values()))
        kept = undominated([where for where, _ in placed])
        front = [each for (_, each), stays in zip(placed, kept, strict=True) if stays]
        best = self._ranked(front)[:size]
        return tuple(each for _, each in sorted(scored(best), key=lambda pair: pair[0]))

    def metrics(self, state: State) -> dict[str, float | None]:
        """Return the hypervolume of the front; None while nobody scored.

        Its corner is the worst of the first generation in each objective, by their first
        trainings, so that it stays where it is and the figure can only grow, but for scores that
        further trainings correct.
        """
        individuals = [each for each in state.history.values() if each.scores]
        if not individuals:
            return {"hypervolume": None}
        named = tuple(state.history)[: self._search.population]
        first = [state.history[id] for id in named if state.history[id].scores]
        corners = [self._place(each.scores[0], each) for each in first or individuals[:1]]
        corner = tuple(map(max, *corners)) if len(corners) > 1 else corners[0]
        places = [where for where, _ in self._placed(individuals)]
        return {"hypervolume": hypervolume(places, corner)}

    def _order(
        self, acquisition: Sequence[float], proposals: Sequence[Proposal], count: int
    ) -> list[int]:
        sizes = [self._space.measure(each.genome) for each in proposals]
        left = {
            at: place(math.exp(value), size.latent, size.parameters, self._search.objectives)
            for at, (value, size) in enumerate(zip(acquisition, sizes, strict=True))
        }
        ordered: list[int] = []
        while left and len(ordered) < count:
            first = undominated(list(left.values()))
            front = [at for at, stays in zip(left, first, strict=True) if stays]
            ordered += toolbox.by_front([(left.pop(at), at) for at in front])
        return ordered[:count]

    def _ranked(self, individuals: Sequence[Individual]) -> list[Individual]:
        """Return the distinct scored individuals, best first: by front, then by crowding."""
        distinct = {each.id: each for each in individuals}
        # In order of id, so that DEAP's sorting sees equals in one order.
        ordered = [distinct[id] for id in sorted(distinct)]
        return toolbox.by_front(self._placed(ordered))

    def _placed(self, individuals: Sequence[Individual]) -> list[tuple[Place, Individual]]:
        """Return the individuals that did not fail, each with its place."""
        return [(self._place(fitness, each), each) for fitness, each in scored(individuals)]

    def _place(self, loss: float, individual: Individual) -> Place:
        size = self._space.measure(individual.genome)
        return place(loss, size.latent, size.parameters, self._search.objectives)
