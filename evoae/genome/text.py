"""The one-line text: genome <-> `conv(32,3x3) bn drop(0.25) | latent(32) | upconv(32,3x3)`.

Genes of the whole network stand first: `act(gelu) down(stride) conv(32,4x4) | ...`. A bar stands
on either side of the latent gene, or alone where the last layer's output is the bottleneck, but
not at the ends. Kernels are height x width. Python writes the shortest text that reads back as
the same number, so that the round trip is exact for any rate.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

from evoae.errors import GenomeError
from evoae.genome.gene_kind import Gene, GeneKind
from evoae.genome.genes import GENES, by_token, make
from evoae.genome.genome import Genome
from evoae.genome.grammar import Blame, assemble

_PIECE = re.compile(r"(?P<bar>\|)|(?P<word>[^\s()|]+)\s*(?:\((?P<values>[^()|]*)\))?|[()]")
_NUMBER = r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*"
_WORD = r"\s*([a-z_]+)\s*"


def render(genome: Genome) -> str:
    """Return the one-line text of `genome`; `parse` reverses it exactly."""
    genes = genome.genes
    starts = [0, *_bars(genome), len(genes)]
    return " | ".join(" ".join(map(render_gene, genes[a:b])) for a, b in pairwise(starts))


def parse(text: str) -> Genome:
    """Return the genome that a one-line text spells; white space is free.

    Raises:
        GenomeError: the text is broken; names the gene's number (from 1), its word and what was
            expected.
    """
    written: list[str] = []
    genes: list[Gene] = []
    bars: list[int] = []  # for each bar the number of genes before it

    def blame(index: int, expected: str) -> GenomeError:
        if index < len(written):
            where = f"{_shortened(written[index])} at gene {index + 1}"
        else:
            where = f"the text ends after gene {index}" if index else "the text is empty"
        return GenomeError(f"genome '{_shortened(text)}'", f"{where}: {expected}")

    for piece in _PIECE.finditer(text):
        if piece["bar"]:
            bars.append(len(genes))
        else:
            written.append(piece[0])
            genes.append(_read(piece, len(genes), blame))
    genome = assemble(genes, blame)
    _check_bars(bars, genome, blame)
    return genome


def render_gene(gene: Gene) -> str:
    """Return the text of one gene, such as `conv(32,3x3)`."""
    kind = GENES[type(gene)]
    if not kind.fields:
        return kind.word
    values = [str(getattr(gene, field.name)) for field in kind.fields]
    return f"{kind.word}({_joined(kind, values)})"


def form(kind: GeneKind) -> str:
    """Return how a kind of gene is written, such as `conv(filters, kernel_h x kernel_w)`."""
    if not kind.fields:
        return kind.word
    spaced = _joined(kind, [f" {field.name} " for field in kind.fields])
    return f"{kind.word}({spaced.replace(' ,', ',').strip()})"


def _joined(kind: GeneKind, values: Sequence[str], of_glue: Callable[[str], str] = str) -> str:
    """Join one text per field with what separates the fields."""
    return "".join(
        (of_glue(field.glue) if at else "") + value
        for at, (field, value) in enumerate(zip(kind.fields, values, strict=True))
    )


@cache
def _values(kind: GeneKind) -> re.Pattern[str]:
    """Return the pattern of what stands in a gene's brackets, a group for each field."""
    patterns = [_WORD if field.words else _NUMBER for field in kind.fields]
    return re.compile(_joined(kind, patterns, re.escape) or r"\s*", re.ASCII)


def _read(piece: re.Match[str], index: int, blame: Blame) -> Gene:
    """Return the gene that one piece of text spells."""
    kind = next((kind for kind in GENES.values() if kind.word == piece["word"]), None)
    if kind is None:
        raise blame(index, f"expected a gene ({', '.join(kind.word for kind in by_token())})")
    match = _values(kind).fullmatch(piece["values"] or "")
    if match is None:
        raise blame(index, f"expected {form(kind)}" + ("" if kind.fields else " without numbers"))
    values: list[float] = []
    for field, written in zip(kind.fields, match.groups(), strict=True):
        if field.words:
            value = float(field.words.index(written)) if written in field.words else -1
        else:
            value = float(written)  # exact within every legal range
        if not field.admits(value):
            raise blame(index, field.expected)
        values.append(value)
    return make(kind.gene, values)


def _bars(genome: Genome) -> list[int]:
    """Return for each bar the number of genes before it."""
    before = len(genome.global_genes) + sum(1 + len(block.modifiers) for block in genome.encoder)
    if genome.latent is None:
        return [before]
    if not genome.encoder:
        return []
    return [before, before + 1]


def _check_bars(bars: Sequence[int], genome: Genome, blame: Blame) -> None:
    """Raise the first difference from the bars that `render` writes."""
    expected = _bars(genome)
    for at in sorted({*bars, *expected}):
        if at not in bars:
            raise blame(at, "expected a bar '|' before it")
        if at not in expected or bars.count(at) > 1:
            raise blame(at, "expected no further bar '|' before it")


def _shortened(text: str) -> str:
    """Return `text` on one line, cut after 40 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:39].rstrip() + "…"
