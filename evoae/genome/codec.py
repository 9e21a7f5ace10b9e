"""The flat token sequence: genome <-> list of numbers.

Every gene is its token followed by its fields, one gene after the other. Sequences of the original
scheme (Lanham, Evolutionary Deep Learning, 2023, ch. 8: tokens -1 to -4) read as they are; their
bottleneck is the last feature map.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import cast

from evoae.errors import GenomeError
from evoae.genome.gene_kind import Field, Gene, GeneKind
from evoae.genome.genes import GENES, by_token, make, numbers
from evoae.genome.genome import Genome
from evoae.genome.grammar import assemble

CODEC_VERSION = 1


def encode(genome: Genome) -> list[int | float]:
    """Return the flat token sequence of `genome`; `decode` reverses it exactly."""
    return [
        number for gene in genome.genes for number in (GENES[type(gene)].token, *numbers(gene))
    ]


def decode(tokens: Sequence[float]) -> Genome:
    """Return the genome that a flat token sequence spells.

    Args:
        tokens: numbers of any kind, NumPy's included; whole ones may be written as floats.

    Raises:
        GenomeError: the sequence is broken; names the position (from 0) and what was expected.
    """
    genes: list[Gene] = []
    starts: list[int] = []
    position = 0
    kind_of: dict[object, GeneKind] = {kind.token: kind for kind in GENES.values()}
    while position < len(tokens):
        token: object = tokens[position]
        kind = kind_of.get(token) if isinstance(token, Real) else None
        if kind is None:
            known = ", ".join(f"{kind.token} {kind.word}" for kind in by_token())
            expected = f"expected a gene's token ({known})"
            raise _broken(position, _shown(tokens[position]), expected)
        for at, field in enumerate(kind.fields, start=position + 1):
            if at == len(tokens):
                raise _broken(at, f"the sequence ends inside {kind.word}", field.expected)
            if not _legal(tokens[at], field):
                raise _broken(at, f"{_shown(tokens[at])} in {kind.word}", field.expected)
        starts.append(position)
        genes.append(make(kind.gene, tokens[position + 1 : position + kind.length]))
        position += kind.length

    def blame(index: int, expected: str) -> GenomeError:
        if index == len(genes):
            return _broken(len(tokens), "the sequence ends", expected)
        kind = GENES[type(genes[index])]
        return _broken(starts[index], f"{kind.token} ({kind.word})", expected)

    return assemble(genes, blame)


def _legal(value: object, field: Field) -> bool:
    return isinstance(value, Real) and field.admits(cast(float, value))


def _shown(token: object) -> str:
    """Return the token as it was written, cut after 40 characters."""
    if isinstance(token, int) and abs(token) > 10**30:  # Python refuses to print the longest ones
        return "a huge number"
    return str(token)[:40]


def _broken(position: int, value: str, expected: str) -> GenomeError:
    return GenomeError(f"token sequence, position {position}", value, expected)
