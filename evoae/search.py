"""The conductor: configuration -> data, space, run folder, executor, algorithm; then one loop.

Randomness comes from (seed, generation) alone and every finished training is in the run folder, so
a resume is a replay: each generation is bred again, what is finished is read, the rest is trained.

Heavy imports sit inside the functions: `import evoae` loads this module, and `evoae --help` must
start at once.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

from evoae.config.load import load_config, make_config
from evoae.config.schema import Config
from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome, Task, seed_for
from evoae.runs.run import Run

if TYPE_CHECKING:
    from evoae.data.dataset import Dataset
    from evoae.evolution.algorithm import AbstractAlgorithm
    from evoae.evolution.state import Proposal
    from evoae.execution.executor import AbstractExecutor
    from evoae.genome.space import Space
    from evoae.runs.store import Store


class Interrupted(KeyboardInterrupt):
    """A search that was asked to stop, and did after saving.

    Attributes:
        run: the run folder.
        trained: trainings it holds.
        generation: the 1-based generation that was under way.
        generations: how many were asked for.
    """

    def __init__(self, run: Path, trained: int, generation: int, generations: int) -> None:
        super().__init__(run, trained, generation, generations)
        self.run, self.trained = run, trained
        self.generation, self.generations = generation, generations


@dataclass(frozen=True, slots=True)
class Overview:
    """What a search is about to do.

    Attributes:
        source_images: training images before `data.reduce`.
        planned: proposals over all generations; those known already are not trained again.
    """

    config: Config
    run: Path
    input_shape: tuple[int, int, int]
    train_images: int
    validation_images: int
    source_images: int
    planned: int
    generations: int
    workers: int


@dataclass(slots=True)
class Progress:
    """Where a search stands. Counts cover the whole run, not only this process.

    Attributes:
        generation: 1-based, of the training under way.
        settled: proposals that need no more work: trained, failed or reused.
        fresh: trainings finished by this process.
        best: (validation loss, candidate id, generation); None before the first score.
        seconds: since this process began to train.
    """

    generations: int
    planned: int
    generation: int = 0
    settled: int = 0
    scored: int = 0
    failed: int = 0
    reused: int = 0
    fresh: int = 0
    best: tuple[float, str, int] | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Watcher(Protocol):
    """Whoever wants to hear how a search goes."""

    def started(self, overview: Overview) -> None:
        """Hear what the search is about to do."""

    def progressed(self, progress: Progress) -> None:
        """Hear that one more candidate is settled."""

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:
        """Hear that a generation ended; `row` is its line of the logbook."""

    def stopping(self, in_flight: int) -> None:
        """Hear that the search was asked to stop and waits for `in_flight` trainings."""


class _Silent:
    """A watcher that says nothing."""

    def started(self, overview: Overview) -> None: ...
    def progressed(self, progress: Progress) -> None: ...
    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None: ...
    def stopping(self, in_flight: int) -> None: ...


def search(
    config: Config | Mapping[str, object] | str | Path,
    *,
    run: str | Path | None = None,
    name: str | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """Run the search that `config` describes; return its finished run.

    Args:
        config: a configuration, a mapping of its sections, or the path of a YAML file.
        run: folder to make for the run; None for `runs/NAME-N`, N being the first free number.
        name: NAME; None for the configuration file's, or else the data set's.
        watcher: hears how it goes; None for silence.

    Raises:
        EvoaeError: the configuration, the data or the folder cannot be used.
        Interrupted: Ctrl-C; everything finished is saved, and `resume` goes on.
    """
    from evoae.runs.store import create

    if isinstance(config, (str, Path)):
        name = name or Path(config).stem
        config = load_config(Path(config))
    config = make_config(config)
    scene = _Scene.make(config)
    folder = Path(run) if run is not None else _next_folder(name or scene.dataset.name)
    with create(folder, config, scene.facts()) as store:
        _conduct(store, folder, scene, watcher or _Silent())
    return Run.open(folder)


def resume(
    run: str | Path, *, generations: int | None = None, watcher: Watcher | None = None
) -> Run:
    """Go on with an interrupted run to the end that it would have reached.

    Args:
        run: a run's folder, or its name under `runs/`.
        generations: how many more generations than asked for so far; None for no more.
        watcher: hears how it goes; None for silence.

    Raises:
        EvoaeError: no run there, another driver holds it, or its data are gone or have changed.
        Interrupted: Ctrl-C; see `search`.
    """
    opened = Run.open(run)
    scene = _Scene.make(opened.config)
    with opened.writer() as store:
        recorded = store.facts()["data_digest"]
        if scene.dataset.digest != recorded:
            raise RunError(
                str(opened.path),
                f"its data had digest {str(recorded)[:12]}, now {scene.dataset.digest[:12]}",
                "Restore the data that the run began with, or start a new run.",
            )
        if generations:
            store.set_target(store.target() + generations)
        _conduct(store, opened.path, scene, watcher or _Silent())
    return Run.open(opened.path)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything a search needs besides its run folder."""

    config: Config
    dataset: Dataset
    source_images: int
    space: Space

    @classmethod
    def make(cls, config: Config) -> _Scene:
        """Load the data and make the space; refuse what cannot work before anything is written."""
        from evoae.data.load import load
        from evoae.genome.space import Space
        from evoae.models.plan import measure

        source = load(config.data, config.seed)
        dataset = source.reduced(config.data.reduce, config.seed)
        model = config.model
        space = Space(model, dataset.input_shape, measure(dataset.input_shape, min_side=model.min_side))
        space.check()
        return cls(config, dataset, len(source.train), space)

    @property
    def output(self) -> str:
        """Activation of the head."""
        chosen = self.config.model.output
        return self.dataset.output if chosen == "auto" else chosen

    def facts(self) -> dict[str, object]:
        """Return what the run folder records about data and machine, once."""
        from evoae.runs.facts import environment

        return {
            **environment(),
            "data": self.dataset.name,
            "data_digest": self.dataset.digest,
            "input_shape": list(self.dataset.input_shape),
            "output": self.output,
            "train_images": len(self.dataset.train),
            "validation_images": len(self.dataset.validation),
            "source_images": self.source_images,
        }


class _Search:
    """One driver's work on one run."""

    def __init__(self, store: Store, folder: Path, scene: _Scene, watcher: Watcher) -> None:
        from evoae.data.share import share
        from evoae.evolution.factory import algorithm_for
        from evoae.evolution.records import Records

        config = scene.config
        self.store, self.folder, self.scene, self.watcher = store, folder, scene, watcher
        self.algorithm: AbstractAlgorithm = algorithm_for(config.search, scene.space)
        self.records = Records(config.search.hof_size)
        self.shared = share(scene.dataset)
        self.settled: dict[str, Evaluation] = {}
        self.generations = store.target()
        planned = sum(self.algorithm.planned(g) for g in range(1, self.generations + 1))
        self.progress = Progress(self.generations, planned)
        self.in_flight = 0
        self.stop = False  # set from a signal handler: begin nothing new

    def run(self, executor: AbstractExecutor) -> None:
        """Breed, train and record every generation up to the run's target."""
        from evoae.evolution.algorithm import generation_rng
        from evoae.evolution.state import Individual
        from evoae.runs.files import promote
        from evoae.runs.store import Generation

        state = self.algorithm.start()
        for number in range(1, self.generations + 1):
            began = time.monotonic()
            self.progress.generation = number
            proposals = self.algorithm.ask(state, generation_rng(self.scene.config.seed, number))
            trained = self._settle(number, proposals, executor)
            individuals = [Individual(p.id, p.genome, self.settled[p.id].fitness) for p in proposals]
            state = self.algorithm.tell(state, individuals)
            row = self.records.update(
                number,
                individuals,
                trained=trained,
                reused=len(proposals) - trained,
                failed=sum(individual.fitness is None for individual in individuals),
            )
            hall = tuple(individual.id for individual in self.records.hall_of_fame)
            population = tuple(individual.id for individual in state.population)
            self.store.finish_generation(
                Generation(number, population, hall, row, time.monotonic() - began)
            )
            promote(self.folder, hall)
            self.watcher.generation_done(self.progress, row)

    def _settle(
        self, number: int, proposals: Sequence[Proposal], executor: AbstractExecutor
    ) -> int:
        """See to it that every proposal has its evaluation; return how many were new to the run."""
        keep_below = self.records.entry_threshold()
        new: dict[str, Proposal] = {}
        for position, proposal in enumerate(proposals):
            if proposal.id in self.settled or proposal.id in new:
                self.progress.reused += 1
                self.progress.settled += 1
                continue
            new[proposal.id] = proposal
            self._record_candidate(number, position, proposal)
        waiting: list[Task] = []
        for proposal in new.values():
            finished = self.store.evaluation(proposal.id)
            if finished is None:
                waiting.append(self._task(proposal, keep_below))
            else:
                self._count(number, finished)
        waiting.sort(key=lambda task: task.flops)  # the longest is popped first: no long tail
        while (waiting and not self.stop) or self.in_flight:
            while waiting and not self.stop and self.in_flight < executor.workers:
                executor.start(waiting.pop())
                self.in_flight += 1
            evaluation = executor.wait()
            self.in_flight -= 1
            self.store.add_evaluation(evaluation)
            self.progress.fresh += 1
            self._count(number, evaluation)
        if waiting:
            raise Interrupted(self.folder, len(self.settled), number, self.generations)
        return len(new)

    def _count(self, number: int, evaluation: Evaluation) -> None:
        self.settled[evaluation.id] = evaluation
        progress = self.progress
        progress.settled += 1
        if evaluation.fitness is None:
            progress.failed += 1
        else:
            progress.scored += 1
            if progress.best is None or evaluation.fitness < progress.best[0]:
                progress.best = (evaluation.fitness, evaluation.id, number)
        self.watcher.progressed(progress)

    def _record_candidate(self, number: int, position: int, proposal: Proposal) -> None:
        from evoae.genome.codec import encode
        from evoae.genome.text import render
        from evoae.runs.store import Candidate

        self.store.add_candidate(
            Candidate(
                proposal.id,
                render(proposal.genome),
                tuple(encode(proposal.genome)),
                number,
                position,
                proposal.parents,
                proposal.operator,
            )
        )

    def _task(self, proposal: Proposal, keep_below: float | None) -> Task:
        config, scene = self.scene.config, self.scene
        return Task(
            id=proposal.id,
            genome=proposal.genome,
            input_shape=scene.dataset.input_shape,
            min_side=config.model.min_side,
            output=scene.output,
            data=self.shared,
            objective=config.objective,
            training=config.training,
            seed=seed_for(config.seed, proposal.id),
            flops=scene.space.measure(proposal.genome).flops,
            keep=self.folder.absolute() / "models" / "pending" / f"{proposal.id}.keras",
            keep_below=keep_below,
            memory_limit=config.execution.memory_limit,
        )


def _conduct(store: Store, folder: Path, scene: _Scene, watcher: Watcher) -> None:
    """Run `scene`'s search to the run's target, stopping cleanly when asked to."""
    conductor = _Search(store, folder, scene, watcher)
    executor = _executor(scene.config)
    data = scene.dataset
    with executor, _stop_on_signal(conductor):
        watcher.started(
            Overview(
                scene.config,
                folder,
                data.input_shape,
                len(data.train),
                len(data.validation),
                scene.source_images,
                conductor.progress.planned,
                conductor.generations,
                executor.workers,
            )
        )
        conductor.run(executor)


def _executor(config: Config) -> AbstractExecutor:
    from evoae.training.train import prepare, train

    execution = config.execution
    if execution.kind == "inline":
        from evoae.execution.inline import InlineExecutor

        return InlineExecutor(train)
    from evoae.execution.local import LocalExecutor

    workers = execution.workers if execution.workers != "auto" else cores()
    return LocalExecutor(
        workers, train=train, prepare=prepare, recycle_after=execution.recycle_after
    )


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


@contextmanager
def _stop_on_signal(conductor: _Search) -> Iterator[None]:
    """Turn the first Ctrl-C or termination into a clean stop, the second into an end at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; the caller's own remain
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        if conductor.stop:
            raise KeyboardInterrupt
        conductor.stop = True
        conductor.watcher.stopping(conductor.in_flight)

    before = {s: signal.signal(s, on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _next_folder(stem: str) -> Path:
    """Return `runs/STEM-N` with the first N that is free."""
    stem = re.sub(r"[^\w.-]+", "-", stem)
    taken = {path.name for path in Path("runs").glob(f"{stem}-*")}
    number = next(n for n in itertools.count(1) if f"{stem}-{n}" not in taken)
    return Path("runs") / f"{stem}-{number}"
