"""NSGA-II: many trade-offs between loss and size in one search.

K. Deb, A. Pratap, S. Agarwal, T. Meyarivan: A fast and elitist multiobjective genetic algorithm:
NSGA-II, 2002. Sorting and crowding are DEAP's. The limits of the space hold without penalties: no
network outside them is ever proposed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import numpy as np

from evoae.evolution.algorithm import AbstractAlgorithm, Order
from evoae.evolution.state import Individual, Proposal, State, complete, scored
from evoae.evolution.toolbox import binary_tournaments, by_front
from evoae.genome.genome import Genome
from evoae.pareto import Place, hypervolume, place, undominated


@final
class Nsga2(AbstractAlgorithm):
    """As many offspring as parents; the better by front and crowding go on."""

    @property
    def order(self) -> Order:
        """How a surrogate chooses: by front and crowding, the acquisition value being the loss."""
        return self._order

    def sizes(self, individual: Individual) -> Place:
        """Return the place without its loss."""
        objectives = self._search.objectives
        point = self._place(1.0, individual.genome)
        return tuple(at for name, at in zip(objectives, point, strict=True) if name != "loss")

    def _parents(self, rng: np.random.Generator, state: State, count: int) -> list[Individual]:
        return binary_tournaments(rng, self._ranked(state.members), count)

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
        corners = [self._place(each.scores[0], each.genome) for each in first or individuals[:1]]
        corner = tuple(map(max, zip(*corners, strict=True)))
        places = [where for where, _ in self._placed(individuals)]
        return {"hypervolume": hypervolume(places, corner)}

    def _order(
        self, acquisition: Sequence[float], proposals: Sequence[Proposal], count: int
    ) -> list[int]:
        left = {
            at: self._place(math.exp(value), proposal.genome)
            for at, (value, proposal) in enumerate(zip(acquisition, proposals, strict=True))
        }
        ordered: list[int] = []
        while left and len(ordered) < count:
            first = undominated(list(left.values()))
            front = [at for at, stays in zip(left, first, strict=True) if stays]
            ordered += by_front([(left.pop(at), at) for at in front])
        return ordered[:count]

    def _ranked(self, individuals: Sequence[Individual]) -> list[Individual]:
        """Return the distinct scored individuals, best first: by front, then by crowding."""
        distinct = {each.id: each for each in individuals}
        # In order of id, so that DEAP's sorting sees equals in one order.
        ordered = [distinct[id] for id in sorted(distinct)]
        return by_front(self._placed(ordered))

    def _placed(self, individuals: Sequence[Individual]) -> list[tuple[Place, Individual]]:
        """Return the individuals that did not fail, each with its place."""
        return [(self._place(fitness, each.genome), each) for fitness, each in scored(individuals)]

    def _place(self, loss: float, genome: Genome) -> Place:
        size = self._space.measure(genome)
        return place(loss, size.latent, size.parameters, self._search.objectives)
