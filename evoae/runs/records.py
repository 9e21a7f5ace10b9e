"""What is read from a run's database: candidates, generations, baselines and the like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that was proposed, as it was proposed first.

    Attributes:
        id: candidate id.
        genome: one-line text.
        tokens: flat token sequence.
        generation: 1-based.
        position: 0-based, among the proposals of its generation.
        parents: candidate ids; empty for a random one.
        operator: what made it, such as `sample` or `swap_blocks+scale_filters`.
    """

    id: str
    genome: str
    tokens: tuple[float, ...]
    generation: int
    position: int
    parents: tuple[str, ...]
    operator: str


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is over.

    Attributes:
        number: 1-based.
        population: candidate ids after it, in order.
        hall_of_fame: candidate ids after it, best first.
        stats: its line of the logbook.
        seconds: wall time of the driver that finished it; not part of its identity.
    """

    number: int
    population: tuple[str, ...]
    hall_of_fame: tuple[str, ...]
    stats: Mapping[str, float | int | None]
    seconds: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a search is compared with; never a member of its hall of fame.

    Attributes:
        name: a word of `report.baselines`.
        outcome: `scored`, or how its training or search failed.
        val_loss: the figure that the search minimises; None if it failed.
        latent, parameters: its size; None where it is not known, or for PCA, which has no weights.
        genome: one-line text; None for PCA, and for a random search that failed.
        cost: FLOPs, see `evoae.evaluation.cost`; None for PCA.
        trainings: that it took; the random search's are many.
        budget: FLOPs that the random search was given; None for others.
        message: why it failed; None if it did not.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")

    name: str
    outcome: str
    val_loss: float | None
    latent: int | None = None
    parameters: int | None = None
    genome: str | None = None
    cost: int | None = None
    trainings: int = 0
    budget: int | None = None
    message: str | None = None
