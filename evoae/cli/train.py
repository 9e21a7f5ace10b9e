"""`evoae train`: one given network."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options


@click.command("train", short_help="Train one given network, without a search.")
@click.option(
    "--config", "config_file", required=True, type=click.Path(path_type=Path), help="YAML file."
)
@click.option(
    "--genome",
    required=True,
    metavar="FILE|TEXT",
    help="One line of genome text, or a file that holds it, such as configs/baselines/*.txt.",
)
@click.option("--run", type=click.Path(path_type=Path), help="Folder to make. [runs/NAME-N]")
@options.refit
@options.overrides
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    from evoae.cli.refit import print_refitted
    from evoae.cli.tables import print_json
    from evoae.config.load import load_config
    from evoae.use.one import read_genome, train_one

    config = load_config(config_file, overrides)
    made, refitted = train_one(
        config,
        read_genome(genome),
        run=run,
        name=Path(genome).stem if Path(genome).suffix else config_file.stem,
        settings=options.given(epochs=epochs, seeds=seeds),
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json({"run": str(made.path), **refitted.summary()})
    else:
        print_refitted(str(made.path), [refitted])
