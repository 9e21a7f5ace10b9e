"""What the commands that search say: as it goes, when it stops, and what it came to."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from evoae.cli.hof import print_entries
from evoae.cli.output import next_steps, say
from evoae.engine.console import ConsoleCallback
from evoae.engine.progress import Interrupted
from evoae.experiments.advice import against_pca, behind_pca
from evoae.formatting import command, duration, loss, plural
from evoae.runs.hall_of_fame import leading

if TYPE_CHECKING:
    from evoae.engine.problem import Problem
    from evoae.runs.run import Run


def watched(
    work: Callable[[ConsoleCallback], Run],
    warn: Callable[[Problem], Sequence[str]] = lambda _: (),
) -> None:
    """Do a search's `work` under a callback; say how it ended and what to do next.

    Args:
        work: makes or goes on with a run.
        warn: returns what to think about before that, a sentence each.
    """
    callback = ConsoleCallback(warn)
    began = time.monotonic()
    try:
        run = work(callback)
    except Interrupted as stop:
        callback.close()
        planned = "" if stop.generations is None else f" of {stop.generations}"
        _stop(
            f"Saved: {plural(stop.trained, 'training')}, generation {stop.generation}{planned}",
            stop.run,
        )
    except KeyboardInterrupt:
        callback.close()
        if callback.run is None:
            raise
        _stop("Stopped at once; every finished training is saved", callback.run)
    finally:
        callback.close()
    _conclude(run, callback.fresh, time.monotonic() - began)


def _stop(said: str, run: object) -> NoReturn:
    """Say what was saved and how to go on; end the command as an interrupted one."""
    say(f"{said}. Go on with:  {command('resume', run)}")
    sys.exit(130)


def _conclude(run: Run, fresh: int, seconds: float) -> None:
    """Say what a finished search came to, and the commands that make sense next."""
    status = run.status()
    kinds = ", ".join(sorted(Counter(failed.kind for failed in run.failures())))
    failed = f"{status.failed} failed" + (f" ({kinds})" if kinds else "")
    said = f"Done in {duration(seconds)}" if fresh else "Nothing was left to train"
    hall = leading(run.hall_of_fame())
    best, answer = "", next(iter(hall), None)
    if status.best is not None and answer is not None:
        words = answer.standing.in_words if answer.test_loss is None else ""
        best = f" Best validation loss {loss(status.best[1])}{words and ': it '}{words}."
    trained = f"{status.scored} trained"
    if status.repeated:
        trained += f", {status.repeated} of them again"
    if fresh < status.scored + status.failed + status.repeated - status.reused:
        trained += " in all"  # by drivers before this one
    early = f" ({status.raced} stopped early)" if status.raced else ""
    search_on = run.search_on()
    spent = "" if search_on else " The space is exhausted, or nearly: nothing new came at last."
    if status.generations is not None and search_on:
        cut = str(status.finished) in run.metadata().budget_stops  # in its last generation, too
        if cut or status.finished < status.generations:
            spent = " The budget ended it."
    say(f"{said}: {trained}{early}, {status.duplicates} duplicates, {failed}.{best}{spent}\n")
    print_entries(run, hall)
    if behind := behind_pca(answer):
        say(f"\n{behind} What helps:")
    properly = (
        command("refit", status.run, "best"),
        "train it properly, measure it once on the test set",
    )
    steps = [
        *(against_pca(run, answer) or [properly]),
        (command("report", status.run), "see it"),
        *([(search_on, "search on")] if search_on else []),
    ]
    why = [(command("failures", status.run), "what failed, and why")]
    if status.best is None:
        next_steps(*why)
        sys.exit(1)
    next_steps(*steps, *(why if status.failed else []))
