"""`evoae space`: look at a search space before searching it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.errors import ConfigError, GenomeError

if TYPE_CHECKING:
    from evoae.config.schema import Config
    from evoae.genome.genome import Genome
    from evoae.genome.space import Space

_shape = click.option(
    "--shape",
    metavar="HxWxC",
    help="Input shape (of a table: features), to leave data alone.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("space", short_help="Draw networks from a search space, or check it.")
def command() -> None:
    """Look at the space that a configuration describes."""


@command.command("sample")
@options.config
@options.overrides
@_shape
@click.option(
    "-n", "number", type=click.IntRange(min=1), default=5, show_default=True, help="How many."
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the draw. [the configuration's]")
@_json
def sample(
    config_file: Path,
    overrides: tuple[str, ...],
    shape: str | None,
    number: int,
    seed: int | None,
    as_json: bool,
) -> None:
    """Draw random networks, as a search's first generation would."""
    import numpy as np

    from evoae.genome.sampling import sample as draw

    config = options.read_config(config_file, overrides)
    space = _space(config, shape)
    rng = np.random.default_rng(config.seed if seed is None else seed)
    _print([draw(rng, space) for _ in range(number)], space, as_json=as_json)


@command.command("check")
@options.config
@options.overrides
@_shape
@click.argument("genome", required=False)
@_json
def check(
    config_file: Path,
    overrides: tuple[str, ...],
    shape: str | None,
    genome: str | None,
    as_json: bool,
) -> None:
    """Check that the space holds networks, or that GENOME lies in it.

    GENOME is one line of text, a file that holds it, or a flat token sequence such as
    "[-1, 32, 3, 3, -2, 32, 3, 3]".
    """
    from evoae.errors import SpaceError

    space = _space(options.read_config(config_file, overrides), shape)
    if genome is None:
        _print(list(space.smallest()), space, as_json=as_json)
        click.echo("The space is sound. Above: its smallest network of each depth.", err=True)
        return
    parsed = _genome(genome)
    violation = space.violation(parsed)
    if violation is not None:
        raise SpaceError("genome", violation, "change the gene, or the limit in the configuration")
    _print([parsed], space, as_json=as_json)


def _genome(written: str) -> Genome:
    import json

    from evoae.experiments.train_genome import read_genome
    from evoae.genome.codec import decode

    if not written.lstrip().startswith("["):
        return read_genome(written, lambda line: click.echo(line, err=True))
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
        return Problem.make(config, lambda line: click.echo(line, err=True)).space
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


def _print(genomes: list[Genome], space: Space, *, as_json: bool) -> None:
    from evoae.cli import formatting
    from evoae.cli.tables import print_json, print_table
    from evoae.genome.canonical import candidate_id
    from evoae.genome.codec import encode
    from evoae.genome.text import render

    sizes = [space.measure(genome) for genome in genomes]
    if as_json:
        print_json(
            [
                {
                    "id": candidate_id(genome),
                    "genome": render(genome),
                    "tokens": encode(genome),
                    "latent": size.latent,
                    "parameters": size.parameters,
                    "flops": size.flops,
                }
                for genome, size in zip(genomes, sizes, strict=True)
            ]
        )
        return
    rows = [
        (
            formatting.count(size.latent),
            formatting.count(size.parameters),
            formatting.figure(size.flops / 1e6),
            render(genome),
        )
        for genome, size in zip(genomes, sizes, strict=True)
    ]
    headers = ("latent", "params", "MFLOP", "genome")
    print_table(headers, rows, right={"latent", "params", "MFLOP"})
