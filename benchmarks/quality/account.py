"""What a search spends and whom it believes in: one account, the same for every contestant."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import Train
from evoae.genome.genome import Genome


class Spent(Exception):  # noqa: N818  # the ordinary end of a search
    """The budget does not pay the next training."""


@dataclass(frozen=True, slots=True)
class Point:
    """From so many FLOPs on, a search that stopped would hand over this network.

    Attributes:
        flops: spent so far.
        genome: of the network.
        believed: the loss that the search thinks it has.
    """

    flops: int
    genome: Genome
    believed: float


class Account:
    """Trains for one search and charges what it costs.

    A training is paid once: asked for again, it is free, and one that goes on with an earlier one
    (same network, same seed, more epochs) costs the further epochs. Whatever is refused before it
    is trained costs nothing. What racing stopped is paid as far as it came, and not believed in.

    Args:
        train: does it.
        budget: FLOPs that may be spent.

    Attributes:
        spent: FLOPs.
        points: of the search's course, in order of cost.
    """

    def __init__(self, train: Train, budget: float) -> None:
        self._train, self._budget = train, budget
        self._paid: dict[tuple[str, int], int] = {}  # FLOPs by network and seed
        self._losses: dict[str, dict[int, float]] = {}  # by network, then seed; the latest epoch's
        self._genomes: dict[str, Genome] = {}
        self.spent = 0
        self.points: list[Point] = []

    @property
    def trainings(self) -> int:
        """How many were paid; going on with an earlier one is not a further one."""
        return len(self._paid)

    def train(self, task: Task) -> Evaluation:
        """Return what a training earns.

        Raises:
            Spent: it would go over the budget.
        """
        network = task.id
        paid = self._paid.get((network, task.seed), 0)
        if self.spent + max(0, task.cost - paid) > self._budget:
            raise Spent
        evaluation = self._train(task)
        cost = task.cost if evaluation.cost is None else evaluation.cost
        if cost <= paid:
            return evaluation
        self._paid[network, task.seed] = cost
        self.spent += cost - paid
        if evaluation.fitness is not None and not evaluation.raced:
            self._losses.setdefault(network, {})[task.seed] = evaluation.fitness
            self._genomes[network] = task.genome
            self._believe()
        return evaluation

    def _believe(self) -> None:
        """Note the network with the least mean loss, if it is another one or looks different."""
        means = {network: fmean(by.values()) for network, by in self._losses.items()}
        best = min(means, key=lambda network: (means[network], network))
        point = Point(self.spent, self._genomes[best], means[best])
        last = self.points[-1] if self.points else None
        if last is None or (last.genome, last.believed) != (point.genome, point.believed):
            self.points.append(point)
