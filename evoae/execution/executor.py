"""The interface of every executor: where trainings run, without saying where."""

from __future__ import annotations

import traceback as tracebacks
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from evoae.evaluation import Evaluation, Outcome, Task

Train = Callable[[Task], Evaluation]


class AbstractExecutor(ABC):
    """Runs trainings, several at a time. A context manager; leaving it closes.

    What a candidate does wrong comes back as its evaluation. A fault of evoae, or a machine on
    which no training can run, is raised by `wait`; the other trainings go on.

    A task's paths are the driver's, and workers need not see them. Where they do, `train` reads
    and writes there itself. Any other executor copies the folder `data` to its workers, lets each
    save its model in a folder of its own, and lets the model's bytes come back with the
    evaluation: `wait` puts them at `keep` (`evoae.runs.files.write_whole`) and holds on to none.
    `pictures` and `curve` are conveniences that it may leave out, as None.
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

        If its model is wanted, that lies at the task's `keep` by then: whole, durable, and with
        nothing half written beside it. So whoever records the evaluation has the model.

        Raises:
            LookupError: no training is under way.
            SearchError: trainings cannot run here.
            Exception: whatever `train` raised, its traceback attached as a note.
        """

    @abstractmethod
    def close(self) -> None:
        """End at once; trainings under way are lost. Closing twice does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(slots=True)
class StopRequest:
    """Whether someone wants trainings to stop, and how many are under way meanwhile.

    Attributes:
        made: begin no further training; those under way are waited for.
        under_way: trainings that were started and have not come back.
    """

    made: bool = False
    under_way: int = 0


def run_all(
    executor: AbstractExecutor, tasks: Iterable[Task], stop: StopRequest | None = None
) -> Iterator[Evaluation]:
    """Train all of `tasks`, and yield each one's evaluation as it ends.

    The longest start first, so that none is left to the end.

    Args:
        executor: has nothing else under way.
        tasks: the trainings.
        stop: once it is made, no further training starts and those under way are the last that
            are yielded; None to train all whatever happens.

    Raises:
        Exception: see `AbstractExecutor.wait`.
    """
    waiting = deque(sorted(tasks, key=lambda task: -task.flops))
    stop = StopRequest() if stop is None else stop
    while True:
        while waiting and stop.under_way < executor.workers and not stop.made:
            executor.start(waiting.popleft())
            stop.under_way += 1
        if not stop.under_way:
            return
        evaluation = executor.wait()
        stop.under_way -= 1
        yield evaluation


def attempt(train: Train, task: Task) -> Evaluation:
    """Train `task`; running out of memory is the candidate's doing, any other exception isn't."""
    try:
        return train(task)
    except MemoryError as error:
        return Evaluation.failed(
            task, Outcome.OUT_OF_MEMORY, str(error) or "out of memory", tracebacks.format_exc()
        )
