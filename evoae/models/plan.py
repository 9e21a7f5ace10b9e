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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from evoae.errors import GenomeError
from evoae.genome.frame import NetworkDefaults
from evoae.genome.genes import (
    Activation,
    Conv,
    Dense,
    Downsampling,
    Head,
    UpConv,
    UpDense,
    Upsampling,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Size
from evoae.models.layers import Kind, LayerRecord, PlanBuilder, Shape


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


def plan(genome: Genome, frame: NetworkDefaults) -> Plan:
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
    draft = PlanBuilder(_with_traits(frame, genome))
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


def measure(frame: NetworkDefaults) -> Callable[[Genome], Size]:
    """Return the function that tells the size of a genome's network in this frame.

    It remembers the latest, because a search asks for the same ones again and again.
    """
    return lru_cache(maxsize=2**14)(lambda genome: plan(genome, frame).size)


def _with_traits(frame: NetworkDefaults, genome: Genome) -> NetworkDefaults:
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


def _encode(draft: PlanBuilder, block: Block) -> Shape:
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


def _bottleneck(draft: PlanBuilder, genome: Genome) -> None:
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


def _decode(draft: PlanBuilder, block: Block, entry: Shape) -> None:
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


def _decode_image(draft: PlanBuilder, block: Block) -> None:
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


def _head(draft: PlanBuilder) -> None:
    """Lay what turns the last layer into the shape and the range of the input."""
    frame = draft.frame
    if len(draft.shape) == 3:
        draft.convolve(frame.input_shape[-1], (3, 3), frame.output, name="head")
        return
    draft.connect(math.prod(frame.input_shape), frame.output, name="head")
    if len(frame.input_shape) == 3:
        draft.lay("reshape", frame.input_shape, name="image")
