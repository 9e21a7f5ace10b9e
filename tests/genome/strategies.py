"""Hypothesis strategies for genomes and search spaces."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from evoae.config.schema import ModelConfig, SamplingConfig
from evoae.errors import SpaceError
from evoae.genome.genes import KIND_OF, BatchNorm, Conv, Dropout, Field, Latent, UpConv, make
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space
from evoae.models.plan import measure

SEEDS = st.integers(0, 2**32 - 1)


def _values(field: Field) -> st.SearchStrategy[float]:
    if field.type is float:
        return st.floats(field.low, field.high)
    return st.integers(int(field.low), int(field.high))


def genes(gene: type[Any]) -> st.SearchStrategy[Any]:
    """Genes of one type, over the whole legal range."""
    fields = KIND_OF[gene].fields
    return st.tuples(*map(_values, fields)).map(lambda values: make(gene, values))


def blocks(layer: type[Any]) -> st.SearchStrategy[Block]:
    modifiers = st.lists(st.one_of(genes(BatchNorm), genes(Dropout)), max_size=4).map(tuple)
    return st.builds(Block, genes(layer), modifiers)


@st.composite
def genomes(draw: st.DrawFn, max_depth: int = 6) -> Genome:
    """Any legal genome, canonical or not."""
    depth = draw(st.integers(1, max_depth))
    encoder, decoder = (
        tuple(draw(st.lists(blocks(layer), min_size=depth, max_size=depth)))
        for layer in (Conv, UpConv)
    )
    return Genome(encoder, draw(st.none() | genes(Latent)), decoder)


def _ranges(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any]]:
    return st.tuples(values, values).map(lambda pair: (min(pair), max(pair)))


def _or_none(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def any_spaces(draw: st.DrawFn) -> Space:
    """Spaces of every kind, many of which hold no network."""
    latent = draw(st.sampled_from(["vector", "spatial"]))
    low, high = draw(_ranges(st.integers(1, 200)))
    largest = high if latent == "vector" else draw(_or_none(st.integers(1, 5_000)))
    shares = st.floats(0, 1)
    model = ModelConfig(
        latent=latent,
        min_latent=low,
        max_latent=largest,
        max_depth=draw(st.integers(1, 6)),
        max_parameters=draw(_or_none(st.integers(100, 1_000_000))),
        max_flops=draw(_or_none(st.integers(10_000, 100_000_000))),
        max_activation_bytes=draw(_or_none(st.integers(1_000, 10_000_000))),
        min_side=draw(st.integers(1, 12)),
        filters=draw(_ranges(st.integers(1, 130))),
        kernels=draw(_ranges(st.integers(1, 7))),
        rates=draw(_ranges(st.floats(0, 0.5))),
        sampling=SamplingConfig(deeper=draw(shares), batchnorm=draw(shares), dropout=draw(shares)),
    )
    sides = st.integers(8, 40)
    shape = (draw(sides), draw(sides), draw(st.integers(1, 4)))
    return Space(model, shape, measure(shape, min_side=model.min_side))


def holds_a_network(space: Space) -> bool:
    try:
        space.check()
    except SpaceError:
        return False
    return True


def spaces() -> st.SearchStrategy[Space]:
    """Spaces that hold at least one network."""
    return any_spaces().filter(holds_a_network)
