"""The layers of a network: records of shape and cost, laid one after the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from evoae.genome.network_defaults import NetworkDefaults

Shape = tuple[int, ...]
Part = Literal["encoder", "heads", "decoder"]
_FREE = frozenset({"flatten", "reshape"})  # a view, no memory of its own


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer of the network.

    Attributes:
        name: unique in the network.
        kind: which standard layer it is, in the words of `evoae.models.build`, or the name of a
            class in `keras.layers`. `add` ends a residual block: it adds what the two layers
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
        settings: of a kind that is the name of a class, its further arguments.
    """

    name: str
    kind: str
    part: Part
    shape: Shape
    parameters: int = 0
    flops: int = 0
    kernel: tuple[int, int] = (0, 0)
    stride: int = 1
    activation: str = "linear"
    rate: float = 0.0
    settings: Mapping[str, object] = field(default_factory=dict)

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
        entry: shape of the input of the encoder layer that a decoder layer mirrors.
        mirrored: whether the outermost decoder convolution is the head.
    """

    def __init__(self, defaults: NetworkDefaults) -> None:
        self.defaults = defaults
        self.shape = defaults.input_shape
        self.folded = defaults.input_shape
        self.entry = defaults.input_shape
        self.mirrored = False
        self.layers: list[LayerRecord] = []
        self.part: Part = "encoder"
        self._laid: Counter[str] = Counter()

    @property
    def halved(self) -> bool:
        """Whether the decoder's map is still half as large as that of its mirror's input."""
        return self.shape[0] < self.entry[0]

    def lay(
        self, kind: str, shape: Shape | None = None, name: str | None = None, **of_record: Any
    ) -> None:
        """Append a layer.

        Args:
            kind: see `LayerRecord`.
            shape: of its output; None for that of its input.
            name: by default part, kind and number.
            **of_record: further attributes of its `LayerRecord`.
        """
        name = name or self._numbered("pool" if kind in ("maxpool", "avgpool") else kind.lower())
        self.shape = self.shape if shape is None else shape
        self.layers.append(LayerRecord(name, kind, self.part, self.shape, **of_record))

    def convolve(
        self,
        filters: int,
        kernel: tuple[int, int],
        activation: str,
        name: str | None = None,
        stride: int = 1,
        *,
        transposed: bool = False,
    ) -> None:
        """Lay a convolution of `same` padding; a transposed one multiplies sides by `stride`."""
        height, width, channels = self.shape
        if not transposed:
            height, width = -(-height // stride), -(-width // stride)
        grown = stride if transposed else 1
        weights = channels * kernel[0] * kernel[1] * filters
        self.lay(
            "transposed" if transposed else "conv",
            (grown * height, grown * width, filters),
            name,
            parameters=weights + filters,
            flops=2 * weights * height * width,
            kernel=kernel,
            stride=stride,
            activation=activation,
        )

    def deconvolve(
        self, filters: int, kernel: tuple[int, int], activation: str, name: str | None = None
    ) -> None:
        """Lay a decoder's convolution: a transposed one where it may double the map itself."""
        doubles = self.halved and self.defaults.upsampling == "transposed"
        stride = 2 if doubles else 1
        self.convolve(filters, kernel, activation, name, stride, transposed=doubles)

    def connect(self, units: int, activation: str, name: str | None = None) -> None:
        """Lay a dense layer."""
        (width,) = self.shape
        self.lay(
            "dense",
            (units,),
            name,
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
        self.convolve(filters, (3, 3), self.defaults.activation, f"{name}_conv_1")
        self.convolve(filters, (3, 3), "linear", f"{name}_conv_2")
        self.lay("add", name=name)

    def flatten(self) -> None:
        """Turn a map into a vector; leave a vector alone."""
        if len(self.shape) == 3:
            self.folded = self.shape
            self.lay("flatten", (math.prod(self.shape),), "flatten")

    def unflatten(self) -> None:
        """Turn a vector into the map that was flattened; leave a map alone."""
        if len(self.shape) == 1:
            self.connect(math.prod(self.folded), self.defaults.activation, name="decode")
            self.lay("reshape", self.folded, "unflatten")

    def _numbered(self, word: str) -> str:
        """Return the next name of this kind in this part."""
        stem = f"{self.part}_{word}"
        self._laid[stem] += 1
        return f"{stem}_{self._laid[stem]}"
