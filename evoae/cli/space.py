"""`evoae space`: describes a search space before it is searched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_table, say
from evoae.errors import ConfigError, GenomeError, SpaceError
from evoae.formatting import figure

if TYPE_CHECKING:
    from evoae.config.schema import Config
    from evoae.genome.genome import Genome
    from evoae.genome.space import Space

_shape = click.option(
    "--shape",
    metavar="HxWxC",
    help="Input shape (of a table: features), to leave data alone.",
)


@click.group("space")
def command() -> None:
    """Look at the space that a configuration describes."""


@command.command("sample")
@options.config
@options.overrides()
@_shape
@options.number("-n", "number", default=5, help="How many.")
@options.number("--seed", least=0, help="Of the draw. [the configuration's]")
@options.json()
def sample(
    config_file: Path,
    overrides: tuple[str, ...],
    shape: str | None,
    number: int,
    seed: int | None,
) -> Output:
    """Draw random networks, as a search's first generation would."""
    import numpy as np

    from evoae.genome.sampling import sample as draw

    config = options.read_config(config_file, overrides)
    space = _space(config, shape)
    rng = np.random.default_rng(config.seed if seed is None else seed)
    return _networks([draw(rng, space) for _ in range(number)], space)


@command.command("check")
@options.config
@options.overrides()
@_shape
@click.argument("genome", required=False)
@options.json()
def check(
    config_file: Path, overrides: tuple[str, ...], shape: str | None, genome: str | None
) -> Output:
    """Check that the space holds networks, or that GENOME lies in it.

    GENOME is one line of text, a file that holds it, or a flat token sequence such as
    "[-1, 32, 3, 3, -2, 32, 3, 3]".
    """
    space = _space(options.read_config(config_file, overrides), shape)
    if genome is None:
        say("The space is sound. Its smallest network of each depth:")
        return _networks(list(space.smallest()), space)
    parsed = _genome(genome)
    violation = space.violation(parsed)
    if violation is not None:
        raise SpaceError("genome", violation, "change the gene, or the limit in the configuration")
    return _networks([parsed], space)


def _genome(written: str) -> Genome:
    import json

    from evoae.experiments.train_genome import read_genome
    from evoae.genome.codec import decode

    if not written.lstrip().startswith("["):
        return read_genome(written, say)
    try:
        tokens = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise GenomeError("token sequence", f"not a list of numbers ({error})") from error
    return decode(tokens)


def _space(config: Config, shape: str | None) -> Space:
    from evoae.data.kinds.registry import kind_of
    from evoae.engine.problem import Problem, space_of
    from evoae.genome.network_defaults import NetworkDefaults

    if shape is None:
        return Problem.make(config, say).space
    sides = _sides(shape)
    output = kind_of(sides).output
    return space_of(config, NetworkDefaults.of(config.model, config.objective, sides, output))


def _sides(text: str) -> tuple[int, ...]:
    from evoae.data.kinds.registry import KINDS

    parts = text.lower().replace("×", "x").split("x")
    if len(parts) not in {kind.rank for kind in KINDS.values()} or not all(
        re.fullmatch("[1-9][0-9]{0,4}", part) for part in parts
    ):
        expected = "height x width x channels, such as 28x28x1, or a number of features"
        raise ConfigError("--shape", text, f"expected {expected}")
    return tuple(map(int, parts))


def _networks(genomes: list[Genome], space: Space) -> Output:
    from evoae.genome.canonical import candidate_id
    from evoae.genome.codec import encode
    from evoae.genome.text import render

    sized = [(genome, space.measure(genome)) for genome in genomes]
    data = [
        {
            **{"id": candidate_id(genome), "genome": render(genome), "tokens": encode(genome)},
            **{"latent": size.latent, "parameters": size.parameters, "flops": size.flops},
        }
        for genome, size in sized
    ]
    headers = ("latent", "params", "MFLOP", "genome")
    rows = [
        (size.latent, size.parameters, figure(size.flops / 1e6), render(genome))
        for genome, size in sized
    ]
    return Output(data, lambda: print_table(headers, rows, right=set(headers[:3])))
