"""What is proposed next: the batches of a search's algorithm, and what it is told of them.

It says when all generations are proposed (`done`) and when the space holds nothing new
(`exhausted`); both end a search. Randomness comes from (seed, batch) alone, so a replay proposes
each batch again as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, Thresholds, TrainingKey
from evoae.evolution.algorithm import AbstractAlgorithm, tell
from evoae.evolution.batch import next_batch
from evoae.evolution.factory import algorithm_for
from evoae.evolution.racing import thresholds
from evoae.evolution.state import Curve, Individual, Proposal, State
from evoae.evolution.surrogate import Surrogate
from evoae.genome.genome import Genome

_BARREN = 10  # generations without anything new, after which only a budget would end a search


@dataclass(slots=True)
class Batch:
    """A batch under way.

    Attributes:
        number: from 1.
        generation: that it belongs to, from 1.
        racing: thresholds of its trainings, but for further ones of known candidates.
        undecided: proposals that the budget has not admitted or refused yet, each with its place
            in the generation, from 0.
        proposals: those that are trained, or known already, in their order.
        new: keys of those that are not known already.
        open: keys of those whose evaluation is still missing.
        left_out: keys of those for which the budget had no place when this batch was new.
    """

    number: int
    generation: int
    racing: Thresholds
    undecided: deque[tuple[int, Proposal]]
    proposals: list[Proposal] = field(default_factory=list)
    new: set[TrainingKey] = field(default_factory=set)
    open: set[TrainingKey] = field(default_factory=set)
    left_out: set[TrainingKey] = field(default_factory=set)

    @property
    def pending(self) -> set[TrainingKey]:
        """Keys of all that was asked for.

        What was left out was pending when the batches behind this one were bred, and so it is in a
        replay.
        """
        undecided = {proposal.key for _, proposal in self.undecided}
        return {each.key for each in self.proposals} | undecided | self.left_out

    def drop(self, key: TrainingKey) -> None:
        """Take a training back that does not take place."""
        self.open.discard(key)
        self.new.discard(key)
        self.proposals = [each for each in self.proposals if each.key != key]


class Proposer:
    """Breeds batches, one after the other, from what it was told of earlier ones.

    Args:
        problem: of the search.
        seeds: genomes that it begins with.
        target: generations to ask for; None if only the budget ends the search.

    Attributes:
        state: what the algorithm knows.
        target: as above.
    """

    def __init__(self, problem: Problem, seeds: Sequence[Genome], target: int | None) -> None:
        self._config, self._seeds, self.target = problem.config, seeds, target
        self._algorithm: AbstractAlgorithm = algorithm_for(problem.config.search, problem.space)
        self._surrogate = Surrogate(problem.space)
        self.state = State()
        self._asked = 0
        self._barren = 0  # batches in a row that brought nothing new

    @property
    def max_in_flight(self) -> int:
        """Batches that may be under way together."""
        return self._algorithm.max_in_flight

    @property
    def planned(self) -> int | None:
        """Proposals of all generations; None if only the budget ends them."""
        if self.target is None:
            return None
        batches = self.target * self._algorithm.batches_per_generation
        return sum(self._algorithm.size(batch) for batch in range(1, batches + 1))

    @property
    def done(self) -> bool:
        """Whether all generations that are wanted were asked for."""
        batches = self._algorithm.batches_per_generation
        return self.target is not None and self._asked >= self.target * batches

    @property
    def exhausted(self) -> bool:
        """Whether the last generations brought nothing new: the space seems to hold no more."""
        return self._barren >= _BARREN * self._algorithm.batches_per_generation

    @property
    def hall(self) -> tuple[Individual, ...]:
        """The hall of fame of all that was told so far, best first."""
        return self._algorithm.hall(self.state, self._config.search.hof_size)

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """What the algorithm itself adds to the logbook."""
        return self._algorithm.metrics(self.state)

    def ends_generation(self, batch: Batch) -> bool:
        """Tell whether a batch is the last one of its generation."""
        return batch.number % self._algorithm.batches_per_generation == 0

    def ask(self, pending: Set[TrainingKey]) -> Batch:
        """Return the next batch.

        Args:
            pending: keys of the trainings that were asked for and not told.
        """
        self._asked += 1
        told, search = self.state.history.values(), self._config.search
        proposals = next_batch(
            self._algorithm,
            search,
            self._surrogate,
            self.state,
            self._asked,
            self._config.seed,
            pending,
            self._seeds,
        )
        before, offset = divmod(self._asked - 1, self._algorithm.batches_per_generation)
        return Batch(
            self._asked,
            before + 1,
            thresholds(told, search.racing, self._config.training.epochs),
            deque(enumerate(proposals, offset)),
        )

    def tell(self, batch: Batch, evaluations: Mapping[TrainingKey, Evaluation]) -> None:
        """Hand a batch to the algorithm.

        Args:
            batch: whose trainings have ended.
            evaluations: by key, those of its proposals among them.
        """
        measured = [(each, self._earned(evaluations[each.key])) for each in batch.proposals]
        self.state = tell(self._algorithm, self.state, measured)
        self._barren = 0 if batch.new else self._barren + 1

    def _earned(self, evaluation: Evaluation) -> Curve | float | None:
        """Return what the algorithm is told of a training."""
        if evaluation.fitness is None or not evaluation.validation_loss:
            return evaluation.fitness  # a further training, or a failed one
        return Curve(evaluation.so_far(self._config.training.fitness), evaluation.raced)
