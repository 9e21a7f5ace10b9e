"""Candidates, proposals, and the state of a search between two batches.

All of it is frozen. Nothing else is needed to go on: each batch's random numbers are made from the
run's seed and the batch's number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evoae.evaluation import TrainingKey
from evoae.genome.genome import Genome


@dataclass(frozen=True, slots=True)
class Individual:
    """A candidate that was evaluated.

    Attributes:
        id: candidate id.
        genome: in canonical form.
        scores: a finite score for each training that did not fail, to minimise; each has a seed of
            its own. Empty: the candidate failed.
        asked: how often it was trained.
        curve: its fitness after each epoch of the first training; empty if it is not known.
        raced: whether racing stopped that training, so that its only score is but a bound.
        parents, operator: as of its first `Proposal`.
    """

    id: str
    genome: Genome
    scores: tuple[float, ...]
    asked: int = 1
    parents: tuple[str, ...] = ()
    operator: str = "sample"
    curve: tuple[float, ...] = ()
    raced: bool = False

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.scores)):
            raise ValueError(f"scores {self.scores} of {self.id}: a failure has none")

    @property
    def fitness(self) -> float | None:
        """The mean score, to minimise; None if the candidate failed."""
        return statistics.fmean(self.scores) if self.scores else None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate to evaluate.

    Attributes:
        id: candidate id.
        genome: in canonical form.
        parents: candidate ids; none for a sample, two after a crossover.
        operator: what made it, such as `sample` or `swap_blocks+scale_filters`.
        number: 1 for its first training; 2 and so on for a further one, with another seed.
    """

    id: str
    genome: Genome
    parents: tuple[str, ...]
    operator: str
    number: int = 1

    @property
    def key(self) -> TrainingKey:
        """Names this training."""
        return TrainingKey(self.id, self.number)


@dataclass(frozen=True, slots=True)
class Curve:
    """The fitness of a training, epoch by epoch.

    Attributes:
        fitness: after each epoch; the last is its score.
        raced: whether racing stopped it.
    """

    fitness: tuple[float, ...]
    raced: bool = False


# A training with its curve, or its score alone; None if it failed.
Measured = tuple[Proposal, Curve | float | None]


@dataclass(frozen=True, slots=True)
class State:
    """All that an algorithm knows between two batches.

    Attributes:
        batch: the last one that was evaluated; 0 before the first.
        population: ids of those that may become parents, in the algorithm's order.
        history: every candidate evaluated so far by id, in the order of proposal.
    """

    batch: int = 0
    population: tuple[str, ...] = ()
    history: Mapping[str, Individual] = field(default_factory=dict)

    @property
    def members(self) -> tuple[Individual, ...]:
        """The population's individuals, in its order."""
        return tuple(self.history[id] for id in self.population)

    def after(self, measured: Sequence[Measured]) -> State:
        """Return the state with a batch's trainings in its history; the population stays."""
        history = dict(self.history)
        for proposal, earned in measured:
            curve = earned if isinstance(earned, Curve) else Curve(())
            score = curve.fitness[-1] if isinstance(earned, Curve) else earned
            scores = () if score is None else (score,)
            known = history.get(proposal.id)
            if known is None:
                history[proposal.id] = Individual(
                    proposal.id,
                    proposal.genome,
                    scores,
                    parents=proposal.parents,
                    operator=proposal.operator,
                    curve=curve.fitness,
                    raced=curve.raced,
                )
            elif proposal.number > known.asked:  # else it was proposed again, not trained again
                history[proposal.id] = replace(
                    known, scores=known.scores + scores, asked=proposal.number
                )
        return State(self.batch + 1, self.population, history)


def scored(individuals: Iterable[Individual]) -> list[tuple[float, Individual]]:
    """Return the individuals that did not fail, each with its fitness, in their order."""
    return [(each.fitness, each) for each in individuals if each.fitness is not None]


def complete(individuals: Iterable[Individual]) -> list[Individual]:
    """Return the individuals that were trained to the end without failing, in their order."""
    return [each for each in individuals if each.scores and not each.raced]


def best(individuals: Iterable[Individual], count: int) -> tuple[Individual, ...]:
    """Return the `count` best distinct candidates, or all there are; equals in order of id."""
    distinct = {each.id: (fitness, each) for fitness, each in scored(individuals)}
    ranked = sorted(distinct.values(), key=lambda pair: (pair[0], pair[1].id))
    return tuple(each for _, each in ranked[:count])
