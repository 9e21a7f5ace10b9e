"""The generational algorithm: tournaments, crossover, mutation, elites (DEAP's `eaSimple`).

It differs from `eaSimple` in three ways: elites pass unchanged; an offspring that is known already
is mutated until it is new, so that every training is spent on a new network; and failed candidates
are no parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
from deap import base

from evoae.config.schema import SearchConfig
from evoae.evolution import toolbox
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.proposing import TRIES, fresh_sample, fresh_samples, planned, propose
from evoae.evolution.state import Individual, Proposal, State, scored, succeed
from evoae.genome.genome import Genome
from evoae.genome.space import Space


@final
class Generational(AbstractAlgorithm):
    """A random first generation, then offspring of tournament winners beside the elites."""

    def __init__(self, search: SearchConfig, space: Space) -> None:
        self._search, self._space = search, space

    def start(self) -> State:
        """Return the empty state."""
        return State()

    def ask(self, state: State, rng: np.random.Generator) -> tuple[Proposal, ...]:
        """Sample the first generation, breed the later ones; sample anew while nobody scored."""
        tools = toolbox.toolbox(rng, self._search, self._space)
        count = self.planned(state.generation + 1)
        if not scored(state.population):
            return fresh_samples(tools, count, state.known)
        parents = tools.select(state.population, count + count % 2)  # in pairs
        seen = set(state.known)
        offspring: list[Proposal] = []
        for mother, father in zip(parents[::2], parents[1::2], strict=True):
            for child in self._cross(tools, rng, mother, father):
                offspring.append(self._renew(tools, rng, child, seen))
                seen.add(offspring[-1].id)
        return tuple(offspring[:count])

    def tell(self, state: State, individuals: Sequence[Individual]) -> State:
        """Keep the elites and follow them with `individuals`."""
        return succeed(state, individuals, self._search.elitism)

    def planned(self, generation: int) -> int:
        """Return the whole population at first, then all but the elites."""
        return planned(self._search, generation)

    def _cross(
        self, tools: base.Toolbox, rng: np.random.Generator, mother: Individual, father: Individual
    ) -> tuple[Proposal, Proposal]:
        """Return two children: crossed with probability cxpb, else copies of their parents."""
        if rng.random() >= self._search.cxpb:
            return _copy(mother), _copy(father)
        blocks = rng.random() < self._search.block_crossover
        operator = "swap_blocks" if blocks else "swap_genes"
        swap = tools.swap_blocks if blocks else tools.swap_genes
        children: tuple[Genome, Genome] = swap(mother.genome, father.genome)
        parents = (mother.id, father.id)
        return propose(children[0], parents, operator), propose(children[1], parents, operator)

    def _renew(
        self, tools: base.Toolbox, rng: np.random.Generator, child: Proposal, seen: set[str]
    ) -> Proposal:
        """Mutate `child` with probability mutpb, and on until it is new.

        A space that seems exhausted around it gives a sample; a known one if that is known too.
        """
        if rng.random() < self._search.mutpb:
            child = _mutate(tools, child)
        for _ in range(TRIES):
            if child.id not in seen:
                return child
            child = _mutate(tools, child)
        return fresh_sample(tools, seen)


def _copy(parent: Individual) -> Proposal:
    return Proposal(parent.id, parent.genome, (parent.id,), "")


def _mutate(tools: base.Toolbox, child: Proposal) -> Proposal:
    """Mutate once more; the operator's name joins those before it, each named once."""
    variation = tools.mutate(child.genome)
    if variation.operator == "none":  # no operator could change anything
        return child
    names = [name for name in child.operator.split("+") if name]
    if variation.operator not in names:
        names.append(variation.operator)
    return propose(variation.genome, child.parents, "+".join(names))
