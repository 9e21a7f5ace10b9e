"""The one place where DEAP enters: its toolbox, selection, hall of fame and bookkeeping types.

DEAP's traps are met here (measured with DEAP 1.4): a NaN fitness would win tournaments and enter
the hall of fame, so a failed candidate has an empty fitness and is never handed over; selection
draws from the global `random`, so it is fed from our generator and the global state is put back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from deap import base, tools

from evoae.config.schema import SearchConfig
from evoae.evolution.state import Individual, scored
from evoae.genome.crossover import swap_blocks, swap_genes
from evoae.genome.mutation import mutate
from evoae.genome.sampling import sample
from evoae.genome.space import Space


class Fitness(base.Fitness):  # type: ignore[misc]  # DEAP has no types
    """One figure, minimised."""

    weights = (-1.0,)


class Candidate:
    """What DEAP handles: an individual with its fitness in DEAP's form."""

    __slots__ = ("fitness", "individual")

    def __init__(self, individual: Individual, fitness: float) -> None:
        self.individual = individual
        self.fitness = Fitness((fitness,))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nobody edits it; the hall of fame may share it


def candidates(individuals: Sequence[Individual]) -> list[Candidate]:
    """Return the scored individuals in DEAP's form; the failed ones are left out."""
    return [Candidate(individual, fitness) for fitness, individual in scored(individuals)]


def toolbox(rng: np.random.Generator, search: SearchConfig, space: Space) -> base.Toolbox:
    """Return our operators and DEAP's tournament, each bound to `rng`.

    Its words: `sample()`, `swap_genes(a, b)`, `swap_blocks(a, b)`, `mutate(genome)`, and
    `select(individuals, k)`, which needs at least one scored individual.
    """
    tools_of_run = base.Toolbox()
    tools_of_run.register("sample", sample, rng, space)
    tools_of_run.register("swap_genes", swap_genes, rng, space=space)
    tools_of_run.register("swap_blocks", swap_blocks, rng, space=space)
    tools_of_run.register("mutate", mutate, rng, space=space, weights=search.mutation)
    tools_of_run.register("select", _select, rng, search.tournament)
    return tools_of_run


def hall_of_fame(size: int) -> tools.HallOfFame:
    """Return DEAP's hall of fame of `size` candidates, each id once."""
    return tools.HallOfFame(size, similar=lambda a, b: a.individual.id == b.individual.id)


def statistics() -> tools.Statistics:
    """Return DEAP's statistics over the fitness of candidates."""
    figures = tools.Statistics(lambda candidate: candidate.fitness.values[0])
    for name in ("min", "median", "mean", "std"):
        figures.register(name, getattr(np, name))
    return figures


def _select(
    rng: np.random.Generator, tournament: int, individuals: Sequence[Individual], k: int
) -> list[Individual]:
    with _global_random_from(rng):
        chosen = tools.selTournament(candidates(individuals), k, tournament)
    return [candidate.individual for candidate in chosen]


@contextmanager
def _global_random_from(rng: np.random.Generator) -> Iterator[None]:
    """Seed Python's global `random` from `rng`; put its state back afterwards."""
    before = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(before)
