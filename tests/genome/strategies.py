"""Hypothesis strategies for genomes and search spaces.

Most are made once: to make one anew in each draw takes longer than the draw.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from hypothesis import strategies as st

from evoae.config.model import LearningConfig, ModelConfig, SamplingConfig
from evoae.config.values import (
    ActivationName,
    DownsamplingName,
    HeadName,
    OptimizerName,
    UpsamplingName,
)
from evoae.errors import SpaceError
from evoae.genome.gene_kind import Field, GlobalGene, Modifier
from evoae.genome.genes import (
    GENES,
    Conv,
    Dense,
    Latent,
    kinds,
    make,
    mirror_of,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space
from evoae.models.plan import measure
from tests.genome.laws import frame_of

SEEDS = st.integers(0, 2**32 - 1)


def _values(field: Field) -> st.SearchStrategy[float]:
    if field.type is float:
        return st.floats(field.low, field.high)
    return st.integers(int(field.low), int(field.high))


@cache
def genes(gene: type[Any]) -> st.SearchStrategy[Any]:
    """Genes of one type, over the whole legal range."""
    fields = GENES[gene].fields
    return st.tuples(*map(_values, fields)).map(lambda values: make(gene, values))


@cache
def blocks(layer: type[Any]) -> st.SearchStrategy[Block]:
    fitting = [
        gene
        for gene, kind in kinds(Modifier).items()
        if GENES[layer].needs_map or not kind.needs_map
    ]
    modifiers = st.lists(st.one_of(*map(genes, fitting)), max_size=4).map(tuple)
    return st.builds(Block, genes(layer), modifiers)


@st.composite
def genomes(draw: st.DrawFn, max_depth: int = 6) -> Genome:
    """Any legal genome, canonical or not."""
    latent = draw(st.none() | genes(Latent))
    depth = draw(st.integers(1 if latent is None else 0, max_depth))
    dense = draw(st.integers(0, depth))
    layers: list[type[Any]] = [Conv] * (depth - dense) + [Dense] * dense
    encoder = tuple(draw(blocks(kind)) for kind in layers)
    decoder = tuple(draw(blocks(mirror_of(kind))) for kind in reversed(layers))
    global_genes = tuple(draw(genes(kind)) for kind in kinds(GlobalGene) if draw(st.booleans()))
    return Genome(encoder, latent, decoder, global_genes)


@cache
def _ranges(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(values, values).map(lambda pair: (min(pair), max(pair)))


@cache
def _some_of(name: Any) -> st.SearchStrategy[Any]:
    return st.lists(st.sampled_from(get_args(name)), min_size=1, max_size=3, unique=True).map(
        tuple
    )


@cache
def _or_none(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def any_spaces(draw: st.DrawFn) -> Space:
    """Spaces of every kind, many of which hold no network."""
    images = draw(st.integers(0, 3)) > 0
    sides = st.integers(8, 40)
    shape: tuple[int, ...] = (draw(sides), draw(sides), draw(st.integers(1, 4)))
    if not images:
        shape = (draw(sides),)
    latent = draw(st.sampled_from(["vector", "spatial"]))
    low, high = draw(_ranges(st.integers(1, 200)))
    largest = high if latent == "vector" else draw(_or_none(st.integers(1, 5_000)))
    shares = st.floats(0, 1)
    few, many = draw(_ranges(st.integers(1, 130)))
    step = draw(st.sampled_from([1, 1, 4, 16]))
    model = ModelConfig(
        latent=latent,
        min_latent=low,
        max_latent=largest,
        max_depth=draw(st.integers(1, 6)),
        max_parameters=draw(_or_none(st.integers(100, 1_000_000))),
        max_flops=draw(_or_none(st.integers(10_000, 100_000_000))),
        max_activation_bytes=draw(_or_none(st.integers(1_000, 10_000_000))),
        min_side=draw(st.integers(1, 12)),
        filters=(few, many),
        filter_step=step if many // step * step >= few else 1,
        kernels=draw(_ranges(st.integers(1, 7))),
        layers=draw(st.sampled_from(["auto", "conv", "dense", "both"])) if images else "auto",
        units=draw(_ranges(st.integers(1, 40))),
        activation=draw(_some_of(ActivationName)),
        downsampling=draw(_some_of(DownsamplingName)),
        upsampling=draw(_some_of(UpsamplingName)),
        head=draw(_some_of(HeadName)),
        residual=draw(_ranges(st.integers(1, 8))),
        learning=LearningConfig(
            evolve=draw(st.booleans()),
            learning_rates=draw(_ranges(st.floats(1e-6, 1))),
            batch_sizes=draw(_ranges(st.integers(1, 200))),
            optimizers=draw(_some_of(OptimizerName)),
        ),
        rates=draw(_ranges(st.floats(0, 0.5))),
        sampling=SamplingConfig(
            deeper=draw(shares),
            batchnorm=draw(shares),
            dropout=draw(shares),
            residual=draw(st.just(0.0) | shares),
        ),
    )
    return Space(model, shape, measure(frame_of(model, shape)))


def holds_a_network(space: Space) -> bool:
    try:
        space.check()
    except SpaceError:
        return False
    return True


def spaces() -> st.SearchStrategy[Space]:
    """Spaces that hold at least one network."""
    return any_spaces().filter(holds_a_network)
