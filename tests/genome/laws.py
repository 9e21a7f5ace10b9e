"""What must hold for every genome of a space, computed apart from the code under test."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from evoae.config.model import ModelConfig
from evoae.config.objectives import ReconstructionConfig
from evoae.errors import GenomeError
from evoae.genome.canonical import canonical
from evoae.genome.codec import decode, encode
from evoae.genome.genes import KIND_OF, Dense, Gene, Head, UpDense
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.space import Space
from evoae.genome.text import parse, render
from evoae.models.plan import Plan, plan


def mirror_sides(space: Space, depth: int) -> list[tuple[int, int]]:
    """Return (height, width) at the input and after each of `depth` encoder layers."""
    sides = [space.input_shape[:2]]
    for _ in range(depth):
        height, width = sides[-1]
        pools = min(height, width) > space.model.min_side
        sides.append(((height + 1) // 2, (width + 1) // 2) if pools else (height, width))
    return sides


def sides_after_blocks(layers: Plan, *, mirrored: bool) -> list[tuple[int, int]]:
    """Return (height, width) after each decoder block, a head of its own left out."""
    ends: list[tuple[int, int]] = []
    for layer, after in pairwise((*layers.decoder, layers.decoder[-1])):
        if layer.name == "head" and not mirrored:
            continue
        if layer.kind == "upsample" and after.name == "head" and mirrored:
            continue  # it belongs to the head
        if layer.kind in ("conv", "transposed") and "_res_" not in layer.name:
            ends.append(layer.shape[:2])
        elif ends and layer.kind in ("upsample", "crop"):
            ends[-1] = layer.shape[:2]
    return ends


def assert_lawful(genome: Genome, space: Space) -> None:
    """Check mirror law, output shape, limits, ranges, canonical form and both round trips."""
    model = space.model
    layers = plan(genome, frame_of(model, space.input_shape))
    assert layers.output_shape == space.input_shape
    assert 1 <= len(genome.encoder) == len(genome.decoder) <= model.max_depth
    words = [KIND_OF[type(block.layer)].word for block in genome.encoder]
    assert words == sorted(words)  # conv before dense
    mirrors = [KIND_OF[type(block.layer)].word for block in reversed(genome.decoder)]
    assert mirrors == [f"up{word}" for word in words]
    assert set(words) <= allowed_layers(space)
    convolutions = words.count("conv")
    if convolutions:
        sides = mirror_sides(space, convolutions)
        mirrored = Head("mirror") in genome.global_genes
        assert sides_after_blocks(layers, mirrored=mirrored) == sides[-2::-1]

    size = layers.size
    assert (genome.latent is None) == (model.latent == "spatial")
    last = genome.encoder[-1].layer
    if genome.latent is not None:
        pass
    elif words[-1] == "dense":
        assert size.latent == last.units
    else:
        assert size.latent == sides[-1][0] * sides[-1][1] * last.filters
    if genome.latent is not None:
        assert model.min_latent <= genome.latent.units == size.latent
    assert size.latent <= (model.max_latent or size.latent)
    assert size.parameters <= (model.max_parameters or size.parameters)
    assert size.flops <= (model.max_flops or size.flops)
    assert size.activation_bytes <= (model.max_activation_bytes or size.activation_bytes)
    for block in (*genome.encoder, *genome.decoder):
        layer = block.layer
        if isinstance(layer, (Dense, UpDense)):
            assert model.units[0] <= layer.units <= model.units[1]
        else:
            assert model.filters[0] <= layer.filters <= model.filters[1]
            assert layer.filters % model.filter_step == 0
            assert model.kernels[0] <= layer.kernel_h <= model.kernels[1]
            assert model.kernels[0] <= layer.kernel_w <= model.kernels[1]
        rates = [getattr(modifier, "rate", None) for modifier in block.modifiers]
        assert all(
            model.rates[0] <= rate <= model.rates[1] and rate > 0
            for rate in rates
            if rate is not None
        )

    assert_residuals(genome, layers, space)
    assert_global_genes(genome, layers, space)
    assert canonical(genome) == genome
    assert space.violation(genome) is None
    assert decode(encode(genome)) == genome
    assert parse(render(genome)) == genome


def frame_of(model: ModelConfig, shape: tuple[int, ...]) -> NetworkDefaults:
    """Return the defaults of plain networks in a space for this input."""
    output = "sigmoid" if len(shape) == 3 else "linear"
    return NetworkDefaults.of(model, ReconstructionConfig(), shape, output)


def allowed_layers(space: Space) -> set[str]:
    """Return the words of the encoder layers that may occur."""
    match space.model.layers:
        case "both":
            return {"conv", "dense"}
        case "auto":
            return {"conv"} if len(space.input_shape) == 3 else {"dense"}
        case one:
            return {one}


def assert_residuals(genome: Genome, layers: Plan, space: Space) -> None:
    """Check that residual blocks keep their range, and that each is one of the network's."""
    blocks = (*genome.encoder, *genome.decoder)
    counts = [gene.blocks for block in blocks for gene in block.modifiers if is_residual(gene)]
    low, high = space.model.residual
    assert all(low <= count <= high for count in counts)
    assert space.model.sampling.residual or not counts
    chain = layers.layers
    ends = [at for at, layer in enumerate(chain) if layer.kind == "add"]
    assert len(ends) == sum(counts)
    for end in ends:
        shape = chain[end - 3].shape
        assert [layer.shape for layer in chain[end - 2 : end + 1]] == [shape] * 3
        assert [layer.kernel for layer in chain[end - 2 : end]] == [(3, 3)] * 2


def is_residual(gene: Gene) -> bool:
    """Tell whether a gene stands for residual blocks."""
    return KIND_OF[type(gene)].word == "res"


def assert_global_genes(genome: Genome, layers: Plan, space: Space) -> None:
    """Check the genes of the whole network, and that the network obeys them."""
    model = space.model
    said = {KIND_OF[type(gene)].word: gene for gene in genome.global_genes}
    choices = {
        **{"act": model.activation, "down": model.downsampling, "up": model.upsampling},
        "head": model.head,
    }
    wanted = {word for word, chosen in choices.items() if len(chosen) > 1}
    if model.head == ("mirror",):
        wanted.add("head")
    assert set(said) == wanted | ({"train"} if model.learning.evolve else set())
    if "train" in said:
        train, learning = said["train"], model.learning
        low, high = learning.learning_rates
        assert low * 0.998 <= 10**train.learning_rate <= high * 1.002
        assert learning.batch_sizes[0] <= train.batch_size <= learning.batch_sizes[1]
        assert train.optimizer in learning.optimizers

    def chosen(word: str) -> str:
        value = choices[word][0]
        if word in said:
            value = getattr(said[word], KIND_OF[type(said[word])].fields[0].name)
        assert value in choices[word]
        return value

    kinds = {layer.kind for layer in layers.layers}
    pools = {"max": {"maxpool"}, "average": {"avgpool"}, "stride": set()}[chosen("down")]
    assert kinds & {"maxpool", "avgpool"} <= pools
    assert all(layer.stride == 1 or chosen("down") == "stride" for layer in layers.encoder)
    assert not ({"upsample": {"transposed"}, "transposed": {"upsample"}}[chosen("up")] & kinds)
    mirrored = chosen("head") == "mirror" and genome.convolutions > 0
    own_head = [layer.kernel for layer in layers.layers if layer.name == "head"] != [(0, 0)]
    made = [layer for layer in layers.decoder if layer.kind in ("conv", "transposed")]
    plain = [layer for layer in made if "_res_" not in layer.name]
    assert len(plain) == genome.convolutions + (own_head and not mirrored)
    if mirrored:
        last = genome.decoder[-1].layer
        assert (plain[-1].name, plain[-1].shape[-1]) == ("head", space.input_shape[-1])
        assert plain[-1].kernel == (last.kernel_h, last.kernel_w)
        assert last.filters == genome.encoder[0].layer.filters
        assert {layer.kind for layer in layers.decoder[layers.decoder.index(plain[-1]) + 1 :]} <= {
            "crop"
        }
    hidden = [
        layer
        for layer in layers.layers
        if layer.parameters and layer.kind != "batchnorm" and layer.name not in ("code", "head")
        if not layer.name.endswith("_conv_2") or "_res_" not in layer.name
    ]
    assert {layer.activation for layer in hidden} <= {chosen("act")}


def refusal(read: Callable[[Any], Genome], written: Any) -> GenomeError | None:
    """Return the error with which `read` refuses what is written; None if it reads it."""
    try:
        read(written)
    except GenomeError as why:
        return why
    return None
