"""The gene table: every gene, once.

One table, `GENES`, declares every gene: its token in the flat sequence, its word in the one-line
text and the legal range of each field. Codec, text form, sampling and mutation read it; the ranges
that a search draws from are the user's choice (`model` in the configuration) and lie inside
these.

Tokens -1 to -4 and their lengths are those of Lanham, Evolutionary Deep Learning (2023), ch. 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeVar

STEPS_PER_UNIT = 1000  # a real number in canonical form has three digits


@dataclass(frozen=True, slots=True)
class Conv:
    """Encoder convolution, `same` padding and relu, then 2x2 pooling while the map is large."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class UpConv:
    """Decoder convolution, then upsampling back to exactly the input size of its mirror."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Normalise what stands before it."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Drop a share `rate` of what stands before it, in training."""

    rate: float


@dataclass(frozen=True, slots=True)
class Latent:
    """The bottleneck vector of `units` numbers."""

    units: int


Gene = Conv | UpConv | BatchNorm | Dropout | Latent
EncoderLayer = Conv
DecoderLayer = UpConv
Modifier = BatchNorm | Dropout
_Gene = TypeVar("_Gene", bound=Gene)


class Role(Enum):
    """Where in a genome a gene may stand."""

    ENCODER = "encoder layer"
    DECODER = "decoder layer"
    MODIFIER = "modifier of the layer before it"
    BOTTLENECK = "between encoder and decoder"


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a gene.

    Attributes:
        name: of the gene's attribute.
        type: whole number or real.
        low, high: smallest and largest legal value.
        setting: which `model` setting narrows the range for a search; `latent` is
            min_latent..max_latent.
        log: drawn log-uniformly, and scaled rather than shifted.
        glue: what separates it from the field before it in the one-line text.
    """

    name: str
    type: type[int] | type[float]
    low: float
    high: float
    setting: Literal["filters", "kernels", "rates", "latent"]
    log: bool = False
    glue: str = ","

    @property
    def expected(self) -> str:
        """What `admits` asks for, in words."""
        whole = "be a whole number" if self.type is int else "lie"
        return f"{self.name} must {whole} in {self.low:,}..{self.high:,}"

    def admits(self, value: float) -> bool:
        """Tell whether `value` is legal; NaN is not."""
        return self.low <= value <= self.high and (self.type is float or value == int(value))

    def to_steps(self, value: float) -> int:
        """Return the number of steps nearest to `value`: 1 each, .001 each for a real number."""
        return round(value if self.type is int else value * STEPS_PER_UNIT)

    def from_steps(self, steps: int) -> float:
        """Return the value of so many steps."""
        return steps if self.type is int else steps / STEPS_PER_UNIT


@dataclass(frozen=True, slots=True)
class GeneKind:
    """One row of the gene table. A gene is its token followed by its fields."""

    gene: type[Gene]
    token: int
    word: str
    role: Role
    fields: tuple[Field, ...]

    @property
    def length(self) -> int:
        """Numbers that one gene takes in the flat sequence, its token included."""
        return 1 + len(self.fields)


_CONVOLUTION = (
    Field("filters", int, 1, 65_536, "filters", log=True),
    Field("kernel_h", int, 1, 63, "kernels"),
    Field("kernel_w", int, 1, 63, "kernels", glue="x"),
)
_RATE = Field("rate", float, 0, 0.5, "rates")
_UNITS = Field("units", int, 1, 1_048_576, "latent", log=True)
GENES: tuple[GeneKind, ...] = (
    GeneKind(Conv, -1, "conv", Role.ENCODER, _CONVOLUTION),
    GeneKind(UpConv, -2, "upconv", Role.DECODER, _CONVOLUTION),
    GeneKind(BatchNorm, -3, "bn", Role.MODIFIER, ()),
    GeneKind(Dropout, -4, "drop", Role.MODIFIER, (_RATE,)),
    GeneKind(Latent, -5, "latent", Role.BOTTLENECK, (_UNITS,)),
)
KIND_OF: dict[type[object], GeneKind] = {kind.gene: kind for kind in GENES}


def make(gene: type[_Gene], values: Sequence[float]) -> _Gene:
    """Return the gene of this type with these field values, which its fields must admit."""
    fields = KIND_OF[gene].fields
    build: Callable[..., _Gene] = gene
    return build(*(field.type(value) for field, value in zip(fields, values, strict=True)))


def numbers(gene: Gene) -> tuple[float, ...]:
    """Return a gene's field values in the order of its table row."""
    return tuple(getattr(gene, field.name) for field in KIND_OF[type(gene)].fields)
