"""How the search went: the best so far against what it cost, and each generation's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from evoae.formatting import count, duration, flops, loss
from evoae.report.run_snapshot import Record
from evoae.runs.records import Generation

_COLUMNS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("trained", "duplicates", "failed", "repeated", "raced"), count),
    **dict.fromkeys(("best", "min", "median", "mean", "std"), loss),
    "cost": flops,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluated candidate.

    Attributes:
        number: from 1, in the order of proposal.
        id: of the candidate.
        loss: the mean over its trainings; None if it failed.
        raced: whether racing stopped it, so that `loss` is no more than a bound.
        best: the least loss so far of those that were trained to the end; None before the first.
        cost: FLOPs of all so far, further trainings of each included; None where one is unknown.
    """

    number: int
    id: str
    loss: float | None
    raced: bool
    best: float | None
    cost: int | None


def course(record: Record) -> tuple[Step, ...]:
    """Return every evaluated candidate in the order of proposal."""
    steps: list[Step] = []
    best, spent, known = None, 0, True
    again: dict[str, list[int | None]] = {}
    for repeat in record.repeats.values():
        again.setdefault(repeat.id, []).append(repeat.cost)
    for id in record.candidates:
        evaluation = record.evaluations.get(id)
        if evaluation is None:
            continue
        value = record.loss_of(id)
        if value is not None and not evaluation.raced:
            best = value if best is None else min(best, value)
        for cost in (evaluation.cost, *again.get(id, ())):
            known, spent = known and cost is not None, spent + (cost or 0)
        cost_so_far = spent if known else None
        steps.append(Step(len(steps) + 1, id, value, evaluation.raced, best, cost_so_far))
    return tuple(steps)


def improvements(steps: Sequence[Step]) -> Iterator[Step]:
    """Yield the steps that found a better one than all before."""
    best = None
    for step in steps:
        if step.best is not None and step.best != best:
            best = step.best
            yield step


def generation_rows(
    generations: Sequence[Generation],
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the logbook as a header and rows, without columns that nobody filled."""
    used = [name for name in _COLUMNS if any(g.stats.get(name) is not None for g in generations)]
    rows = tuple(
        (
            str(generation.number),
            *(_worded(name, generation.stats.get(name)) for name in used),
            duration(generation.seconds),
        )
        for generation in generations
    )
    return ("generation", *("cost so far" if n == "cost" else n for n in used), "time"), rows


def _worded(column: str, value: float | None) -> str:
    return "-" if value is None else _COLUMNS[column](value)
