"""What two genomes differ in, in words: `conv 2: filters 33 -> 48`, `bn after conv 1 removed`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import count
from typing import TypeVar

from evoae.genome.gene_kind import Field, Gene, GlobalGene
from evoae.genome.genes import GENES, Latent
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render_gene

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two genomes.

    Attributes:
        words: that say it.
        before, after: indices in `Genome.genes` of the genes that it speaks of. Without all of
            these, two genomes have the same genes in the same order.
    """

    words: str
    before: tuple[int, ...]
    after: tuple[int, ...]


def differences(before: Genome, after: Genome) -> list[Difference]:
    """Return what must be said of `before` to get `after`, in the order of its genes.

    A layer and its mirror are added or removed as a pair. Pairs that read the same belong
    together; of those between them, layers of a kind in their order. Layers count from the input
    in the encoder, from the bottleneck in the decoder; what stayed or came has its number in
    `after`. Of equal genomes nothing is said.
    """
    old, new = _pieces(before), _pieces(after)
    said = _of_genes(old[0], new[0])
    decoder: list[Difference] = []
    for a, b in _aligned(old[1], new[1], _text_of_pair, lambda pair: _word(pair.encoder[0])):
        if a and b:
            said += _of_side(a.encoder, b.encoder)
            decoder = _of_side(a.decoder, b.decoder) + decoder
        elif pair := a or b:
            words = f"pair {pair.number} {'removed' if a else 'added'}: {_text_of_pair(pair)}"
            indices = tuple(item.index for item in (*pair.encoder, *pair.decoder))
            said.append(Difference(words, indices if a else (), indices if b else ()))
    return said + _of_genes(old[2], new[2]) + decoder


@dataclass(slots=True)
class _Indexed:
    """A gene, its index in the genome, and what it is called."""

    index: int
    gene: Gene
    name: str


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer and its mirror, the `number`th from the input, both followed by their modifiers."""

    number: int
    encoder: list[_Indexed]
    decoder: list[_Indexed]


def _pieces(genome: Genome) -> tuple[list[_Indexed], list[_Pair], list[_Indexed]]:
    """Return the genes of the whole network, the pairs, and the latent gene if there is one."""
    indices = count()

    def indexed(*genes: Gene) -> list[_Indexed]:
        return [_Indexed(next(indices), gene, GENES[type(gene)].word) for gene in genes]

    def sides(blocks: Sequence[Block]) -> list[list[_Indexed]]:
        numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(1))
        split = [indexed(*block.genes) for block in blocks]
        for layer, *_ in split:
            layer.name += f" {next(numbers[layer.name])}"
        return split

    global_genes, encoder = indexed(*genome.global_genes), sides(genome.encoder)
    latent = indexed(genome.latent) if genome.latent else []
    both = zip(encoder, reversed(sides(genome.decoder)), strict=True)
    return global_genes, [_Pair(at, *pair) for at, pair in enumerate(both, start=1)], latent


def _text(item: _Indexed) -> str:
    return render_gene(item.gene)


def _word(item: _Indexed) -> str:
    return GENES[type(item.gene)].word


def _text_of_pair(pair: _Pair) -> str:
    return " | ".join(" ".join(map(_text, side)) for side in (pair.encoder, pair.decoder))


def _aligned(
    before: Sequence[_Item], after: Sequence[_Item], *keys: Callable[[_Item], str]
) -> Iterator[tuple[_Item | None, _Item | None]]:
    """Yield the items that belong together: by the first key, then between them by the next.

    What nothing belongs to comes with None.
    """
    if not keys:
        yield from ((item, None) for item in before)
        yield from ((None, item) for item in after)
        return
    old, new = ([keys[0](item) for item in items] for items in (before, after))
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from zip(before[a:b], after[c:d], strict=True)
        else:
            yield from _aligned(before[a:b], after[c:d], *keys[1:])


def _of_side(before: list[_Indexed], after: list[_Indexed]) -> list[Difference]:
    """Say how a layer that stayed and its modifiers changed."""
    modifiers = _of_genes(before[1:], after[1:], f" after {after[0].name}")
    return _of_gene(before[0], after[0]) + modifiers


def _of_genes(before: list[_Indexed], after: list[_Indexed], where: str = "") -> list[Difference]:
    steps = _aligned(before, after, _text, _word)
    return [difference for a, b in steps for difference in _of_gene(a, b, where)]


def _of_gene(before: _Indexed | None, after: _Indexed | None, where: str = "") -> list[Difference]:
    """Say how a gene changed, came or went; nothing if it did not."""
    if before and after:
        if before.gene == after.gene:
            return []
        words = f"{after.name}{where}{_changed(before.gene, after.gene)}"
        return [Difference(words, (before.index,), (after.index,))]
    if before:
        return [Difference(f"{_text(before)}{where} removed", (before.index,), ())]
    return [Difference(f"{_text(after)}{where} added", (), (after.index,))] if after else []


def _changed(before: Gene, after: Gene) -> str:
    """Word the numbers and words in which two genes of a kind differ."""
    groups: dict[str, list[Field]] = {}
    for field in GENES[type(after)].fields:
        name, _, side = field.name.rpartition("_")  # height and width of a kernel are one thing
        groups.setdefault(name if side in ("h", "w") else field.name, []).append(field)
    changes = {
        name.replace("_", " "): f"{a} -> {b}"
        for name, fields in groups.items()
        if (a := _values(before, fields)) != (b := _values(after, fields))
    }
    if len(groups) == 1 and isinstance(after, GlobalGene | Latent):
        return " " + "".join(changes.values())  # `latent 16 -> 24`, `act relu -> gelu`
    return ": " + ", ".join(f"{name} {values}" for name, values in changes.items())


def _values(gene: Gene, fields: Sequence[Field]) -> str:
    shown = fields[-1].glue.join(str(getattr(gene, field.name)) for field in fields)
    return f"10^{shown}" if fields[0].log10 else shown
