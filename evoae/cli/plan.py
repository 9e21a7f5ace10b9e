"""`evoae plan`: forecasts what a search would do and cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, next_steps, print_folded, print_labelled, say
from evoae.formatting import command as typed
from evoae.formatting import duration, flops, plural, size

if TYPE_CHECKING:
    from evoae.experiments.forecast import Forecast


@click.command("plan")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@options.number(
    "--networks",
    default=8,
    help="To train for an epoch or a few, to measure the pace of this machine.",
)
@options.overrides()
@options.json()
def command(config_file: Path, networks: int, overrides: tuple[str, ...]) -> Output:
    """Forecast the search that CONFIG describes: trainings, time, memory, disk.

    CONFIG is a YAML file, or the name of a configuration that comes with evoae.

    Some networks of its space are trained for an epoch or a few, with as many workers as the
    search has; then the search is rehearsed without training. Says also what may be wrong with the
    configuration. Makes no run folder. Where all of those trainings fail there is no forecast:
    it ends with exit code 1, as the search would, and says what to change.
    """
    from evoae.experiments.forecast import forecast

    config = options.read_config(config_file, overrides)
    expected = forecast(config, networks=networks, say=say)
    changed = [word for override in overrides for word in ("--set", override)]
    search = typed("search", "--config", config_file, *changed)
    return Output(expected, lambda: _print(expected, search))


def _print(expected: Forecast, search: str) -> None:
    """Print the forecast, what to think about, and the command that searches."""
    memory = expected.memory_bytes
    low, high = duration(expected.low), duration(expected.high)
    trainings = (
        f"about {plural(expected.trainings, 'training')} of {duration(expected.training_seconds)}"
    )
    rows = (
        ("candidates", f"about {expected.candidates:,}"),
        (
            "trainings",
            f"{trainings}, {plural(expected.workers, 'worker')}, {flops(expected.flops)}",
        ),
        ("time", f"about {duration(expected.seconds)} ({low} to {high})"),
        ("memory", "unknown" if memory is None else size(memory)),
        ("disk", size(expected.disk_bytes)),
    )
    print_labelled(rows, 10)
    if expected.failed:
        failed, first = len(expected.failed), expected.failed[0]
        print_folded(f"{failed} of {expected.sampled} networks failed: {first}")
    for warning in expected.warnings:
        print_folded(f"Warning: {warning}")
    next_steps((search, "do it"))
