"""The canonical form: equal networks get the same genome, and with it the same id."""

from __future__ import annotations

import hashlib

from evoae.genome.genes import STEPS_PER_UNIT, BatchNorm, Dropout, Modifier
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render


def canonical(genome: Genome) -> Genome:
    """Return `genome` with rates of 3 digits, without drop(0) and without bn right after bn."""
    return Genome(
        tuple(map(_canonical_block, genome.encoder)),
        genome.latent,
        tuple(map(_canonical_block, genome.decoder)),
    )


def candidate_id(genome: Genome) -> str:
    """Return the SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(render(canonical(genome)).encode()).hexdigest()


def _canonical_block(block: Block) -> Block:
    kept: list[Modifier] = []
    for modifier in block.modifiers:
        match modifier:
            case BatchNorm():
                if BatchNorm() not in kept[-1:]:
                    kept.append(modifier)
            case Dropout(rate):
                steps = round(rate * STEPS_PER_UNIT)
                if steps:
                    kept.append(Dropout(steps / STEPS_PER_UNIT))
    return Block(block.layer, tuple(kept))
