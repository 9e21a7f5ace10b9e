"""Crossover: two parents exchange genes or mirrored blocks; children are always valid genomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evoae.genome.canonical import canonical
from evoae.genome.genes import by_token
from evoae.genome.genome import Genome
from evoae.genome.grammar import replace_gene
from evoae.genome.sampling import pick
from evoae.genome.space import Space

if TYPE_CHECKING:
    import numpy as np

_TRIES = 8
_Pair = tuple[Genome, Genome]


def swap_genes(rng: np.random.Generator, a: Genome, b: Genome, space: Space) -> _Pair:
    """Swap one gene between the parents: of a type that both have, at random places.

    The published scheme (Lanham 2023, ch. 8), but equal genes are never the ones swapped.

    Returns:
        two canonical children inside the space; a parent, in canonical form, stands in for a child
        that breaks a limit in every one of a few tries. Parents must lie inside the space.
    """
    return _cross(rng, a, b, space, _swap_gene)


def swap_blocks(rng: np.random.Generator, a: Genome, b: Genome, space: Space) -> _Pair:
    """Swap one mirrored block: an encoder layer, its mirror and the modifiers of both.

    A convolution is swapped for a convolution, a dense layer for a dense one. The parents may
    differ in depth; each keeps its own.

    Returns:
        as for `swap_genes`.
    """
    return _cross(rng, a, b, space, _swap_block)


def _cross(
    rng: np.random.Generator,
    a: Genome,
    b: Genome,
    space: Space,
    swap: Callable[[np.random.Generator, Genome, Genome], _Pair],
) -> _Pair:
    """Swap until both children are new and inside the space, or the tries are spent."""
    a, b = canonical(a), canonical(b)
    children = a, b
    for _ in range(_TRIES):
        first, second = (canonical(child) for child in swap(rng, a, b))
        if {first, second} == {a, b}:  # the parents again, perhaps in each other's place
            continue
        fits = space.admits(first), space.admits(second)
        if all(fits):
            return first, second
        if any(fits):
            children = (first if fits[0] else a), (second if fits[1] else b)
    return children


def _swap_gene(rng: np.random.Generator, a: Genome, b: Genome) -> _Pair:
    """Choose a type, then a pair of unequal genes of it; return the parents if there is none."""
    of_type = []
    for kind in by_token():
        pairs = [
            (i, j)
            for i, gene in enumerate(a.genes)
            if isinstance(gene, kind.gene)
            for j, other in enumerate(b.genes)
            if isinstance(other, kind.gene) and gene != other
        ]
        if pairs:
            of_type.append(pairs)
    if not of_type:
        return a, b
    i, j = pick(rng, pick(rng, of_type))
    return replace_gene(a, i, b.genes[j]), replace_gene(b, j, a.genes[i])


def _swap_block(rng: np.random.Generator, a: Genome, b: Genome) -> _Pair:
    """Choose a pair of unequal mirrored blocks; return the parents if there is none."""
    ours, theirs = a.pairs, b.pairs
    unequal = [
        (i, j)
        for i, mine in enumerate(ours)
        for j, other in enumerate(theirs)
        if type(mine[0].layer) is type(other[0].layer) and mine != other
    ]
    if not unequal:
        return a, b
    i, j = pick(rng, unequal)
    ours[i], theirs[j] = theirs[j], ours[i]
    return a.with_pairs(ours), b.with_pairs(theirs)
