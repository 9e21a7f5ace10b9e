"""Checks a list of genes and makes a genome of it, for the text and the token form alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from evoae.errors import GenomeError
from evoae.genome.gene_kind import DecoderLayer, EncoderLayer, Gene, GlobalGene, Modifier
from evoae.genome.genes import GENES, Latent, kinds, mirror_of
from evoae.genome.genome import Block, Genome

Blame = Callable[[int, str], GenomeError]
"""Makes the error for the gene at an index (the number of genes for their end) and what was
expected there, so that each written form names the place in its own terms."""


def _first() -> str:
    words = " or ".join(kind.word for kind in kinds(EncoderLayer).values())
    return f"expected an encoder layer ({words}) first"


@dataclass(slots=True)
class _Draft:
    """The genome as far as it has been read."""

    global_genes: list[GlobalGene] = field(default_factory=list)
    encoder: list[Block] = field(default_factory=list)
    latent: Latent | None = None
    decoder: list[Block] = field(default_factory=list)

    @property
    def awaited(self) -> str | None:
        """The word of the decoder layer that must come next; None when every layer has one."""
        left = len(self.encoder) - len(self.decoder)
        if not left:
            return None
        return GENES[mirror_of(type(self.encoder[left - 1].layer))].word

    def add(self, gene: Gene) -> None:
        """Append a gene that may stand here."""
        if isinstance(gene, GlobalGene):
            self.global_genes.append(gene)
        elif isinstance(gene, EncoderLayer):
            self.encoder.append(Block(gene))
        elif isinstance(gene, DecoderLayer):
            self.decoder.append(Block(gene))
        elif isinstance(gene, Latent):
            self.latent = gene
        else:
            side = self.decoder or self.encoder
            assert isinstance(gene, Modifier)
            side[-1] = Block(side[-1].layer, (*side[-1].modifiers, gene))

    def objection(self, gene: Gene) -> str | None:
        """Say what was expected instead of `gene`; None if it may stand here."""
        kind = GENES[type(gene)]
        past_encoder = self.latent is not None or bool(self.decoder)
        if isinstance(gene, GlobalGene):
            return self._against_global(gene)
        if isinstance(gene, EncoderLayer):
            if past_encoder:
                return "expected no encoder layer after the bottleneck"
            behind_dense = self.encoder and not self.encoder[-1].needs_map
            if behind_dense and kind.needs_map:
                return f"expected no {kind.word} after a dense layer"
            return None
        if isinstance(gene, Latent):
            between = "expected one latent at most, between encoder and decoder"
            return between if past_encoder else None
        if not self.encoder and self.latent is None:
            return _first()
        if isinstance(gene, DecoderLayer):
            return self._against_decoder(gene)
        if self.latent is not None and not self.decoder:
            before = f"a decoder layer ({self.awaited}) before it" if self.awaited else "the end"
            return f"expected {before}"
        if kind.needs_map and not (self.decoder or self.encoder)[-1].needs_map:
            return "expected it after a conv or upconv: residual blocks need a map"
        return None

    def _against_global(self, gene: GlobalGene) -> str | None:
        if self.encoder or self.latent is not None:
            return "expected it before the first layer"
        if any(type(other) is type(gene) for other in self.global_genes):
            return f"expected one {GENES[type(gene)].word} at most"
        return None

    def _against_decoder(self, gene: DecoderLayer) -> str | None:
        awaited = self.awaited
        if awaited is None:
            return f"expected no more decoder than encoder layers ({len(self.encoder)})"
        if GENES[type(gene)].word != awaited:
            return f"expected {awaited}, the mirror of its encoder layer"
        return None


def assemble(genes: Sequence[Gene], blame: Blame) -> Genome:
    """Return the genome that `genes` spell.

    Raises:
        GenomeError: as `blame` makes it, for the first gene that stands where it may not.
    """
    draft = _Draft()
    for index, gene in enumerate(genes):
        if expected := draft.objection(gene):
            raise blame(index, expected)
        draft.add(gene)
    if not draft.encoder and draft.latent is None:
        raise blame(len(genes), _first())
    if missing := len(draft.encoder) - len(draft.decoder):
        more = f"{missing} more decoder layer" + "s" * (missing > 1)
        raise blame(len(genes), f"expected {more} ({draft.awaited}), as in the encoder")
    order = list(kinds(GlobalGene))
    global_genes = sorted(draft.global_genes, key=lambda gene: order.index(type(gene)))
    sides = tuple(draft.encoder), draft.latent, tuple(draft.decoder)
    return Genome(*sides, tuple(global_genes))


def replace_gene(genome: Genome, index: int, gene: Gene) -> Genome:
    """Return `genome` with its gene at `index` replaced by one of the same role."""
    genes = genome.genes
    return assemble((*genes[:index], gene, *genes[index + 1 :]), _blame)


def _blame(index: int, expected: str) -> GenomeError:
    return GenomeError("genome", f"gene {index + 1}", expected)
