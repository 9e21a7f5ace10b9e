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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from evoae.config.load import load_config, make_config
from evoae.config.schema import Config
from evoae.errors import RunError, SearchError
from evoae.evaluation import Evaluation, Task
from evoae.runs.agreement import check_unchanged, machine_differences
from evoae.runs.files import model_path, pending_path
from evoae.runs.folder import CONFIG, create, locate, next_folder
from evoae.runs.lender import Lender
from evoae.runs.records import Candidate, Generation
from evoae.runs.run import Found, Run
from evoae.runs.store import Store
from evoae.watching import Overview, Progress, Silent, Watcher

if TYPE_CHECKING:
    from evoae.evolution.algorithm import AbstractAlgorithm
    from evoae.evolution.state import Proposal
    from evoae.execution.executor import AbstractExecutor
    from evoae.scene import Scene


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
    from evoae.data.share import share

    config = make_config(config)
    scene = _scene(config, watcher)
    folder = Path(run) if run is not None else next_folder(name or scene.dataset.name)
    facts = {**scene.facts(), **_surroundings()}
    lenders = [Lender(run, facts) for run in config.search.reuse]
    share(scene.dataset)  # what can fail does so before there is a folder
    create(folder, config, facts)
    with Store.writer(folder) as store:
        _conduct(store, scene, lenders, watcher or Silent())
    return Run.open(folder)


def resume(
    run: str | Path,
    *,
    generations: int | None = None,
    overrides: Sequence[str] = (),
    watcher: Watcher | None = None,
) -> Run:
    """Go on with an interrupted run to the end that it would have reached.

    Args:
        run: a run's folder, or its name under `runs/`.
        generations: how many more generations than asked for so far; None for no more.
        overrides: `KEY=VALUE` each, for settings that change no result (`agreement.SAFE`).
        watcher: hears how it goes; None for silence.

    Raises:
        EvoaeError: no run there, another driver holds it, its data are gone or have changed, or
            so have settings that its results depend on.
        Interrupted: Ctrl-C; see `search`.
    """
    from evoae.data.load import of_run

    path = locate(run)
    config = load_config(path / CONFIG, overrides)
    with Store.writer(path) as store:
        facts = store.facts()
        if "genome" in facts:
            raise RunError(
                str(path), "holds one given network, no search", f"use 'evoae refit {path}'"
            )
        # Read anew, so that settings younger than the run have the values they always had.
        recorded_config = make_config(store.fact("config", dict), source=str(path / CONFIG))
        check_unchanged(path, *(c.model_dump(mode="json") for c in (recorded_config, config)))
        with of_run(path):
            scene = _scene(config, watcher)
        recorded, digest = store.fact("data_digest", str), scene.dataset.digest
        if digest != recorded:
            raise RunError(
                str(path),
                f"its data had digest {recorded[:12]}, now {digest[:12]}",
                "Restore the data that the run began with, or start a new run.",
            )
        if generations:
            store.set({"generations": store.fact("generations", int) + generations})
        lenders = [Lender(run, facts) for run in config.search.reuse]
        _conduct(store, scene, lenders, watcher or Silent())
    return Run.open(path)


def replay(run: str | Path, candidate: str) -> tuple[Found, Evaluation]:
    """Train one candidate of a run again: same network, data and seed, in this process.

    Args:
        run: a run's folder, or its name under `runs/`.
        candidate: any unambiguous prefix of its id, or `best`.

    Returns:
        what the run holds of it, and what it earned now. Nothing is recorded.

    Raises:
        EvoaeError: no such run or candidate, or its data are gone.
    """
    from evoae.data.load import of_run
    from evoae.data.share import share
    from evoae.genome.text import parse
    from evoae.training.train import train

    opened = Run.open(run)
    found = opened.find(candidate)
    with of_run(opened.path):
        scene = _scene(opened.config)
    return found, train(scene.task(parse(found.candidate.genome), share(scene.dataset)))


class _Search:
    """One driver's work on one run."""

    def __init__(
        self, store: Store, scene: Scene, lenders: Sequence[Lender], watcher: Watcher
    ) -> None:
        from evoae.data.share import share
        from evoae.evolution.factory import algorithm_for
        from evoae.evolution.records import Records

        search = scene.config.search
        self.store, self.scene, self.lenders, self.watcher = store, scene, lenders, watcher
        self.algorithm: AbstractAlgorithm = algorithm_for(search, scene.space)
        self.records = Records(search.hof_size)
        self.shared = share(scene.dataset)
        self.finished = store.evaluations()  # by whichever driver
        self.settled: dict[str, Evaluation] = {}  # as far as the replay has come
        generations = store.fact("generations", int)
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
            if self.stop:
                raise self._interrupted()
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
            self._check_failures()
        self._restore_models(executor)

    def _restore_models(self, executor: AbstractExecutor) -> None:
        """Train members of the hall of fame again whose model somebody has removed.

        Raises:
            SearchError: one comes out differently than recorded.
        """
        run = self.store.folder
        for member in self.records.hall_of_fame:
            path = model_path(run.absolute(), member.id)
            if path.is_file():
                continue
            task = self.scene.task(member.genome, self.shared)
            executor.start(replace(task, keep=path))
            evaluation = executor.wait()
            if evaluation.fitness != member.fitness:
                raise SearchError(
                    str(path),
                    f"was missing, and its training now ends {evaluation.outcome} with "
                    f"{evaluation.fitness} instead of {member.fitness}",
                    "restore the file from a copy of the run",
                )

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
        tasks = [self._task(new[id]) for id in new if id not in self.finished]
        self._train([task for task in tasks if not self._borrow(task)], executor)
        return len(new), sum(self.settled[id].fitness is None for id in new)

    def _borrow(self, task: Task) -> bool:
        """Take a training over from another run; False if none has it."""
        assert task.keep is not None
        for lender in self.lenders:
            evaluation = lender.lend(task.id, task.keep, task.keep_below)
            if evaluation is not None:
                self.store.add_evaluation(evaluation, lender.path)
                self._count(evaluation)
                return True
        return False

    def _train(self, tasks: Sequence[Task], executor: AbstractExecutor) -> None:
        """Train `tasks`, keeping every worker busy, and record each when it finishes."""
        waiting = sorted(tasks, key=lambda task: task.flops)
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
            raise self._interrupted()

    def _interrupted(self) -> Interrupted:
        progress, trained = self.progress, len(self.store.evaluations())
        return Interrupted(self.store.folder, trained, progress.generation, progress.generations)

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
        return replace(
            self.scene.task(proposal.genome, self.shared),
            keep=pending_path(self.store.folder.absolute(), proposal.id),
            keep_below=self.records.worst_kept,
        )

    def _check_failures(self) -> None:
        """Stop a search in which too many trainings fail to learn anything from the rest.

        Raises:
            SearchError: says what failed most, and how to look at it.
        """
        failed = [evaluation for evaluation in self.settled.values() if evaluation.fitness is None]
        allowed = self.scene.config.search.max_failure_share
        if len(failed) <= allowed * len(self.settled):
            return
        run = self.store.folder
        kinds = Counter(str(evaluation.outcome) for evaluation in failed).most_common()
        ((said, _),) = Counter(str(evaluation.message) for evaluation in failed).most_common(1)
        raise SearchError(
            str(run),
            f"{len(failed)} of {len(self.settled)} trainings failed "
            f"({', '.join(f'{count} {kind}' for kind, count in kinds)}; mostly: {said})",
            f"Look at them with 'evoae failures {run}'; to go on all the same, "
            f"'evoae resume {run} --set search.max_failure_share=1'.",
        )


def _conduct(store: Store, scene: Scene, lenders: Sequence[Lender], watcher: Watcher) -> None:
    """Run `scene`'s search to the run's target, stopping cleanly when asked to."""
    conductor = _Search(store, scene, lenders, watcher)
    progress, data = conductor.progress, scene.dataset
    facts = store.facts()
    now = _surroundings()
    changed = machine_differences({key: facts.get(key) for key in now}, now)
    notes = [f"Resumed elsewhere ({'; '.join(changed)}): last digits may differ."] * bool(changed)
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
                tuple(notes),
            )
        )
        conductor.run(executor)
    _record_linear_bound(store, scene)


def _record_linear_bound(store: Store, scene: Scene) -> None:
    """Record what PCA of the winner's size reaches on the same images, where it compares."""
    from evoae.data.pca import LARGEST, pca_error

    best = Run.open(store.folder).hall_of_fame()[:1]
    objective, data = scene.config.objective, scene.dataset
    plain = (objective.kind, objective.loss) == ("reconstruction", "mse")
    if best and plain and data.train[0].size <= LARGEST:
        latent = best[0].latent
        bound = {"latent": latent, "val_loss": pca_error(data.train, data.validation, latent)}
        store.set({"pca": bound})


def _surroundings() -> dict[str, object]:
    from evoae.scene import surroundings

    return surroundings()


def _scene(config: Config, watcher: Watcher | None = None) -> Scene:
    from evoae.data.talk import silent
    from evoae.scene import Scene

    return Scene.make(config, silent if watcher is None else watcher.said)


def _executor(config: Config) -> AbstractExecutor:
    from evoae.execution.factory import executor_for

    return executor_for(config.execution)


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
