"""A genome: encoder blocks, a bottleneck, decoder blocks that mirror the encoder's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evoae.errors import GenomeError
from evoae.genome.genes import (
    KIND_OF,
    DecoderLayer,
    EncoderLayer,
    Gene,
    Latent,
    Modifier,
    Role,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A layer gene and the modifiers that stand after it."""

    layer: EncoderLayer | DecoderLayer
    modifiers: tuple[Modifier, ...] = ()


@dataclass(frozen=True, slots=True)
class Genome:
    """A gene sequence that keeps the mirror law: `decoder[k]` mirrors `encoder[-1 - k]`.

    Attributes:
        encoder: at least one block of an encoder layer, from the input inwards.
        latent: the bottleneck vector; None when the last feature map is the bottleneck.
        decoder: as many blocks of a decoder layer, from the bottleneck outwards.

    Raises:
        GenomeError: no encoder layer, a layer on the wrong side, or unequal numbers of them.
    """

    encoder: tuple[Block, ...]
    latent: Latent | None
    decoder: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.encoder:
            raise GenomeError("genome", "no encoder layer", "start it with a conv gene")
        if len(self.encoder) != len(self.decoder):
            raise GenomeError(
                "genome",
                f"{len(self.encoder)} encoder and {len(self.decoder)} decoder layers",
                "every encoder layer needs its mirror",
            )
        for blocks, role in ((self.encoder, Role.ENCODER), (self.decoder, Role.DECODER)):
            for block in blocks:
                kind = KIND_OF[type(block.layer)]
                if kind.role is not role:
                    raise GenomeError("genome", f"{kind.word} stands in place of a {role.value}")

    @property
    def genes(self) -> tuple[Gene, ...]:
        """All genes in the order of the flat sequence."""
        return tuple(self._walk())

    @property
    def depth(self) -> int:
        """Number of encoder layers, which is the number of decoder layers."""
        return len(self.encoder)

    def _walk(self) -> Iterator[Gene]:
        for block in self.encoder:
            yield block.layer
            yield from block.modifiers
        if self.latent is not None:
            yield self.latent
        for block in self.decoder:
            yield block.layer
            yield from block.modifiers
