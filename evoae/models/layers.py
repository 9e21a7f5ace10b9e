"""The layers of a network: records of shape and cost, laid one after the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evoae.genome.genes import BatchNorm, Dropout, Modifier, Residual
from evoae.genome.network_defaults import NetworkDefaults

Shape = tuple[int, ...]
Kind = Literal[
    "conv",
    "transposed",
    "maxpool",
    "avgpool",
    "upsample",
    "crop",
    "dense",
    "flatten",
    "reshape",
    "activation",
    "batchnorm",
    "dropout",
    "add",
]
Part = Literal["encoder", "heads", "decoder"]
_FREE: frozenset[Kind] = frozenset({"flatten", "reshape"})  # a view, no memory of its own


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer of the network.

    Attributes:
        name: unique in the network.
        kind: which standard layer it is; `add` ends a residual block: it adds what the two layers
            before it were given, and what they make of it.
        part: the sub-model it belongs to; `heads` are the encoder's further outputs, which read
            what its last layer, the code, reads.
        shape: of its output.
        parameters: its weights, trainable or not.
        flops: of one image's forward pass; a multiply-add counts two, element-wise work nothing.
        kernel: (height, width) of a convolution; (0, 0) for other kinds.
        stride: of a convolution, forth or back.
        activation: applied to the output.
        rate: share dropped by `dropout`; 0 for other kinds.
    """

    name: str
    kind: Kind
    part: Part
    shape: Shape
    parameters: int = 0
    flops: int = 0
    kernel: tuple[int, int] = (0, 0)
    stride: int = 1
    activation: str = "linear"
    rate: float = 0.0

    @property
    def activation_bytes(self) -> int:
        """Bytes of the output in float32; 0 for a view."""
        return 0 if self.kind in _FREE else 4 * math.prod(self.shape)


class PlanBuilder:
    """The layers laid so far, and the shape that they end in.

    Attributes:
        defaults: with the global genes of the genome in place of its own.
        shape: of the last layer's output.
        part: that further layers belong to.
        folded: the map that was flattened, or will be; the input's own until then.
    """

    def __init__(self, defaults: NetworkDefaults) -> None:
        self.defaults = defaults
        self.shape = defaults.input_shape
        self.folded = defaults.input_shape
        self.layers: list[LayerRecord] = []
        self.part: Part = "encoder"
        self._laid: Counter[str] = Counter()

    def lay(
        self,
        kind: Kind,
        shape: Shape,
        *,
        name: str | None = None,
        parameters: int = 0,
        flops: int = 0,
        kernel: tuple[int, int] = (0, 0),
        stride: int = 1,
        activation: str = "linear",
        rate: float = 0.0,
    ) -> None:
        """Append a layer with output `shape`, by default named by part, kind and number."""
        name = name or self._numbered("pool" if kind in ("maxpool", "avgpool") else kind)
        self.layers.append(
            LayerRecord(
                name, kind, self.part, shape, parameters, flops, kernel, stride, activation, rate
            )
        )
        self.shape = shape

    def convolve(
        self,
        filters: int,
        kernel: tuple[int, int],
        activation: str,
        *,
        name: str | None = None,
        stride: int = 1,
    ) -> None:
        """Lay a convolution of `same` padding."""
        height, width, channels = self.shape
        height, width = -(-height // stride), -(-width // stride)
        weights = channels * kernel[0] * kernel[1] * filters
        self.lay(
            "conv",
            (height, width, filters),
            name=name,
            parameters=weights + filters,
            flops=2 * weights * height * width,
            kernel=kernel,
            stride=stride,
            activation=activation,
        )

    def convolve_back(
        self, filters: int, kernel: tuple[int, int], activation: str, *, name: str | None = None
    ) -> None:
        """Lay a transposed convolution that doubles height and width."""
        height, width, channels = self.shape
        weights = channels * kernel[0] * kernel[1] * filters
        self.lay(
            "transposed",
            (2 * height, 2 * width, filters),
            name=name,
            parameters=weights + filters,
            flops=2 * weights * height * width,
            kernel=kernel,
            stride=2,
            activation=activation,
        )

    def connect(self, units: int, activation: str, name: str | None = None) -> None:
        """Lay a dense layer."""
        (width,) = self.shape
        self.lay(
            "dense",
            (units,),
            name=name,
            parameters=width * units + units,
            flops=2 * width * units,
            activation=activation,
        )

    def double(self) -> None:
        """Lay an upsampling that doubles height and width."""
        height, width, filters = self.shape
        self.lay("upsample", (2 * height, 2 * width, filters))

    def add_residual(self) -> None:
        """Lay x + conv(act(conv(x))), of as many filters as x has."""
        name, filters = self._numbered("res"), self.shape[-1]
        self.convolve(filters, (3, 3), self.defaults.activation, name=f"{name}_conv_1")
        self.convolve(filters, (3, 3), "linear", name=f"{name}_conv_2")
        self.lay("add", self.shape, name=name)

    def modify(self, modifiers: Iterable[Modifier]) -> None:
        """Lay modifiers in their order."""
        for modifier in modifiers:
            match modifier:
                case BatchNorm():
                    self.lay("batchnorm", self.shape, parameters=4 * self.shape[-1])
                case Dropout(rate):
                    self.lay("dropout", self.shape, rate=rate)
                case Residual(blocks):
                    for _ in range(blocks):
                        self.add_residual()

    def flatten(self) -> None:
        """Turn a map into a vector; leave a vector alone."""
        if len(self.shape) == 3:
            self.folded = self.shape
            self.lay("flatten", (math.prod(self.shape),), name="flatten")

    def unflatten(self) -> None:
        """Turn a vector into the map that was flattened; leave a map alone."""
        if len(self.shape) == 1:
            self.connect(math.prod(self.folded), self.defaults.activation, name="decode")
            self.lay("reshape", self.folded, name="unflatten")

    def _numbered(self, word: str) -> str:
        """Return the next name of this kind in this part."""
        stem = f"{self.part}_{word}"
        self._laid[stem] += 1
        return f"{stem}_{self._laid[stem]}"
