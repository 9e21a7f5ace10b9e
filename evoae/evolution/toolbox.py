"""DEAP's operators as the algorithms use them: toolbox, selection and sorting.

DEAP's traps are met here (measured with DEAP 1.4): a NaN fitness would win tournaments, so a
failed candidate has an empty fitness and is never handed over; selection draws from the global
`random`, so it is fed from our generator and the global state is put back.

`toolbox` is what our own algorithms use; `public_toolbox` is for loops that people write
themselves, with individuals as DEAP knows them.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import numpy as np
from deap import base, creator, tools

from evoae.config.search import SearchConfig
from evoae.evolution.state import Individual, scored
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.crossover import swap_blocks, swap_genes
from evoae.genome.genome import Genome
from evoae.genome.mutation import mutate
from evoae.genome.sampling import sample
from evoae.genome.space import Space
from evoae.genome.text import render
from evoae.pareto import Place

_Any = TypeVar("_Any")


class Fitness(base.Fitness):  # type: ignore[misc]  # DEAP has no types
    """A single number, minimised."""

    weights = (-1.0,)


class _Candidate:
    """What DEAP selects and sorts: an item and its fitness in DEAP's form, all minimised."""

    __slots__ = ("fitness", "item")

    def __init__(self, item: Any, place: Place) -> None:
        self.item = item
        self.fitness = _fitness_of(len(place))(place)


@functools.cache
def _fitness_of(objectives: int) -> type[base.Fitness]:
    """Return DEAP's fitness of this many objectives, all minimised."""
    return type("Placed", (base.Fitness,), {"weights": (-1.0,) * objectives})


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


class EvoaeIndividual:
    """An autoencoder as DEAP's loops handle it; also `deap.creator.EvoaeIndividual`.

    Only its fitness ever changes. Two are equal if they describe the same network, so DEAP's hall
    of fame takes each once; `str` gives the one-line text.

    Attributes:
        genome: in canonical form.
        id: candidate id.
        fitness: DEAP's, minimised; empty until a loop assigns what `evaluate` returned.
    """

    __slots__ = ("fitness", "genome", "id")

    def __init__(self, genome: Genome) -> None:
        self.genome = canonical(genome)
        self.id = candidate_id(self.genome)
        self.fitness = Fitness()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copy = type(self)(self.genome)  # a genome is frozen and can be shared
        copy.fitness.wvalues = self.fitness.wvalues
        return copy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EvoaeIndividual) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __str__(self) -> str:
        return render(self.genome)

    def __repr__(self) -> str:
        return f"<{self.id[:6]} {self} {self.fitness}>"


# Under DEAP's usual names as well. They are classes of a module, so unlike what `creator.create`
# makes they pickle into any process, and nothing is created twice.
creator.EvoaeFitness = Fitness
creator.EvoaeIndividual = EvoaeIndividual


def public_toolbox(rng: np.random.Generator, search: SearchConfig, space: Space) -> base.Toolbox:
    """Return DEAP's toolbox for loops that people write themselves, but for `evaluate`.

    Every random choice of its own is drawn from `rng`. Its words:

    - `individual()`: a random `EvoaeIndividual` of the space; `population(n)`: a list of n.
    - `mate(a, b)`: two children, by swapped blocks (share `block_crossover`) or swapped genes.
    - `mutate(a)`: a 1-tuple of a child, by one mutation; an equal of `a` if none applies.
    - `select(individuals, k)`: tournaments of `search.tournament`.
    - `clone(a)`: a copy with a fitness of its own.

    Children are new objects without fitness and lie inside the space if their parents do.
    """
    words = base.Toolbox()
    words.register("individual", lambda: EvoaeIndividual(sample(rng, space)))
    words.register("population", tools.initRepeat, list, words.individual)
    words.register("mate", _mate, rng, space, search.block_crossover)
    words.register("mutate", _mutated, rng, space, search)
    words.register("select", _tournament, rng, search.tournament)
    return words


def _mate(
    rng: np.random.Generator,
    space: Space,
    block_crossover: float,
    a: EvoaeIndividual,
    b: EvoaeIndividual,
) -> tuple[EvoaeIndividual, EvoaeIndividual]:
    swap = swap_blocks if rng.random() < block_crossover else swap_genes
    first, second = swap(rng, a.genome, b.genome, space)
    return EvoaeIndividual(first), EvoaeIndividual(second)


def _mutated(
    rng: np.random.Generator, space: Space, search: SearchConfig, a: EvoaeIndividual
) -> tuple[EvoaeIndividual]:
    return (EvoaeIndividual(mutate(rng, a.genome, space, search.mutation).genome),)


def by_front(placed: Sequence[tuple[Place, _Any]]) -> list[_Any]:
    """Return what is given with its points, best first.

    By front, the nondominated ones first, and in a front those in thinner company first.
    """
    if not placed:
        return []
    fronts = tools.sortNondominated(
        [_Candidate(item, place) for place, item in placed], len(placed)
    )
    ranked: list[_Candidate] = []
    for front in fronts:
        tools.emo.assignCrowdingDist(front)
        ranked += sorted(front, key=lambda candidate: -candidate.fitness.crowding_dist)
    return [candidate.item for candidate in ranked]


def binary_tournaments(
    rng: np.random.Generator, ranked: Sequence[Individual], k: int
) -> list[Individual]:
    """Return the winners of `k` tournaments of two between individuals that stand best first."""
    return _winners(rng, 2, enumerate(ranked), k)


def _select(
    rng: np.random.Generator, tournament: int, individuals: Sequence[Individual], k: int
) -> list[Individual]:
    return _winners(rng, tournament, scored(individuals), k)


def _winners(
    rng: np.random.Generator, tournament: int, rated: Iterable[tuple[float, Individual]], k: int
) -> list[Individual]:
    """Return the winners of `k` tournaments between individuals, the lowest figure wins."""
    candidates = [_Candidate(individual, (figure,)) for figure, individual in rated]
    return [candidate.item for candidate in _tournament(rng, tournament, candidates, k)]


def _tournament(
    rng: np.random.Generator, tournament: int, individuals: Sequence[_Any], k: int
) -> list[_Any]:
    """Return the winners of `k` tournaments between individuals with a DEAP fitness."""
    with _global_random_from(rng):
        chosen: list[_Any] = tools.selTournament(individuals, k, tournament)
    return chosen


@contextmanager
def _global_random_from(rng: np.random.Generator) -> Iterator[None]:
    """Seed Python's global `random` from `rng`; put its state back afterwards."""
    before = random.getstate()
    random.seed(int(rng.integers(2**63)))
    try:
        yield
    finally:
        random.setstate(before)
