"""The canonical form: equal networks get the same genome, and with it the same id."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from evoae.genome.genes import (
    KIND_OF,
    STEPS_PER_UNIT,
    BatchNorm,
    Conv,
    Dropout,
    GlobalGene,
    Head,
    Modifier,
    Residual,
    UpConv,
    make,
    numbers,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render


def canonical(genome: Genome) -> Genome:
    """Return `genome` with every number that its network does not depend on at one value.

    Real numbers have 3 digits; drop(0) and repeated bn are gone; successive res are one, which
    stands first behind an upconv, since its blocks are laid before it. A mirrored head has the
    filters of the convolution that it mirrors, in place of the image's channels; a network without
    convolutions, whose head is dense in any case, has head(mirror), the word of every space that
    has the gene.
    """
    decoder = tuple(map(_canonical_block, genome.decoder))
    global_genes = tuple(map(_rounded, genome.global_genes))
    if not genome.convolutions:
        global_genes = tuple(
            Head("mirror") if isinstance(each, Head) else each for each in global_genes
        )
    elif Head("mirror") in global_genes:
        mirrored, last = genome.encoder[0].layer, decoder[-1]
        assert isinstance(mirrored, Conv)
        assert isinstance(last.layer, UpConv)
        decoder = *decoder[:-1], replace(last, layer=replace(last.layer, filters=mirrored.filters))
    return Genome(
        tuple(map(_canonical_block, genome.encoder)), genome.latent, decoder, global_genes
    )


def candidate_id(genome: Genome) -> str:
    """Return the SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(render(canonical(genome)).encode()).hexdigest()


def _rounded(gene: GlobalGene) -> GlobalGene:
    fields = KIND_OF[type(gene)].fields
    nearest = [
        field.from_steps(field.to_steps(number))
        for field, number in zip(fields, numbers(gene), strict=True)
    ]
    return make(type(gene), nearest)


def _canonical_block(block: Block) -> Block:
    kept: list[Modifier] = []
    before_it = isinstance(block.layer, UpConv)
    for modifier in (*block.residuals, *block.others) if before_it else block.modifiers:
        match modifier:
            case BatchNorm():
                if BatchNorm() not in kept[-1:]:
                    kept.append(modifier)
            case Dropout(rate):
                steps = round(rate * STEPS_PER_UNIT)
                if steps:
                    kept.append(Dropout(steps / STEPS_PER_UNIT))
            case Residual(blocks):
                while kept and isinstance(last := kept[-1], Residual):
                    blocks += last.blocks
                    kept.pop()
                kept += _residuals(blocks)
    return Block(block.layer, tuple(kept))


def _residuals(blocks: int) -> list[Residual]:
    """Return so many blocks in as few genes as can say it."""
    most = int(KIND_OF[Residual].fields[0].high)
    full, rest = divmod(blocks, most)
    return [Residual(most)] * full + [Residual(rest)] * (rest > 0)
