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
PART_INPUT = "input"
_FREE = frozenset({"flatten", "reshape"})  # a view, no memory of its own


def is_beside(layer: str) -> bool:
    """Tell from a layer's name whether it belongs to the linear path beside the network."""
    return layer.startswith("linear_")


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer of the network.

    Attributes:
        name: unique in the network.
        kind: which standard layer it is, in the words of `evoae.models.build`, or the name of a
            class in `keras.layers`.
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
        inputs: names of the layers of its part whose outputs it reads, `PART_INPUT` for what the
            part is given; none: the layer before it.
        starts_at_zero: whether its weights are 0 before training.
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
    inputs: tuple[str, ...] = ()
    starts_at_zero: bool = False

    @property
    def beside(self) -> bool:
        """Whether it belongs to the linear path beside the network."""
        return is_beside(self.name)

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
        linear: whether a linear path stands beside the network.
    """

    def __init__(self, defaults: NetworkDefaults) -> None:
        self.defaults = defaults
        self.shape = defaults.input_shape
        self.folded = defaults.input_shape
        self.entry = defaults.input_shape
        self.mirrored = False
        self.linear = False
        self.layers: list[LayerRecord] = []
        self.part: Part = "encoder"
        self._laid: Counter[str] = Counter()

    @property
    def last(self) -> str:
        """Name of the last layer of this part; `PART_INPUT` if there is none yet."""
        laid = self.layers and self.layers[-1].part == self.part
        return self.layers[-1].name if laid else PART_INPUT

    @property
    def output(self) -> str:
        """Activation of the head; none where a linear map is added to it."""
        return "linear" if self.linear else self.defaults.output

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
        if self.linear and name in ("code", "head"):
            of_record["starts_at_zero"] = True
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

    def connect(
        self, units: int, activation: str, name: str | None = None, **of_record: Any
    ) -> None:
        """Lay a dense layer."""
        (width,) = self.shape
        self.lay(
            "dense",
            (units,),
            name,
            parameters=width * units + units,
            flops=2 * width * units,
            activation=activation,
            **of_record,
        )

    def add_linear_code(self, units: int) -> None:
        """Lay a linear map of the input, and its sum with the network's code."""
        code, self.shape = self.last, self.defaults.input_shape
        inputs: tuple[str, ...] = (PART_INPUT,)
        if len(self.shape) == 3:
            self.lay("flatten", (math.prod(self.shape),), "linear_flatten", inputs=inputs)
            inputs = ()
        self.connect(units, "linear", "linear_code", inputs=inputs)
        self.lay("add", name="linear_code_sum", inputs=(code, self.last))

    def add_linear_output(self, units: int) -> None:
        """Lay a linear map of the code, and its sum with the network's output.

        Where inputs lie in 0..1 it is clipped to them, which brings it nearer to any of them.
        """
        whole, output = self.defaults.input_shape, self.last
        self.shape = (units,)
        self.connect(math.prod(whole), "linear", "linear_head", inputs=(PART_INPUT,))
        if len(whole) == 3:
            self.lay("reshape", whole, "linear_image")
        self.lay("add", name="linear_sum", inputs=(output, self.last))
        if self.defaults.output == "sigmoid":
            self.lay("ReLU", name="linear_clip", settings={"max_value": 1.0})

    def double(self) -> None:
        """Lay an upsampling that doubles height and width."""
        height, width, filters = self.shape
        self.lay("upsample", (2 * height, 2 * width, filters))

    def add_residual(self) -> None:
        """Lay x + conv(act(conv(x))), of as many filters as x has."""
        name, filters, entry = self._numbered("res"), self.shape[-1], self.last
        self.convolve(filters, (3, 3), self.defaults.activation, f"{name}_conv_1")
        self.convolve(filters, (3, 3), "linear", f"{name}_conv_2")
        self.lay("add", name=name, inputs=(entry, self.last))

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
