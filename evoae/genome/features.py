"""Features of a genome, in numbers and words, as the gene table names them.

A surrogate learns from `features`; reports, TensorBoard and the time estimate show or use parts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from evoae.genome.gene_kind import Gene, GeneKind, Modifier
from evoae.genome.genes import GENES, by_field, kinds, numbers
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space


def features(genome: Genome, space: Space) -> list[float]:
    """Return what a loss may follow from: as many numbers for every genome of a space.

    They are the logarithms of latent size, parameters, FLOPs and bytes of activations; depth and
    convolutions; of encoder and decoder the width of their first, last and mean layer, the mean
    kernel and the total of each modifier that may occur; and the genes of the whole network: their
    numbers, and for each word whether the gene has it, because the number of a word has no order.
    """
    size = space.measure(genome)
    row = [
        math.log(size.latent),
        math.log(size.parameters),
        math.log(size.flops),
        math.log(size.activation_bytes),
        float(genome.depth),
        float(genome.convolutions),
    ]
    occurring = [kind for kind in kinds(Modifier).values() if kind.occurs(space.model)]
    for blocks in (genome.encoder, genome.decoder):
        row += _layers(blocks)
        genes = [gene for block in blocks for gene in block.modifiers]
        row += [float(total(genes, kind)) for kind in reversed(occurring)]
    for gene in genome.global_genes:
        for field, number in by_field(gene):
            indices = range(len(field.words))
            row += [float(number == index) for index in indices] if field.words else [number]
    return row


def total(genes: Iterable[Gene], kind: GeneKind) -> float:
    """Return the sum of a kind's first number over `genes`; of genes without one, their number."""
    return sum((numbers(gene) or (1,))[0] for gene in genes if type(gene) is kind.gene)


def totals(genome: Genome) -> dict[GeneKind, float]:
    """Return the total of each kind of modifier in a genome, 0 for one that it lacks."""
    return {kind: total(genome.genes, kind) for kind in kinds(Modifier).values()}


def widths(blocks: Iterable[Block]) -> list[float]:
    """Return the filters or units of each layer."""
    return [number for block in blocks for number in _told(block.layer, "width")]


def choices(genome: Genome) -> dict[str, float | str]:
    """Return numbers and words of the genes of the whole network by what reports call them."""
    return {
        title(kind) if len(kind.fields) == 1 else field.name: getattr(gene, field.name)
        for gene in genome.global_genes
        if (kind := GENES[type(gene)])
        for field in kind.fields
    }


def title(kind: GeneKind) -> str:
    """Return what reports call a kind of gene."""
    return kind.title or kind.gene.__name__.lower()


def _layers(blocks: Sequence[Block]) -> list[float]:
    """Return what is told of encoder or decoder layers; zeros where there are none."""
    logs = [math.log(width) for width in widths(blocks)]
    sides = [_told(block.layer, "kernel") for block in blocks]
    kernels = [math.sqrt(math.prod(kernel)) for kernel in sides if kernel]
    ends = [logs[0], logs[-1], fmean(logs)] if logs else [0.0, 0.0, 0.0]
    return [*ends, fmean(kernels) if kernels else 0.0]


def _told(gene: Gene, what: str) -> list[float]:
    return [number for field, number in by_field(gene) if field.tells == what]
