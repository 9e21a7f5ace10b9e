"""`evoae plan`: what a search would do and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.experiments.forecast import Forecast


@click.command("plan", short_help="Say what a search would do and cost, before it does it.")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option(
    "--networks",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="To train for an epoch or a few, to measure the pace of this machine.",
)
@options.overrides
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(config_file: Path, networks: int, overrides: tuple[str, ...], as_json: bool) -> None:
    """Forecast the search that CONFIG describes: trainings, time, memory, disk.

    CONFIG is a YAML file, or the name of a configuration that comes with evoae.

    Some networks of its space are trained for an epoch or a few, with as many workers as the
    search has; then the search is rehearsed without training. Says also what may be wrong with the
    configuration. Makes no run folder. Where all of those trainings fail there is no forecast:
    it ends with exit code 1, as the search would, and says what to change.
    """
    from evoae.cli.tables import print_json
    from evoae.experiments.forecast import forecast

    config = options.read_config(config_file, overrides)
    found = forecast(config, networks=networks, say=lambda line: click.echo(line, err=True))
    if as_json:
        print_json(found.summary())
        return
    _print(found)
    changed = [word for override in overrides for word in ("--set", override)]
    search = formatting.command("search", "--config", config_file, *changed)
    formatting.next_steps([(search, "do it")])


def _print(found: Forecast) -> None:
    """Print the forecast, and what to think about."""
    trainings = formatting.plural(found.trainings, "training")
    rows = [
        ("candidates", f"about {found.candidates:,}"),
        (
            "trainings",
            f"about {trainings} of {formatting.duration(found.training_seconds)}, "
            f"{formatting.plural(found.workers, 'worker')}, {formatting.flops(found.flops)}",
        ),
        (
            "time",
            f"about {formatting.duration(found.seconds)} "
            f"({formatting.duration(found.low)} to {formatting.duration(found.high)})",
        ),
        (
            "memory",
            "unknown" if found.memory_bytes is None else formatting.size(found.memory_bytes),
        ),
        ("disk", formatting.size(found.disk_bytes)),
    ]
    for name, said in rows:
        click.echo(f"{name:<10} {said}")
    if found.failed:
        click.echo(f"{len(found.failed)} of {found.sampled} networks failed: {found.failed[0]}")
    for warning in found.warnings:
        click.echo(f"Warning: {warning}")
