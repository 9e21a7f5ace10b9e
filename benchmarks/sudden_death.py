"""A driver of evoae that is ended by SIGKILL at chosen points, with its workers or without.

`benchmarks.crash` runs it in processes of their own. Nothing of the product knows about it: its
functions are wrapped here, and a wrapper kills before, during or after the call. A session is a
folder:

    blows.json      the blows that are to fall in it
    seconds.json    how long each point usually takes; missing in the undisturbed run
    log             lines `begin ID`, `committed ID DIGEST`, `took POINT SECONDS`
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evoae.evaluation import Evaluation, Task
from evoae.runs.records import Generation
from evoae.runs.store import Store

POINTS = ("training", "model writing", "commit", "generation change", "model keeping")
MOMENTS = ("before", "during", "after")
VICTIMS = ("driver", "worker", "both")
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


def write_session(folder: Path, blows: list[Blow], seconds: dict[str, float]) -> None:
    """Make the folder of a session."""
    folder.mkdir(parents=True)
    (folder / "blows.json").write_text(json.dumps([asdict(blow) for blow in blows]))
    (folder / "seconds.json").write_text(json.dumps(seconds))


def digest(evaluation: Evaluation) -> str:
    """Return what two evaluations share only if they agree to the last bit.

    Of a further training, a run keeps the outcome and the loss.
    """
    further = " " in evaluation.id
    told = (evaluation.outcome, evaluation.fitness) if further else evaluation
    return hashlib.sha256(repr(told).encode()).hexdigest()


def word(key: str) -> str:
    """Return the key of a training as one word."""
    return key.replace(" ", "+")


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
            if ripe and (blow.victim != "worker" or _in_worker() or _workers()):
                try:
                    (self.folder / f"claim-{blow.number}").touch(exist_ok=False)
                except FileExistsError:
                    continue
                return blow
        return None

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
    if blow.victim == "worker" and not _in_worker() and not workers:
        return
    (_session().folder / f"struck-{blow.number}").touch()
    if blow.victim == "both":
        os.killpg(0, signal.SIGKILL)
    elif blow.victim == "driver":
        os.kill(os.getppid() if _in_worker() else os.getpid(), signal.SIGKILL)
        time.sleep(60)  # a worker dies with its driver; it must not get on with its work
    elif _in_worker():
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        workers[blow.number % len(workers)].kill()


@functools.cache
def _session() -> _Session:
    return _Session(Path(os.environ[FOLDER]))


def train(task: Task) -> Evaluation:
    """Train as evoae does, with the blows of the session's worker points."""
    from evoae.training import train as training

    session = _session()
    session.log("begin", word(task.id))
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

    def commit(evaluation: Evaluation, write: Callable[[], None]) -> None:
        def written() -> None:
            write()
            session.log("committed", word(evaluation.id), digest(evaluation))

        session.around("commit", written)

    def add_evaluation(store: Store, evaluation: Evaluation) -> None:
        commit(evaluation, lambda: add(store, evaluation))

    def add_repeat(store: Store, evaluation: Evaluation, number: int) -> None:
        commit(evaluation, lambda: again(store, evaluation, number))

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


def drive(run: str, config: str, kind: str) -> None:
    """Begin the run, or go on with it, in this process, which is to be killed.

    Args:
        run: its folder.
        config: a YAML file.
        kind: "local" for two workers, "inline" for none.
    """
    from evoae.execution.executor import AbstractExecutor
    from evoae.execution.inline import InlineExecutor
    from evoae.execution.local import LocalExecutor
    from evoae.training.setup import prepare

    sys.setswitchinterval(1e-5)  # so that a blow `during` falls on time
    conductor = importlib.import_module("evoae.search")

    def executor(*_: object) -> AbstractExecutor:
        if kind == "inline":
            return InlineExecutor(train)
        return LocalExecutor(2, train=train, prepare=prepare)

    conductor._executor = executor
    _wrap_store(_session())
    if Path(run).exists():
        conductor.resume(run)
    else:
        conductor.search(config, run=run)


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
