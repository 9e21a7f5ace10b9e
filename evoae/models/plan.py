"""The layer plan: from genome and input shape to every layer's shape and cost, without TensorFlow.

A plan is what the limits are checked on and what the Keras builder follows, so that what was
promised and what is built cannot differ.

Shapes never hold the batch axis. Pooling keeps odd remainders (`same` padding, a side of 15
becomes 8); the mirror upsamples by two and crops the bottom and right edge back. Modifiers work on
the smaller side of the resampling: after the encoder's pooling, before the decoder's upsampling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from evoae.genome.genes import BatchNorm, Conv, Dropout, Modifier, UpConv
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Size

Shape = tuple[int, ...]
Kind = Literal[
    "conv", "pool", "batchnorm", "dropout", "flatten", "dense", "reshape", "upsample", "crop"
]
Part = Literal["encoder", "decoder"]
_FREE: frozenset[Kind] = frozenset({"flatten", "reshape"})  # a view, no memory of its own


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer of the network.

    Attributes:
        name: unique in the network.
        kind: which standard layer it is.
        part: the sub-model it belongs to.
        shape: of its output.
        parameters: its weights, trainable or not.
        flops: of one image's forward pass; a multiply-add counts two, element-wise work nothing.
        kernel: (height, width) of a convolution; (0, 0) for other kinds.
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
    activation: str = "linear"
    rate: float = 0.0

    @property
    def activation_bytes(self) -> int:
        """Bytes of the output in float32; 0 for a view."""
        return 0 if self.kind in _FREE else 4 * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Plan:
    """All layers of one autoencoder, the encoder's first.

    Attributes:
        input_shape: (height, width, channels), which is the output shape as well.
        layers: in the order of computation.
        depth: encoder layers.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[LayerRecord, ...]
    depth: int

    @property
    def encoder(self) -> tuple[LayerRecord, ...]:
        """The layers from the input to the bottleneck."""
        return tuple(layer for layer in self.layers if layer.part == "encoder")

    @property
    def decoder(self) -> tuple[LayerRecord, ...]:
        """The layers from the bottleneck to the output."""
        return tuple(layer for layer in self.layers if layer.part == "decoder")

    @property
    def latent_shape(self) -> Shape:
        """Shape of the bottleneck: (units,) for a vector, else (height, width, filters)."""
        return self.encoder[-1].shape

    @property
    def output_shape(self) -> Shape:
        """Shape of the reconstruction; always the input shape."""
        return self.layers[-1].shape

    @property
    def size(self) -> Size:
        """What the limits look at."""
        return Size(
            latent=math.prod(self.latent_shape),
            depth=self.depth,
            parameters=sum(layer.parameters for layer in self.layers),
            flops=sum(layer.flops for layer in self.layers),
            activation_bytes=sum(layer.activation_bytes for layer in self.layers),
        )


class _Draft:
    """The layers laid so far, and the shape that they end in."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.layers: list[LayerRecord] = []
        self.part: Part = "encoder"

    def lay(
        self,
        kind: Kind,
        shape: Shape,
        *,
        name: str | None = None,
        parameters: int = 0,
        flops: int = 0,
        kernel: tuple[int, int] = (0, 0),
        activation: str = "linear",
        rate: float = 0.0,
    ) -> None:
        """Append a layer with output `shape`."""
        count = sum(layer.kind == kind and layer.part == self.part for layer in self.layers)
        name = name or f"{self.part}_{kind}_{count + 1}"
        self.layers.append(
            LayerRecord(name, kind, self.part, shape, parameters, flops, kernel, activation, rate)
        )
        self.shape = shape

    def convolve(
        self, filters: int, kernel: tuple[int, int], activation: str, name: str | None = None
    ) -> None:
        height, width, channels = self.shape
        weights = channels * kernel[0] * kernel[1] * filters
        self.lay(
            "conv",
            (height, width, filters),
            name=name,
            parameters=weights + filters,
            flops=2 * weights * height * width,
            kernel=kernel,
            activation=activation,
        )

    def connect(self, units: int, activation: str, name: str) -> None:
        (width,) = self.shape
        self.lay(
            "dense",
            (units,),
            name=name,
            parameters=width * units + units,
            flops=2 * width * units,
            activation=activation,
        )

    def modify(self, modifiers: tuple[Modifier, ...]) -> None:
        for modifier in modifiers:
            match modifier:
                case BatchNorm():
                    self.lay("batchnorm", self.shape, parameters=4 * self.shape[-1])
                case Dropout(rate):
                    self.lay("dropout", self.shape, rate=rate)


def plan(
    genome: Genome,
    input_shape: tuple[int, int, int],
    *,
    min_side: int = 7,
    output: str = "sigmoid",
) -> Plan:
    """Infer every layer of the autoencoder that `genome` describes.

    Args:
        genome: any valid genome; none fails.
        input_shape: (height, width, channels).
        min_side: an encoder layer pools while the smaller side of its input is larger than this.
        output: activation of the head, a 3x3 convolution to the input's channels.
    """
    draft = _Draft(input_shape)
    entries = [_encode(draft, block, min_side) for block in genome.encoder]
    bottleneck = draft.shape
    if genome.latent is not None:
        draft.lay("flatten", (math.prod(bottleneck),), name="flatten")
        draft.connect(genome.latent.units, "linear", name="code")
    draft.part = "decoder"
    if genome.latent is not None:
        draft.connect(math.prod(bottleneck), "relu", name="decode")
        draft.lay("reshape", bottleneck, name="unflatten")
    for block, entry in zip(genome.decoder, reversed(entries), strict=True):
        _decode(draft, block, entry)
    draft.convolve(input_shape[-1], (3, 3), output, name="head")
    return Plan(input_shape, tuple(draft.layers), genome.depth)


def measure(input_shape: tuple[int, int, int], *, min_side: int = 7) -> Callable[[Genome], Size]:
    """Return the function that tells the size of a genome's network for this input."""
    return partial(_size, input_shape, min_side)


def _size(input_shape: tuple[int, int, int], min_side: int, genome: Genome) -> Size:
    return plan(genome, input_shape, min_side=min_side).size


def _encode(draft: _Draft, block: Block, min_side: int) -> Shape:
    """Lay an encoder block; return the shape it was given."""
    entry = draft.shape
    match block.layer:
        case Conv(filters, kernel_h, kernel_w):
            draft.convolve(filters, (kernel_h, kernel_w), "relu")
            height, width, _ = draft.shape
            if min(height, width) > min_side:
                draft.lay("pool", (-(-height // 2), -(-width // 2), filters))
    draft.modify(block.modifiers)
    return entry


def _decode(draft: _Draft, block: Block, entry: Shape) -> None:
    """Lay a decoder block that ends in the height and width of `entry`, its mirror's input."""
    match block.layer:
        case UpConv(filters, kernel_h, kernel_w):
            draft.convolve(filters, (kernel_h, kernel_w), "relu")
            draft.modify(block.modifiers)
            height, width, _ = draft.shape
            if (height, width) != entry[:2]:
                draft.lay("upsample", (2 * height, 2 * width, filters))
            if draft.shape[:2] != entry[:2]:
                draft.lay("crop", (*entry[:2], filters))
