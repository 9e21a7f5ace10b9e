"""What a search tells of itself while it runs, and the interface of whoever hears it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.config.schema import Config
from evoae.engine.budget import Budget
from evoae.evaluation import Evaluation
from evoae.runs.eta import Eta, eta, rate

if TYPE_CHECKING:
    from evoae.engine.problem import Problem


class Interrupted(KeyboardInterrupt):
    """A search that was asked to stop, and did after saving.

    Attributes:
        run: the run folder.
        trained: trainings it holds.
        generation: the 1-based generation that was under way.
        generations: how many were asked for; None if only a budget ends the search.
    """

    def __init__(self, run: Path, trained: int, generation: int, generations: int | None) -> None:
        super().__init__(run, trained, generation, generations)
        self.run, self.trained = run, trained
        self.generation, self.generations = generation, generations


@dataclass(frozen=True, slots=True)
class SearchInfo:
    """What a search is about to do.

    Attributes:
        notes: what a person should know before it begins, a sentence each.
        source_images: training images before `data.reduce`.
        planned: proposals over all generations; those known already are not trained again. None
            if only a budget ends the search, as `generations` is then.
        problem: what it works on, for whoever wants to look closer.
    """

    config: Config
    run: Path
    input_shape: tuple[int, ...]
    train_images: int
    validation_images: int
    source_images: int
    planned: int | None
    generations: int | None
    workers: int
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(slots=True)
class Progress:
    """Where a search stands. Counts cover the whole run, not only this process.

    Attributes:
        generations, planned: as in `SearchInfo`.
        budget: what is spent.
        generation: 1-based, of the training under way.
        settled: proposals that need no more work: trained, failed or duplicates.
        scored, failed, duplicates: of those settled.
        raced: of those with a score, the ones that racing stopped early.
        times: seconds that each training took which this process finished.
        ends: of those, by the monotonic clock.
        best: (validation loss, candidate id, generation); None before the first score.
    """

    generations: int | None
    planned: int | None
    budget: Budget
    generation: int = 0
    settled: int = 0
    scored: int = 0
    failed: int = 0
    duplicates: int = 0
    raced: int = 0
    times: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    best: tuple[float, str, int] | None = None

    def finished(self, seconds: float) -> None:
        """Note that this process has just finished a training, and how long that took."""
        self.times.append(seconds)
        self.ends.append(time.monotonic())

    def settle(self, evaluation: Evaluation) -> None:
        """Count a training that has ended."""
        self.settled += 1
        fitness = evaluation.fitness
        if fitness is None:
            self.failed += 1
            return
        self.scored += 1
        self.raced += evaluation.raced
        believed = evaluation.key.repeat == 1 and not evaluation.raced
        if believed and (self.best is None or fitness < self.best[0]):
            self.best = (fitness, evaluation.id, self.generation)

    @property
    def share(self) -> float:
        """How much of the search is done, from 0 to 1: of its plan or its budget."""
        of_plan = self.settled / self.planned if self.planned else 0.0
        return min(1.0, max(of_plan, self.budget.share))

    @property
    def fresh(self) -> int:
        """Trainings finished by this process."""
        return len(self.times)

    @property
    def rate(self) -> float | None:
        """Trainings of this process per second; None before the first."""
        return rate(self.times, self.ends)

    @property
    def left(self) -> Eta | None:
        """Forecast of what is left, as `evoae status` has it; None before there is one."""
        return eta(self.share, self.scored + self.failed, self.times, self.ends)


class Callback:
    """Whoever wants to hear how a search goes. Subclasses answer; this one does nothing."""

    def said(self, line: str) -> None:
        """Hear what happens to the data before the search: a download, a picture skipped."""

    def started(self, info: SearchInfo) -> None:
        """Hear what the search is about to do."""

    def progressed(self, progress: Progress) -> None:
        """Hear that one more candidate is settled."""

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:
        """Hear that a generation ended; `row` is its line of the logbook."""

    def stopping(self, in_flight: int) -> None:
        """Hear that the search was asked to stop and waits for `in_flight` trainings."""
