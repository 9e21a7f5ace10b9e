"""A genome: encoder blocks, a bottleneck, decoder blocks that mirror the encoder's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from evoae.errors import GenomeError
from evoae.genome.genes import (
    GLOBAL_GENES,
    KIND_OF,
    MIRROR,
    Conv,
    DecoderLayer,
    Dense,
    EncoderLayer,
    Gene,
    GlobalGene,
    Latent,
    Modifier,
    Residual,
    UpConv,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A layer gene and the modifiers that stand after it."""

    layer: EncoderLayer | DecoderLayer
    modifiers: tuple[Modifier, ...] = ()

    @property
    def residuals(self) -> tuple[Residual, ...]:
        """Its residual blocks, which a decoder lays before the layer."""
        return tuple(each for each in self.modifiers if isinstance(each, Residual))

    @property
    def others(self) -> tuple[Modifier, ...]:
        """Its other modifiers."""
        return tuple(each for each in self.modifiers if not isinstance(each, Residual))


@dataclass(frozen=True, slots=True)
class Genome:
    """A gene sequence that keeps the mirror law: `decoder[k]` mirrors `encoder[-1 - k]`.

    Attributes:
        encoder: blocks of encoder layers from the input inwards, dense ones after convolutions;
            none only where the latent vector is all there is.
        latent: the bottleneck vector; None when the last layer's output is the bottleneck.
        decoder: as many blocks of the mirroring layers, from the bottleneck outwards.
        global_genes: genes of the whole network, each kind once, in the order of `GLOBAL_GENES`.

    Raises:
        GenomeError: no layer at all, a layer that does not mirror its own, unordered ones, or a
            residual block of a dense layer.
    """

    encoder: tuple[Block, ...]
    latent: Latent | None
    decoder: tuple[Block, ...]
    global_genes: tuple[GlobalGene, ...] = ()

    def __post_init__(self) -> None:
        if not self.encoder and self.latent is None:
            raise GenomeError("genome", "no encoder layer", "start it with a conv or dense gene")
        if len(self.encoder) != len(self.decoder):
            raise GenomeError(
                "genome",
                f"{len(self.encoder)} encoder and {len(self.decoder)} decoder layers",
                "every encoder layer needs its mirror",
            )
        layers = [block.layer for block in self.encoder]
        for layer, mirror in zip(layers, reversed(self.decoder), strict=True):
            if type(mirror.layer) is not MIRROR.get(type(layer)):
                word = KIND_OF[type(mirror.layer)].word
                raise GenomeError(
                    "genome", f"{word} stands as the mirror of {KIND_OF[type(layer)].word}"
                )
        if any(isinstance(b, Conv) and isinstance(a, Dense) for a, b in pairwise(layers)):
            raise GenomeError("genome", "conv stands behind dense", "put convolutions first")
        for block in (*self.encoder, *self.decoder):
            if block.residuals and not isinstance(block.layer, Conv | UpConv):
                word = KIND_OF[type(block.layer)].word
                raise GenomeError("genome", f"res follows {word}", "residual blocks need a map")
        kinds = [type(gene) for gene in self.global_genes]
        if kinds != [kind for kind in GLOBAL_GENES if kind in kinds]:
            raise GenomeError("genome", "genes of the whole network are repeated or out of order")

    @property
    def genes(self) -> tuple[Gene, ...]:
        """All genes in the order of the flat sequence."""
        return tuple(self._walk())

    @property
    def depth(self) -> int:
        """Number of encoder layers, which is the number of decoder layers."""
        return len(self.encoder)

    @property
    def convolutions(self) -> int:
        """Number of encoder convolutions; the other encoder layers are dense."""
        return sum(isinstance(block.layer, Conv) for block in self.encoder)

    def _walk(self) -> Iterator[Gene]:
        yield from self.global_genes
        for block in self.encoder:
            yield block.layer
            yield from block.modifiers
        if self.latent is not None:
            yield self.latent
        for block in self.decoder:
            yield block.layer
            yield from block.modifiers
