"""How the search went: the best so far against what it cost, and each generation's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evoae.analysis.best_so_far import Point
from evoae.evaluation import Evaluation
from evoae.formatting import count, duration, flops, flops_unit, loss, plural, short
from evoae.report.blocks import Figure, Figures, Key, Section, Table, Text
from evoae.report.drawing.chart import Mark, baseline_marks, chart
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.records import Generation

_COLUMNS: dict[str, Callable[[Any], str]] = {
    **dict.fromkeys(("trained", "duplicates", "failed", "repeated", "raced"), count),
    **dict.fromkeys(("best", "min", "median", "mean", "std"), loss),
    "cost": flops,
}
_ENDED = {  # how the points of a chart look, and their size
    "scored": (Key("faint", "point", "a network"), 14),
    "raced": (Key("faint", "ring", "stopped early"), 16),
    "failed": (Key("ink", "cross", "failed"), 22),
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


def course(snapshot: RunSnapshot) -> tuple[Step, ...]:
    """Return every evaluated candidate in the order of proposal."""
    steps: list[Step] = []
    point = Point()
    again: dict[str, list[Evaluation]] = {}
    for repeat in snapshot.repeats.values():
        again.setdefault(repeat.id, []).append(repeat)
    for id in snapshot.candidates:
        evaluation = snapshot.evaluations.get(id)
        if evaluation is None:
            continue
        value = snapshot.loss_of(id)
        for training in (evaluation, *again.get(id, ())):
            point = point.after(training, value)
        number, raced = len(steps) + 1, evaluation.raced
        steps.append(Step(number, id, value, raced, point.best, point.cost))
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
            *(_COLUMNS[name](generation.stats.get(name)) for name in used),
            duration(generation.seconds),
        )
        for generation in generations
    )
    return ("generation", *("cost so far" if n == "cost" else n for n in used), "time"), rows


def section(snapshot: RunSnapshot) -> Section | None:
    """Draw the best so far against evaluations, against cost, and the generations.

    None for the run of one given network, which searched nothing.
    """
    if snapshot.given is not None:
        return None
    steps = course(snapshot)
    title = "How the search went"
    if not any(step.best is not None for step in steps):
        said = "No candidate has been trained yet."
        if steps:
            said = f"Of {plural(len(steps), 'network')} none has a score: there is no curve."
        return Section("course", title, (Text(said),))
    better = tuple(improvements(steps))
    last = better[-1]
    said = (
        f"Of {plural(len(steps), 'network')}, in the order of proposal, {len(better)} did "
        f"better than all before; the best, {short(last.id)} with {loss(last.best)}, was number "
        f"{last.number}."
    )
    if snapshot.repeats:
        said += " Each network counts with the mean of its trainings."
    figures = [_by_number(snapshot, steps, better)]
    if steps[-1].cost:
        figures.append(_by_cost(snapshot, steps, last))
    if sum(row.stats.get("median") is not None for row in snapshot.generations) > 1:
        figures.append(_by_generation(snapshot))
    return Section("course", title, (Text(said), Figures(tuple(figures))))


def _by_number(snapshot: RunSnapshot, steps: Sequence[Step], better: Sequence[Step]) -> Figure:
    rows = tuple((str(s.number), short(s.id), loss(s.best), flops(s.cost)) for s in better)
    header = ("network", "id", "best loss", "cost so far")
    table = Table("Each improvement", header, rows, frozenset({1}))
    first, last = better[0], better[-1]
    alt = (
        f"Best validation loss so far against networks trained: from {loss(first.best)} at number "
        f"{first.number} to {loss(last.best)} at number {last.number} of {len(steps)}."
    )
    for mark in baseline_marks(snapshot.status.baselines):
        alt += f" For comparison, {mark.key.words}."
    title, labels = "Best so far, by networks trained", ("networks trained", "validation loss")
    marks = _course_marks(snapshot, steps, [float(step.number) for step in steps])
    return chart("course", title, alt, marks, labels, from_zero=True, table=table)


def _by_cost(snapshot: RunSnapshot, steps: Sequence[Step], last: Step) -> Figure:
    total = float(steps[-1].cost or 0)
    unit, scale = flops_unit(total)
    alt = (
        f"Best validation loss so far against cost: {loss(last.best)} after "
        f"{flops(float(last.cost or 0))} of {flops(total)}."
    )
    note = "Further trainings of a network are counted with its first." if snapshot.repeats else ""
    title = "Best so far, by cost"
    labels = (f"cost of all trainings so far, {unit}", "validation loss")
    marks = _course_marks(snapshot, steps, [float(step.cost or 0) / scale for step in steps])
    return chart("cost", title, alt, marks, labels, whole=False, from_zero=True, note=note)


def _course_marks(
    snapshot: RunSnapshot, steps: Sequence[Step], positions: Sequence[float]
) -> list[Mark]:
    """Return the best so far as a line, the candidates as points, and the baselines."""
    drawn = list(zip(positions, steps, strict=True))
    x, y = zip(*((x, step.best) for x, step in drawn if step.best is not None), strict=True)
    marks = [Mark(Key("blue", "line", "best so far"), x, y, style={"drawstyle": "steps-post"})]
    for name, (key, size) in _ENDED.items():
        ended = [(x, step) for x, step in drawn if _end(step) == name]
        if ended:
            x, y = zip(*((x, step.loss) for x, step in ended), strict=True)
            words = [snapshot.described(step.id) for _, step in ended]
            marks.append(Mark(key, x, y, words, {"s": size}, at_foot=y[0] is None))
    return [*marks, *baseline_marks(snapshot.status.baselines)]


def _end(step: Step) -> str:
    """Say how a candidate's training ended."""
    return "failed" if step.loss is None else "raced" if step.raced else "scored"


def _by_generation(snapshot: RunSnapshot) -> Figure:
    """Draw each generation's least and median loss, and the middle around its mean."""
    last, rows = snapshot.generations[-1], snapshot.generations
    alt = (
        f"Loss by generation, {len(rows)} of them; in number {last.number} the "
        f"median is {loss(last.stats.get('median'))} and the least {loss(last.stats.get('min'))}."
    )
    table = Table("Every generation", *generation_rows(rows), frozenset())
    rows = tuple(row for row in rows if row.stats.get("median") is not None)
    numbers = [row.number for row in rows]
    low, high = zip(*(_band(row.stats) for row in rows), strict=True)
    median, least = ([row.stats[name] or 0 for row in rows] for name in ("median", "min"))
    dots = {"marker": "o", "ms": 4}
    band = Key("faint", "band", "mean ± standard deviation")
    marks = [
        Mark(band, numbers, (low, high)),
        *(
            Mark(Key("faint", "line", ""), numbers, y, style={"linewidth": 0.7})
            for y in (low, high)
        ),
        Mark(
            Key("orange", "dash", "its median"), numbers, median, style={**dots, "linestyle": "--"}
        ),
        Mark(Key("blue", "line", "its best"), numbers, least, style=dots),
    ]
    baselines = baseline_marks(snapshot.status.baselines)
    keys = [mark.key for mark in (*marks[:2:-1], marks[0], *baselines)]
    title, labels = "Each generation's own networks", ("generation", "validation loss")
    return chart("generations", title, alt, [*marks, *baselines], labels, keys=keys, table=table)


def _band(stats: Mapping[str, float | int | None]) -> tuple[float, float]:
    """Return a standard deviation below the mean, but not below the least, and one above."""
    mean, spread = float(stats.get("mean") or 0), float(stats.get("std") or 0)
    return max(mean - spread, float(stats.get("min") or 0)), mean + spread
