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
from typing import Literal, TypeVar, get_args

from evoae.config.values import (
    ActivationName,
    DownsamplingName,
    HeadName,
    OptimizerName,
    UpsamplingName,
)

STEPS_PER_UNIT = 1000  # a real number in canonical form has three digits


@dataclass(frozen=True, slots=True)
class Conv:
    """Encoder convolution, `same` padding; halves its map while that is larger than `min_side`."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class UpConv:
    """Decoder convolution, back to exactly the size of map that its mirror took in."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class BatchNorm:
    """Normalise what stands before it, over the batch in training."""


@dataclass(frozen=True, slots=True)
class Dropout:
    """Drop a share `rate` of what stands before it, in training."""

    rate: float


@dataclass(frozen=True, slots=True)
class Residual:
    """Add to a map what two convolutions make of it, so many times (K. He et al. 2016).

    On the encoder's side after the convolution that it follows, on the decoder's before.
    """

    blocks: int


@dataclass(frozen=True, slots=True)
class Latent:
    """The bottleneck vector of `units` numbers."""

    units: int


@dataclass(frozen=True, slots=True)
class Dense:
    """Encoder layer of `units` numbers, for rows of a table and for vectors behind a map."""

    units: int


@dataclass(frozen=True, slots=True)
class UpDense:
    """Decoder layer of `units` numbers, the mirror of a dense one."""

    units: int


@dataclass(frozen=True, slots=True)
class Train:
    """How the network is trained.

    Attributes:
        learning_rate: its decimal logarithm.
        batch_size: inputs in a step.
        optimizer: as in `training.optimizer`.
    """

    learning_rate: float
    batch_size: int
    optimizer: OptimizerName


@dataclass(frozen=True, slots=True)
class Activation:
    """The activation of every layer but code and head."""

    function: ActivationName


@dataclass(frozen=True, slots=True)
class Downsampling:
    """How every encoder convolution halves its map."""

    kind: DownsamplingName


@dataclass(frozen=True, slots=True)
class Upsampling:
    """How every decoder convolution doubles its map."""

    kind: UpsamplingName


@dataclass(frozen=True, slots=True)
class Head:
    """What makes the image: a convolution of its own, or the outermost decoder convolution.

    Attributes:
        kind: with `mirror`, the outermost decoder convolution has the image's channels, the head's
            activation, and its modifiers before it. Networks without convolutions have a dense
            head in any case.
    """

    kind: HeadName


EncoderLayer = Conv | Dense
DecoderLayer = UpConv | UpDense
Modifier = BatchNorm | Dropout | Residual
GlobalGene = Activation | Downsampling | Upsampling | Head | Train
Gene = EncoderLayer | DecoderLayer | Modifier | Latent | GlobalGene
MIRROR: dict[type[object], type[DecoderLayer]] = {Conv: UpConv, Dense: UpDense}
_Gene = TypeVar("_Gene", bound=Gene)


class Role(Enum):
    """Where in a genome a gene may stand."""

    ENCODER = "encoder layer"
    DECODER = "decoder layer"
    MODIFIER = "modifier of the layer before it"
    BOTTLENECK = "between encoder and decoder"
    GLOBAL = "of the whole network, before its first layer"


Setting = Literal[
    "filters",
    "kernels",
    "units",
    "rates",
    "latent",
    "activation",
    "downsampling",
    "upsampling",
    "head",
    "residual",
    "learning_rates",
    "batch_sizes",
    "optimizers",
]


@dataclass(frozen=True, slots=True)
class Field:
    """One number of a gene, or one word of a few, whose number is its place among them.

    Attributes:
        name: of the gene's attribute.
        type: whole number or real.
        low, high: smallest and largest legal value.
        setting: which `model` setting narrows the range for a search; `latent` is
            min_latent..max_latent.
        log: drawn log-uniformly, and scaled rather than shifted.
        glue: what separates it from the field before it in the one-line text.
        words: what the numbers 0, 1, ... stand for; none if the value is the number.
    """

    name: str
    type: type[int] | type[float]
    low: float
    high: float
    setting: Setting
    log: bool = False
    glue: str = ","
    words: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What `admits` asks for, in words."""
        if self.words:
            return f"{self.name} must be one of {', '.join(self.words)}"
        whole = "be a whole number" if self.type is int else "lie"
        return f"{self.name} must {whole} in {self.low:,}..{self.high:,}"

    def admits(self, number: float) -> bool:
        """Tell whether `number` is legal; NaN is not."""
        return self.low <= number <= self.high and (self.type is float or number == int(number))

    def to_steps(self, number: float) -> int:
        """Return the number of steps nearest to `number`: 1 each, .001 each for a real one."""
        return round(number if self.type is int else number * STEPS_PER_UNIT)

    def from_steps(self, steps: int) -> float:
        """Return the number of so many steps."""
        return steps if self.type is int else steps / STEPS_PER_UNIT

    def value(self, number: float) -> float | str:
        """Return what a legal number stands for in the gene."""
        return self.words[int(number)] if self.words else self.type(number)

    def number(self, value: float | str) -> float:
        """Return the number of a gene's value."""
        return self.words.index(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class GeneKind:
    """One row of the gene table. A gene is its token followed by its fields."""

    gene: type[Gene]
    token: int
    word: str
    role: Role
    fields: tuple[Field, ...] = ()

    @property
    def length(self) -> int:
        """Numbers that one gene takes in the flat sequence, its token included."""
        return 1 + len(self.fields)


def _one_of(name: str, setting: Setting, literal: object) -> Field:
    words = get_args(literal)
    return Field(name, int, 0, len(words) - 1, setting, words=words)


_CONVOLUTION = (
    Field("filters", int, 1, 65_536, "filters", log=True),
    Field("kernel_h", int, 1, 63, "kernels"),
    Field("kernel_w", int, 1, 63, "kernels", glue="x"),
)
_RATE = Field("rate", float, 0, 0.5, "rates")
_BLOCKS = Field("blocks", int, 1, 8, "residual")
_LATENT = Field("units", int, 1, 1_048_576, "latent", log=True)
_UNITS = Field("units", int, 1, 65_536, "units", log=True)
_TRAINING = (
    Field("learning_rate", float, -7, 1, "learning_rates"),
    Field("batch_size", int, 1, 65_536, "batch_sizes", log=True),
    _one_of("optimizer", "optimizers", OptimizerName),
)
GENES: tuple[GeneKind, ...] = (
    GeneKind(Conv, -1, "conv", Role.ENCODER, _CONVOLUTION),
    GeneKind(UpConv, -2, "upconv", Role.DECODER, _CONVOLUTION),
    GeneKind(BatchNorm, -3, "bn", Role.MODIFIER),
    GeneKind(Dropout, -4, "drop", Role.MODIFIER, (_RATE,)),
    GeneKind(Latent, -5, "latent", Role.BOTTLENECK, (_LATENT,)),
    GeneKind(Dense, -6, "dense", Role.ENCODER, (_UNITS,)),
    GeneKind(UpDense, -7, "updense", Role.DECODER, (_UNITS,)),
    GeneKind(Train, -8, "train", Role.GLOBAL, _TRAINING),
    GeneKind(
        Activation, -9, "act", Role.GLOBAL, (_one_of("function", "activation", ActivationName),)
    ),
    GeneKind(
        Downsampling,
        -10,
        "down",
        Role.GLOBAL,
        (_one_of("kind", "downsampling", DownsamplingName),),
    ),
    GeneKind(Upsampling, -11, "up", Role.GLOBAL, (_one_of("kind", "upsampling", UpsamplingName),)),
    GeneKind(Head, -12, "head", Role.GLOBAL, (_one_of("kind", "head", HeadName),)),
    GeneKind(Residual, -13, "res", Role.MODIFIER, (_BLOCKS,)),
)
KIND_OF: dict[type[object], GeneKind] = {kind.gene: kind for kind in GENES}
GLOBAL_GENES: tuple[type[GlobalGene], ...] = (
    Activation,
    Downsampling,
    Upsampling,
    Head,
    Train,
)  # as written


def make(gene: type[_Gene], numbers: Sequence[float]) -> _Gene:
    """Return the gene of this type with these numbers, which its fields must admit."""
    fields = KIND_OF[gene].fields
    build: Callable[..., _Gene] = gene
    return build(*(field.value(number) for field, number in zip(fields, numbers, strict=True)))


def numbers(gene: Gene) -> tuple[float, ...]:
    """Return a gene's numbers in the order of its table row."""
    fields = KIND_OF[type(gene)].fields
    return tuple(field.number(getattr(gene, field.name)) for field in fields)
