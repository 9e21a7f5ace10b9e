"""`evoae status`: says where a run stands, once or until it ends."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.advice import say_behind_pca
from evoae.cli.output import Output, print_dotted, print_folded, say
from evoae.formatting import about, flops, loss, plural, short, size
from evoae.formatting import command as typed
from evoae.terminal import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evoae.runs.run import Run
    from evoae.runs.status import Status


@click.command("status")
@options.opened
@click.option("--watch", is_flag=True, help="Go on saying it until the run ends, or Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2,
    show_default=True,
    metavar="S",
    help="Seconds between two looks with --watch.",
)
@options.as_json_flag("Print JSON; with --watch one line a change.")
def command(run: Run, watch: bool, interval: float, as_json: bool) -> None:
    """Say where RUN stands, be it running, interrupted or finished.

    With --watch the lines are drawn anew on a terminal; to a file or pipe a line is added
    whenever something has changed.
    """
    if not watch:
        status = run.status()
        Output(status.summary(), lambda: _print(status, run)).show(as_json=as_json)
        return
    looks = _until_it_ends(run, interval)
    with suppress(KeyboardInterrupt):
        redraw = sys.stdout.isatty() and not as_json
        _say_next(_redrawn(looks) if redraw else _in_lines(looks, as_json=as_json), run)


def _print(status: Status, run: Run) -> None:
    print_folded(_where(status))
    for line in _further(status):
        print_folded(line)
    print_dotted(_figures(status))
    _say_next(status, run)


def _until_it_ends(run: Run, interval: float) -> Iterator[Status]:
    """Yield where a run stands again and again, at last how it ended."""
    while (status := run.status()).state == "running" or status.refit is not None:
        yield status
        time.sleep(interval)
    yield status


def _redrawn(looks: Iterator[Status]) -> Status:
    """Draw each status over the one before; return the last one."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), auto_refresh=False) as screen:
        for status in looks:
            figures = dotted(_figures(status), screen.console.width, "  ")
            lines = [_where(status), *_further(status), *figures]
            screen.update(Text("\n".join(lines)), refresh=True)
    return status


def _in_lines(looks: Iterator[Status], *, as_json: bool) -> Status:
    """Print a line where anything but clock, memory and disk has changed; return the last one."""
    before = None
    for status in looks:
        counts = (status.scored, status.failed, status.duplicates, status.repeated, status.reused)
        refit = status.refit and (status.refit.finished, status.refit.epoch)
        now = (status.state, status.generation, status.best, refit, *counts)
        if now != before:
            before = now
            line = " · ".join([_where(status), *_further(status), *_figures(status)])
            click.echo(json.dumps(status.summary()) if as_json else line)
    return status


def _say_next(status: Status, run: Run) -> None:
    """Say why a run stopped, that PCA is better, and how to go on with it."""
    if status.why is not None:
        say(f"Stopped: {status.why}. See:  {typed('failures', status.run)}")
    if status.state == "interrupted":
        say(f"Go on with:  {typed('resume', status.run)}")
    if status.state == "finished" and status.refit is None:
        say_behind_pca(run)


def _where(status: Status) -> str:
    """Word the run, its state, its generation and its best candidate."""
    state, generation, best = status.state, str(status.generation), "no score yet"
    if status.refit is not None:
        state += f", being refitted (pid {status.pid or 'unknown'})"
    elif status.pid is not None:
        workers = plural(status.workers or 1, "worker")
        state += f" (pid {status.pid or 'unknown'}, {workers})"
    if status.generations is not None:
        generation += f"/{status.generations}"
    answer = status.answer
    if answer is not None:
        best = f"best {loss(answer.val_loss)}  {short(answer.id)}"
        refitted = {"": answer.refit_loss, "test ": answer.test_loss}
        if reached := [f"{split}{loss(v)}" for split, v in refitted.items() if v is not None]:
            best = f"refitted {', '.join(reached)}  {short(answer.id)}"
    return f"{status.run}  {state}      generation {generation}      {best}"


def _further(status: Status) -> list[str]:
    """Say how far a refit is, and which share of the variance the best model explains."""
    refit = "" if status.refit is None else f"refit {status.refit.in_words}"
    meaning = "" if status.answer is None else status.answer.standing.in_words
    return [line for line in (refit, meaning) if line]


def _figures(status: Status) -> list[str]:
    """Word what was trained, what it cost, how fast a run goes on and for how long."""
    early = f" ({status.raced} stopped early)" if status.raced else ""
    ahead = []
    if status.state == "running":
        ahead = ["" if status.per_minute is None else f"{status.per_minute:.1f}/min"]
        if status.eta_low is not None and status.eta_high is not None:
            ahead.append(f"{about(status.eta_low, status.eta_high)} left")
    figures = [
        f"trained {status.scored}{early}",
        f"again {status.repeated}" if status.repeated else "",
        f"duplicates {status.duplicates}",
        f"failed {status.failed}",
        f"reused {status.reused}" if status.reused else "",
        f"cost {flops(status.cost)}" if status.cost else "",
        f"noise {status.noise:.1%}" if status.noise is not None else "",
        *ahead,
        f"{size(status.disk_bytes)} on disk",
        f"{size(status.memory)} in memory" if status.memory is not None else "",
    ]
    return [figure for figure in figures if figure]
