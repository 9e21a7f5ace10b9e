"""The search space: what a search draws from, and the hard limits that every candidate keeps.

A limit is checked on a network's `Size`, which only shape inference can tell. `genome` lies below
`models`, so whoever makes a `Space` hands in the `measure` (`evoae.models.plan.measure`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from evoae.config.schema import ModelConfig
from evoae.errors import SpaceError
from evoae.genome.genes import KIND_OF, Conv, Field, Gene, Latent, UpConv, make, numbers
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
        input_shape: (height, width, channels).
        measure: the size of a genome's network for this input.
    """

    model: ModelConfig
    input_shape: tuple[int, int, int]
    measure: Callable[[Genome], Size]

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
        """Return the least and the most steps of a field (`Field.from_steps`) that may be drawn.

        The range is empty (least > most) where no value of three digits above 0 lies in it.
        """
        low, high = self._range(field)
        least, most = field.to_steps(low), field.to_steps(high)
        least += field.from_steps(least) < low
        most -= field.from_steps(most) > high
        return max(1, least), most

    def smallest(self) -> tuple[Genome, ...]:
        """Return the least genome of each depth, from 1 to where more layers only cost more.

        No genome of the same depth is smaller in any respect. A deeper one can be smaller than a
        shallower one, because it pools more often.
        """
        height, width, _ = self.input_shape
        most_pools = min(height, width).bit_length()
        conv, upconv = Block(self._least(Conv)), Block(self._least(UpConv))
        latent = self._least(Latent) if self.model.latent == "vector" else None
        return tuple(
            Genome((conv,) * depth, latent, (upconv,) * depth)
            for depth in range(1, min(self.model.max_depth, most_pools + 1) + 1)
        )

    def check(self) -> None:
        """Make sure that the space holds a network.

        Raises:
            SpaceError: it holds none; names the limit, or the limits that exclude each other.
        """
        legal = KIND_OF[Latent].fields[0].high
        if self.model.latent == "vector" and self.model.min_latent > legal:
            raise SpaceError(
                "model.min_latent", f"{self.model.min_latent:,}", f"expected at most {legal:,}"
            )
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

    def _bounds(self) -> list[tuple[_Limit, int]]:
        """Return the limits that are set."""
        every = [(limit, getattr(self.model, limit.setting)) for limit in _LIMITS]
        return [(limit, bound) for limit, bound in every if bound is not None]

    def _range(self, field: Field) -> tuple[float, float]:
        """Return the least and the greatest value that the configuration and the gene admit."""
        if field.setting == "latent":
            low, high = self.model.min_latent, self.model.max_latent or math.inf
        else:
            low, high = getattr(self.model, field.setting)
        return max(low, field.low), min(high, field.high)

    def _least(self, gene: type[_Gene]) -> _Gene:
        fields = KIND_OF[gene].fields
        return make(gene, [field.from_steps(self.steps(field)[0]) for field in fields])

    def _out_of_range(self, genome: Genome) -> str | None:
        if (genome.latent is None) != (self.model.latent == "spatial"):
            has = "no latent gene" if genome.latent is None else "a latent gene"
            return f"{has}, but model.latent is {self.model.latent}"
        if genome.depth > self.model.max_depth:
            return f"depth {genome.depth} exceeds max_depth {self.model.max_depth}"
        for gene in genome.genes:
            for field, number in zip(KIND_OF[type(gene)].fields, numbers(gene), strict=True):
                low, high = self._range(field)
                if not low <= number <= high:
                    return f"{field.name} {number} outside {low}..{high} (model.{field.setting})"
        return None
