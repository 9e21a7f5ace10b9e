"""Trainings in worker processes on this machine.

Every worker has a pipe of its own and shares no lock with another. So one that dies, however it
dies and whatever it was doing, takes only its own training with it, and the driver sees it at
once: the pipe and the process' sentinel are waited for together. Pools whose workers share a pipe
and its locks can't promise that; with Pebble 5.2, a worker's exit with code 0 goes unnoticed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import connection as connections
from multiprocessing import resource_tracker
from typing import final

from evoae.errors import EvoaeError, SearchError
from evoae.evaluation import Evaluation, Outcome, Seconds, Task
from evoae.execution.executor import AbstractExecutor, Train
from evoae.execution.worker import EXIT_OUT_OF_MEMORY, Answer, Ready, serve

_TRIES = 2  # of a training whose worker dies under it
_STARTS = 3  # in a row that may fail by a signal before trainings cannot run here
_START_SECONDS = 600.0  # that a worker may take to get ready
_END_SECONDS = 5.0  # that a worker may take to end after its pipe has closed
_LONGEST_WAIT = 3600.0  # seconds; the system refuses to wait for some weeks at once
_NAME = "evoae worker"
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


@final
class LocalExecutor(AbstractExecutor):
    """Runs each training in one of `workers` processes of one thread.

    Args:
        workers: processes.
        train: trains one task; a function of a module, since workers import it.
        prepare: loads what `train` needs, once per process; None for nothing.
        recycle_after: trainings after which a process is replaced; None for never.
        environments: variables of the k-th process (modulo their number) beside the common ones,
            such as a GPU's `CUDA_VISIBLE_DEVICES`.

    Raises:
        SearchError: a worker itself asks for workers.
    """

    def __init__(
        self,
        workers: int,
        *,
        train: Train,
        prepare: Callable[[], None] | None = None,
        recycle_after: int | None = None,
        environments: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        if multiprocessing.current_process().name == _NAME:
            raise _unguarded()
        self._train, self._prepare = train, prepare
        self._recycle_after = recycle_after
        self._slots: list[_Worker | None] = [None] * workers
        self._environments = [{**_ENVIRONMENT, **extra} for extra in environments]
        self._waiting: deque[_Job] = deque()
        self._done: deque[Evaluation] = deque()
        self._failed_starts = 0  # in a row

    @property
    def workers(self) -> int:
        """Number of processes."""
        return len(self._slots)

    def start(self, task: Task) -> None:
        """Hand a training to an idle process, or queue it."""
        self._waiting.append(_Job(task))
        self._dispatch()

    def wait(self) -> Evaluation:
        """Return the evaluation of the next training to finish.

        A training whose process dies is tried once more in a new one, and then has crashed.
        """
        while not self._done:
            if not self._waiting and not any(worker.job for worker in self._alive()):
                raise LookupError("no training is under way")
            self._dispatch()
            self._observe()
        return self._done.popleft()

    def close(self) -> None:
        """Stop every process."""
        self._waiting.clear()
        self._done.clear()
        workers, self._slots = self._alive(), [None] * len(self._slots)
        for worker in workers:
            worker.process.kill()  # all of them, before waiting for the first
        for worker in workers:
            worker.bury()

    def _alive(self) -> list[_Worker]:
        return [worker for worker in self._slots if worker is not None]

    def _dispatch(self) -> None:
        """Give every ready worker a job, and start workers for the jobs that are left."""
        for worker in self._alive():
            if self._waiting and worker.ready and worker.job is None:
                job = self._waiting.popleft()
                if not worker.take(job):  # it died while idle
                    self._waiting.appendleft(job)
        starting = sum(not worker.ready for worker in self._alive())
        for slot, worker_or_none in enumerate(self._slots):
            if worker_or_none is None and starting < len(self._waiting):
                self._slots[slot] = self._spawn(slot)
                starting += 1

    def _spawn(self, slot: int) -> _Worker:
        environment = self._environments[slot % len(self._environments)]
        resource_tracker.ensure_running()  # starting it would unblock Ctrl-C again
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve,
            args=(theirs, os.getpid(), self._train, self._prepare),
            name=_NAME,
            daemon=True,
        )
        with _interrupts_blocked(), _environment(environment), theirs:
            process.start()
        return _Worker(process, ours)

    def _observe(self) -> None:
        """Wait until some worker speaks, dies or runs out of time; see to it."""
        workers = self._alive()
        deadline = min((worker.deadline for worker in workers), default=float("inf"))
        patience = min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT)
        handles: list[connections.Connection | int] = []
        for worker in workers:
            handles += [worker.connection, worker.process.sentinel]
        ready = set(connections.wait(handles, patience))
        for slot, worker_or_none in enumerate(self._slots):
            if worker_or_none is None:
                continue
            if {worker_or_none.connection, worker_or_none.process.sentinel} & ready:
                self._hear(slot, worker_or_none)
            elif worker_or_none.deadline <= time.monotonic():
                self._time_out(slot, worker_or_none)

    def _hear(self, slot: int, worker: _Worker) -> None:
        """Take what a worker says, or note its death."""
        try:
            answer: Answer | None = worker.connection.recv() if worker.connection.poll() else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            self._slots[slot] = None
            self._mourn(worker)
        elif isinstance(answer, Ready):
            worker.ready, self._failed_starts = True, 0
        elif not worker.ready:
            assert isinstance(answer, Exception)
            self._slots[slot] = None
            worker.bury(kill=True)
            raise _unable(answer)
        else:
            worker.finish()
            if self._worn(worker, answer):
                self._slots[slot] = None
                worker.bury(kill=True)
            if isinstance(answer, Exception):
                raise answer
            self._done.append(answer)

    def _worn(self, worker: _Worker, answer: Answer) -> bool:
        """Whether to replace a worker: it is old, or its memory is not to be trusted any more."""
        old = self._recycle_after is not None and worker.trained >= self._recycle_after
        return old or (isinstance(answer, Evaluation) and answer.outcome is Outcome.OUT_OF_MEMORY)

    def _time_out(self, slot: int, worker: _Worker) -> None:
        self._slots[slot] = None
        worker.bury(kill=True)
        if worker.job is None:
            raise _unable(f"not ready after {_START_SECONDS:g} s")
        limit = worker.job.task.training.time_limit
        self._fail(
            worker.job, Outcome.TIMED_OUT, f"took more than {limit:g} s (training.time_limit)"
        )

    def _mourn(self, worker: _Worker) -> None:
        """Decide what the death of a worker means."""
        code, job = worker.bury(), worker.job
        if job is None:
            if not worker.ready:
                self._failed_starts += 1
                if code >= 0 or self._failed_starts >= _STARTS:
                    self._failed_starts = 0
                    raise _unguarded() if code > 0 else _unable(_obituary(code))
            return  # the next dispatch starts another one
        if code == EXIT_OUT_OF_MEMORY and worker.trained:
            # Earlier trainings left something behind: only a fresh process tells what this one
            # takes, and so whatever ran before it, the answer is the same.
            job.tries -= 1
            self._waiting.appendleft(job)
        elif code == EXIT_OUT_OF_MEMORY:
            limit = (job.task.memory_limit or 0) / 2**20
            said = f"took more than {limit:,.0f} MiB (execution.memory_limit)"
            self._fail(job, Outcome.OUT_OF_MEMORY, said)
        elif job.tries < _TRIES:
            self._waiting.appendleft(job)
        else:
            said = f"its worker process {_obituary(code)}, {_TRIES} times"
            self._fail(job, Outcome.CRASHED, said)

    def _fail(self, job: _Job, outcome: Outcome, message: str) -> None:
        evaluation = Evaluation.failed(job.task, outcome, message)
        seconds = Seconds(total=time.monotonic() - job.began)
        self._done.append(replace(evaluation, seconds=seconds))


@dataclass(slots=True)
class _Job:
    task: Task
    tries: int = 0
    began: float = 0.0  # monotonic, of the latest try


@dataclass(slots=True)
class _Worker:
    """A worker process as its driver knows it."""

    process: multiprocessing.process.BaseProcess
    connection: connections.Connection
    ready: bool = False
    job: _Job | None = None
    trained: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """When it must have got ready or finished its training, monotonic; infinity for never."""
        if not self.ready:
            return self.started + _START_SECONDS
        limit = self.job.task.training.time_limit if self.job else None
        return float("inf") if self.job is None or limit is None else self.job.began + limit

    def take(self, job: _Job) -> bool:
        """Begin `job`; False if this worker is dead."""
        try:
            self.connection.send(job.task)
        except OSError:
            return False
        self.job, job.began = job, time.monotonic()
        job.tries += 1
        return True

    def finish(self) -> None:
        """Be idle again."""
        self.job = None
        self.trained += 1

    def bury(self, *, kill: bool = False) -> int:
        """Wait for the end of the process, or bring it about; return its exit code."""
        self.connection.close()
        if not kill:
            self.process.join(_END_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        assert code is not None
        self.process.close()
        return code


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in the processes that it starts meanwhile.

    A terminal sends Ctrl-C to the driver and to every worker; a worker must not die of it, not
    even while its interpreter starts. The driver itself gets it right after.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started meanwhile.

    Libraries read them when they load, which may be before a worker's first own statement.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _obituary(code: int) -> str:
    """Say how a process died, from its exit code (negative for a signal)."""
    if code >= 0:
        return f"ended with exit code {code}"
    hint = " (perhaps by the kernel, for want of memory)" if -code == signal.SIGKILL else ""
    return f"was ended by {signal.Signals(-code).name}{hint}"


def _unable(why: Exception | str) -> EvoaeError:
    """Return the error for a worker that cannot start."""
    if isinstance(why, EvoaeError):
        return why
    said = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
    error = SearchError("worker process", f"cannot start ({said})", "see 'evoae doctor'")
    error.__cause__ = why if isinstance(why, Exception) else None
    return error


def _unguarded() -> SearchError:
    return SearchError(
        "worker process",
        "ended while it started",
        "See its message above; a script that calls evoae.search needs the guard "
        "if __name__ == '__main__'.",
    )
