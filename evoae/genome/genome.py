"""A genome: encoder blocks, a bottleneck, decoder blocks that mirror the encoder's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from evoae.errors import GenomeError
from evoae.genome.gene_kind import DecoderLayer, EncoderLayer, Gene, GlobalGene, Modifier
from evoae.genome.genes import GENES, Latent, kinds


@dataclass(frozen=True, slots=True)
class Block:
    """A layer gene and the modifiers that stand after it."""

    layer: EncoderLayer | DecoderLayer
    modifiers: tuple[Modifier, ...] = ()

    @property
    def genes(self) -> tuple[Gene, ...]:
        """The layer and its modifiers."""
        return self.layer, *self.modifiers

    @property
    def needs_map(self) -> bool:
        """Whether its layer reads and makes a map."""
        return GENES[type(self.layer)].needs_map

    @property
    def first(self) -> tuple[Modifier, ...]:
        """The modifiers, residual blocks, that a decoder lays before the layer."""
        return tuple(gene for gene in self.modifiers if GENES[type(gene)].laid_first)

    @property
    def others(self) -> tuple[Modifier, ...]:
        """The other modifiers."""
        return tuple(gene for gene in self.modifiers if not GENES[type(gene)].laid_first)


@dataclass(frozen=True, slots=True)
class Genome:
    """A gene sequence that keeps the mirror law: `decoder[k]` mirrors `encoder[-1 - k]`.

    Attributes:
        encoder: blocks of encoder layers from the input inwards, dense ones after convolutions;
            none only where the latent vector is all there is.
        latent: the bottleneck vector; None when the last layer's output is the bottleneck.
        decoder: as many blocks of the mirroring layers, from the bottleneck outwards.
        global_genes: genes of the whole network, each kind once, in the order of the gene table.

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
        for block, mirror in self.pairs:
            kind = GENES[type(block.layer)]
            if kind.mirror is None or type(mirror.layer) is not kind.mirror:
                word = GENES[type(mirror.layer)].word
                raise GenomeError("genome", f"{word} stands as the mirror of {kind.word}")
        for outer, inner in pairwise(self.encoder):
            if inner.needs_map and not outer.needs_map:
                words = [GENES[type(block.layer)].word for block in (inner, outer)]
                raise GenomeError(
                    "genome", " stands behind ".join(words), "put convolutions first"
                )
        for block in (*self.encoder, *self.decoder):
            kinds_of_it = (GENES[type(gene)] for gene in block.modifiers)
            if not block.needs_map and (bad := [k.word for k in kinds_of_it if k.needs_map]):
                word = GENES[type(block.layer)].word
                raise GenomeError(
                    "genome", f"{bad[0]} follows {word}", "residual blocks need a map"
                )
        held = [type(gene) for gene in self.global_genes]
        if held != [gene for gene in kinds(GlobalGene) if gene in held]:
            raise GenomeError("genome", "genes of the whole network are repeated or out of order")

    @property
    def genes(self) -> tuple[Gene, ...]:
        """All genes in the order of the flat sequence."""
        encoder, decoder = (
            [gene for block in blocks for gene in block.genes]
            for blocks in (self.encoder, self.decoder)
        )
        return *self.global_genes, *encoder, *([self.latent] if self.latent else []), *decoder

    @property
    def pairs(self) -> list[tuple[Block, Block]]:
        """Every encoder block with its mirror, from the input inwards."""
        return list(zip(self.encoder, reversed(self.decoder), strict=True))

    def with_pairs(self, pairs: Sequence[tuple[Block, Block]]) -> Genome:
        """Return the genome with these encoder blocks and mirrors in place of its own."""
        encoder, mirrors = zip(*pairs, strict=True) if pairs else ((), ())
        return replace(self, encoder=encoder, decoder=mirrors[::-1])

    @property
    def depth(self) -> int:
        """Number of encoder layers, which is the number of decoder layers."""
        return len(self.encoder)

    @property
    def convolutions(self) -> int:
        """Number of encoder layers that read a map; the other encoder layers are dense."""
        return sum(block.needs_map for block in self.encoder)
