"""The scheme that evoae began with, its faults repaired: what it finds for the same cost.

M. Lanham, Evolutionary Deep Learning (2023), chapter 8: tournaments of 5, crossover in 60 and
mutation in 30 of 100 cases, no elites. A crossover swaps a gene of each type at random places; a
mutation changes every layer and every dropout rate, filters by at most a tenth. Nothing inserts or
removes a layer. Repaired: fitness is a number, measured on validation images; decoder filters are
scaled like the encoder's, and not overwritten with a kernel's size; all numbers stay in range; no
gene is dead. An offspring outside the limits gives way to its parent and costs nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.quality.account import Account, Spent
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import TrainingKey, seed_for
from evoae.genome.canonical import canonical
from evoae.genome.gene_kind import Gene
from evoae.genome.genes import GENES, BatchNorm, Conv, Dropout, UpConv
from evoae.genome.genome import Genome
from evoae.genome.grammar import replace_gene
from evoae.genome.sampling import draw_gene, sample
from evoae.genome.space import Space

_CXPB, _MUTPB, _TOURNAMENT = 0.6, 0.3, 5


def original(problem: Problem, account: Account, population: int = 12) -> None:
    """Search until the budget ends.

    Args:
        problem: space, data and seed.
        account: pays.
        population: 100 in the book, of three generations; a budget of about a hundred trainings
            would then end before the first offspring.
    """
    rng = np.random.default_rng(problem.config.seed)
    space, evaluate = problem.space, _Evaluate(problem, account)
    try:
        pool = [canonical(sample(rng, space)) for _ in range(population)]
        losses = [evaluate(genome) for genome in pool]
        while True:
            chosen = [_tournament(rng, losses) for _ in pool]
            children, known = [pool[at] for at in chosen], [losses[at] for at in chosen]
            for at in range(0, population - 1, 2):
                if rng.random() < _CXPB:
                    pair = crossed(rng, children[at], children[at + 1])
                    _adopt(space, children, known, at, pair)
            for at in range(population):
                if rng.random() < _MUTPB:
                    _adopt(space, children, known, at, (mutated(rng, children[at], space),))
            losses = [
                evaluate(genome) if math.isnan(loss) else loss
                for genome, loss in zip(children, known, strict=True)
            ]
            pool = children
    except Spent:
        return


def crossed(rng: np.random.Generator, a: Genome, b: Genome) -> tuple[Genome, Genome]:
    """Swap one gene of each type that both have."""
    for kind in (Conv, UpConv, BatchNorm, Dropout):
        places = [_places(genome, kind) for genome in (a, b)]
        if all(places):
            i, j = (int(rng.choice(each)) for each in places)
            a, b = replace_gene(a, i, b.genes[j]), replace_gene(b, j, a.genes[i])
    return a, b


def mutated(rng: np.random.Generator, genome: Genome, space: Space) -> Genome:
    """Change every layer and every dropout rate."""
    for place, gene in enumerate(genome.genes):
        if isinstance(gene, Dropout):
            genome = replace_gene(genome, place, draw_gene(rng, Dropout, space))
        elif isinstance(gene, Conv | UpConv):
            drawn = draw_gene(rng, type(gene), space)  # for its kernel
            field = GENES[type(gene)].fields[0]
            least, most = space.steps(field)
            scaled = space.to_steps(field, gene.filters * rng.uniform(0.9, 1.1))
            filters = int(space.from_steps(field, min(max(scaled, least), most)))
            genome = replace_gene(genome, place, replace(drawn, filters=filters))
    return genome


class _Evaluate:
    """Trains a genome each time it is asked, every time with another seed."""

    def __init__(self, problem: Problem, account: Account) -> None:
        self._problem, self._account = problem, account
        self._shared = share(problem.dataset)
        self._times: dict[str, int] = {}

    def __call__(self, genome: Genome) -> float:
        """Return its loss; infinite if the training fails."""
        task = self._problem.task(genome, self._shared)
        number = self._times[task.id] = self._times.get(task.id, 0) + 1
        if number > 1:
            key = TrainingKey(task.id, number)
            task = replace(task, key=key, seed=seed_for(self._problem.config.seed, key))
        fitness = self._account.train(task).fitness
        return math.inf if fitness is None else fitness


def _tournament(rng: np.random.Generator, losses: list[float]) -> int:
    entrants = rng.integers(len(losses), size=_TOURNAMENT).tolist()
    return min(entrants, key=losses.__getitem__)


def _adopt(
    space: Space, children: list[Genome], known: list[float], at: int, varied: tuple[Genome, ...]
) -> None:
    """Put varied genomes in place of children, where the limits admit them."""
    for place, genome in enumerate(map(canonical, varied), start=at):
        if genome != children[place] and space.admits(genome):
            children[place], known[place] = genome, math.nan


def _places(genome: Genome, kind: type[Gene]) -> list[int]:
    return [place for place, gene in enumerate(genome.genes) if isinstance(gene, kind)]
