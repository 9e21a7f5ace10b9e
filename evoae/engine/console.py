"""Shows how a search goes: one progress line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Never

import click
from tqdm import tqdm

from evoae import formatting
from evoae.engine.progress import Callback, Progress, SearchInfo
from evoae.runs.processes import memory_of

if TYPE_CHECKING:
    from pathlib import Path

    from evoae.config.model import ModelConfig


class ConsoleCallback(Callback):
    """Says on stderr what a search does.

    Attributes:
        run: the run folder; None before the search begins.
        fresh: trainings finished by this process.
    """

    def __init__(self) -> None:
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
        glued = " · ".join(item.replace(" ", "\N{NO-BREAK SPACE}") for item in items)
        for text in textwrap.wrap(glued, 100, break_long_words=False, break_on_hyphens=False):
            click.echo(text.replace("\N{NO-BREAK SPACE}", " "), err=True)


def _limits(model: ModelConfig) -> list[str]:
    """Word the limits that a search keeps."""
    limits = ["spatial latent"]
    if model.latent == "vector":
        fixed = model.min_latent == model.max_latent
        limits = [f"latent {'' if fixed else '≤ '}{model.max_latent}"]
    if model.max_parameters is not None:
        limits.append(f"≤ {model.max_parameters:,} parameters")
    if model.max_flops is not None:
        limits.append(f"≤ {formatting.flops(model.max_flops)}")
    return limits


def _extent(info: SearchInfo) -> list[str]:
    """Word how long a search will be."""
    search, parts = info.config.search, []
    if info.generations is None:
        parts.append(f"generations of {search.population}")
    else:
        trainings = f"about {info.planned} trainings"
        parts.append(f"{search.population} × {info.generations} generations, {trainings}")
    budget = search.budget
    if budget.flops is not None:
        parts.append(f"at most {formatting.flops(budget.flops)}")
    if budget.evaluations is not None:
        parts.append(f"at most {formatting.plural(budget.evaluations, 'training')}")
    if budget.minutes is not None:
        parts.append(f"at most {formatting.figure(budget.minutes)} min")
    return parts


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
    planned = "" if progress.planned is None else f"/{progress.planned}"
    parts = [f"{progress.scored}{planned} trained"]
    if progress.best is not None:
        value, _, generation = progress.best
        parts.append(f"best {formatting.loss(value)} (gen {generation})")
    if progress.raced:
        parts.append(f"{progress.raced} stopped early")
    if progress.failed or progress.duplicates:
        parts.append(f"{progress.failed} failed, {progress.duplicates} duplicates")
    if progress.rate is not None:
        parts.append(f"{60 * progress.rate:.1f}/min")
    if (left := progress.left) is not None and left.seconds:
        parts.append(f"{formatting.about(left.low, left.high)} left")
    if memory is not None:
        parts.append(formatting.size(memory))
    return " · ".join(parts)
