"""The interface of every executor: where trainings run, without saying where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from evoae.evaluation import Evaluation, Task

Train = Callable[[Task], Evaluation]


class AbstractExecutor(ABC):
    """Runs trainings, several at a time. A context manager; leaving it closes.

    What a candidate does wrong comes back as its evaluation. A fault of evoae, or a machine on
    which no training can run, is raised by `wait`.
    """

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many trainings run at the same time; starting more at once queues them."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Begin a training."""

    @abstractmethod
    def wait(self) -> Evaluation:
        """Return the evaluation of the next training to finish, each exactly once.

        Raises:
            LookupError: no training is under way.
            SearchError: trainings cannot run here.
        """

    @abstractmethod
    def close(self) -> None:
        """End at once; trainings under way are lost. Closing twice does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
