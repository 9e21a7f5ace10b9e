"""A driver of evoae that is ended by a signal at chosen points, with its workers or without.

`benchmarks.crash` runs it in processes of their own. Nothing of the product knows about it: its
functions are wrapped here, and a wrapper kills before, during or after the call. A session is a
folder:

    blows.json      the blows that are to fall in it
    seconds.json    how long each point usually takes; missing in the undisturbed run
    log             lines `begin RUN/ID`, `committed RUN/ID DIGEST`, `took POINT SECONDS`
    claim-NUMBER    a process has taken the blow upon itself
    struck-NUMBER   it has fallen
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from evoae.engine.loop import Loop
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, Task, TrainingKey
from evoae.execution.executor import AbstractExecutor
from evoae.runs.files import model_path
from evoae.runs.records import Generation
from evoae.runs.store import Store

POINTS = (
    *("training", "model writing", "commit", "generation change", "model keeping"),
    *("restoring", "baselines"),
)
MOMENTS = ("before", "during", "after")
# SIGKILL for one process or several, but for the last one: SIGTERM to the whole process group, as
# batch systems and service managers send it.
VICTIMS = ("driver", "worker", "all workers", "both", "group, SIGTERM")
SPARED = ("worker", "all workers")  # victims that leave the driver alive
WORKER = "evoae worker"  # what the product calls the processes
FOLDER = "EVOAE_SESSION"  # the variable that tells a worker where the session's folder is


@dataclass(frozen=True)
class Blow:
    """One kill.

    Attributes:
        number: its own, within the whole benchmark.
        point: one of `POINTS`, or "any" for one that comes from outside.
        moment: one of `MOMENTS`; "any" from outside.
        victim: one of `VICTIMS`.
        kind: of the driver that it strikes: "local" with workers, "inline" without.
        algorithm: of the search.
        occurrence: how many times a process comes to the point before it falls, from 1.
        share: of the point's usual duration that passes before a blow `during` falls; of a whole
            run's for one from outside.
    """

    number: int
    point: str
    moment: str
    victim: str
    kind: str
    occurrence: int
    share: float
    algorithm: str = "generational"


def write_session(folder: Path, blows: list[Blow], seconds: dict[str, float]) -> None:
    """Make the folder of a session."""
    folder.mkdir(parents=True)
    (folder / "blows.json").write_text(json.dumps([asdict(blow) for blow in blows]))
    (folder / "seconds.json").write_text(json.dumps(seconds))


def digest(evaluation: Evaluation) -> str:
    """Return what two evaluations share only if they agree to the last bit.

    Of a further training, a run keeps the outcome and the loss.
    """
    further = evaluation.key.repeat > 1
    told = (evaluation.outcome, evaluation.fitness) if further else evaluation
    return hashlib.sha256(repr(told).encode()).hexdigest()


def word(run: str, key: TrainingKey) -> str:
    """Return a run's name and the key of a training as one word."""
    return f"{run}/{key.candidate}+{key.repeat}"


class _Session:
    """The session of this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blows = [Blow(**blow) for blow in json.loads((folder / "blows.json").read_text())]
        self.usual: dict[str, float] = json.loads((folder / "seconds.json").read_text())
        self.visits: Counter[str] = Counter()

    def log(self, *words: object) -> None:
        """Append a line that survives this process."""
        handle = os.open(self.folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(handle, (" ".join(map(str, words)) + "\n").encode())
        os.close(handle)

    def due(self, point: str) -> Blow | None:
        """Return the blow that falls at this visit of `point`, for this process alone."""
        self.visits[point] += 1
        for blow in self.blows:
            ripe = blow.point == point and self.visits[point] >= blow.occurrence
            if ripe and (blow.victim not in SPARED or _in_worker() or _workers()):
                try:
                    (self.folder / f"claim-{blow.number}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                return blow
        return None

    def blow_at(self, point: str) -> bool:
        """Whether a blow is due at this point and has not fallen yet."""
        return any(
            blow.point == point and not (self.folder / f"claim-{blow.number}").exists()
            for blow in self.blows
        )

    def around(self, point: str, call: Callable[[], Any]) -> Any:
        """Call, with the blow that is due."""
        blow = self.due(point)
        if blow is None:
            began = time.perf_counter()
            result = call()
            self.log("took", time.perf_counter() - began, point)
            return result
        if blow.moment == "before":
            strike(blow)
        elif blow.moment == "during":
            delay = blow.share * self.usual[point]
            threading.Thread(target=_strike_after, args=(delay, blow), daemon=True).start()
        result = call()
        if blow.moment != "before":
            strike(blow)  # `during`, too: this time the call was faster than usual
        return result


def _strike_after(delay: float, blow: Blow) -> None:
    time.sleep(delay)
    strike(blow)


def _in_worker() -> bool:
    return multiprocessing.current_process().name == WORKER


def _workers() -> list[multiprocessing.process.BaseProcess]:
    """Return the worker processes of this driver; none before it has begun to train."""
    return sorted(multiprocessing.active_children(), key=lambda worker: worker.pid or 0)


_struck: set[int] = set()


def strike(blow: Blow) -> None:
    """Kill the blow's victim, as seen from the driver or from a worker."""
    if blow.number in _struck:
        return
    _struck.add(blow.number)
    workers = _workers()
    if blow.victim in SPARED and not _in_worker() and not workers:
        return
    (_session().folder / f"struck-{blow.number}").touch()
    if blow.victim == "both":
        os.killpg(0, signal.SIGKILL)
    elif blow.victim == "group, SIGTERM":
        os.killpg(0, signal.SIGTERM)
    elif blow.victim == "all workers":
        kill_workers(os.getppid() if _in_worker() else os.getpid())
    elif blow.victim == "driver":
        os.kill(os.getppid() if _in_worker() else os.getpid(), signal.SIGKILL)
        time.sleep(60)  # a worker dies with its driver; it must not get on with its work
    elif _in_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        workers[blow.number % len(workers)].kill()


def kill_workers(driver: int) -> bool:
    """Kill all workers of a driver at once, this process last if it is one; False for none."""
    children = psutil.Process(driver).children()
    workers = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    for worker in sorted(workers, key=lambda worker: worker.pid == os.getpid()):
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    return bool(workers)


@functools.cache
def _session() -> _Session:
    return _Session(Path(os.environ[FOLDER]))


def train(task: Task) -> Evaluation:
    """Train as evoae does, with the blows of the session's worker points."""
    from evoae.training import train as training

    session = _session()
    if not session.visits["training"]:
        save = training._save
        training._save = lambda model, path: session.around(
            "model writing", lambda: save(model, path)
        )
    result: Evaluation = session.around("training", lambda: training.train(task))
    return result


def _wrap_store(session: _Session) -> None:
    add, again = Store.add_evaluation, Store.add_repeat
    finish, keep = Store.finish_generation, Store.keep_models

    def commit(store: Store, evaluation: Evaluation, write: Callable[[], None]) -> None:
        def written() -> None:
            write()
            session.log("committed", word(store.folder.name, evaluation.key), digest(evaluation))

        session.around("commit", written)

    def add_evaluation(store: Store, evaluation: Evaluation, source: Path | None = None) -> None:
        commit(store, evaluation, lambda: add(store, evaluation, source))

    def add_repeat(store: Store, evaluation: Evaluation, generation: int) -> None:
        commit(store, evaluation, lambda: again(store, evaluation, generation))

    def finish_generation(store: Store, generation: Generation) -> bool:
        if generation.number in store.generations():  # a replay writes nothing
            return finish(store, generation)
        new: bool = session.around("generation change", lambda: finish(store, generation))
        return new

    def keep_models(store: Store) -> None:
        session.around("model keeping", lambda: keep(store))

    Store.add_evaluation = add_evaluation  # type: ignore[method-assign]
    Store.add_repeat = add_repeat  # type: ignore[method-assign]
    Store.finish_generation = finish_generation  # type: ignore[method-assign]
    Store.keep_models = keep_models  # type: ignore[method-assign]


def _wrap_phases(session: _Session) -> None:
    """Let blows fall while models are restored and plain networks trained."""
    conductor: Any = importlib.import_module("evoae.engine.session")
    restore, networks = conductor.restore_models, conductor.train_networks

    def restore_models(
        store: Store, problem: Problem, executor: AbstractExecutor, loop: Loop, *, accept: bool
    ) -> list[str]:
        best = model_path(store.folder, loop.hall[0].id)
        if session.blow_at("restoring"):  # so that there is something to restore
            best.unlink(missing_ok=True)
        notes: list[str] = session.around(
            "restoring", lambda: restore(store, problem, executor, loop, accept=accept)
        )
        return notes

    def train_networks(
        store: Store, problem: Problem, executor: AbstractExecutor, loop: Loop
    ) -> None:
        session.around("baselines", lambda: networks(store, problem, executor, loop))

    conductor.restore_models = restore_models
    conductor.train_networks = train_networks


def _wrap_loop(session: _Session) -> None:
    """Log which trainings a search hands to its executor; restored models are none of them."""
    start = Loop._start

    def begun(loop: Loop, executor: AbstractExecutor) -> None:
        hand_over = executor.start

        def logged(task: Task) -> None:
            session.log("begin", word(loop._store.folder.name, task.key))
            hand_over(task)

        executor.start = logged  # type: ignore[method-assign]
        try:
            start(loop, executor)
        finally:
            executor.start = hand_over  # type: ignore[method-assign]

    Loop._start = begun  # type: ignore[method-assign]


def drive(run: str, config: str, kind: str) -> None:
    """Begin the run, or go on with it, in this process, which is to be killed.

    Args:
        run: its folder.
        config: a YAML file.
        kind: "local" for two workers, "inline" for none.
    """
    from evoae.execution.inline import InlineExecutor
    from evoae.execution.local import LocalExecutor
    from evoae.training.setup import prepare

    sys.setswitchinterval(1e-5)  # so that a blow `during` falls on time
    conductor = importlib.import_module("evoae.engine.session")

    def executor(*_: object) -> AbstractExecutor:
        if kind == "inline":
            return InlineExecutor(train)
        return LocalExecutor(2, train=train, prepare=prepare)

    conductor.executor_for = executor
    _wrap_store(_session())
    _wrap_phases(_session())
    _wrap_loop(_session())
    try:
        if Path(run).exists():
            conductor.resume(run)
        else:
            conductor.search(config, run=run)
    except KeyboardInterrupt:
        sys.exit(130)


class Forked:
    """A driver without workers, forked from this process; it answers as a Popen does.

    TensorFlow must be loaded here but not have computed anything: so each driver has it at once,
    and begins as a fresh process would.
    """

    def __init__(self, run: Path, config: Path, session: Path) -> None:
        context = multiprocessing.get_context("fork")
        arguments = (str(run), str(config), str(session))
        self._process = context.Process(target=_drive_forked, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def returncode(self) -> int | None:
        """How it ended; None before."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return how it ended, None before."""
        return self._process.exitcode

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def wait(self, timeout: float) -> None:
        """Wait for its end, at most `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError


def _drive_forked(run: str, config: str, session: str) -> None:
    os.setsid()
    with (Path(session) / "stderr").open("wb") as stderr:
        os.dup2(stderr.fileno(), 2)
    os.environ[FOLDER] = session
    drive(run, config, "inline")
