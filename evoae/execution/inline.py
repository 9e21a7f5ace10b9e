"""Trainings in this process, one after the other: for debugging, and for results of seconds."""

from __future__ import annotations

from collections import deque
from typing import final

from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import AbstractExecutor, Train, attempt


@final
class InlineExecutor(AbstractExecutor):
    """Trains in `wait`. Time and memory limits need a worker process and are not kept here."""

    def __init__(self, train: Train) -> None:
        self._train = train
        self._tasks: deque[Task] = deque()

    @property
    def workers(self) -> int:
        """One."""
        return 1

    def start(self, task: Task) -> None:
        """Queue a training."""
        self._tasks.append(task)

    def wait(self) -> Evaluation:
        """Train the task that was started first, and return its evaluation."""
        if not self._tasks:
            raise LookupError("no training is under way")
        return attempt(self._train, self._tasks.popleft())

    def close(self) -> None:
        """Forget what is queued."""
        self._tasks.clear()
