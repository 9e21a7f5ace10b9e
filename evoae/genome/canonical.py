"""The canonical form: equal networks get the same genome, and with it the same id."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TypeVar

from evoae.genome.gene_kind import DecoderLayer, Gene, Modifier
from evoae.genome.genes import GENES, Conv, Head, Linear, UpConv, by_field, make
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render

_Gene = TypeVar("_Gene", bound=Gene)


def canonical(genome: Genome) -> Genome:
    """Return `genome` with every number that its network does not depend on at one value.

    Real numbers have 3 digits; drop(0) and repeated bn are gone; successive res are one, which
    stands first behind an upconv, since its blocks are laid before it. A mirrored head has the
    filters of the convolution that it mirrors, in place of the image's channels; a network without
    convolutions, whose head is dense in any case, has head(mirror), the word of every space that
    has the gene. A linear path needs a latent vector.
    """
    decoder = tuple(map(_canonical_block, genome.decoder))
    global_genes = tuple(map(_rounded, genome.global_genes))
    if genome.latent is None:
        global_genes = tuple(
            Linear("none") if isinstance(gene, Linear) else gene for gene in global_genes
        )
    if not genome.convolutions:
        global_genes = tuple(
            Head("mirror") if isinstance(gene, Head) else gene for gene in global_genes
        )
    elif Head("mirror") in global_genes:
        mirrored, last = genome.encoder[0].layer, decoder[-1]
        if isinstance(mirrored, Conv) and isinstance(last.layer, UpConv):
            head = replace(last.layer, filters=mirrored.filters)
            decoder = *decoder[:-1], replace(last, layer=head)
    return Genome(
        tuple(map(_canonical_block, genome.encoder)), genome.latent, decoder, global_genes
    )


def candidate_id(genome: Genome) -> str:
    """Return the SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(render(canonical(genome)).encode()).hexdigest()


def _rounded(gene: _Gene) -> _Gene:
    nearest = [field.from_steps(field.to_steps(number)) for field, number in by_field(gene)]
    return make(type(gene), nearest)


def _canonical_block(block: Block) -> Block:
    kept: list[Modifier] = []
    decodes = isinstance(block.layer, DecoderLayer)
    for modifier in map(_rounded, (*block.first, *block.others) if decodes else block.modifiers):
        kind = GENES[type(modifier)]
        if any(field.positive and not number for field, number in by_field(modifier)):
            continue
        if kind.merged and kept and type(kept[-1]) is type(modifier):
            kept[-1:] = kind.merged(kept[-1], modifier)
        else:
            kept.append(modifier)
    return Block(block.layer, tuple(kept))
