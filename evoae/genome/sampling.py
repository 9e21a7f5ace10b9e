"""Random genomes, drawn with the probabilities of `model.sampling`.

The scheme is that of Lanham, Evolutionary Deep Learning (2023), ch. 8, but for the decoder: it
gets one gene per encoder gene, so that every gene is expressed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from evoae.genome.canonical import canonical
from evoae.genome.gene_kind import DecoderLayer, EncoderLayer, Gene, Modifier
from evoae.genome.genes import GENES, Latent, kinds, make, mirror_of
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space

if TYPE_CHECKING:
    import numpy as np

_Item = TypeVar("_Item")
_Gene = TypeVar("_Gene", bound=Gene)

_TRIES = 20
_REACHES = tuple(0.8**step for step in range(1, 16))


def sample(rng: np.random.Generator, space: Space) -> Genome:
    """Return a random canonical genome of `space`.

    Draws are rejected until one lies inside the limits. Where that is rare, the reach of the draws
    shrinks toward the smallest genomes that the limits admit, and ends there.

    Raises:
        SpaceError: the space holds no network.
    """
    if not all(drawable(kind, space) for kind in space.global_genes):
        space.check()
    for _ in range(_TRIES):
        genome = _draw(rng, space, _draw_depth(rng, space), 1.0)
        if space.admits(genome):
            return genome
    admitted = [genome for genome in space.smallest() if space.admits(genome)]
    if not admitted:
        space.check()
    least = pick(rng, admitted)
    for reach in _REACHES:
        genome = _draw(rng, space, least.depth, reach)
        if space.admits(genome):
            return genome
    return least


def draw_gene(
    rng: np.random.Generator, gene: type[_Gene], space: Space, reach: float = 1.0
) -> _Gene:
    """Return a random gene of this type.

    Args:
        rng: source of randomness.
        gene: the type, which must be `drawable`.
        space: gives the ranges.
        reach: share of each range that is drawn from, from its lower end; 0 for that end alone.
    """
    drawn: list[float] = []
    for field in GENES[gene].fields:
        if field.words:
            drawn.append(field.number(pick(rng, space.words(field))))
            continue
        least, most = space.steps(field)
        most = least + round((most - least) * reach)
        if field.log:  # each n with probability log((n + 1) / n), so that both ends are reached
            steps = int(math.exp(rng.uniform(math.log(least), math.log(most + 1))))
            steps = min(max(steps, least), most)
        else:
            steps = int(rng.integers(least, most + 1))
        drawn.append(space.from_steps(field, steps))
    return make(gene, drawn)


def drawable(gene: type[Gene], space: Space) -> bool:
    """Tell whether the space leaves a value for every field of this gene."""
    return all(least <= most for least, most in map(space.steps, GENES[gene].fields))


def draw_pair(
    rng: np.random.Generator, kind: type[EncoderLayer], space: Space, reach: float = 1.0
) -> tuple[Block, Block]:
    """Return a random encoder block and a decoder block to mirror it, modifiers included."""
    sides = kind, mirror_of(kind)
    layers = [draw_gene(rng, side, space, reach) for side in sides]
    encoder, decoder = (
        Block(layer, _draw_modifiers(rng, type(layer), space, reach)) for layer in layers
    )
    return encoder, decoder


def modifiers_of(
    layer: type[EncoderLayer | DecoderLayer], space: Space
) -> tuple[type[Modifier], ...]:
    """Return the kinds of modifiers that this kind of layer may be given."""
    return tuple(
        gene
        for gene, kind in kinds(Modifier).items()
        if kind.occurs(space.model)
        and drawable(gene, space)
        and (GENES[layer].needs_map or not kind.needs_map)
    )


def pick(rng: np.random.Generator, items: Sequence[_Item]) -> _Item:
    """Return one of `items`, of which there must be some, each with the same probability."""
    return items[int(rng.integers(len(items)))]


def choose(rng: np.random.Generator, items: Sequence[_Item]) -> _Item:
    """Return one of `items`; nothing is drawn where there is but one."""
    return items[0] if len(items) == 1 else pick(rng, items)


def _draw_modifiers(
    rng: np.random.Generator, layer: type[EncoderLayer | DecoderLayer], space: Space, reach: float
) -> tuple[Modifier, ...]:
    possible = modifiers_of(layer, space)
    return tuple(
        draw_gene(rng, gene, space, reach)
        for gene, kind in kinds(Modifier).items()
        if (kind.always or gene in possible)  # nothing is drawn for the others
        and rng.random() < kind.probability(space.model) * reach
        and gene in possible
    )


def _draw_depth(rng: np.random.Generator, space: Space) -> int:
    depth = 1
    while depth < space.model.max_depth and rng.random() < space.model.sampling.deeper:
        depth += 1
    return depth


def _draw(rng: np.random.Generator, space: Space, depth: int, reach: float) -> Genome:
    """Return a random genome of this depth, in range but perhaps over a limit."""
    maps, vectors = space.layers_of(maps=True), space.layers_of(maps=False)
    dense = depth if vectors else 0
    if maps and vectors:
        dense = int(rng.integers(depth + 1))
    pairs = [
        draw_pair(rng, choose(rng, maps if at < depth - dense else vectors), space, reach)
        for at in range(depth)
    ]
    latent = draw_gene(rng, Latent, space, reach) if space.model.latent == "vector" else None
    global_genes = tuple(draw_gene(rng, kind, space, reach) for kind in space.global_genes)
    encoder, mirrors = zip(*pairs, strict=True)
    return canonical(Genome(encoder, latent, mirrors[::-1], global_genes))
