"""The grammar that both written forms share: from a list of genes to a genome."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evoae.errors import GenomeError
from evoae.genome.genes import GENES, DecoderLayer, EncoderLayer, Gene, Latent, Role
from evoae.genome.genome import Block, Genome

Blame = Callable[[int, str], GenomeError]
"""Makes the error for the gene at an index (the number of genes for their end) and what was
expected there, so that each written form names the place in its own terms."""


def words(role: Role) -> str:
    """Return the words of all genes with this role, such as `bn or drop`."""
    return " or ".join(kind.word for kind in GENES if kind.role is role)


_FIRST = f"expected an encoder layer ({words(Role.ENCODER)}) first"


def assemble(genes: Sequence[Gene], blame: Blame) -> Genome:
    """Return the genome that `genes` spell.

    Raises:
        GenomeError: as `blame` makes it, for the first gene that stands where it may not.
    """
    encoder: list[Block] = []
    latent: Latent | None = None
    decoder: list[Block] = []
    for index, gene in enumerate(genes):
        if expected := _objection(gene, len(encoder), latent is not None, len(decoder)):
            raise blame(index, expected)
        if isinstance(gene, EncoderLayer):
            encoder.append(Block(gene))
        elif isinstance(gene, DecoderLayer):
            decoder.append(Block(gene))
        elif isinstance(gene, Latent):
            latent = gene
        else:
            side = decoder or encoder
            side[-1] = Block(side[-1].layer, (*side[-1].modifiers, gene))
    if not encoder:
        raise blame(len(genes), _FIRST)
    if missing := len(encoder) - len(decoder):
        more = f"{missing} more decoder layer" + "s" * (missing > 1)
        raise blame(len(genes), f"expected {more} ({words(Role.DECODER)}), as in the encoder")
    return Genome(tuple(encoder), latent, tuple(decoder))


def _objection(gene: Gene, encoder: int, latent: bool, decoder: int) -> str | None:
    """Say what was expected instead of `gene`, given what stands before it; None if it may."""
    past_encoder = latent or decoder > 0
    if isinstance(gene, EncoderLayer):
        return "expected no encoder layer after the bottleneck" if past_encoder else None
    if not encoder:
        return _FIRST
    if isinstance(gene, DecoderLayer):
        if decoder == encoder:
            return f"expected no more decoder than encoder layers ({encoder})"
        return None
    if isinstance(gene, Latent):
        between = "expected one latent at most, between encoder and decoder"
        return between if past_encoder else None
    if latent and not decoder:
        return f"expected a decoder layer ({words(Role.DECODER)}) before it"
    return None


def replace(genome: Genome, index: int, gene: Gene) -> Genome:
    """Return `genome` with its gene at `index` replaced by one of the same role."""
    genes = genome.genes
    return assemble((*genes[:index], gene, *genes[index + 1 :]), _blame)


def _blame(index: int, expected: str) -> GenomeError:
    return GenomeError("genome", f"gene {index + 1}", expected)
