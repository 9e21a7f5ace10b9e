"""The canonical form: equal networks get the same genome, and with it the same id."""

from __future__ import annotations

import hashlib

from evoae.genome.genes import (
    KIND_OF,
    STEPS_PER_UNIT,
    BatchNorm,
    Dropout,
    Modifier,
    Trait,
    make,
    numbers,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render


def canonical(genome: Genome) -> Genome:
    """Return `genome` with 3 digits to a real number, without drop(0) and repeated bn."""
    return Genome(
        tuple(map(_canonical_block, genome.encoder)),
        genome.latent,
        tuple(map(_canonical_block, genome.decoder)),
        tuple(map(_rounded, genome.traits)),
    )


def candidate_id(genome: Genome) -> str:
    """Return the SHA-256 of the canonical text, 64 hexadecimal digits."""
    return hashlib.sha256(render(canonical(genome)).encode()).hexdigest()


def _rounded(trait: Trait) -> Trait:
    fields = KIND_OF[type(trait)].fields
    nearest = [
        field.from_steps(field.to_steps(number))
        for field, number in zip(fields, numbers(trait), strict=True)
    ]
    return make(type(trait), nearest)


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
