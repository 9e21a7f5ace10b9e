"""The gene table: every gene, once.

One table, `GENES`, declares every gene: its token in the flat sequence, its word in the one-line
text and the legal range of each field. Codec, text form, sampling and mutation read it; the ranges
that a search draws from are the user's choice (`model` in the configuration) and lie inside
these.

Tokens -1 to -4 and their lengths are those of Lanham, Evolutionary Deep Learning (2023), ch. 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


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


class Role(Enum):
    """Where in a genome a gene may stand."""

    ENCODER = "encoder layer"
    DECODER = "decoder layer"
    MODIFIER = "modifier of the layer before it"
    BOTTLENECK = "between encoder and decoder"


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a gene, `low` and `high` being the smallest and largest legal value."""

    name: str
    type: type[int] | type[float]
    low: float
    high: float


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
    Field("filters", int, 1, 65_536),
    Field("kernel_h", int, 1, 63),
    Field("kernel_w", int, 1, 63),
)
GENES: tuple[GeneKind, ...] = (
    GeneKind(Conv, -1, "conv", Role.ENCODER, _CONVOLUTION),
    GeneKind(UpConv, -2, "upconv", Role.DECODER, _CONVOLUTION),
    GeneKind(BatchNorm, -3, "bn", Role.MODIFIER, ()),
    GeneKind(Dropout, -4, "drop", Role.MODIFIER, (Field("rate", float, 0.0, 0.5),)),
    GeneKind(Latent, -5, "latent", Role.BOTTLENECK, (Field("units", int, 1, 1_048_576),)),
)
KIND_OF: dict[type[Gene], GeneKind] = {kind.gene: kind for kind in GENES}
