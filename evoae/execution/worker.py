"""What happens inside a worker process.

A worker says `Ready` when it can train. It acknowledges every task that it is sent with `Begun`,
then answers it with an `Evaluation`, or with the exception that `train` raised. It ends when its
driver closes the connection or dies, and when a training takes more memory than the limit.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import Train, attempt

EXIT_OUT_OF_MEMORY = 86  # nothing else ends a worker with this code
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1
_STDOUT, _STDERR = 1, 2


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded what it needs; the next task's clock may start."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The worker has the task that it was sent; from now on it may be what the worker dies of."""


Answer = Ready | Begun | Evaluation | Exception


def serve(
    connection: Connection, driver: int, train: Train, prepare: Callable[[], None] | None
) -> None:
    """Train what comes over `connection` until it is closed: the life of a worker process.

    Args:
        connection: to the driver.
        driver: pid of the process that it works for and must not outlive.
        train: trains one task.
        prepare: loads what trainings need, so that no training pays for it; None for nothing.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # the driver's to answer, by a clean stop
        signal.signal(number, signal.SIG_IGN)
    _die_with(driver)
    os.dup2(_STDERR, _STDOUT)  # what libraries print is talk; the driver's stdout is for data
    try:
        try:
            if prepare is not None:
                prepare()
        except Exception as error:  # noqa: BLE001 - it ends the driver's search instead
            connection.send(_portable(error))
            return
        connection.send(Ready())
        guard = _MemoryGuard()
        while True:
            task: Task = connection.recv()
            connection.send(Begun())
            guard.limit = task.memory_limit
            answer: Answer
            try:
                answer = attempt(train, task)
            except Exception as error:  # noqa: BLE001 - it is raised again in the driver
                answer = _portable(error)
            guard.limit = None
            connection.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is done with this worker


class _MemoryGuard:
    """Ends this process when it takes more memory than its training may.

    Attributes:
        limit: bytes of resident memory; None for no limit.
    """

    def __init__(self) -> None:
        self.limit: int | None = None
        threading.Thread(target=self._watch, name="memory-guard", daemon=True).start()

    def _watch(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            limit = self.limit
            if limit is not None and process.memory_info().rss > limit:
                os._exit(EXIT_OUT_OF_MEMORY)  # what it holds can't be freed any other way
            time.sleep(_POLL_SECONDS)


def _portable(error: Exception) -> Exception:
    """Return `error`, or what can be said of one that can't travel, its traceback as a note."""
    told = "".join(traceback.format_exception(error))
    error.add_note(f"In a worker process:\n{told}")
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:  # noqa: BLE001 - whatever its class does wrong, it must be reported
        error = RuntimeError(f"{type(error).__name__}: {error}")
        error.add_note(f"In a worker process:\n{told}")
    return error


def _die_with(driver: int) -> None:
    """See to it that this process ends when the driver does, even if that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != driver:  # it died before we asked
            os._exit(1)
    else:
        threading.Thread(target=_watch_parent, args=(driver,), daemon=True).start()


def _watch_parent(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(1)
    os._exit(1)
