"""The family tree of a candidate: who its ancestors were, what changed, and what that did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from evoae.genome.difference import differences
from evoae.genome.genome import Genome
from evoae.genome.text import parse
from evoae.runs.database import damaged
from evoae.runs.records import Candidate
from evoae.runs.run import Run
from evoae.runs.store import DATABASE


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one parent.

    Attributes:
        parent: its id.
        changes: in which the child differs from it, in words.
        loss: the parent's; None if it has none.
        gain: the child's loss divided by the parent's, less 1: below 0 for a better child; None
            where one of them has none.
    """

    parent: str
    changes: tuple[str, ...]
    loss: float | None
    gain: float | None


@dataclass(frozen=True, slots=True)
class Relative:
    """The candidate of a family tree, or an ancestor of it.

    Attributes:
        candidate: as it was proposed first.
        outcome: how its training ended; `waiting` before that.
        raced: whether racing stopped it early, so that `loss` is no more than a bound.
        loss: the mean over its trainings; None if there is none.
        births: least number of steps from it to the tree's candidate, which has 0.
        steps: one for each of its parents, the most like it first; none for a founder.
    """

    candidate: Candidate
    outcome: str
    raced: bool
    loss: float | None
    births: int
    steps: tuple[Step, ...]

    def summary(self) -> dict[str, object]:
        """Return what `lineage --json` says of it."""
        return {
            "id": self.candidate.id,
            "generation": self.candidate.generation,
            "operator": self.candidate.operator,
            "outcome": self.outcome,
            "val_loss": self.loss,
            "raced": self.raced,
            "births": self.births,
            "genome": self.candidate.genome,
            "parents": [
                {"id": each.parent, "gain": each.gain, "changes": list(each.changes)}
                for each in self.steps
            ],
        }


@dataclass(frozen=True, slots=True)
class Lineage:
    """A family tree.

    Attributes:
        relatives: by id: the candidate, then its ancestors, the youngest first.
        left_out: ancestors further back than asked for.
    """

    relatives: Mapping[str, Relative]
    left_out: int = 0

    @property
    def root(self) -> Relative:
        """The candidate whose tree it is."""
        return next(iter(self.relatives.values()))

    def columns(self) -> dict[str, list[Relative]]:
        """Return the tree as columns, by the id at the head of each.

        A column is a candidate, the parent most like it, that one's, and so on. Those of other
        parents begin where there is no column of them yet; every relative stands in one.
        """
        columns: dict[str, list[Relative]] = {}
        starts, claimed = deque([self.root.candidate.id]), set[str]()
        while starts:
            start = id = starts.popleft()
            column: list[Relative] = []
            while id in self.relatives and id not in claimed:
                claimed.add(id)
                column.append(self.relatives[id])
                steps = column[-1].steps
                starts += [step.parent for step in steps[1:]]
                id = steps[0].parent if steps else ""
            if column:
                columns[start] = column
        return columns

    def summary(self) -> dict[str, object]:
        """Return what `lineage --json` says."""
        told = [each.summary() for each in self.relatives.values()]
        return {"id": self.root.candidate.id, "left_out": self.left_out, "relatives": told}


def lineage(run: Run, prefix: str = "best", depth: int | None = None) -> Lineage:
    """Return the family tree of a candidate back to its founders, each ancestor once.

    Args:
        run: that bred it.
        prefix: of the candidate's id, or `best`.
        depth: most births to go back; None for all.

    Raises:
        RunError: there is no such candidate, or the run's record of a parent is damaged.
    """
    with run.at_one_moment() as now:
        root = run.find(prefix).candidate
        candidates, evaluations, scores = now.candidates, now.evaluations, now.scores
    for parent in (each for candidate in candidates.values() for each in candidate.parents):
        if parent not in candidates:
            raise damaged(run.path / DATABASE, f"it lacks the parent {parent:.12}")
    births = _births(root, candidates)
    shown = [id for id, number in births.items() if depth is None or number <= depth]
    shown.sort(
        key=lambda id: (id != root.id, -candidates[id].generation, -candidates[id].position)
    )
    losses = {}
    for id in births:
        evaluation = evaluations.get(id)
        raced = evaluation is not None and evaluation.raced
        losses[id] = evaluation.fitness if raced and evaluation else _mean(scores.get(id, ()))
    genomes = {id: parse(candidates[id].genome) for id in births}
    relatives = {}
    for id in shown:
        evaluation, candidate = evaluations.get(id), candidates[id]
        relatives[id] = Relative(
            candidate,
            "waiting" if evaluation is None else evaluation.outcome.value,
            evaluation is not None and evaluation.raced,
            losses[id],
            births[id],
            _steps(candidate, genomes, losses),
        )
    return Lineage(relatives, len(births) - len(shown))


def _births(root: Candidate, candidates: Mapping[str, Candidate]) -> dict[str, int]:
    """Return how many steps each ancestor is away, the candidate itself included."""
    births, left = {root.id: 0}, deque([root])
    while left:
        child = left.popleft()
        for parent in child.parents:
            if parent not in births:
                births[parent] = births[child.id] + 1
                left.append(candidates[parent])
    return births


def _mean(scores: tuple[float, ...]) -> float | None:
    return fmean(scores) if scores else None


def _steps(
    child: Candidate, genomes: Mapping[str, Genome], losses: Mapping[str, float | None]
) -> tuple[Step, ...]:
    """Return what became of each of a child's parents, the one with the fewest changes first."""
    steps = []
    for parent in dict.fromkeys(child.parents):
        found = differences(genomes[parent], genomes[child.id])
        before, after = losses[parent], losses[child.id]
        gain = after / before - 1 if before and after is not None else None
        steps.append(Step(parent, tuple(each.words for each in found), before, gain))
    return tuple(sorted(steps, key=lambda step: len(step.changes)))
