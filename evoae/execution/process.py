"""A worker process as its driver sees it: started, handed a training, ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import connection as connections
from multiprocessing import resource_tracker

from evoae.evaluation import Task
from evoae.execution.executor import Train
from evoae.execution.worker import serve

NAME = "evoae worker"
_START_SECONDS = 600.0  # that a worker may take to get ready
_END_SECONDS = 5.0  # that a worker may take to end after its pipe has closed
_SIGNALS_OF_THE_DRIVER = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Job:
    """A training that was started and has not come back.

    Attributes:
        task: what to train.
        began: when it was last handed to a worker, monotonic.
        deaths: workers that died with it.
        spared: how many of these deaths were not its doing.
    """

    task: Task
    began: float = 0.0
    deaths: int = 0
    spared: int = 0


@dataclass(slots=True)
class Worker:
    """A worker process and what it is doing.

    Attributes:
        process: the process.
        connection: to it.
        ready: whether it can train.
        job: what it was handed; None while it is idle or starting.
        acknowledged: whether it has begun with `job`.
        trained: trainings that it finished.
        started: when it was started, monotonic.
    """

    process: multiprocessing.process.BaseProcess
    connection: connections.Connection
    ready: bool = False
    job: Job | None = None
    acknowledged: bool = False
    trained: int = 0
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(
        cls, environment: Mapping[str, str], train: Train, prepare: Callable[[], None] | None
    ) -> Worker:
        """Start a process that serves this one, see `serve`."""
        resource_tracker.ensure_running()  # starting it would unblock the signals again
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=serve, args=(theirs, os.getpid(), train, prepare), name=NAME, daemon=True
        )
        with _signals_blocked(), _environment(environment), theirs:
            process.start()
        return cls(process, ours)

    @property
    def deadline(self) -> float:
        """When it must have got ready or finished its training, monotonic; infinity for never."""
        if not self.ready:
            return self.started + _START_SECONDS
        limit = self.job.task.training.time_limit if self.job else None
        return float("inf") if self.job is None or limit is None else self.job.began + limit

    def take(self, job: Job) -> bool:
        """Hand it `job`; False if it is seen to be dead."""
        try:
            self.connection.send(job.task)
        except OSError:
            return False
        self.job, self.acknowledged, job.began = job, False, time.monotonic()
        return True

    def finish(self) -> None:
        """Be idle again."""
        self.job = None
        self.trained += 1

    def reap(self, *, kill: bool = False) -> int:
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


def exit_reason(code: int) -> str:
    """Say how a process died, from its exit code (negative for a signal)."""
    if code >= 0:
        return f"ended with exit code {code}"
    hint = " (perhaps by the kernel, for want of memory)" if -code == signal.SIGKILL else ""
    return f"was ended by {signal.Signals(-code).name}{hint}"


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block Ctrl-C and SIGTERM in this thread, and so in the processes that it starts meanwhile.

    Terminals, batch systems and service managers send them to the driver and to every worker, but
    the driver alone answers them: a worker must not die of one, not even while its interpreter
    starts. The driver itself gets it right after.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS_OF_THE_DRIVER)
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
