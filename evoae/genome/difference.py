"""What two genomes differ in, in words: `conv 2: filters 33 -> 48`, `bn after conv 1 removed`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from evoae.genome.genes import KIND_OF, Field, Gene, Latent
from evoae.genome.genome import Block, Genome
from evoae.genome.text import render_gene

_Item = TypeVar("_Item")
_Step = tuple[_Item | None, _Item | None]
_Aligned = list[_Step[_Item]]
_Way = tuple[tuple[int, _Aligned[_Item]], int, _Step[_Item]]  # (the way so far, cost, step)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two genomes.

    Attributes:
        words: that say it.
        before, after: places, from 0, in `Genome.genes` of the genes that it speaks of. Without
            all of these, two genomes have the same genes in the same order.
    """

    words: str
    before: tuple[int, ...]
    after: tuple[int, ...]


def differences(before: Genome, after: Genome) -> list[Difference]:
    """Return what must be said of `before` to get `after`, in the order of its genes.

    A layer and its mirror are added or removed as a pair; which pairs stayed is what needs the
    fewest words. Layers count from the input in the encoder, from the bottleneck in the decoder;
    what stayed or came has its number in `after`. Of equal genomes nothing is said.
    """
    old, new = _Spread.of(before), _Spread.of(after)
    found = [
        _of_genes(a, b, "")
        for a, b in _align(old.global_genes, new.global_genes, _change, _weight)
    ]
    _, pairs = _aligned(old.pairs, new.pairs, _pair_change, _pair_weight)
    decoder: list[Difference | None] = []
    for a, b in pairs:
        if a is None or b is None:
            found.append(_of_pair(a, b))
        else:
            found += _of_sides(a.encoder, b.encoder)
            decoder = [*_of_sides(a.decoder, b.decoder), *decoder]
    found.append(_of_genes(old.latent, new.latent, ""))
    return [each for each in (*found, *decoder) if each is not None]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A gene, its place among all, and what it is called."""

    place: int
    gene: Gene
    name: str


@dataclass(frozen=True, slots=True)
class _Side:
    layer: _Placed
    modifiers: list[_Placed]

    @property
    def all(self) -> list[_Placed]:
        return [self.layer, *self.modifiers]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer and its mirror, the `number`th from the input."""

    number: int
    encoder: _Side
    decoder: _Side


@dataclass(frozen=True, slots=True)
class _Spread:
    """A genome taken to pieces that know their places."""

    global_genes: list[_Placed]
    pairs: list[_Pair]
    latent: _Placed | None

    @classmethod
    def of(cls, genome: Genome) -> _Spread:
        place = count()
        global_genes = [_Placed(next(place), gene, _word(gene)) for gene in genome.global_genes]
        encoder = list(_sides(genome.encoder, place))
        latent = None
        if genome.latent is not None:
            latent = _Placed(next(place), genome.latent, _word(genome.latent))
        decoder = reversed(list(_sides(genome.decoder, place)))
        numbered = enumerate(zip(encoder, decoder, strict=True), start=1)
        return cls(global_genes, [_Pair(number, *sides) for number, sides in numbered], latent)


def _sides(blocks: Sequence[Block], place: Iterator[int]) -> Iterator[_Side]:
    numbers: dict[str, int] = {}
    for block in blocks:
        word = _word(block.layer)
        numbers[word] = numbers.get(word, 0) + 1
        layer = _Placed(next(place), block.layer, f"{word} {numbers[word]}")
        yield _Side(layer, [_Placed(next(place), each, _word(each)) for each in block.modifiers])


def _word(gene: Gene) -> str:
    return KIND_OF[type(gene)].word


# -- words


def _of_genes(before: _Placed | None, after: _Placed | None, where: str) -> Difference | None:
    """Say how a gene changed, came or went; None if it did not."""
    if before is not None and after is not None:
        if before.gene == after.gene:
            return None
        words = f"{after.name}{where}{_changed(before.gene, after.gene)}"
    elif after is not None:
        words = f"{render_gene(after.gene)}{where} added"
    elif before is not None:
        words = f"{render_gene(before.gene)}{where} removed"
    else:
        return None
    return Difference(words, _places(before), _places(after))


def _of_sides(before: _Side, after: _Side) -> list[Difference | None]:
    where = f" after {after.layer.name}"
    modifiers = _align(before.modifiers, after.modifiers, _change, _weight)
    return [
        _of_genes(before.layer, after.layer, ""),
        *(_of_genes(a, b, where) for a, b in modifiers),
    ]


def _of_pair(before: _Pair | None, after: _Pair | None) -> Difference | None:
    """Say that a pair came or went."""
    pair = before or after
    if pair is None:
        return None
    sides = (pair.encoder.all, pair.decoder.all)
    text = " | ".join(" ".join(render_gene(each.gene) for each in side) for side in sides)
    places = tuple(each.place for side in sides for each in side)
    if after is None:
        return Difference(f"pair {pair.number} removed: {text}", places, ())
    return Difference(f"pair {pair.number} added: {text}", (), places)


def _places(gene: _Placed | None) -> tuple[int, ...]:
    return () if gene is None else (gene.place,)


def _changed(before: Gene, after: Gene) -> str:
    """Word the numbers and words in which two genes of a kind differ."""
    fields = KIND_OF[type(after)].fields
    told = []
    for name, group in _groups(fields).items():
        a, b = (_values(gene, group) for gene in (before, after))
        if a != b:
            told.append((name, f"{a} -> {b}"))
    if len(fields) == 1 and (fields[0].words or isinstance(after, Latent)):
        return f" {told[0][1]}"  # `latent 16 -> 24`, `act relu -> gelu`
    return ": " + ", ".join(f"{name} {values}" for name, values in told)


def _groups(fields: Sequence[Field]) -> dict[str, list[Field]]:
    """Return the fields by what they are called; height and width of a kernel are one thing."""
    groups: dict[str, list[Field]] = {}
    for field in fields:
        name, _, side = field.name.rpartition("_")
        named = name if side in ("h", "w") else field.name.replace("_", " ")
        groups.setdefault(named, []).append(field)
    return groups


def _values(gene: Gene, fields: Sequence[Field]) -> str:
    shown = fields[-1].glue.join(str(getattr(gene, field.name)) for field in fields)
    return f"10^{shown}" if fields[0].setting == "learning_rates" else shown


# -- which genes belong together


def _change(before: _Placed, after: _Placed) -> int | None:
    """Return how many fields change; None if one gene cannot become the other."""
    a, b = before.gene, after.gene
    if type(a) is not type(b):
        return None
    names = [field.name for field in KIND_OF[type(a)].fields]
    return len([name for name in names if getattr(a, name) != getattr(b, name)])


def _weight(one: _Placed) -> int:
    """Return what it costs to add or remove a gene."""
    return 1 + len(KIND_OF[type(one.gene)].fields)


def _pair_change(before: _Pair, after: _Pair) -> int | None:
    total = 0
    for a, b in ((before.encoder, after.encoder), (before.decoder, after.decoder)):
        layers = _change(a.layer, b.layer)
        if layers is None:
            return None
        cost, _ = _aligned(a.modifiers, b.modifiers, _change, _weight)
        total += layers + cost
    return total


def _pair_weight(pair: _Pair) -> int:
    return sum(map(_weight, (*pair.encoder.all, *pair.decoder.all)))


def _align(
    before: Sequence[_Item],
    after: Sequence[_Item],
    change: Callable[[_Item, _Item], int | None],
    weight: Callable[[_Item], int],
) -> _Aligned[_Item]:
    return _aligned(before, after, change, weight)[1]


def _aligned(
    before: Sequence[_Item],
    after: Sequence[_Item],
    change: Callable[[_Item, _Item], int | None],
    weight: Callable[[_Item], int],
) -> tuple[int, _Aligned[_Item]]:
    """Return the cheapest way from one sequence to the other, and its cost (Needleman-Wunsch).

    Args:
        before: a sequence.
        after: the other.
        change: cost of making one item the other; None if that cannot be.
        weight: cost of adding or removing one.
    """
    best: dict[tuple[int, int], tuple[int, _Aligned[_Item]]] = {(0, 0): (0, [])}
    for i in range(len(before) + 1):
        for j in range(len(after) + 1):
            ways: list[_Way[_Item]] = []
            if i and j and (cost := change(before[i - 1], after[j - 1])) is not None:
                ways.append((best[i - 1, j - 1], cost, (before[i - 1], after[j - 1])))
            if i:
                ways.append((best[i - 1, j], weight(before[i - 1]), (before[i - 1], None)))
            if j:
                ways.append((best[i, j - 1], weight(after[j - 1]), (None, after[j - 1])))
            if ways:
                (so_far, steps), cost, step = min(ways, key=lambda way: way[0][0] + way[1])
                best[i, j] = so_far + cost, [*steps, step]
    return best[len(before), len(after)]
