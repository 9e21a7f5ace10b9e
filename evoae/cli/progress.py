"""How a search is watched: one progress line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Never

import click
from tqdm import tqdm

from evoae.cli import wording
from evoae.cli.hof import print_hall_of_fame
from evoae.search import Interrupted
from evoae.watching import Overview, Progress

if TYPE_CHECKING:
    from evoae.runs.run import Run


class ScreenWatcher:
    """Says on stderr what a search does."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._workers = 1

    def started(self, overview: Overview) -> None:
        """Say what will be searched, and begin the line."""
        config, self._workers = overview.config, overview.workers
        model = config.model
        limits = [
            f"latent {'=' if model.min_latent == model.max_latent else '≤'} {model.max_latent}"
            if model.latent == "vector"
            else "spatial latent",
        ]
        if model.max_parameters is not None:
            limits.append(f"≤ {model.max_parameters / 1e6:.3g} M parameters")
        if model.max_flops is not None:
            limits.append(f"≤ {model.max_flops / 1e6:.3g} MFLOP an image")
        source = config.data.name or config.data.path
        self._say(
            f"{source} {wording.shape(overview.input_shape)} · "
            f"{overview.train_images:,} train, {overview.validation_images:,} validation "
            f"(of {overview.source_images:,}) · {' · '.join(limits)}"
        )
        self._say(
            f"{config.search.algorithm}: {config.search.population} × {overview.generations} "
            f"generations, about {overview.planned} trainings · "
            f"{wording.plural(overview.workers, 'worker')} · run folder {overview.run}"
        )
        for note in overview.notes:
            self._say(note)
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=overview.planned,
                bar_format="{desc} ▕{bar:16}▏ {postfix}",
                file=sys.stderr,
                dynamic_ncols=True,
                leave=False,
            )

    def progressed(self, progress: Progress) -> None:
        """Redraw the line."""
        if self._bar is None:
            return
        self._bar.n = progress.settled
        self._bar.set_description_str(
            f"gen {progress.generation}/{progress.generations}", refresh=False
        )
        self._bar.set_postfix_str(line(progress), refresh=True)

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:  # noqa: ARG002
        """Say a line for the generation where there is no progress line."""
        if self._bar is not None or not progress.fresh:
            return
        self._say(f"gen {progress.generation}/{progress.generations} done: {line(progress)}")

    def stopping(self, in_flight: int) -> None:
        """Say that the search finishes what it has begun."""
        self.close()
        what = f"finishing {wording.plural(in_flight, 'training')}" if in_flight else "saving"
        self._say(f"Stopping: {what} (again to stop at once)…")

    def close(self) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def _say(text: str) -> None:
        click.echo(text, err=True)


def line(progress: Progress) -> str:
    """Return the figures of the progress line."""
    parts = [f"{progress.settled}/{progress.planned}"]
    if progress.best is not None:
        value, _, generation = progress.best
        parts.append(f"best {wording.loss(value)} (gen {generation})")
    if progress.failed or progress.reused:
        parts.append(f"{progress.failed} failed, {progress.reused} reused")
    if progress.fresh and progress.seconds > 0:
        rate = progress.fresh / progress.seconds
        parts.append(f"{60 * rate:.1f}/min")
        left = (progress.planned - progress.settled) / rate
        if left > 0:
            parts.append(f"{wording.about(left)} left")
    return " · ".join(parts)


def watched(work: Callable[[ScreenWatcher], Run]) -> None:
    """Do a search's `work` under a watcher; say how it ended and what to do next."""
    watcher = ScreenWatcher()
    began = time.monotonic()
    try:
        run = work(watcher)
    except Interrupted as stop:
        watcher.close()
        click.echo(
            f"Saved: {wording.plural(stop.trained, 'training')}, generation {stop.generation} of "
            f"{stop.generations}. Go on with:  evoae resume {stop.run}",
            err=True,
        )
        sys.exit(130)
    finally:
        watcher.close()
    status = run.status()
    best = f" Best validation loss {wording.loss(status.best[1])}." if status.best else ""
    click.echo(
        f"Done in {wording.duration(time.monotonic() - began)}: {status.scored} trained, "
        f"{status.reused} reused, {status.failed} failed.{best}\n",
        err=True,
    )
    print_hall_of_fame(run)
    click.echo(
        f"\nNext:  evoae show {status.run} best                 see the winner\n"
        f"       evoae hof {status.run} --json                the same list for a program\n"
        f"       evoae resume {status.run} --generations 10   search on",
        err=True,
    )
