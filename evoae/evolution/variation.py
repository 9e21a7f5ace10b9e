"""Makes offspring of parents by crossover and mutation; the operators are in `evoae.genome`."""

from __future__ import annotations

from collections.abc import Sequence, Set

import numpy as np
from deap import base

from evoae.config.search import SearchConfig
from evoae.evolution.deduplication import TRIES, fresh_sample, propose
from evoae.evolution.state import Individual, Proposal


def offspring(
    tools: base.Toolbox,
    rng: np.random.Generator,
    search: SearchConfig,
    parents: Sequence[Individual],
    known: Set[str],
) -> tuple[Proposal, ...]:
    """Return as many offspring as there are parents, an even number, which mate in pairs.

    An offspring that is known is mutated until it is new, so that every training is spent on a new
    network.
    """
    seen = set(known)
    children: list[Proposal] = []
    for mother, father in zip(parents[::2], parents[1::2], strict=True):
        for child in _cross(tools, rng, search, mother, father):
            if rng.random() < search.mutpb:
                child = mutated(tools, child)
            children.append(renewed(tools, child, seen))
            seen.add(children[-1].id)
    return tuple(children)


def copied(parent: Individual) -> Proposal:
    """Return a child that is its parent."""
    return Proposal(parent.id, parent.genome, (parent.id,), "")


def mutated(tools: base.Toolbox, child: Proposal) -> Proposal:
    """Mutate once more; the operator's name joins those before it, each named once."""
    variation = tools.mutate(child.genome)
    if variation.operator == "none":  # no operator could change anything
        return child
    names = [name for name in child.operator.split("+") if name]
    if variation.operator not in names:
        names.append(variation.operator)
    return propose(variation.genome, child.parents, "+".join(names))


def renewed(tools: base.Toolbox, child: Proposal, seen: Set[str]) -> Proposal:
    """Mutate `child` until it is new.

    A space that seems exhausted around it gives a sample; a known one if that is known too.
    """
    for _ in range(TRIES):
        if child.id not in seen:
            return child
        child = mutated(tools, child)
    return fresh_sample(tools, seen)


def _cross(
    tools: base.Toolbox,
    rng: np.random.Generator,
    search: SearchConfig,
    mother: Individual,
    father: Individual,
) -> tuple[Proposal, Proposal]:
    """Return two children: crossed with probability cxpb, else copies of their parents."""
    if rng.random() >= search.cxpb:
        return copied(mother), copied(father)
    operator = "swap_blocks" if rng.random() < search.block_crossover else "swap_genes"
    first, second = getattr(tools, operator)(mother.genome, father.genome)
    parents = (mother.id, father.id)
    return propose(first, parents, operator), propose(second, parents, operator)
