"""What the commands that search say: as it goes, when it stops, and what it came to."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting
from evoae.cli.hof import print_entries
from evoae.engine.console import ConsoleCallback
from evoae.engine.progress import Interrupted

if TYPE_CHECKING:
    from evoae.runs.run import Run


def watched(work: Callable[[ConsoleCallback], Run]) -> None:
    """Do a search's `work` under a callback; say how it ended and what to do next."""
    callback = ConsoleCallback()
    began = time.monotonic()
    try:
        run = work(callback)
    except Interrupted as stop:
        callback.close()
        click.echo(
            f"Saved: {formatting.plural(stop.trained, 'training')}, generation {stop.generation}"
            + ("" if stop.generations is None else f" of {stop.generations}")
            + f". Go on with:  {formatting.command('resume', stop.run)}",
            err=True,
        )
        sys.exit(130)
    except KeyboardInterrupt:
        callback.close()
        if callback.run is None:
            raise
        click.echo(
            "Stopped at once; every finished training is saved. Go on with:  "
            f"{formatting.command('resume', callback.run)}",
            err=True,
        )
        sys.exit(130)
    finally:
        callback.close()
    _conclude(run, callback.fresh, time.monotonic() - began)


def _conclude(run: Run, fresh: int, seconds: float) -> None:
    """Say what a finished search came to, and the commands that make sense next."""
    status = run.status()
    kinds = ", ".join(sorted(Counter(found.kind for found in run.failures())))
    failed = f"{status.failed} failed" + (f" ({kinds})" if kinds else "")
    said = f"Done in {formatting.duration(seconds)}" if fresh else "Nothing was left to train"
    best = f" Best validation loss {formatting.loss(status.best[1])}." if status.best else ""
    trained = f"{status.scored} trained"
    if status.repeated:
        trained += f", {status.repeated} of them again"
    if fresh < status.scored + status.failed + status.repeated - status.reused:
        trained += " in all"  # by drivers before this one
    early = f" ({status.raced} stopped early)" if status.raced else ""
    search_on = run.search_on()
    spent = "" if search_on else " The space is exhausted, or nearly: nothing new came at last."
    if status.generations is not None and status.finished < status.generations and search_on:
        spent = " The budget ended it."
    click.echo(
        f"{said}: {trained}{early}, {status.duplicates} duplicates, {failed}.{best}{spent}\n",
        err=True,
    )
    print_entries(run, run.hall_of_fame())
    if status.best is None:
        formatting.next_steps(
            [(formatting.command("failures", status.run), "what failed, and why")]
        )
        sys.exit(1)
    steps = [
        (formatting.command("report", status.run), "see it"),
        (
            formatting.command("refit", status.run, "best"),
            "train it properly, measure it once on the test set",
        ),
    ]
    if search_on:
        steps.append((search_on, "search on"))
    if status.failed:
        steps.append((formatting.command("failures", status.run), "what failed, and why"))
    formatting.next_steps(steps)
