"""The search space: what a search draws from, and the hard limits that every candidate keeps.

A limit is checked on a network's `Size`, which only shape inference can tell. `genome` lies below
`models`, so whoever makes a `Space` hands in the `measure` (`evoae.models.plan.measure`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from evoae.config.model import ModelConfig
from evoae.errors import SpaceError
from evoae.genome.canonical import canonical
from evoae.genome.genes import (
    GLOBAL_GENES,
    KIND_OF,
    MIRROR,
    Activation,
    Conv,
    Dense,
    EncoderLayer,
    Field,
    Gene,
    GlobalGene,
    Head,
    Latent,
    Train,
    make,
    numbers,
)
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
        return {"conv": (Conv,), "dense": (Dense,), "both": (Conv, Dense)}[chosen]

    @property
    def global_genes(self) -> tuple[type[GlobalGene], ...]:
        """The kinds of genes of the whole network that every genome holds."""
        return tuple(kind for kind in GLOBAL_GENES if self._evolves(kind))

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
        return max(1, least) if field.setting == "rates" else least, most

    def to_steps(self, field: Field, number: float) -> int:
        """Return the number of steps nearest to `number`; of filters, each is `filter_step`."""
        steps = field.to_steps(number)
        return round(steps / self.model.filter_step) if field.setting == "filters" else steps

    def from_steps(self, field: Field, steps: int) -> float:
        """Return the number of so many steps."""
        grain = self.model.filter_step if field.setting == "filters" else 1
        return field.from_steps(steps * grain)

    def words(self, field: Field) -> tuple[str, ...]:
        """Return the words of a field that may be drawn."""
        owner = self.model.learning if field.setting == "optimizers" else self.model
        chosen: tuple[str, ...] = getattr(owner, field.setting)
        return chosen

    def smallest(self) -> tuple[Genome, ...]:
        """Return the least genomes, one of which is admitted if any genome is.

        No genome of the same kinds of layers is smaller in any respect. One with more convolutions
        can be smaller, because it halves its map more often; dense layers only add, but the first
        one behind a map can be narrower than the code.
        """
        most = self.model.max_depth
        convolutions = [0]
        if Conv in self.layers:
            sides = self.input_shape[:2]
            convolutions = list(range(min(most, min(sides).bit_length() + 1) + 1))
        dense = [0, 1] if Dense in self.layers else [0]
        blocks = {
            kind: (Block(self._least(kind)), Block(self._least(MIRROR[kind])))
            for kind in self.layers
        }
        latent = self._least(Latent) if self.model.latent == "vector" else None
        found = []
        for outer, inner in product(convolutions, dense):
            if not 1 <= outer + inner <= most:
                continue
            kinds = [Conv] * outer + [Dense] * inner
            encoder = tuple(blocks[kind][0] for kind in kinds)
            decoder = tuple(blocks[kind][1] for kind in reversed(kinds))
            found += [
                Genome(encoder, latent, decoder, global_genes)
                for global_genes in self._least_global_genes()
            ]
        return tuple(dict.fromkeys(map(canonical, found)))

    def check(self) -> None:
        """Make sure that the space holds a network.

        Raises:
            SpaceError: it holds none; names the limit, or the limits that exclude each other.
        """
        legal = KIND_OF[Latent].fields[0].high
        if len(self.input_shape) != 3 and Conv in self.layers:
            raise SpaceError(
                "model.layers",
                f"{self.model.layers}, but the data are rows of {self.input_shape[0]} numbers",
                "convolutions need images: set it to auto or dense",
            )
        if self.model.latent == "vector" and self.model.min_latent > legal:
            raise SpaceError(
                "model.min_latent", f"{self.model.min_latent:,}", f"expected at most {legal:,}"
            )
        self._check_learning()
        smallest = self.smallest()
        if any(map(self.admits, smallest)):
            return
        sizes = [self.measure(genome) for genome in smallest]
        shape = "×".join(map(str, self.input_shape))
        least = {limit: min(getattr(s, limit.measured) for s in sizes) for limit in _LIMITS}
        for limit, bound in self._bounds():
            if least[limit] > bound:
                raise SpaceError(
                    f"model.{limit.setting}",
                    f"{bound:,} admits no network for {shape}; the smallest has {least[limit]:,}",
                    limit.remedy,
                )
        strict = [
            f"{limit.setting} {bound:,}"
            for limit, bound in self._bounds()
            if any(getattr(size, limit.measured) > bound for size in sizes)
        ]
        raise SpaceError(
            "model",
            f"{' and '.join(strict)} admit no network for {shape} together, but each does alone",
            "Raise one of them or lower the fewest filters (model.filters)",
        )

    def _check_learning(self) -> None:
        """Make sure that a train gene can be drawn, if genomes hold one."""
        for field in KIND_OF[Train].fields if Train in self.global_genes else ():
            least, most = self.steps(field)
            if least > most:
                low, high = getattr(self.model.learning, field.setting)
                raise SpaceError(
                    f"model.learning.{field.setting}",
                    f"{low} to {high} hold no number whose logarithm has three digits",
                    "widen the range",
                )

    def _bounds(self) -> list[tuple[_Limit, int]]:
        """Return the limits that are set."""
        every = [(limit, getattr(self.model, limit.setting)) for limit in _LIMITS]
        return [(limit, bound) for limit, bound in every if bound is not None]

    def _range(self, field: Field) -> tuple[float, float]:
        """Return the least and the greatest number that the configuration and the gene admit."""
        low: float
        high: float
        match field.setting:
            case "latent":
                low, high = self.model.min_latent, self.model.max_latent or math.inf
            case "learning_rates":
                low, high = map(math.log10, self.model.learning.learning_rates)
            case "batch_sizes":
                low, high = self.model.learning.batch_sizes
            case "activation" | "downsampling" | "upsampling" | "head" | "optimizers":
                places = [field.words.index(word) for word in self.words(field)]
                low, high = min(places), max(places)
            case _:
                low, high = getattr(self.model, field.setting)
        return max(low, field.low), min(high, field.high)

    def _least(self, gene: type[_Gene]) -> _Gene:
        fields = KIND_OF[gene].fields
        return make(gene, [self.from_steps(field, self.steps(field)[0]) for field in fields])

    def _least_global_genes(self) -> list[tuple[GlobalGene, ...]]:
        """Return the global genes of the smallest networks: every choice that changes a size."""
        choices: list[list[GlobalGene]] = []
        for kind in self.global_genes:
            if kind is Train:
                choices.append([self._least(kind)])
            else:
                (field,) = KIND_OF[kind].fields
                words = self.words(field)[:1] if kind is Activation else self.words(field)
                choices.append([make(kind, [field.number(word)]) for word in words])
        return list(product(*choices))

    def _evolves(self, kind: type[GlobalGene]) -> bool:
        if kind is Train:
            return self.model.learning.evolve
        words = self.words(KIND_OF[kind].fields[0])
        return words != ("conv",) if kind is Head else len(words) > 1

    def _out_of_range(self, genome: Genome) -> str | None:
        if (genome.latent is None) != (self.model.latent == "spatial"):
            has = "no latent gene" if genome.latent is None else "a latent gene"
            return f"{has}, but model.latent is {self.model.latent}"
        if genome.depth > self.model.max_depth:
            return f"depth {genome.depth} exceeds max_depth {self.model.max_depth}"
        for block in genome.encoder:
            if type(block.layer) not in self.layers:
                word = KIND_OF[type(block.layer)].word
                return f"{word}, but model.layers is {self.model.layers} for {self.kind_of_input}"
        if (held := [type(gene) for gene in genome.global_genes]) != list(self.global_genes):
            wanted = " ".join(KIND_OF[kind].word for kind in self.global_genes) or "none"
            has = " ".join(KIND_OF[kind].word for kind in held) or "none"
            return f"genes of the whole network: {has}; the configuration makes it {wanted}"
        for gene in genome.genes:
            for field, number in zip(KIND_OF[type(gene)].fields, numbers(gene), strict=True):
                if outside := self._outside(field, number):
                    return outside
        return None

    @property
    def kind_of_input(self) -> str:
        """Say what the networks rebuild."""
        return "images" if len(self.input_shape) == 3 else "rows of a table"

    def _outside(self, field: Field, number: float) -> str | None:
        if field.words:
            word, chosen = field.value(number), self.words(field)
            return None if word in chosen else f"{field.name} {word} is not in {', '.join(chosen)}"
        low, high = self._range(field)
        if low <= number <= high:
            if field.setting == "filters" and number % self.model.filter_step:
                return f"filters {number} no multiple of {self.model.filter_step} (filter_step)"
            return None
        if field.setting == "latent":
            return f"latent {number} outside {low}..{high} (model.min_latent, model.max_latent)"
        return f"{field.name} {number} outside {low}..{high} (model.{field.setting})"
