"""`evoae train`: trains one given network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, say

if TYPE_CHECKING:
    from evoae.config.schema import Config
    from evoae.genome.genome import Genome


@click.command("train")
@options.config
@click.option(
    "--genome",
    required=True,
    metavar="FILE|TEXT",
    help="One line of genome text, a file that holds it, or the name of a network of the "
    "literature that comes with evoae, such as conv_64_32_16.txt (configs/baselines/).",
)
@options.training
def command(
    config_file: Path,
    genome: str,
    run: Path | None,
    settings: Mapping[str, object],
    overrides: tuple[str, ...],
) -> Output:
    """Train one network as a search would, then properly, and measure it on the test set.

    The result is a run folder of one candidate, for `show`, `export`, `encode` and the others.
    """
    from evoae.experiments.train_genome import read_genome

    config, network = options.read_config(config_file, overrides), read_genome(genome, say)
    name = Path(genome).stem if Path(genome).suffix else config_file.stem
    return train_given(config, network, run, name, settings)


def train_given(
    config: Config,
    genome: Genome | str,
    run: Path | None,
    name: str,
    settings: Mapping[str, object],
) -> Output:
    """Train one network, see `train_one`; its figures are the output."""
    from evoae.cli.live import RefitLine
    from evoae.cli.refit import print_refitted
    from evoae.experiments.train_genome import train_one

    with RefitLine() as line:
        made, refitted = train_one(
            config, genome, run=run, name=name, settings=settings, **line.hooks
        )
    data = {"run": str(made.path), **refitted.summary()}
    return Output(data, lambda: print_refitted(made, [refitted]))
