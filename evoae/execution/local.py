"""Trainings in worker processes on this machine, by Pebble's process pools.

Every worker has a pool of its own. So one that dies, however it dies, takes only its own training
with it, and can be given an environment of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

from pebble import ProcessExpired, ProcessPool

from evoae.errors import SearchError
from evoae.evaluation import Evaluation, Outcome, Task
from evoae.execution.executor import AbstractExecutor, Train
from evoae.execution.worker import EXIT_OUT_OF_MEMORY, begin, work

_TRIES = 2  # of a training whose worker dies under it
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
    """

    def __init__(
        self,
        workers: int,
        *,
        train: Train,
        prepare: Callable[[], None] | None = None,
        recycle_after: int | None = None,
    ) -> None:
        self._train = train
        self._slots = [_Slot(dict(_ENVIRONMENT), prepare, recycle_after) for _ in range(workers)]
        self._idle = list(self._slots)
        self._waiting: list[_Job] = []
        self._running: dict[Future[Evaluation], tuple[_Slot, _Job]] = {}

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
        while self._running:
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            future = done.pop()
            slot, job = self._running.pop(future)
            evaluation = self._settle(future, slot, job)
            self._idle.append(slot)
            self._dispatch()
            if evaluation is not None:
                return evaluation
        raise LookupError("no training is under way")

    def close(self) -> None:
        """Stop every process."""
        self._waiting.clear()
        self._running.clear()
        for slot in self._slots:
            slot.stop()

    def _dispatch(self) -> None:
        while self._idle and self._waiting:
            slot, job = self._idle.pop(), self._waiting.pop(0)
            job.tries += 1
            self._running[slot.submit(self._train, job.task)] = slot, job

    def _settle(self, future: Future[Evaluation], slot: _Slot, job: _Job) -> Evaluation | None:
        """Return what a finished future says of its task; None if it is to be tried again."""
        task = job.task
        try:
            evaluation = future.result()
        except TimeoutError:
            limit = task.training.time_limit
            return Evaluation.failed(
                task, Outcome.TIMED_OUT, f"took more than {limit:g} s (training.time_limit)"
            )
        except ProcessExpired as death:
            slot.restart()
            if death.exitcode == EXIT_OUT_OF_MEMORY:
                megabytes = (task.memory_limit or 0) / 2**20
                return Evaluation.failed(
                    task,
                    Outcome.OUT_OF_MEMORY,
                    f"took more than {megabytes:,.0f} MiB (execution.memory_limit)",
                )
            if job.tries < _TRIES:
                self._waiting.insert(0, job)
                return None
            return Evaluation.failed(task, Outcome.CRASHED, _obituary(death.exitcode))
        except BrokenProcessPool:  # it died before it took the task
            slot.restart()
            if job.tries < _TRIES:
                self._waiting.insert(0, job)
                return None
            raise SearchError(
                "execution",
                "worker processes end while they start",
                "See their message above; a script that calls evoae.search needs the guard "
                "if __name__ == '__main__'.",
            ) from None
        return evaluation


@dataclass(slots=True)
class _Job:
    task: Task
    tries: int = 0


class _Slot:
    """One worker process and its successors."""

    def __init__(
        self,
        environment: dict[str, str],
        prepare: Callable[[], None] | None,
        recycle_after: int | None,
    ) -> None:
        self._environment, self._prepare = environment, prepare
        self._recycle_after = recycle_after or 0
        self._pool = self._make()

    def submit(self, train: Train, task: Task) -> Future[Evaluation]:
        """Begin `task`; its clock starts when the process takes it, ready to train."""
        with _interrupts_blocked():
            if not self._pool.active:  # the process died while idle
                self.restart()
            future: Future[Evaluation] = self._pool.schedule(
                work, (train, task), timeout=task.training.time_limit
            )
        return future

    def restart(self) -> None:
        """Replace the process by a new one."""
        self.stop()
        self._pool = self._make()

    def stop(self) -> None:
        """Stop the process, whatever it does."""
        self._pool.stop()
        self._pool.join()

    def _make(self) -> ProcessPool:
        return ProcessPool(
            max_workers=1,
            max_tasks=self._recycle_after,
            initializer=begin,
            initargs=(os.getpid(), self._environment, self._prepare),
            context=multiprocessing.get_context("spawn"),
        )


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C for this thread, and so for the threads and processes that it starts.

    A terminal sends Ctrl-C to the driver and to every worker; a worker must not die of it, not
    even while its interpreter starts. The driver itself gets it right after.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obituary(code: int | None) -> str:
    """Say how a process died, from its exit code (negative for a signal)."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (perhaps by the kernel, for want of memory)" if -code == signal.SIGKILL else ""
        return f"its worker process was ended twice, by {name}{hint}"
    return f"its worker process ended twice, with exit code {code}"
