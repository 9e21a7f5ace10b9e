"""What evolves: candidates, the offspring proposed next, and the state between generations.

All of it is frozen. Nothing else is needed to go on: each generation's random numbers are made
from the run's seed and the generation's number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evoae.genome.genome import Genome


@dataclass(frozen=True, slots=True)
class Individual:
    """A candidate that was evaluated.

    Attributes:
        id: candidate id.
        genome: in canonical form.
        fitness: finite, to minimise; None if the candidate failed.
    """

    id: str
    genome: Genome
    fitness: float | None

    def __post_init__(self) -> None:
        if self.fitness is not None and not math.isfinite(self.fitness):
            raise ValueError(f"fitness {self.fitness} of {self.id}: a failure has fitness None")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate to evaluate.

    Attributes:
        id: candidate id.
        genome: in canonical form.
        parents: candidate ids; none for a sample, two after a crossover.
        operator: what made it, such as `sample` or `swap_blocks+scale_filters`.
    """

    id: str
    genome: Genome
    parents: tuple[str, ...]
    operator: str


@dataclass(frozen=True, slots=True)
class State:
    """All that an algorithm knows between two generations.

    Attributes:
        generation: the last one that was evaluated; 0 before the first.
        population: that generation's elites, then its offspring; empty before the first.
        known: ids of all candidates evaluated so far.
    """

    generation: int = 0
    population: tuple[Individual, ...] = ()
    known: frozenset[str] = frozenset()


def scored(individuals: Iterable[Individual]) -> list[tuple[float, Individual]]:
    """Return the individuals that did not fail, each with its fitness, in their order."""
    return [(each.fitness, each) for each in individuals if each.fitness is not None]


def best(individuals: Iterable[Individual], count: int) -> tuple[Individual, ...]:
    """Return the `count` best distinct candidates, or all there are; equals in order of id."""
    distinct = {each.id: (fitness, each) for fitness, each in scored(individuals)}
    ranked = sorted(distinct.values(), key=lambda pair: (pair[0], pair[1].id))
    return tuple(each for _, each in ranked[:count])


def succeed(state: State, individuals: Sequence[Individual], elitism: int) -> State:
    """Return the state after `individuals` were evaluated: elites stay, offspring follow."""
    return State(
        state.generation + 1,
        (*best(state.population, elitism), *individuals),
        state.known | {each.id for each in individuals},
    )
