"""`evoae status`: where a run stands, once or until it ends."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting

if TYPE_CHECKING:
    from evoae.runs.run import Run
    from evoae.runs.status import Status


@click.command("status", short_help="Where a run stands.")
@click.argument("run")
@click.option("--watch", is_flag=True, help="Go on saying it until the run ends, or Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2,
    show_default=True,
    metavar="S",
    help="Seconds between two looks with --watch.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; with --watch one line a change."
)
def command(run: str, watch: bool, interval: float, as_json: bool) -> None:
    """Say where RUN stands, be it running, interrupted or finished.

    With --watch the lines are drawn anew on a terminal; to a file or pipe a line is added
    whenever something has changed.
    """
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    opened = Run.open(run)
    if watch:
        with suppress(KeyboardInterrupt):
            status = _watch(opened, interval, as_json=as_json)
            _say_next(status)
        return
    status = opened.status()
    if as_json:
        print_json(status.summary())
        return
    click.echo(_text(status))
    _say_next(status)


def _watch(run: Run, interval: float, *, as_json: bool) -> Status:
    """Show where a run stands until it ends; return how it did."""
    if as_json or not sys.stdout.isatty():
        return _watch_in_lines(run, interval, as_json=as_json)
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    status = run.status()
    with Live(Text(_text(status)), console=Console(), auto_refresh=False) as screen:
        while status.state == "running":
            time.sleep(interval)
            status = run.status()
            screen.update(Text(_text(status)), refresh=True)
    return status


def _watch_in_lines(run: Run, interval: float, *, as_json: bool) -> Status:
    """Print a line whenever something has changed but clock, memory and disk."""
    said = None
    while True:
        status = run.status()
        now = (status.state, status.generation, status.best, *_counts(status))
        if now != said:
            said = now
            line = " · ".join([_where(status), *_figures(status)])
            click.echo(json.dumps(status.summary()) if as_json else line)
        if status.state != "running":
            return status
        time.sleep(interval)


def _say_next(status: Status) -> None:
    """Say why a run stopped, and how to go on with it."""
    if status.why is not None:
        see = formatting.command("failures", status.run)
        click.echo(f"Stopped: {status.why}. See:  {see}", err=True)
    if status.state == "interrupted":
        click.echo(f"Go on with:  {formatting.command('resume', status.run)}", err=True)


def _counts(status: Status) -> tuple[int, ...]:
    return (status.scored, status.failed, status.duplicates, status.repeated, status.reused)


def _text(status: Status) -> str:
    """Word all of it in two lines."""
    return f"{_where(status)}\n{' · '.join(_figures(status))}"


def _where(status: Status) -> str:
    """Word the run, its state, its generation and its best candidate."""
    state = status.state
    if status.pid is not None:
        workers = formatting.plural(status.workers or 1, "worker")
        state += f" (pid {status.pid or 'unknown'}, {workers})"
    generation = str(status.generation)
    if status.generations is not None:
        generation += f"/{status.generations}"
    best = "no score yet"
    if status.best is not None:
        best = f"best {formatting.loss(status.best[1])}  {formatting.short(status.best[0])}"
    return f"{status.run}  {state}      generation {generation}      {best}"


def _figures(status: Status) -> list[str]:
    """Word what was trained and what it cost."""
    figures = [
        f"trained {status.scored}",
        f"duplicates {status.duplicates}",
        f"failed {status.failed}",
    ]
    if status.repeated:
        figures.insert(1, f"again {status.repeated}")
    if status.raced:
        figures[0] += f" ({status.raced} stopped early)"
    if status.reused:
        figures.append(f"reused {status.reused}")
    if status.cost:
        figures.append(f"cost {formatting.flops(status.cost)}")
    if status.noise is not None:
        figures.append(f"noise {status.noise:.1%}")
    if status.state == "running":
        figures += _ahead(status)
    figures.append(f"{formatting.size(status.disk_bytes)} on disk")
    if status.memory is not None:
        figures.append(f"{formatting.size(status.memory)} in memory")
    return figures


def _ahead(status: Status) -> list[str]:
    """Word how fast a run goes on, and how long."""
    figures = [] if status.per_minute is None else [f"{status.per_minute:.1f}/min"]
    if status.eta_low is not None and status.eta_high is not None:
        figures.append(f"{formatting.about(status.eta_low, status.eta_high)} left")
    return figures
