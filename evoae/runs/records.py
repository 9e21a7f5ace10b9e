"""What the store keeps beside evaluations: where a candidate came from, how a generation ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that the search asked for, when it was asked for first.

    Attributes:
        id: candidate id.
        genome: the one-line text of its canonical form.
        tokens: the flat sequence of the same genome.
        generation: 1 for the first.
        position: in that generation's offspring, from 0.
        parents: ids; none for a random one.
        operator: what made it, such as `random` or `scale_filters`.
    """

    id: str
    genome: str
    tokens: tuple[float, ...]
    generation: int
    position: int
    parents: tuple[str, ...] = ()
    operator: str = "random"


@dataclass(frozen=True, slots=True)
class Generation:
    """A finished generation.

    Attributes:
        number: 1 for the first.
        population: ids in order; one may occur more than once.
        hall_of_fame: ids at its end, the best first.
        stats: its line of the logbook; None for a figure that it doesn't have.
        seconds: of wall time.
    """

    number: int
    population: tuple[str, ...]
    hall_of_fame: tuple[str, ...]
    stats: Mapping[str, float | int | None] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """The driver's sessions so far.

    Attributes:
        started: when the first one began, ISO 8601 in UTC; None before it.
        elapsed: wall seconds of all of them, up to the last thing stored.
        workers: of the newest one; 0 before the first.
        pid: of the newest one's driver; None before the first.
    """

    started: str | None = None
    elapsed: float = 0.0
    workers: int = 0
    pid: int | None = None
