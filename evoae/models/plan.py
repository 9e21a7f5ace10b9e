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

With `linear(pca)` and a latent vector a linear map of the input is added to the code, and one of
the code to the head's output, which has no activation then; where inputs lie in 0..1 the sum is
clipped to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from evoae.errors import GenomeError
from evoae.genome import genes
from evoae.genome.gene_kind import Gene, Modifier
from evoae.genome.genome import Block, Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.space import Size
from evoae.models.layers import LayerRecord, PlanBuilder, Shape


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
        """The encoder's further outputs; none unless the defaults ask for a posterior."""
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


def plan(genome: Genome, defaults: NetworkDefaults) -> Plan:
    """Infer every layer of the autoencoder that `genome` describes.

    Args:
        genome: any valid genome; none fails on images, and none without convolutions on a table.
        defaults: what its genes leave open.

    Raises:
        GenomeError: it has convolutions, but the input is the row of a table.
    """
    if genome.convolutions and len(defaults.input_shape) != 3:
        raise GenomeError(
            "genome",
            f"conv layers for rows of {defaults.input_shape[0]} numbers",
            "convolutions need images: use dense genes for a table",
        )
    builder = PlanBuilder(defaults)
    for gene in genome.global_genes:
        LAYERS[type(gene)](builder, gene)
    builder.linear &= genome.latent is not None
    entries = [_encode(builder, block) for block in genome.encoder]
    _bottleneck(builder, genome)
    code_shape = builder.shape
    builder.part = "decoder"
    mirrored = builder.mirrored and genome.convolutions > 0
    inner = genome.decoder[:-1] if mirrored else genome.decoder
    for block, builder.entry in zip(inner, reversed(entries), strict=False):
        _decode(builder, block)
    if mirrored:
        builder.entry = defaults.input_shape
        _decode_image(builder, genome.decoder[-1])
    else:
        _head(builder)
    if builder.linear:
        builder.add_linear_output(code_shape[0])
    return Plan(defaults.input_shape, tuple(builder.layers), genome.depth)


def measure(defaults: NetworkDefaults) -> Callable[[Genome], Size]:
    """Return the function that tells the size of a genome's network with these defaults.

    It remembers the latest, because a search asks for the same ones again and again.
    """
    return lru_cache(maxsize=2**14)(lambda genome: plan(genome, defaults).size)


def _encode(builder: PlanBuilder, block: Block) -> Shape:
    """Lay an encoder block; return the shape it was given."""
    if not block.needs_map:
        builder.flatten()
    entry = builder.shape
    LAYERS[type(block.layer)](builder, block.layer)
    _modify(builder, block.modifiers)
    return entry


def _modify(builder: PlanBuilder, modifiers: Iterable[Modifier]) -> None:
    for modifier in modifiers:
        LAYERS[type(modifier)](builder, modifier)


def _bottleneck(builder: PlanBuilder, genome: Genome) -> None:
    """Lay the code, and the heads beside it."""
    defaults = builder.defaults
    if builder.linear and (defaults.posterior is not None or defaults.code != "linear"):
        raise GenomeError(
            "genome", "linear(pca)", "this objective needs a code of its own: use linear(none)"
        )
    if genome.latent is None:
        if defaults.posterior is not None:
            raise GenomeError("genome", "no latent gene", "a posterior needs a latent vector")
        if defaults.code != "linear":
            builder.lay("activation", name="code", activation=defaults.code)
        return
    units = genome.latent.units
    builder.flatten()
    features = builder.shape
    builder.connect(units, defaults.code, name="code")
    if builder.linear:
        builder.add_linear_code(units)
        return
    heads = {"code_log_var": units} if defaults.posterior else {}
    if defaults.posterior == "full" and units > 1:
        heads["code_lower"] = units * (units - 1) // 2
    builder.part = "heads"
    for name, width in heads.items():
        builder.shape = features
        builder.connect(width, "linear", name=name)
    builder.shape = (units,)


def _decode(builder: PlanBuilder, block: Block) -> None:
    """Lay a decoder block that ends in the height and width of its mirror's input."""
    if block.needs_map:
        builder.unflatten()
    _modify(builder, block.first)
    LAYERS[type(block.layer)](builder, block.layer)
    _modify(builder, block.others)
    if block.needs_map:
        if builder.halved:
            builder.double()
        if builder.shape[:2] != builder.entry[:2]:
            builder.lay("crop", (*builder.entry[:2], builder.shape[-1]))


def _decode_image(builder: PlanBuilder, block: Block) -> None:
    """Lay the outermost decoder convolution as the head, after its modifiers."""
    defaults, layer = builder.defaults, block.layer
    assert isinstance(layer, genes.UpConv)
    builder.unflatten()
    _modify(builder, (*block.first, *block.others))
    if builder.halved and defaults.upsampling != "transposed":
        builder.double()
    kernel = (layer.kernel_h, layer.kernel_w)
    builder.deconvolve(defaults.input_shape[-1], kernel, builder.output, "head")
    if builder.shape != defaults.input_shape:
        builder.lay("crop", defaults.input_shape, "image")


def _head(builder: PlanBuilder) -> None:
    """Lay what turns the last layer into the shape and the range of the input."""
    defaults = builder.defaults
    if len(builder.shape) == 3:
        builder.convolve(defaults.input_shape[-1], (3, 3), builder.output, "head")
        return
    builder.connect(math.prod(defaults.input_shape), builder.output, name="head")
    if len(defaults.input_shape) == 3:
        builder.lay("reshape", defaults.input_shape, "image")


def _conv(builder: PlanBuilder, gene: genes.Conv) -> None:
    defaults = builder.defaults
    halves = min(builder.shape[:2]) > defaults.min_side
    stride = 2 if halves and defaults.downsampling == "stride" else 1
    kernel = (gene.kernel_h, gene.kernel_w)
    builder.convolve(gene.filters, kernel, defaults.activation, stride=stride)
    if halves and stride == 1:
        height, width, _ = builder.shape
        kind = "maxpool" if defaults.downsampling == "max" else "avgpool"
        builder.lay(kind, (-(-height // 2), -(-width // 2), gene.filters))


def _upconv(builder: PlanBuilder, gene: genes.UpConv) -> None:
    kernel = (gene.kernel_h, gene.kernel_w)
    builder.deconvolve(gene.filters, kernel, builder.defaults.activation)


def _dense(builder: PlanBuilder, gene: genes.Dense | genes.UpDense) -> None:
    builder.connect(gene.units, builder.defaults.activation)


def _residual(builder: PlanBuilder, gene: genes.Residual) -> None:
    for _ in range(gene.blocks):
        builder.add_residual()


def _activation(builder: PlanBuilder, gene: genes.Activation) -> None:
    builder.defaults = replace(builder.defaults, activation=gene.function)


def _downsampling(builder: PlanBuilder, gene: genes.Downsampling) -> None:
    builder.defaults = replace(builder.defaults, downsampling=gene.kind)


def _upsampling(builder: PlanBuilder, gene: genes.Upsampling) -> None:
    builder.defaults = replace(builder.defaults, upsampling=gene.kind)


def _kind_of_head(builder: PlanBuilder, gene: genes.Head) -> None:
    builder.mirrored = gene.kind == "mirror"


def _linear(builder: PlanBuilder, gene: genes.Linear) -> None:
    builder.linear = gene.kind == "pca"


LAYERS: dict[type[Gene], Callable[[PlanBuilder, Any], None]] = {
    genes.Activation: _activation,
    genes.Downsampling: _downsampling,
    genes.Upsampling: _upsampling,
    genes.Head: _kind_of_head,
    genes.Linear: _linear,
    genes.Train: lambda *_: None,  # it says how to train
    genes.Conv: _conv,
    genes.Dense: _dense,
    genes.UpConv: _upconv,
    genes.UpDense: _dense,
    genes.Residual: _residual,
    genes.BatchNorm: lambda builder, _: builder.lay("batchnorm", parameters=4 * builder.shape[-1]),
    genes.Dropout: lambda builder, gene: builder.lay("dropout", rate=gene.rate),
}
"""How a gene is laid, by its class: a function of the layers so far and the gene. Genes of the
whole network come first, and change what the others read; the latent gene has no function, as the
bottleneck is laid without it too."""
