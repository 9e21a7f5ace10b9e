"""The layer plan: from genome and input shape to every layer's shape and cost, without TensorFlow.

A plan is what the limits are checked on and what the Keras builder follows, so that what was
promised and what is built cannot differ.

Shapes never hold the batch axis. Halving keeps odd remainders (`same` padding, a side of 15
becomes 8); the mirror doubles and crops the bottom and right edge back. Modifiers work on the
smaller side of the resampling: after the encoder's, before the decoder's, unless the decoder's is
a transposed convolution, which has no smaller side. Residual blocks keep a map's shape; a
decoder's are laid on the map that enters its convolution.

The head is a 3x3 convolution of its own. Of genomes with `head(mirror)` the outermost decoder
convolution is the head: its modifiers are all laid before it, an upsampling too, and a crop after.

Where the encoder turns from map to vector, it flattens; there the decoder turns back, by a dense
layer and a reshape. In a network without convolutions that is at the image itself, so the head is
a dense layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from evoae.errors import GenomeError
from evoae.genome.frame import Frame
from evoae.genome.genes import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Downsampling,
    Dropout,
    Head,
    Modifier,
    Residual,
    UpConv,
    UpDense,
    Upsampling,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Size

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


@dataclass(frozen=True, slots=True)
class Plan:
    """All layers of one autoencoder, the encoder's first.

    Attributes:
        input_shape: (height, width, channels) or (features,); the output shape as well.
        layers: in the order of computation.
        depth: encoder layers.
    """

    input_shape: Shape
    layers: tuple[LayerRecord, ...]
    depth: int

    @property
    def encoder(self) -> tuple[LayerRecord, ...]:
        """The layers from the input to the bottleneck."""
        return tuple(layer for layer in self.layers if layer.part == "encoder")

    @property
    def heads(self) -> tuple[LayerRecord, ...]:
        """The encoder's further outputs; none unless the frame asks for a posterior."""
        return tuple(layer for layer in self.layers if layer.part == "heads")

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
    """The layers laid so far, and the shape that they end in.

    Attributes:
        frame: with the genome's traits in place of its own.
        shape: of the last layer's output.
        part: that further layers belong to.
        folded: the map that was flattened, or will be; the input's own until then.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.shape = frame.input_shape
        self.folded = frame.input_shape
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
        stride: int = 1,
        activation: str = "linear",
        rate: float = 0.0,
    ) -> None:
        """Append a layer with output `shape`."""
        word = "pool" if kind in ("maxpool", "avgpool") else kind
        count = sum(layer.name.startswith(f"{self.part}_{word}_") for layer in self.layers)
        name = name or f"{self.part}_{word}_{count + 1}"
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
        height, width, filters = self.shape
        self.lay("upsample", (2 * height, 2 * width, filters))

    def add_residual(self) -> None:
        """Lay x + conv(act(conv(x))), of as many filters as x has."""
        number = 1 + sum(layer.kind == "add" and layer.part == self.part for layer in self.layers)
        name, filters = f"{self.part}_res_{number}", self.shape[-1]
        self.convolve(filters, (3, 3), self.frame.activation, name=f"{name}_conv_1")
        self.convolve(filters, (3, 3), "linear", name=f"{name}_conv_2")
        self.lay("add", self.shape, name=name)

    def modify(self, modifiers: Iterable[Modifier]) -> None:
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
            self.connect(math.prod(self.folded), self.frame.activation, name="decode")
            self.lay("reshape", self.folded, name="unflatten")


def plan(genome: Genome, frame: Frame) -> Plan:
    """Infer every layer of the autoencoder that `genome` describes.

    Args:
        genome: any valid genome; none fails on images, and none without convolutions on a table.
        frame: what its genes leave open.

    Raises:
        GenomeError: it has convolutions, but the input is the row of a table.
    """
    if genome.convolutions and len(frame.input_shape) != 3:
        raise GenomeError(
            "genome",
            f"conv layers for rows of {frame.input_shape[0]} numbers",
            "convolutions need images: use dense genes for a table",
        )
    draft = _Draft(_with_traits(frame, genome))
    entries = [_encode(draft, block) for block in genome.encoder]
    _bottleneck(draft, genome)
    draft.part = "decoder"
    mirrored = genome.convolutions > 0 and Head("mirror") in genome.traits
    inner = genome.decoder[:-1] if mirrored else genome.decoder
    for block, entry in zip(inner, entries[::-1][: len(inner)], strict=True):
        _decode(draft, block, entry)
    if mirrored:
        _decode_image(draft, genome.decoder[-1])
    else:
        _head(draft)
    return Plan(frame.input_shape, tuple(draft.layers), genome.depth)


def measure(frame: Frame) -> Callable[[Genome], Size]:
    """Return the function that tells the size of a genome's network in this frame.

    It remembers the latest, because a search asks for the same ones again and again.
    """
    return lru_cache(maxsize=2**14)(lambda genome: plan(genome, frame).size)


def _with_traits(frame: Frame, genome: Genome) -> Frame:
    """Return `frame` with what the genome's own traits say instead."""
    for trait in genome.traits:
        match trait:
            case Activation(function):
                frame = replace(frame, activation=function)
            case Downsampling(kind):
                frame = replace(frame, downsampling=kind)
            case Upsampling(kind):
                frame = replace(frame, upsampling=kind)
    return frame


def _encode(draft: _Draft, block: Block) -> Shape:
    """Lay an encoder block; return the shape it was given."""
    entry, frame = draft.shape, draft.frame
    match block.layer:
        case Conv(filters, kernel_h, kernel_w):
            halves = min(entry[:2]) > frame.min_side
            stride = 2 if halves and frame.downsampling == "stride" else 1
            draft.convolve(filters, (kernel_h, kernel_w), frame.activation, stride=stride)
            if halves and stride == 1:
                height, width, _ = draft.shape
                kind: Kind = "maxpool" if frame.downsampling == "max" else "avgpool"
                draft.lay(kind, (-(-height // 2), -(-width // 2), filters))
        case Dense(units):
            draft.flatten()
            entry = draft.shape
            draft.connect(units, frame.activation)
    draft.modify(block.modifiers)
    return entry


def _bottleneck(draft: _Draft, genome: Genome) -> None:
    """Lay the code, and the heads beside it."""
    frame = draft.frame
    if genome.latent is None:
        if frame.posterior is not None:
            raise GenomeError("genome", "no latent gene", "a posterior needs a latent vector")
        if frame.code != "linear":
            draft.lay("activation", draft.shape, name="code", activation=frame.code)
        return
    units = genome.latent.units
    draft.flatten()
    features = draft.shape
    draft.connect(units, frame.code, name="code")
    heads = {"code_log_var": units} if frame.posterior else {}
    if frame.posterior == "full" and units > 1:
        heads["code_lower"] = units * (units - 1) // 2
    draft.part = "heads"
    for name, width in heads.items():
        draft.shape = features
        draft.connect(width, "linear", name=name)
    draft.shape = (units,)


def _decode(draft: _Draft, block: Block, entry: Shape) -> None:
    """Lay a decoder block that ends in the height and width of `entry`, its mirror's input."""
    activation = draft.frame.activation
    match block.layer:
        case UpDense(units):
            draft.connect(units, activation)
            draft.modify(block.modifiers)
        case UpConv(filters, kernel_h, kernel_w):
            draft.unflatten()
            draft.modify(block.residuals)
            doubles = draft.shape[:2] != entry[:2]
            if doubles and draft.frame.upsampling == "transposed":
                draft.convolve_back(filters, (kernel_h, kernel_w), activation)
                draft.modify(block.others)
            else:
                draft.convolve(filters, (kernel_h, kernel_w), activation)
                draft.modify(block.others)
                if doubles:
                    draft.double()
            if draft.shape[:2] != entry[:2]:
                draft.lay("crop", (*entry[:2], filters))


def _decode_image(draft: _Draft, block: Block) -> None:
    """Lay the outermost decoder convolution as the head, after its modifiers."""
    frame, layer = draft.frame, block.layer
    assert isinstance(layer, UpConv)
    height, width, channels = frame.input_shape
    kernel = (layer.kernel_h, layer.kernel_w)
    draft.unflatten()
    draft.modify((*block.residuals, *block.others))
    doubles = draft.shape[:2] != (height, width)
    if doubles and frame.upsampling == "transposed":
        draft.convolve_back(channels, kernel, frame.output, name="head")
    else:
        if doubles:
            draft.double()
        draft.convolve(channels, kernel, frame.output, name="head")
    if draft.shape != frame.input_shape:
        draft.lay("crop", frame.input_shape, name="image")


def _head(draft: _Draft) -> None:
    """Lay what turns the last layer into the shape and the range of the input."""
    frame = draft.frame
    if len(draft.shape) == 3:
        draft.convolve(frame.input_shape[-1], (3, 3), frame.output, name="head")
        return
    draft.connect(math.prod(frame.input_shape), frame.output, name="head")
    if len(frame.input_shape) == 3:
        draft.lay("reshape", frame.input_shape, name="image")
