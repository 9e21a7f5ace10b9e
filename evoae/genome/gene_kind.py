"""The types of the gene table: base classes of genes, their fields, and `GeneKind`, a row.

`evoae.genome.genes` holds the rows, and says how to add one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Literal

from evoae.config.model import ModelConfig
from evoae.config.schema import TrainingConfig

STEPS_PER_UNIT = 1000  # a real number in canonical form has three digits


class Gene:
    """Base of every gene."""

    __slots__ = ()
    stands: ClassVar[str]  # where in a genome


class EncoderLayer(Gene):
    """Base of the layers from the input to the bottleneck."""

    __slots__ = ()
    stands = "encoder layer"


class DecoderLayer(Gene):
    """Base of the layers from the bottleneck to the output, the mirrors of encoder layers."""

    __slots__ = ()
    stands = "decoder layer"


class Modifier(Gene):
    """Base of what follows a layer and changes its output."""

    __slots__ = ()
    stands = "modifier of the layer before it"


class GlobalGene(Gene):
    """Base of the genes of the whole network; every genome of a search has them, or none has."""

    __slots__ = ()
    stands = "of the whole network, before its first layer"


@dataclass(frozen=True, slots=True)
class Field:
    """A number of a gene, or a word out of a few, whose number is its index among them.

    Attributes:
        name: of the gene's attribute.
        type: whole number or real.
        low, high: smallest and largest legal value.
        settings: dotted path below `model` of the setting that narrows the range for a search,
            (low, high) or the words on offer; or two paths, of the lowest and the highest; none:
            a search draws from the whole legal range.
        mutation: weight in `MutationConfig` of the mutation that changes it; none: it is drawn
            anew with its gene alone.
        log: drawn log-uniformly, and scaled rather than shifted.
        shift: the largest change by one mutation, where it is shifted.
        grain: setting below `model` of which it is a multiple in a search.
        positive: 0 does nothing: it is never drawn, and canonical genomes have no such modifier.
        log10: it is the decimal logarithm of what the setting ranges over.
        tells: what a layer's number is to a surrogate: its width, or a side of its kernel.
        glue: what separates it from the field before it in the one-line text.
        words: what the numbers 0, 1, ... stand for; none if the value is the number.
    """

    name: str
    type: type[int] | type[float]
    low: float
    high: float
    settings: tuple[str, ...] = ()
    mutation: str = ""
    log: bool = False
    shift: float = 1
    grain: str = ""
    positive: bool = False
    log10: bool = False
    tells: Literal["width", "kernel", ""] = ""
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
        """Return the number of steps nearest to `number`: of 1, or of .001 for a real one."""
        return round(number if self.type is int else number * STEPS_PER_UNIT)

    def from_steps(self, steps: int) -> float:
        """Return the number that `steps` steps make."""
        return steps if self.type is int else steps / STEPS_PER_UNIT

    def value(self, number: float) -> float | str:
        """Return what a legal number stands for in the gene."""
        return self.words[int(number)] if self.words else self.type(number)

    def number(self, value: float | str) -> float:
        """Return the number of a gene's value."""
        return self.words.index(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, eq=False)
class GeneKind:
    """A row of the gene table. A gene is its token followed by its fields.

    Attributes:
        gene: its class; the base says where it stands.
        token, word: in the flat sequence and in the one-line text.
        fields: its numbers.
        title: what reports call it; by default the name of its class in lower case.
        keras_layers: classes of `keras.layers` without weights that no other gene lays.
        mirror: of an encoder layer, its decoder layer.
        needs_map: a layer that reads and makes maps of (height, width, channels), not vectors; a
            modifier of such layers alone.
        chance: probability that a layer is drawn with the modifier, or the dotted path of its
            setting below `model`.
        always: the modifier can come by mutation although its chance is 0; else it never does.
        laid_first: a decoder lays the modifier before the layer that it follows.
        merged: what two successive modifiers of the kind amount to; None: to both.
        evolves: tells whether the genomes of a search have the gene of the whole network.
        absent: the gene of the whole network that says what a network without it has.
        sized: the words of the gene of the whole network differ in the size of the network.
    """

    gene: type[Gene]
    token: int
    word: str
    fields: tuple[Field, ...] = ()
    title: str = ""
    keras_layers: tuple[str, ...] = ()
    mirror: type[DecoderLayer] | None = None
    needs_map: bool = False
    chance: float | str = 0.0
    always: bool = False
    laid_first: bool = False
    merged: Callable[[Any, Any], tuple[Modifier, ...]] | None = None
    evolves: Callable[[ModelConfig], bool] | None = None
    absent: Callable[[ModelConfig, TrainingConfig], GlobalGene] | None = None
    sized: bool = False

    @property
    def length(self) -> int:
        """Numbers that one gene takes in the flat sequence, its token included."""
        return 1 + len(self.fields)

    def probability(self, model: ModelConfig) -> float:
        """Return the probability that a layer is drawn with this modifier."""
        if isinstance(self.chance, str):
            return float(attrgetter(self.chance)(model))
        return self.chance

    def occurs(self, model: ModelConfig) -> bool:
        """Tell whether sampling or mutation may bring the modifier into a genome."""
        return self.always or self.probability(model) > 0
