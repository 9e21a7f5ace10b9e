"""What happens inside a worker process."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import Train

EXIT_OUT_OF_MEMORY = 86  # nothing else ends a worker with this code
_POLL_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class _Guard:
    """Ends this process when it takes more memory than its training may."""

    limit: int | None = None  # bytes
    started: bool = field(default=False)

    def watch(self, limit: int | None) -> None:
        self.limit = limit
        if limit is not None and not self.started:
            self.started = True
            threading.Thread(target=self._run, name="memory-guard", daemon=True).start()

    def _run(self) -> None:
        import psutil

        process = psutil.Process()
        while True:
            limit = self.limit
            if limit is not None and process.memory_info().rss > limit:
                os._exit(EXIT_OUT_OF_MEMORY)  # what it holds can't be freed any other way
            time.sleep(_POLL_SECONDS)


_guard = _Guard()


def begin(driver: int, environment: Mapping[str, str], prepare: Callable[[], None] | None) -> None:
    """Make this process a worker, before its first task.

    Args:
        driver: pid of the process that it works for and must not outlive.
        environment: variables that libraries read when they load.
        prepare: loads what trainings need, so that no training pays for it; None for nothing.
    """
    _die_with(driver)
    os.environ.update(environment)
    if prepare is not None:
        prepare()


def work(train: Train, task: Task) -> Evaluation:
    """Train `task` within its memory limit."""
    _guard.watch(task.memory_limit)
    try:
        return train(task)
    finally:
        _guard.watch(None)


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
