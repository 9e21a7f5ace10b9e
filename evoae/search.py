"""The conductor: configuration -> data, space, run folder, executor, algorithm; then one loop.

Randomness comes from (seed, generation) alone and every finished training is in the run folder, so
a resume is a replay: each generation is bred again, what is finished is read, the rest is trained.

Heavy imports sit inside the functions: `import evoae` loads this module, and `evoae --help` must
start at once.
"""

from __future__ import annotations

import signal
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
from evoae.evaluation import Evaluation, Task, seed_for
from evoae.runs.facts import environment
from evoae.runs.files import pending_path
from evoae.runs.folder import create, next_folder
from evoae.runs.records import Candidate, Generation
from evoae.runs.run import Run
from evoae.runs.store import Store

if TYPE_CHECKING:
    from evoae.data.dataset import Dataset
    from evoae.evolution.algorithm import AbstractAlgorithm
    from evoae.evolution.state import Proposal
    from evoae.execution.executor import AbstractExecutor
    from evoae.genome.space import Space


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
        began: monotonic clock when this process began.
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
        """Since this process began to train."""
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
    if isinstance(config, (str, Path)):
        name = name or Path(config).stem
        config = load_config(Path(config))
    config = make_config(config)
    scene = _Scene.make(config)
    folder = Path(run) if run is not None else next_folder(name or scene.dataset.name)
    create(folder, config, scene.facts())
    with Store.writer(folder) as store:
        _conduct(store, scene, watcher or _Silent())
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
    with Store.writer(opened.path) as store:
        facts = store.facts()
        recorded = facts["data_digest"]
        if scene.dataset.digest != recorded:
            raise RunError(
                str(opened.path),
                f"its data had digest {str(recorded)[:12]}, now {scene.dataset.digest[:12]}",
                "Restore the data that the run began with, or start a new run.",
            )
        if generations:
            store.set({"generations": facts["generations"] + generations})
        _conduct(store, scene, watcher or _Silent())
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
        space = Space(
            model, dataset.input_shape, measure(dataset.input_shape, min_side=model.min_side)
        )
        space.check()
        return cls(config, dataset, len(source.train), space)

    @property
    def output(self) -> str:
        """Activation of the head."""
        chosen = self.config.model.output
        return self.dataset.output if chosen == "auto" else chosen

    def facts(self) -> dict[str, object]:
        """Return what the run folder records about data and machine, once."""
        from evoae import __version__  # the package is not yet whole when this module loads

        return {
            "evoae_version": __version__,
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

    def __init__(self, store: Store, scene: _Scene, watcher: Watcher) -> None:
        from evoae.data.share import share
        from evoae.evolution.factory import algorithm_for
        from evoae.evolution.records import Records

        search = scene.config.search
        self.store, self.scene, self.watcher = store, scene, watcher
        self.algorithm: AbstractAlgorithm = algorithm_for(search, scene.space)
        self.records = Records(search.hof_size)
        self.shared = share(scene.dataset)
        self.finished = store.evaluations()  # by whichever driver
        self.settled: dict[str, Evaluation] = {}  # as far as the replay has come
        generations: int = store.facts()["generations"]
        planned = sum(self.algorithm.planned(g) for g in range(1, generations + 1))
        self.progress = Progress(generations, planned)
        self.in_flight = 0
        self.stop = False  # set from a signal handler: begin nothing new

    def run(self, executor: AbstractExecutor) -> None:
        """Breed, train and record every generation up to the run's target."""
        from evoae.evolution.algorithm import generation_rng
        from evoae.evolution.state import Individual

        self.store.keep_models()  # a driver that died may not have come to it
        state = self.algorithm.start()
        for number in range(1, self.progress.generations + 1):
            began = time.monotonic()
            self.progress.generation = number
            proposals = self.algorithm.ask(state, generation_rng(self.scene.config.seed, number))
            trained, failed = self._settle(proposals, executor)
            individuals = [
                Individual(proposal.id, proposal.genome, self.settled[proposal.id].fitness)
                for proposal in proposals
            ]
            state = self.algorithm.tell(state, individuals)
            reused = len(proposals) - trained
            self.records.update(number, individuals, trained=trained, reused=reused, failed=failed)
            row = self.records.rows[-1]
            hall = tuple(individual.id for individual in self.records.hall_of_fame)
            population = tuple(individual.id for individual in state.population)
            seconds = time.monotonic() - began
            if self.store.finish_generation(Generation(number, population, hall, row, seconds)):
                self.store.keep_models()
            self.watcher.generation_done(self.progress, row)

    def _settle(
        self, proposals: Sequence[Proposal], executor: AbstractExecutor
    ) -> tuple[int, int]:
        """See to it that every proposal has its evaluation.

        Returns:
            how many were new to the run, and how many of those failed.
        """
        new: dict[str, Proposal] = {}
        for position, proposal in enumerate(proposals):
            if proposal.id in self.settled or proposal.id in new:
                self.progress.reused += 1
                self.progress.settled += 1
            else:
                new[proposal.id] = proposal
                self.store.add_candidate(self._candidate(position, proposal))
        for id in new.keys() & self.finished.keys():
            self._count(self.finished[id])
        self._train(
            [proposal for id, proposal in new.items() if id not in self.finished], executor
        )
        return len(new), sum(self.settled[id].fitness is None for id in new)

    def _train(self, proposals: Sequence[Proposal], executor: AbstractExecutor) -> None:
        """Train `proposals`, keeping every worker busy, and record each when it finishes."""
        waiting = sorted(map(self._task, proposals), key=lambda task: task.flops)
        while (waiting and not self.stop) or self.in_flight:
            while waiting and not self.stop and self.in_flight < executor.workers:
                executor.start(waiting.pop())  # the longest first, so that none is left to the end
                self.in_flight += 1
            evaluation = executor.wait()
            self.in_flight -= 1
            self.store.add_evaluation(evaluation)
            self.progress.fresh += 1
            self._count(evaluation)
        if waiting:
            progress = self.progress
            raise Interrupted(
                self.store.folder, len(self.settled), progress.generation, progress.generations
            )

    def _count(self, evaluation: Evaluation) -> None:
        self.settled[evaluation.id] = evaluation
        progress = self.progress
        progress.settled += 1
        if evaluation.fitness is None:
            progress.failed += 1
        else:
            progress.scored += 1
            if progress.best is None or evaluation.fitness < progress.best[0]:
                progress.best = (evaluation.fitness, evaluation.id, progress.generation)
        self.watcher.progressed(progress)

    def _candidate(self, position: int, proposal: Proposal) -> Candidate:
        from evoae.genome.codec import encode
        from evoae.genome.text import render

        return Candidate(
            proposal.id,
            render(proposal.genome),
            tuple(encode(proposal.genome)),
            self.progress.generation,
            position,
            proposal.parents,
            proposal.operator,
        )

    def _task(self, proposal: Proposal) -> Task:
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
            keep=pending_path(self.store.folder.absolute(), proposal.id),
            keep_below=self.records.worst_kept,
            memory_limit=config.execution.memory_limit,
        )


def _conduct(store: Store, scene: _Scene, watcher: Watcher) -> None:
    """Run `scene`'s search to the run's target, stopping cleanly when asked to."""
    conductor = _Search(store, scene, watcher)
    progress, data = conductor.progress, scene.dataset
    with _executor(scene.config) as executor, _stop_on_signal(conductor):
        store.set({"workers": executor.workers, "planned": progress.planned})
        watcher.started(
            Overview(
                scene.config,
                store.folder,
                data.input_shape,
                len(data.train),
                len(data.validation),
                scene.source_images,
                progress.planned,
                progress.generations,
                executor.workers,
            )
        )
        conductor.run(executor)
    _record_linear_bound(store, scene)


def _record_linear_bound(store: Store, scene: _Scene) -> None:
    """Record what PCA of the winner's size reaches on the same images, for mean squared error."""
    from evoae.data.pca import pca_error

    best = Run.open(store.folder).hall_of_fame()[:1]
    if best and scene.config.objective.loss == "mse":
        latent, data = best[0].latent, scene.dataset
        bound = {"latent": latent, "val_loss": pca_error(data.train, data.validation, latent)}
        store.set({"pca": bound})


def _executor(config: Config) -> AbstractExecutor:
    from evoae.training.setup import prepare
    from evoae.training.train import train

    execution = config.execution
    if execution.kind == "inline":
        from evoae.execution.inline import InlineExecutor

        return InlineExecutor(train)
    from evoae.execution.gpus import environments, usable_gpus
    from evoae.execution.local import LocalExecutor
    from evoae.execution.machine import usable_cores

    gpus = usable_gpus()
    automatic = len(gpus) or usable_cores()
    return LocalExecutor(
        automatic if execution.workers == "auto" else execution.workers,
        train=train,
        prepare=prepare,
        recycle_after=execution.recycle_after,
        environments=environments(gpus),
    )


@contextmanager
def _stop_on_signal(conductor: _Search) -> Iterator[None]:
    """Turn the first Ctrl-C or termination into a clean stop, the second into an end at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; the caller's own remain
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
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
