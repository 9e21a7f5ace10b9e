"""A search without trainings: the real loop, with made-up losses."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle
from pathlib import Path
from typing import NamedTuple

from evoae.engine.loop import Loop
from evoae.engine.problem import Problem
from evoae.engine.progress import Callback, Progress
from evoae.engine.seed_genomes import seed_genomes
from evoae.evaluation import Evaluation, Outcome, Task, cost, stopped_after
from evoae.evolution.factory import algorithm_for
from evoae.execution.inline import InlineExecutor
from evoae.experiments.throughput import Throughput, makespan
from evoae.genome.genome import Genome
from evoae.models.plan import measure
from evoae.runs.files import disk_bytes, write_whole
from evoae.runs.folder import create
from evoae.runs.run import Run
from evoae.runs.store import Store

_MOST = 400  # trainings; a longer search is assumed to go on as it did up to there
_FALL = 0.3  # a made-up loss falls with this power of the epochs
_WEIGHT = 4  # bytes of one parameter in a saved model


class Step(NamedTuple):
    """One training that the search would make: FLOPs of one image's forward pass, and epochs."""

    flops: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What the search would do.

    Attributes:
        generations: the trainings of each, in order.
        scale: how many times as long the search is as what was simulated.
        images: that a training sees in an epoch.
        barrier: whether a generation waits for the one before it.
        ends: whether something but the minutes ends the search.
        paid: whether FLOPs do.
        disk: bytes of the run folder.
        candidates: different networks among the trainings.
    """

    generations: tuple[tuple[Step, ...], ...]
    scale: float
    images: int
    barrier: bool
    ends: bool
    paid: bool
    disk: int
    candidates: int

    @property
    def steps(self) -> tuple[Step, ...]:
        """All trainings in order."""
        return tuple(chain(*self.generations))

    @property
    def flops(self) -> float:
        """FLOPs of all trainings, see `evoae.evaluation.cost`."""
        return self.scale * sum(cost(step.flops, step.epochs * self.images) for step in self.steps)

    @property
    def unchanged(self) -> Simulation:
        """The same search with networks that stay as they are in the first generation."""
        first = cycle(self.generations[0])
        same = tuple(tuple(next(first) for _ in part) for part in self.generations)
        made = replace(self, generations=same)
        return replace(made, scale=self.scale * self.flops / made.flops) if self.paid else made

    def seconds(self, throughput: Throughput, workers: int) -> float:
        """Return the wall time of all trainings."""
        parts = self.generations if self.barrier else (self.steps,)
        return self.scale * sum(
            makespan([throughput.seconds(*step) for step in part], workers) for part in parts
        )


def simulate(problem: Problem, loss: Callable[[Genome], float]) -> Simulation:
    """Run the search that a problem describes, with trainings that take no time.

    Args:
        problem: of the search.
        loss: of a network, made up.

    Raises:
        EvoaeError: the search could not begin.
    """
    search = problem.config.search
    most = min(_MOST, search.budget.evaluations or _MOST)
    # The minutes are those of real trainings.
    budget = search.budget.model_copy(update={"evaluations": most, "minutes": None})
    short = search.model_copy(update={"budget": budget, "reuse": ()})
    problem = replace(problem, config=problem.config.model_copy(update={"search": short}))
    trainer = _Trainer(loss)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        create(folder, problem.config, replace(problem.metadata(), seeds=seed_genomes(problem)))
        with Store.writer(folder) as store:
            loop = Loop(store, problem, (), trainer)
            loop.run(InlineExecutor(trainer.train))
            exhausted = store.metadata().exhausted
        disk = disk_bytes(folder) + _WEIGHT * sum(
            entry.parameters for entry in Run.open(folder).hall_of_fame()
        )
    generations, progress = trainer.generations, loop.progress
    ends = (  # what may end the search but minutes, and how far it has come
        (progress.planned, progress.settled),
        (search.budget.evaluations, progress.scored + progress.failed),
        (search.budget.flops, progress.budget.flops),
    )
    shares = [reached / end for end, reached in ends if end]
    share = max(shares, default=1.0) if sum(map(len, generations)) >= most else 1.0
    return Simulation(
        tuple(map(tuple, generations[:-1])),
        1 / min(1.0, share),
        len(problem.dataset.train),
        barrier=algorithm_for(search, problem.space).max_in_flight == 1,
        ends=bool(shares) or exhausted,
        paid=search.budget.flops is not None and max(shares) == shares[-1],
        disk=disk,
        candidates=len(trainer.candidates),
    )


class _Trainer(Callback):
    """Trains nothing.

    Attributes:
        generations: what it was asked to train, the last one not ended.
        candidates: ids of those networks.
    """

    def __init__(self, loss: Callable[[Genome], float]) -> None:
        self.generations: list[list[Step]] = [[]]
        self.candidates: set[str] = set()
        self._loss = loss

    def train(self, task: Task) -> Evaluation:
        """Return a score on a curve that falls."""
        epochs, best = task.training.epochs, self._loss(task.genome)
        losses = tuple(best * (epochs / epoch) ** _FALL for epoch in range(1, epochs + 1))
        evaluation = answered(task, losses)
        self.generations[-1].append(Step(task.flops, len(evaluation.validation_loss)))
        self.candidates.add(task.id)
        return evaluation

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:  # noqa: ARG002
        """Begin the next one."""
        self.generations.append([])


def answered(task: Task, losses: Sequence[float]) -> Evaluation:
    """Return what a training with made-up losses earns; a file stands for its model.

    Args:
        task: that is not trained.
        losses: after each of its epochs, if racing does not stop it.
    """
    stopped = stopped_after(losses, task.thresholds)
    seen = tuple(losses[:stopped])
    wanted = task.keep_below is None or seen[-1] < task.keep_below
    if task.keep is not None and wanted and stopped is None:
        write_whole(task.keep, b"no model")
    size = measure(task.defaults)(task.genome)
    return Evaluation(
        task.key,
        Outcome.SCORED,
        seen[-1],
        seen,
        seen,
        size.parameters,
        size.latent,
        size.flops,
        metrics={"loss": seen[-1], "error": seen[-1]},
        cost=cost(size.flops, task.images * len(seen)),
        raced=stopped is not None,
    )
