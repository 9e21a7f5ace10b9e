"""`evoae train`: one given network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.config.schema import Config
    from evoae.genome.genome import Genome


@click.command("train", short_help="Train one given network, without a search.")
@options.config
@click.option(
    "--genome",
    required=True,
    metavar="FILE|TEXT",
    help="One line of genome text, a file that holds it, or the name of a network of the "
    "literature that comes with evoae, such as conv_64_32_16.txt (configs/baselines/).",
)
@options.one
def command(
    config_file: Path,
    genome: str,
    run: Path | None,
    epochs: int | None,
    seeds: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train one network as a search would, then properly, and measure it on the test set.

    The result is a run folder of one candidate, for `show`, `export`, `encode` and the others.
    """
    from evoae.experiments.train_genome import read_genome

    train_given(
        options.read_config(config_file, overrides),
        read_genome(genome, lambda line: click.echo(line, err=True)),
        run=run,
        name=Path(genome).stem if Path(genome).suffix else config_file.stem,
        settings=options.given(epochs=epochs, seeds=seeds),
        as_json=as_json,
    )


def train_given(
    config: Config,
    genome: Genome | str,
    *,
    run: Path | None,
    name: str,
    settings: Mapping[str, object],
    as_json: bool,
) -> None:
    """Train one network, see `train_one`, and print its figures."""
    from evoae.cli.refit import print_refitted
    from evoae.cli.tables import print_json
    from evoae.experiments.train_genome import train_one

    made, refitted = train_one(
        config,
        genome,
        run=run,
        name=name,
        settings=settings,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json({"run": str(made.path), **refitted.summary()})
    else:
        print_refitted(str(made.path), [refitted])
