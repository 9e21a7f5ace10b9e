"""Decides who is to blame for a worker's death: its training or the machine.

`evoae.execution.local` sees the death and acts on the answer.

A training that breaks its process does so alone. A batch system, a service manager or a person
that kills workers from outside usually kills several at once. So a death by a signal that another
process may have sent is judged when it is known whether other workers died with it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from evoae.execution.process import Job, Worker

_TOGETHER = 1.0  # seconds within which deaths have one cause; ending a large process takes a while
_FROM_OUTSIDE = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a worker that nobody asked for.

    Attributes:
        code: exit code of its process, negative for a signal.
        ready: whether the worker had got ready.
        job: what it was training; None for nothing.
    """

    code: int
    ready: bool
    job: Job | None

    @property
    def by_training(self) -> bool:
        """Whether the process itself is the only possible cause, such as of a segfault."""
        return -self.code not in _FROM_OUTSIDE


@dataclass(slots=True)
class Wave:
    """Deaths that may have one cause outside, until no more of them can come.

    Attributes:
        deaths: so far; none while nothing is to be judged.
        began: when the first of them was seen, monotonic.
    """

    deaths: list[Death] = field(default_factory=list)
    began: float = 0.0

    @property
    def end(self) -> float:
        """When to judge it, monotonic; infinity while there is nothing to judge."""
        return self.began + _TOGETHER if self.deaths else float("inf")

    def may_reach(self, worker: Worker) -> bool:
        """Whether the death of `worker` can have the same cause."""
        return not self.deaths or worker.started < self.began

    def is_over(self, survivors: Iterable[Worker]) -> bool:
        """Whether no death can join it any more."""
        if not self.deaths:
            return False
        return self.end <= time.monotonic() or not any(map(self.may_reach, survivors))

    def add(self, death: Death) -> None:
        """Note a death; the first begins the wave."""
        if not self.deaths:
            self.began = time.monotonic()
        self.deaths.append(death)

    def take(self) -> list[Death]:
        """Return its deaths and forget them."""
        deaths, self.deaths = self.deaths, []
        return deaths
