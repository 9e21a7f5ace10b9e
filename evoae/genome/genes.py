"""The gene table: all that a gene is, in one row.

`GENES` holds a row for each kind of gene: its token in the flat sequence, its word in the one-line
text, its numbers with their legal and drawn ranges and the mutation that changes them, how likely
a random genome has it, its canonical form, and what it tells a surrogate. Codec, text form, space,
sampling, mutation, crossover, features and the reference read the table when they are called.

To add a gene:

1. Here: a frozen dataclass of one of the bases (`EncoderLayer`, `DecoderLayer`, `Modifier`,
   `GlobalGene`) and its row in `GENES`, with a token that no gene ever had. An encoder layer needs
   a mirror: two classes, two rows.
2. In `evoae/models/plan.py`, table `LAYERS`: the function that lays it on the layer plan. Where it
   lays a kind of layer that no gene lays yet, the kind is the name of the class in `keras.layers`,
   and the row names it (`keras_layers`), so that saved models with it can be opened.
3. Only where users are to set its range or chance: the settings in `evoae/config/model.py`, which
   the row names. Without them the row holds both.

`tests/genome/test_adding_a_gene.py` adds one and searches with it. Rows stand in the order in
which a genome writes and draws them; tokens are never renumbered, as every sequence ever written
stays readable.

Tokens -1 to -4 and their lengths are those of Lanham, Evolutionary Deep Learning (2023), ch. 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar, TypeVar, get_args

from evoae.config import values
from evoae.config.model import ModelConfig
from evoae.config.schema import TrainingConfig
from evoae.genome.gene_kind import (
    DecoderLayer,
    EncoderLayer,
    Field,
    Gene,
    GeneKind,
    GlobalGene,
    Modifier,
)

_Gene = TypeVar("_Gene", bound=Gene)


@dataclass(frozen=True, slots=True)
class Conv(EncoderLayer):
    """Encoder convolution, `same` padding; halves its map while that is larger than `min_side`."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class UpConv(DecoderLayer):
    """Decoder convolution, back to exactly the size of map that its mirror took in."""

    filters: int
    kernel_h: int
    kernel_w: int


@dataclass(frozen=True, slots=True)
class BatchNorm(Modifier):
    """Normalise what stands before it, over the batch in training."""


@dataclass(frozen=True, slots=True)
class Dropout(Modifier):
    """Drop a share `rate` of what stands before it, in training."""

    rate: float


@dataclass(frozen=True, slots=True)
class Residual(Modifier):
    """Add to a map what two convolutions make of it, so many times (K. He et al. 2016).

    On the encoder's side after the convolution that it follows, on the decoder's before.
    """

    blocks: int


@dataclass(frozen=True, slots=True)
class Latent(Gene):
    """The bottleneck vector of `units` numbers."""

    units: int
    stands: ClassVar[str] = "between encoder and decoder"


@dataclass(frozen=True, slots=True)
class Dense(EncoderLayer):
    """Encoder layer of `units` numbers, for rows of a table and for vectors behind a map."""

    units: int


@dataclass(frozen=True, slots=True)
class UpDense(DecoderLayer):
    """Decoder layer of `units` numbers, the mirror of a dense one."""

    units: int


@dataclass(frozen=True, slots=True)
class Train(GlobalGene):
    """How the network is trained.

    Attributes:
        learning_rate: its decimal logarithm.
        batch_size: inputs in a step.
        optimizer: as in `training.optimizer`.
    """

    learning_rate: float
    batch_size: int
    optimizer: values.OptimizerName


@dataclass(frozen=True, slots=True)
class Activation(GlobalGene):
    """The activation of every layer but code and head."""

    function: values.ActivationName


@dataclass(frozen=True, slots=True)
class Downsampling(GlobalGene):
    """How every encoder convolution halves its map."""

    kind: values.DownsamplingName


@dataclass(frozen=True, slots=True)
class Upsampling(GlobalGene):
    """How every decoder convolution doubles its map."""

    kind: values.UpsamplingName


@dataclass(frozen=True, slots=True)
class Head(GlobalGene):
    """What makes the image: a convolution of its own, or the outermost decoder convolution.

    Attributes:
        kind: with `mirror`, the outermost decoder convolution has the image's channels, the head's
            activation, and its modifiers before it. Networks without convolutions have a dense
            head in any case.
    """

    kind: values.HeadName


@dataclass(frozen=True, slots=True)
class Linear(GlobalGene):
    """Whether a linear map stands beside the encoder, and one beside the decoder.

    Code and output are sums: of the network's and of the linear map's (the shortcut of K. He et
    al. 2016, over the whole network).

    Attributes:
        kind: with `pca`, the maps begin as principal component analysis of the training split, and
            the network's last layers at 0, so that training begins at PCA.
    """

    kind: values.LinearName


def _words(name: str, setting: str, mutation: str, literal: object) -> Field:
    """Return the field of a word that a setting offers."""
    words = get_args(literal)
    return Field(name, int, 0, len(words) - 1, (setting,), mutation, words=words)


def _choice(
    gene: type[GlobalGene],
    token: int,
    word: str,
    field: str,
    literal: object,
    *,
    absent: str | None = None,
    sized: bool = True,
    title: str = "",
    keras_layers: tuple[str, ...] = (),
    possible: Callable[[ModelConfig], bool] = lambda _: True,
) -> GeneKind:
    """Return the row of a gene that is a word, offered by the setting that has the gene's name.

    Args:
        gene: its class.
        token: of it.
        word: of it.
        field: name of its attribute.
        literal: the words.
        absent: the word of a network without the gene; None for the first that is on offer.
        sized: see `GeneKind`.
        title: likewise.
        keras_layers: likewise.
        possible: tells whether networks of a space can have the gene.
    """
    setting = gene.__name__.lower()
    build: Callable[[str], GlobalGene] = gene
    offered = attrgetter(setting)
    return GeneKind(
        gene,
        token,
        word,
        (_words(field, setting, "global_genes", literal),),
        title,
        keras_layers,
        evolves=lambda model: offered(model) != (absent or offered(model)[0],) and possible(model),
        absent=lambda model, _: build(absent or offered(model)[0]),
        sized=sized,
    )


def _first(first: Modifier, _: Modifier) -> tuple[Modifier, ...]:
    return (first,)


def _sum(first: Residual, second: Residual) -> tuple[Modifier, ...]:
    """Return as many blocks in as few genes as can say it."""
    most, blocks = int(_BLOCKS.high), first.blocks + second.blocks
    return (Residual(blocks),) if blocks <= most else (Residual(most), Residual(blocks - most))


def _configured(_: ModelConfig, training: TrainingConfig) -> Train:
    """Return the configuration's own training as a gene."""
    rate = math.log10(training.learning_rate)
    return Train(rate, training.batch_size, training.optimizer)


_CONVOLUTION = (
    Field(
        *("filters", int, 1, 65_536, ("filters",), "filters"),
        log=True,
        grain="filter_step",
        tells="width",
    ),
    Field("kernel_h", int, 1, 63, ("kernels",), "kernels", tells="kernel"),
    Field("kernel_w", int, 1, 63, ("kernels",), "kernels", tells="kernel", glue="x"),
)
_UNITS = (Field("units", int, 1, 65_536, ("units",), "units", log=True, tells="width"),)
_CODE = (Field("units", int, 1, 1_048_576, ("min_latent", "max_latent"), "latent", log=True),)
_BLOCKS = Field("blocks", int, 1, 8, ("residual",), "blocks")
_RATE = Field("rate", float, 0, 0.5, ("rates",), "rates", shift=0.1, positive=True)
_LEARNING = ("learning.learning_rates",), "learning"
_TRAINING = (
    Field("learning_rate", float, -7, 1, *_LEARNING, shift=0.3, log10=True),
    Field("batch_size", int, 1, 65_536, ("learning.batch_sizes",), "learning", log=True),
    _words("optimizer", "learning.optimizers", "learning", values.OptimizerName),
)
GENES: dict[type[Gene], GeneKind] = {
    kind.gene: kind
    for kind in (
        _choice(Activation, -9, "act", "function", values.ActivationName, sized=False),
        _choice(Downsampling, -10, "down", "kind", values.DownsamplingName),
        _choice(Upsampling, -11, "up", "kind", values.UpsamplingName),
        _choice(Head, -12, "head", "kind", values.HeadName, absent="conv"),
        _choice(
            *(Linear, -14, "linear", "kind", values.LinearName),
            absent="none",
            title="linear path",
            keras_layers=("ReLU",),
            possible=lambda model: model.latent == "vector",
        ),
        GeneKind(
            *(Train, -8, "train", _TRAINING),
            evolves=attrgetter("learning.evolve"),
            absent=_configured,
        ),
        GeneKind(Conv, -1, "conv", _CONVOLUTION, mirror=UpConv, needs_map=True),
        GeneKind(Dense, -6, "dense", _UNITS, mirror=UpDense),
        GeneKind(Latent, -5, "latent", _CODE),
        GeneKind(UpConv, -2, "upconv", _CONVOLUTION, needs_map=True),
        GeneKind(UpDense, -7, "updense", _UNITS),
        GeneKind(
            *(Residual, -13, "res", (_BLOCKS,), "residual blocks"),
            needs_map=True,
            chance="sampling.residual",
            laid_first=True,
            merged=_sum,
        ),
        GeneKind(
            *(BatchNorm, -3, "bn", (), "batch normalisation"),
            chance="sampling.batchnorm",
            always=True,
            merged=_first,
        ),
        GeneKind(Dropout, -4, "drop", (_RATE,), chance="sampling.dropout", always=True),
    )
}


def by_token() -> list[GeneKind]:
    """Return the rows in the order in which they came into the table."""
    return sorted(GENES.values(), key=lambda kind: -kind.token)


def kinds(base: type[_Gene]) -> dict[type[_Gene], GeneKind]:
    """Return the rows of genes with this base, in the table's order."""
    return {gene: kind for gene, kind in GENES.items() if issubclass(gene, base)}


def mirror_of(layer: type[Gene]) -> type[DecoderLayer]:
    """Return the decoder layer that mirrors an encoder layer."""
    mirror = GENES[layer].mirror
    assert mirror is not None
    return mirror


def make(gene: type[_Gene], numbers: Sequence[float]) -> _Gene:
    """Return the gene of this type with these numbers, which its fields must admit."""
    fields = GENES[gene].fields
    build: Callable[..., _Gene] = gene
    return build(*(field.value(number) for field, number in zip(fields, numbers, strict=True)))


def numbers(gene: Gene) -> tuple[float, ...]:
    """Return a gene's numbers in the order of its table row."""
    return tuple(number for _, number in by_field(gene))


def by_field(gene: Gene) -> list[tuple[Field, float]]:
    """Return the fields of a gene's table row, each with the gene's number."""
    return [(field, field.number(getattr(gene, field.name))) for field in GENES[type(gene)].fields]
