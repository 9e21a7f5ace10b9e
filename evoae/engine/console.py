"""Shows how a search goes: one progress line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Never

import click
from tqdm import tqdm

from evoae import formatting
from evoae.engine.progress import Callback, Progress, SearchInfo
from evoae.runs.processes import memory_of
from evoae.terminal import dotted, width_of

if TYPE_CHECKING:
    from pathlib import Path

    from evoae.config.model import ModelConfig
    from evoae.engine.problem import Problem


class ConsoleCallback(Callback):
    """Says on stderr what a search does.

    Args:
        warn: returns what a person should think about before a search begins, a sentence each.

    Attributes:
        run: the run folder; None before the search begins.
        fresh: trainings finished by this process.
    """

    def __init__(self, warn: Callable[[Problem], Sequence[str]] = lambda _: ()) -> None:
        self._warn = warn
        self.run: Path | None = None
        self.fresh = 0
        self._bar: tqdm[Never] | None = None

    def said(self, line: str) -> None:
        """Repeat it."""
        if self._bar is not None:
            self._bar.clear()
        click.echo(line, err=True)

    def started(self, info: SearchInfo) -> None:
        """Say what will be searched, and begin the line."""
        config, self.run = info.config, info.run
        images = f"{info.train_images:,} train, {info.validation_images:,} validation"
        if info.train_images < info.source_images:
            images += f" (of {info.source_images:,})"
        source = config.data.name or config.data.path
        self._say_items(
            [f"{source} {formatting.shape(info.input_shape)}", images, *_limits(config.model)]
        )
        workers = formatting.plural(info.workers, "worker")
        self._say_items([*_extent(info), workers, f"run folder {info.run}"])
        for note in info.notes:
            click.echo(note, err=True)
        for warning in () if info.problem is None else self._warn(info.problem):
            if warning not in info.notes:
                click.echo(f"Warning: {warning}", err=True)
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=1.0,
                bar_format="▕{bar:12}▏ {desc}",
                desc=f"starting {workers}…",
                file=sys.stderr,
                dynamic_ncols=True,
                leave=False,
            )

    def progressed(self, progress: Progress) -> None:
        """Redraw the line."""
        self.fresh = progress.fresh
        if self._bar is None:
            return
        self._bar.n = progress.share
        self._bar.bar_format = f"{generation_of(progress)} ▕{{bar:12}}▏ {{desc}}"
        self._bar.set_description_str(line(progress, memory_of(os.getpid())))

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:
        """Say a line for the generation where there is no progress line."""
        if self._bar is None and progress.fresh:
            ended = generation_of(progress, row["generation"])
            click.echo(f"{ended} done: {line(progress, memory_of(os.getpid()))}", err=True)

    def stopping(self, in_flight: int) -> None:
        """Say that the search finishes what it has begun."""
        self.close()
        what = f"finishing {formatting.plural(in_flight, 'training')}" if in_flight else "saving"
        click.echo(f"Stopping: {what} (again to stop at once)…", err=True)

    def close(self) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def _say_items(items: list[str]) -> None:
        """Say items with dots between them, breaking lines only there."""
        for text in dotted(items, min(100, width_of(sys.stderr))):
            click.echo(text, err=True)


def _limits(model: ModelConfig) -> list[str]:
    """Word the limits that a search keeps."""
    vector = f"latent {'' if model.min_latent == model.max_latent else '≤ '}{model.max_latent}"
    return _there(
        vector if model.latent == "vector" else "spatial latent",
        model.max_parameters and f"≤ {model.max_parameters:,} parameters",
        model.max_flops and f"≤ {formatting.flops(model.max_flops)}",
    )


def _extent(info: SearchInfo) -> list[str]:
    """Word how long a search will be."""
    search, budget = info.config.search, info.config.search.budget
    plan = f"{search.population} × {info.generations} generations, about {info.planned} trainings"
    return _there(
        f"generations of {search.population}" if info.generations is None else plan,
        budget.flops and f"at most {formatting.flops(budget.flops)}",
        budget.evaluations and f"at most {formatting.plural(budget.evaluations, 'training')}",
        budget.minutes and f"at most {formatting.figure(budget.minutes)} min",
    )


def _there(*items: str | float | None) -> list[str]:
    """Return the items that are there: None, 0 or "" stands for one that is not."""
    return [str(item) for item in items if item]


def generation_of(progress: Progress, number: object = None) -> str:
    """Word a generation; the one under way if none is given."""
    of_all = "" if progress.generations is None else f"/{progress.generations}"
    return f"gen {number or progress.generation}{of_all}"


def line(progress: Progress, memory: int | None = None) -> str:
    """Return the figures of the progress line.

    Args:
        progress: of the search.
        memory: bytes that driver and workers take; None to leave it out.
    """
    most = progress.planned, progress.budget.limits.evaluations
    planned = f"/{min(filter(None, most))}" if progress.planned else ""
    best, left, lost = progress.best, progress.left, progress.failed or progress.duplicates
    parts = _there(
        f"{progress.scored}{planned} trained",
        best and f"best {formatting.loss(best[0])} (gen {best[2]})",
        progress.raced and f"{progress.raced} stopped early",
        lost and f"{progress.failed} failed, {progress.duplicates} duplicates",
        progress.rate and f"{60 * progress.rate:.1f}/min",
        f"{formatting.about(left.low, left.high)} left" if left and left.seconds else None,
        formatting.size(memory) if memory is not None else None,
    )
    return " · ".join(parts)
