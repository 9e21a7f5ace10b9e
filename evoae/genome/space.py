"""The search space: what a search draws from, and the hard limits that every candidate keeps.

A limit is checked on a network's `Size`, which only shape inference can tell. `genome` lies below
`models`, so whoever makes a `Space` hands in the `measure` (`evoae.models.plan.measure`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from operator import attrgetter
from typing import Any, TypeVar

from evoae.config.model import ModelConfig
from evoae.errors import SpaceError
from evoae.formatting import shape
from evoae.genome.canonical import canonical
from evoae.genome.gene_kind import EncoderLayer, Field, Gene, GlobalGene
from evoae.genome.genes import GENES, Latent, by_field, kinds, make, mirror_of
from evoae.genome.genome import Block, Genome

_Gene = TypeVar("_Gene", bound=Gene)


@dataclass(frozen=True, slots=True)
class Size:
    """What the limits look at.

    Attributes:
        latent: numbers in the bottleneck.
        depth: encoder layers.
        parameters: all weights, trainable or not, as Keras counts them.
        flops: of one image's forward pass; a multiply-add counts two.
        activation_bytes: of one image's layer outputs in float32.
    """

    latent: int
    depth: int
    parameters: int
    flops: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class _Limit:
    """A hard limit: the `Size` attribute, its words in a sentence, and how to make room."""

    measured: str
    exceeds: str
    remedy: str

    @property
    def setting(self) -> str:
        return f"max_{self.measured}"


_FEWER = "Raise it or lower the fewest filters (model.filters)"
_LIMITS = (
    _Limit("latent", "latent size {} exceeds", f"{_FEWER} or min_side (model.min_side)"),
    _Limit("parameters", "parameters {} exceed", _FEWER),
    _Limit("flops", "FLOPs {} exceed", _FEWER),
    _Limit("activation_bytes", "activation bytes {} exceed", _FEWER),
)


@dataclass(frozen=True, slots=True)
class Space:
    """All networks that one search may try.

    Attributes:
        model: the user's choice of ranges, probabilities and limits.
        input_shape: (height, width, channels), or (features,) for rows of a table.
        measure: the size of a genome's network for this input.
    """

    model: ModelConfig
    input_shape: tuple[int, ...]
    measure: Callable[[Genome], Size]

    @property
    def layers(self) -> tuple[type[EncoderLayer], ...]:
        """The kinds of encoder layers that a genome may hold."""
        chosen = self.model.layers
        if chosen == "auto":
            chosen = "conv" if len(self.input_shape) == 3 else "dense"
        return tuple(
            gene
            for gene, kind in kinds(EncoderLayer).items()
            if chosen in ("both", "conv" if kind.needs_map else "dense")
        )

    def layers_of(self, *, maps: bool) -> tuple[type[EncoderLayer], ...]:
        """Return the kinds of encoder layers that read maps, or those that read vectors."""
        return tuple(gene for gene in self.layers if GENES[gene].needs_map is maps)

    @property
    def global_genes(self) -> tuple[type[GlobalGene], ...]:
        """The kinds of genes of the whole network that every genome holds."""
        return tuple(
            gene
            for gene, kind in kinds(GlobalGene).items()
            if kind.evolves and kind.evolves(self.model)
        )

    def violation(self, genome: Genome) -> str | None:
        """Say in one phrase why the space does not hold `genome`; None if it does."""
        if reason := self._out_of_range(genome):
            return reason
        size = self.measure(genome)
        for limit, bound in self._bounds():
            if (amount := getattr(size, limit.measured)) > bound:
                return f"{limit.exceeds.format(f'{amount:,}')} {limit.setting} {bound:,}"
        return None

    def admits(self, genome: Genome) -> bool:
        """Tell whether `genome` lies in the ranges and inside the limits."""
        return self.violation(genome) is None

    def steps(self, field: Field) -> tuple[int, int]:
        """Return the least and the most steps of a field (`from_steps`) that may be drawn.

        The range is empty (least > most) where no value of three digits lies in it, 0 not counted
        as a rate. Of a field of words only `words` may be drawn.
        """
        low, high = self._range(field)
        least, most = self.to_steps(field, low), self.to_steps(field, high)
        least += self.from_steps(field, least) < low
        most -= self.from_steps(field, most) > high
        return max(1, least) if field.positive else least, most

    def to_steps(self, field: Field, number: float) -> int:
        """Return the number of steps nearest to `number`; filters have steps of `filter_step`."""
        steps = field.to_steps(number)
        return round(steps / self._grain(field)) if field.grain else steps

    def from_steps(self, field: Field, steps: int) -> float:
        """Return the number that `steps` steps make."""
        return field.from_steps(steps * self._grain(field))

    def words(self, field: Field) -> tuple[str, ...]:
        """Return the words of a field that may be drawn."""
        return tuple(self._setting(field))

    def smallest(self) -> tuple[Genome, ...]:
        """Return the least genomes, one of which is admitted if any genome is.

        No genome of the same kinds of layers is smaller in any respect. One with more convolutions
        can be smaller, because it halves its map more often; dense layers only add, but the first
        one behind a map can be narrower than the code.
        """
        most = self.model.max_depth
        maps, vectors = self.layers_of(maps=True), self.layers_of(maps=False)
        halvings = min(self.input_shape[:2]).bit_length() + 1
        convolutions = range(min(most, halvings) + 1 if maps else 1)
        dense = range(2 if vectors else 1)
        blocks = {
            kind: (Block(self._least(kind)), Block(self._least(mirror_of(kind))))
            for kind in self.layers
        }
        latent = self._least(Latent) if self.model.latent == "vector" else None
        smallest = []
        for outer, inner, *counts in product(
            maps or self.layers, vectors or self.layers, convolutions, dense
        ):
            if not 1 <= sum(counts) <= most:
                continue
            layers = [outer] * counts[0] + [inner] * counts[1]
            encoder = tuple(blocks[kind][0] for kind in layers)
            decoder = tuple(blocks[kind][1] for kind in reversed(layers))
            smallest += [
                Genome(encoder, latent, decoder, global_genes)
                for global_genes in self._least_global_genes()
            ]
        return tuple(dict.fromkeys(map(canonical, smallest)))

    def check(self) -> None:
        """Make sure that the space holds a network.

        Raises:
            SpaceError: it holds none; names the limit, or the limits that exclude each other.
        """
        legal = GENES[Latent].fields[0].high
        if len(self.input_shape) != 3 and self.layers_of(maps=True):
            raise SpaceError(
                "model.layers",
                f"{self.model.layers}, but the data are rows of {self.input_shape[0]} numbers",
                "convolutions need images: set it to auto or dense",
            )
        if self.model.latent == "vector" and self.model.min_latent > legal:
            raise SpaceError(
                "model.min_latent", f"{self.model.min_latent:,}", f"expected at most {legal:,}"
            )
        self._check_global_genes()
        smallest = self.smallest()
        if any(map(self.admits, smallest)):
            return
        sizes = [self.measure(genome) for genome in smallest]
        sides = shape(self.input_shape)
        least = {limit: min(getattr(s, limit.measured) for s in sizes) for limit in _LIMITS}
        for limit, bound in self._bounds():
            if least[limit] > bound:
                raise SpaceError(
                    f"model.{limit.setting}",
                    f"{bound:,} admits no network for {sides}; the smallest has {least[limit]:,}",
                    limit.remedy,
                )
        strict = [
            f"{limit.setting} {bound:,}"
            for limit, bound in self._bounds()
            if any(getattr(size, limit.measured) > bound for size in sizes)
        ]
        raise SpaceError(
            "model",
            f"{' and '.join(strict)} admit no network for {sides} together, but each does alone",
            "Raise one of them or lower the fewest filters (model.filters)",
        )

    def _check_global_genes(self) -> None:
        """Make sure that the genes of the whole network can be drawn."""
        for field in (field for gene in self.global_genes for field in GENES[gene].fields):
            least, most = self.steps(field)
            if least > most:
                low, high = self._setting(field)
                logarithm = " whose logarithm has three digits" if field.log10 else ""
                raise SpaceError(
                    f"model.{field.settings[0]}",
                    f"{low} to {high} hold no number{logarithm}",
                    "widen the range",
                )

    def _bounds(self) -> list[tuple[_Limit, int]]:
        """Return the limits that are set."""
        every = [(limit, getattr(self.model, limit.setting)) for limit in _LIMITS]
        return [(limit, bound) for limit, bound in every if bound is not None]

    def _setting(self, field: Field) -> Any:
        """Return what the configuration says of a field: (low, high), or words."""
        if not field.settings:
            return field.words or (field.low, field.high)
        return attrgetter(*field.settings)(self.model)

    def _grain(self, field: Field) -> int:
        return int(getattr(self.model, field.grain)) if field.grain else 1

    def _range(self, field: Field) -> tuple[float, float]:
        """Return the least and the greatest number that the configuration and the gene admit."""
        if field.words:
            indices = [field.words.index(word) for word in self.words(field)]
            return min(indices), max(indices)
        low, high = self._setting(field)
        if field.log10:
            low, high = math.log10(low), math.log10(high)
        return max(low, field.low), field.high if high is None else min(high, field.high)

    def _least(self, gene: type[_Gene]) -> _Gene:
        fields = GENES[gene].fields
        return make(gene, [self.from_steps(field, self.steps(field)[0]) for field in fields])

    def _least_global_genes(self) -> list[tuple[GlobalGene, ...]]:
        """Return the global genes of the smallest networks: every choice that changes a size."""
        choices: list[list[GlobalGene]] = []
        for gene in self.global_genes:
            kind = GENES[gene]
            if len(kind.fields) == 1 and (field := kind.fields[0]).words:
                words = self.words(field) if kind.sized else self.words(field)[:1]
                choices.append([make(gene, [field.number(word)]) for word in words])
            else:
                choices.append([self._least(gene)])
        return list(product(*choices))

    def _out_of_range(self, genome: Genome) -> str | None:
        if (genome.latent is None) != (self.model.latent == "spatial"):
            has = "no latent gene" if genome.latent is None else "a latent gene"
            return f"{has}, but model.latent is {self.model.latent}"
        if genome.depth > self.model.max_depth:
            return f"depth {genome.depth} exceeds max_depth {self.model.max_depth}"
        layers = self.layers
        for block in genome.encoder:
            if type(block.layer) not in layers:
                word = GENES[type(block.layer)].word
                return f"{word}, but model.layers is {self.model.layers} for {self.kind_of_input}"
        if (held := [type(gene) for gene in genome.global_genes]) != list(self.global_genes):
            wanted = " ".join(GENES[kind].word for kind in self.global_genes) or "none"
            has = " ".join(GENES[kind].word for kind in held) or "none"
            return f"genes of the whole network: {has}; the configuration makes it {wanted}"
        for gene in genome.genes:
            for field, number in by_field(gene):
                if outside := self._outside(field, number):
                    name = GENES[Latent].word if isinstance(gene, Latent) else field.name
                    return f"{name} {outside}"
        return None

    @property
    def kind_of_input(self) -> str:
        """Say what the networks rebuild."""
        return "images" if len(self.input_shape) == 3 else "rows of a table"

    def _outside(self, field: Field, number: float) -> str | None:
        """Say how a number lies outside the space; None if it does not."""
        if field.words:
            word, offered = field.value(number), self.words(field)
            return None if word in offered else f"{word} is not in {', '.join(offered)}"
        low, high = self._range(field)
        if not low <= number <= high:
            settings = ", ".join(f"model.{path}" for path in field.settings) or "the legal range"
            return f"{number} outside {low}..{high} ({settings})"
        if number % self._grain(field) and field.grain:
            return f"{number} no multiple of {self._grain(field)} ({field.grain})"
        return None
