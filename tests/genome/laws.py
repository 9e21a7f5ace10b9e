"""What must hold for every genome of a space, computed apart from the code under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evoae.errors import GenomeError
from evoae.genome.canonical import canonical
from evoae.genome.codec import decode, encode
from evoae.genome.genome import Genome
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


def sides_after_blocks(layers: Plan) -> list[tuple[int, int]]:
    """Return (height, width) after each decoder block, the head left out."""
    ends: list[tuple[int, int]] = []
    for layer in layers.decoder:
        if layer.kind == "conv" and layer.name != "head":
            ends.append(layer.shape[:2])
        elif ends and layer.kind in ("upsample", "crop"):
            ends[-1] = layer.shape[:2]
    return ends


def assert_lawful(genome: Genome, space: Space) -> None:
    """Check mirror law, output shape, limits, ranges, canonical form and both round trips."""
    model = space.model
    layers = plan(genome, space.input_shape, min_side=model.min_side)
    assert layers.output_shape == space.input_shape
    assert len(genome.encoder) == len(genome.decoder) <= model.max_depth
    sides = mirror_sides(space, genome.depth)
    assert sides_after_blocks(layers) == sides[-2::-1]

    size = layers.size
    assert (genome.latent is None) == (model.latent == "spatial")
    if genome.latent is None:
        assert size.latent == sides[-1][0] * sides[-1][1] * genome.encoder[-1].layer.filters
    else:
        assert model.min_latent <= genome.latent.units == size.latent
    assert size.latent <= (model.max_latent or size.latent)
    assert size.parameters <= (model.max_parameters or size.parameters)
    assert size.flops <= (model.max_flops or size.flops)
    assert size.activation_bytes <= (model.max_activation_bytes or size.activation_bytes)
    for block in (*genome.encoder, *genome.decoder):
        layer = block.layer
        assert model.filters[0] <= layer.filters <= model.filters[1]
        assert model.kernels[0] <= layer.kernel_h <= model.kernels[1]
        assert model.kernels[0] <= layer.kernel_w <= model.kernels[1]
        rates = [getattr(modifier, "rate", None) for modifier in block.modifiers]
        assert all(
            model.rates[0] <= rate <= model.rates[1] and rate > 0
            for rate in rates
            if rate is not None
        )

    assert canonical(genome) == genome
    assert space.violation(genome) is None
    assert decode(encode(genome)) == genome
    assert parse(render(genome)) == genome


def refusal(read: Callable[[Any], Genome], written: Any) -> GenomeError | None:
    """Return the error with which `read` refuses what is written; None if it reads it."""
    try:
        read(written)
    except GenomeError as why:
        return why
    return None
