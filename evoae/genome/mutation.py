"""Mutation: small random changes of a genome, each of which keeps encoder and decoder mirrored.

Which operator changes which number stands in the gene table, `evoae.genome.genes`; how often, in
`MutationConfig`.

An operator takes the random generator first and returns a new genome whose numbers lie in the
space's ranges; it returns the genome that it was given, the same object, when there is nothing it
could change. The limits on a network's size are `mutate`'s to keep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from evoae.config.search import MutationConfig
from evoae.genome.canonical import canonical
from evoae.genome.gene_kind import DecoderLayer, EncoderLayer, Field, Gene, GlobalGene, Modifier
from evoae.genome.genes import GENES, by_field, kinds, make, mirror_of, numbers
from evoae.genome.genome import Block, Genome
from evoae.genome.grammar import replace_gene
from evoae.genome.sampling import choose, draw_gene, draw_pair, modifiers_of, pick
from evoae.genome.space import Space

if TYPE_CHECKING:
    import numpy as np

Operator = Callable[["np.random.Generator", Genome, Space], Genome]

_Site = tuple[int, Field]  # index of a gene in its genome, and what changes of it
_TRIES = 8  # of each operator, before another one is tried


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


def redraw_kernel(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Draw one layer's kernel anew, uniformly from all others."""
    sites = [index for index, _ in _sites(genome, "kernels")]
    if not sites:
        return genome
    index = pick(rng, list(dict.fromkeys(sites)))
    gene = genome.genes[index]
    choices: list[Iterable[float]] = []
    for field, number in by_field(gene):
        least, most = space.steps(field)
        choices.append(range(least, most + 1) if field.mutation == "kernels" else (number,))
    others = [drawn for drawn in product(*choices) if drawn != numbers(gene)]
    return replace_gene(genome, index, make(type(gene), pick(rng, others))) if others else genome


def toggle_modifier(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Remove one kind of modifier from a layer that has it, or insert it where it is missing."""
    blocks, order = [*genome.encoder, *genome.decoder], list(kinds(Modifier))
    sites = [
        (index, kind)
        for index, block in enumerate(blocks)
        for kind in order
        if kind in modifiers_of(type(block.layer), space)
        or any(isinstance(gene, kind) for gene in block.modifiers)
    ]
    if not sites:
        return genome
    index, kind = pick(rng, sites)
    old = blocks[index].modifiers
    kept = tuple(modifier for modifier in old if not isinstance(modifier, kind))
    if kept == old:  # a new one goes where sampling puts it
        at = sum(order.index(type(gene)) < order.index(kind) for gene in old)
        kept = (*old[:at], draw_gene(rng, kind, space), *old[at:])
    blocks[index] = Block(blocks[index].layer, kept)
    sides = tuple(blocks[: genome.depth]), tuple(blocks[genome.depth :])
    return replace(genome, encoder=sides[0], decoder=sides[1])


def insert_pair(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Insert a random mirrored pair of layers, with modifiers, at any depth."""
    if genome.depth >= space.model.max_depth:
        return genome
    kind, convolutions = choose(rng, space.layers), genome.convolutions
    # Layers that read maps stand before those that read vectors.
    first, last = (0, convolutions) if GENES[kind].needs_map else (convolutions, genome.depth)
    pairs, at = genome.pairs, int(rng.integers(first, last + 1))
    pairs.insert(at, draw_pair(rng, kind, space))
    return genome.with_pairs(pairs)


def remove_pair(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:  # noqa: ARG001
    """Remove a mirrored pair of layers with their modifiers; the last pair stays."""
    if genome.depth <= 1:
        return genome
    pairs = genome.pairs
    del pairs[int(rng.integers(genome.depth))]
    return genome.with_pairs(pairs)


def change_training(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Change the learning rate by up to a factor of 2, the batch size or the optimiser."""
    sites = _sites(genome, "learning")
    fields = list(dict.fromkeys(field for _, field in sites))
    for at in rng.permutation(len(fields)):
        change = _redraw_word if fields[at].words else _nudge
        changed = change(rng, genome, space, [site for site in sites if site[1] == fields[at]])
        if changed is not genome:
            return changed
    return genome


def _applies(name: str, space: Space) -> bool:
    """Tell whether a genome of the space may have a gene that a mutation changes."""
    rows = GENES.items()
    changed = [gene for gene, kind in rows if any(field.mutation == name for field in kind.fields)]
    return not changed or any(_occurs(gene, space) for gene in changed)


def _occurs(gene: type[Gene], space: Space) -> bool:
    if issubclass(gene, EncoderLayer | DecoderLayer):
        return gene in (*space.layers, *map(mirror_of, space.layers))
    if issubclass(gene, GlobalGene):
        return gene in space.global_genes
    return not issubclass(gene, Modifier) or GENES[gene].occurs(space.model)


def _sites(genome: Genome, mutation: str) -> list[_Site]:
    """Return the fields that a mutation changes, each with the index of its gene."""
    return [
        (index, field)
        for index, gene in enumerate(genome.genes)
        for field in GENES[type(gene)].fields
        if field.mutation == mutation
    ]


def _redraw_word(
    rng: np.random.Generator, genome: Genome, space: Space, sites: Sequence[_Site]
) -> Genome:
    """Replace the word of one of these sites by another one that the space offers."""
    others = [
        (index, field, word)
        for index, field in sites
        if field.words
        for word in space.words(field)
        if word != getattr(genome.genes[index], field.name)
    ]
    if not others:
        return genome
    index, field, word = pick(rng, others)
    return _with_number(genome, index, field, field.number(word))


def _nudge(
    rng: np.random.Generator, genome: Genome, space: Space, sites: Sequence[_Site]
) -> Genome:
    """Move the number of one of these sites, inside its range, by at least a step."""
    sites = [site for site in sites if space.steps(site[1])[0] < space.steps(site[1])[1]]
    if not sites:
        return genome
    index, field = pick(rng, sites)
    least, most = space.steps(field)
    old = space.to_steps(field, getattr(genome.genes[index], field.name))
    size = (
        max(1, round(old * rng.uniform(0.1, 0.5)))
        if field.log
        else int(rng.integers(1, field.to_steps(field.shift) + 1))
    )
    direction = 1 if rng.random() < 0.5 else -1
    new = min(max(old + direction * size, least), most)
    if new == old:  # it stands at the end of its range
        new = min(max(old - direction * size, least), most)
    return _with_number(genome, index, field, space.from_steps(field, new))


def _with_number(genome: Genome, index: int, field: Field, number: float) -> Genome:
    """Return `genome` with another number in a field of its gene at `index`."""
    gene = genome.genes[index]
    values = [number if other == field else old for other, old in by_field(gene)]
    return replace_gene(genome, index, make(type(gene), values))


def _draw_weighted(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    point = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        point -= weight
        if point < 0:
            return name
    return name  # rounding may leave a point at the very end


def _of_fields(
    name: str,
    mutation: str,
    change: Callable[[np.random.Generator, Genome, Space, Sequence[_Site]], Genome],
) -> Operator:
    """Return the operator of this name that changes one of the fields with this mutation."""

    def operator(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
        return change(rng, genome, space, _sites(genome, mutation))

    operator.__name__ = name
    return operator


OPERATORS: dict[str, Operator] = {  # by the name of their weight in `MutationConfig`
    "filters": _of_fields("scale_filters", "filters", _nudge),
    "kernels": redraw_kernel,
    "rates": _of_fields("shift_rate", "rates", _nudge),
    "latent": _of_fields("scale_latent", "latent", _nudge),
    "blocks": _of_fields("shift_blocks", "blocks", _nudge),
    "modifiers": toggle_modifier,
    "insert_pair": insert_pair,
    "remove_pair": remove_pair,
    "units": _of_fields("scale_units", "units", _nudge),
    "global_genes": _of_fields("redraw_global_gene", "global_genes", _redraw_word),
    "learning": change_training,
}
"""How a genome is changed. `scale_` operators change one number by 10 to 50 per cent, by at least
1, up or down; `shift_` ones by up to the `shift` of its field, in steps of 1 or .001. Of the words
of the whole network (`redraw_global_gene`) another one is chosen."""
