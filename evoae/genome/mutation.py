"""Mutation: small random changes of a genome, each of which keeps the mirror law by construction.

An operator takes the random generator first and returns a new genome whose numbers lie in the
space's ranges; it returns the genome that it was given, the same object, when there is nothing it
could change. The limits on a network's size are `mutate`'s to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from evoae.config.search import MutationConfig
from evoae.genome.canonical import canonical
from evoae.genome.genes import (
    KIND_OF,
    Activation,
    Conv,
    Dense,
    Downsampling,
    GlobalGene,
    Head,
    Residual,
    Train,
    Upsampling,
    make,
    numbers,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.grammar import replace_gene
from evoae.genome.sampling import MODIFIERS, draw_gene, draw_pair, modifiers_of, pick
from evoae.genome.space import Space

if TYPE_CHECKING:
    import numpy as np

Operator = Callable[["np.random.Generator", Genome, Space], Genome]

_TRIES = 8  # of each operator, before another one is tried
_LARGEST_SHIFTS = {
    "rates": 0.1,
    "learning_rates": 0.3,
    "residual": 1,
}  # of numbers that aren't scaled


@dataclass(frozen=True, slots=True)
class Variation:
    """A varied genome.

    Attributes:
        genome: canonical and inside the space, unless `operator` is `none`.
        operator: name of the operator that made it; `none` if no operator could change anything,
            then `genome` is the input.
    """

    genome: Genome
    operator: str


def mutate(
    rng: np.random.Generator, genome: Genome, space: Space, weights: MutationConfig
) -> Variation:
    """Change `genome` by one operator, drawn by weight from those that can change it.

    A result outside the limits, or equal to the input in canonical form, is drawn again a few
    times; then the next operator is drawn from the remaining ones.
    """
    before = canonical(genome)
    left = {
        name: getattr(weights, name)
        for name in OPERATORS
        if getattr(weights, name) > 0 and _applies(name, space)
    }
    while left:
        name = _draw_weighted(rng, left)
        del left[name]
        for _ in range(_TRIES):
            changed = OPERATORS[name](rng, before, space)
            if changed is before:
                break
            changed = canonical(changed)
            if changed != before and space.admits(changed):
                return Variation(changed, OPERATORS[name].__name__)
    return Variation(genome, "none")


def scale_filters(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Scale one layer's filters by 10 to 50 per cent, by at least 1, up or down."""
    return _nudge(rng, genome, space, "filters")


def shift_rate(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Shift one dropout rate by .001 to .1, up or down."""
    return _nudge(rng, genome, space, "rates")


def shift_blocks(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Add or take one residual block of a layer that has some; one stays."""
    return _nudge(rng, genome, space, "residual")


def scale_units(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Scale one dense layer's units by 10 to 50 per cent, by at least 1, up or down."""
    return _nudge(rng, genome, space, "units")


def scale_latent(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Scale the latent vector by 10 to 50 per cent, by at least 1, up or down."""
    return _nudge(rng, genome, space, "latent")


def redraw_kernel(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Draw one layer's kernel anew, uniformly from all others."""
    sites = [
        (index, gene)
        for index, gene in enumerate(genome.genes)
        if any(field.setting == "kernels" for field in KIND_OF[type(gene)].fields)
    ]
    if not sites:
        return genome
    index, gene = pick(rng, sites)
    choices: list[Iterable[float]] = []
    for field, number in zip(KIND_OF[type(gene)].fields, numbers(gene), strict=True):
        least, most = space.steps(field)
        choices.append(range(least, most + 1) if field.setting == "kernels" else (number,))
    others = [drawn for drawn in product(*choices) if drawn != numbers(gene)]
    return replace_gene(genome, index, make(type(gene), pick(rng, others))) if others else genome


def toggle_modifier(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Remove one kind of modifier from a layer that has it, or insert it where it is missing."""
    blocks = [*genome.encoder, *genome.decoder]
    sites = [
        (index, kind)
        for index, block in enumerate(blocks)
        for kind in MODIFIERS
        if kind in modifiers_of(type(block.layer), space)
        or any(isinstance(gene, kind) for gene in block.modifiers)
    ]
    if not sites:
        return genome
    index, kind = pick(rng, sites)
    old = blocks[index].modifiers
    kept = tuple(modifier for modifier in old if not isinstance(modifier, kind))
    if kept == old:  # a new one goes where sampling puts it
        at = sum(MODIFIERS.index(type(gene)) < MODIFIERS.index(kind) for gene in old)
        kept = (*old[:at], draw_gene(rng, kind, space), *old[at:])
    blocks[index] = Block(blocks[index].layer, kept)
    return replace(
        genome,
        encoder=tuple(blocks[: genome.depth]),
        decoder=tuple(blocks[genome.depth :]),
    )


def insert_pair(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Insert a random mirrored pair of layers, with modifiers, at any depth."""
    if genome.depth >= space.model.max_depth:
        return genome
    kind = space.layers[0] if len(space.layers) == 1 else pick(rng, space.layers)
    # Convolutions stand before dense layers, so each kind has its own stretch of places.
    first, last = (0, genome.convolutions) if kind is Conv else (genome.convolutions, genome.depth)
    at = int(rng.integers(first, last + 1))
    mirror = genome.depth - at
    encoder, decoder = draw_pair(rng, kind, space)
    return replace(
        genome,
        encoder=(*genome.encoder[:at], encoder, *genome.encoder[at:]),
        decoder=(*genome.decoder[:mirror], decoder, *genome.decoder[mirror:]),
    )


def remove_pair(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:  # noqa: ARG001
    """Remove a mirrored pair of layers with their modifiers; the last pair stays."""
    if genome.depth <= 1:
        return genome
    at = int(rng.integers(genome.depth))
    mirror = genome.depth - 1 - at
    return replace(
        genome,
        encoder=genome.encoder[:at] + genome.encoder[at + 1 :],
        decoder=genome.decoder[:mirror] + genome.decoder[mirror + 1 :],
    )


def redraw_global_gene(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Choose another activation, downsampling, upsampling or head for the whole network."""
    return _redraw_word(rng, genome, space, (Activation, Downsampling, Upsampling, Head))


def change_training(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Change the learning rate by up to a factor of 2, the batch size or the optimiser."""
    ways: list[Callable[[], Genome]] = [
        lambda: _nudge(rng, genome, space, "learning_rates"),
        lambda: _nudge(rng, genome, space, "batch_sizes"),
        lambda: _redraw_word(rng, genome, space, (Train,)),
    ]
    for way in rng.permutation(len(ways)):
        changed = ways[int(way)]()
        if changed is not genome:
            return changed
    return genome


OPERATORS: dict[str, Operator] = {  # by the name of their weight in `MutationConfig`
    "filters": scale_filters,
    "kernels": redraw_kernel,
    "rates": shift_rate,
    "latent": scale_latent,
    "blocks": shift_blocks,
    "modifiers": toggle_modifier,
    "insert_pair": insert_pair,
    "remove_pair": remove_pair,
    "units": scale_units,
    "global_genes": redraw_global_gene,
    "learning": change_training,
}


def _applies(name: str, space: Space) -> bool:
    """Tell whether any genome of the space has the genes that an operator changes."""
    match name:
        case "filters" | "kernels":
            return Conv in space.layers
        case "blocks":
            return Residual in modifiers_of(Conv, space)
        case "units":
            return Dense in space.layers
        case "global_genes":
            return any(kind is not Train for kind in space.global_genes)
        case "learning":
            return Train in space.global_genes
    return True


def _redraw_word(
    rng: np.random.Generator, genome: Genome, space: Space, kinds: tuple[type[GlobalGene], ...]
) -> Genome:
    """Replace one word of a gene of these kinds by another one that the space offers."""
    others = [
        (index, gene, field, word)
        for index, gene in enumerate(genome.global_genes)
        if isinstance(gene, kinds)
        for field in KIND_OF[type(gene)].fields
        if field.words
        for word in space.words(field)
        if word != getattr(gene, field.name)
    ]
    if not others:
        return genome
    index, gene, changed, word = pick(rng, others)
    values = [
        field.number(word) if field is changed else number
        for field, number in zip(KIND_OF[type(gene)].fields, numbers(gene), strict=True)
    ]
    return replace_gene(genome, index, make(type(gene), values))


def _nudge(rng: np.random.Generator, genome: Genome, space: Space, setting: str) -> Genome:
    """Move one number that `setting` governs up or down, inside its range, by at least a step."""
    sites = [
        (index, field)
        for index, gene in enumerate(genome.genes)
        for field in KIND_OF[type(gene)].fields
        if field.setting == setting and space.steps(field)[0] < space.steps(field)[1]
    ]
    if not sites:
        return genome
    index, field = pick(rng, sites)
    gene = genome.genes[index]
    least, most = space.steps(field)
    old = space.to_steps(field, getattr(gene, field.name))
    size = (
        max(1, round(old * rng.uniform(0.1, 0.5)))
        if field.log
        else int(rng.integers(1, field.to_steps(_LARGEST_SHIFTS[field.setting]) + 1))
    )
    direction = 1 if rng.random() < 0.5 else -1
    new = min(max(old + direction * size, least), most)
    if new == old:  # it stands at the end of its range
        new = min(max(old - direction * size, least), most)
    values = [
        space.from_steps(field, new) if other is field else number
        for other, number in zip(KIND_OF[type(gene)].fields, numbers(gene), strict=True)
    ]
    return replace_gene(genome, index, make(type(gene), values))


def _draw_weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    point = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return name  # rounding may leave a point at the very end
