"""Several runs side by side: the best so far of each, and which differ in more than a seed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evoae.analysis.best_so_far import Point
from evoae.errors import RunError
from evoae.evaluation import Evaluation
from evoae.runs.compatibility import LIMITS, RESUMABLE, differences, within
from evoae.runs.metadata import RunMetadata
from evoae.runs.records import Candidate
from evoae.runs.run import Run

# What two runs of a group may differ in: the seed, and what changes no result of a search. LIMITS
# are among these, and count all the same where they ended a training.
_ALIKE = ("seed", *(name for name in RESUMABLE if name != "search.budget"))


@dataclass(frozen=True, slots=True)
class Course:
    """A run on its way, in the order of proposal, so that it does not depend on the workers' pace.

    Attributes:
        run: its folder.
        seed: of the run.
        state: see `Status`.
        settings: its configuration by sections, with the generations that it was asked for in all.
        metadata: what it recorded of its data.
        points: one for each training, and one where a generation ended with further trainings.
            There the best is the least mean, so that it may rise: the first score was lucky.
        ended_by: those of LIMITS that ended one of its trainings.
    """

    run: str
    seed: int
    state: str
    settings: Mapping[str, Any]
    metadata: RunMetadata
    points: tuple[Point, ...]
    ended_by: frozenset[str] = frozenset()

    @property
    def end(self) -> Point:
        """Where it stands."""
        return self.points[-1] if self.points else Point()

    def reached(self, loss: float | None) -> Point | None:
        """Return the first point that is as good as `loss`; None if there is none."""
        if loss is None:
            return None
        return next((p for p in self.points if p.best is not None and p.best <= loss), None)

    def at(self, trainings: int | None = None, cost: int | None = None) -> float | None:
        """Return its best when it had spent so much, and no more; None before its first score."""
        best = None
        for point in self.points:
            if trainings is not None and point.trainings > trainings:
                break
            if cost is not None and (point.cost is None or point.cost > cost):
                break
            best = point.best
        return best


def course(run: Run) -> Course:
    """Return how a run went so far.

    Raises:
        RunError: it cannot be read.
    """
    with run.at_one_moment() as now:
        status, metadata, generations = run.status(), now.metadata, now.generations
        candidates, evaluations = now.candidates, now.evaluations
        repeats = now.tables.repeats().values()
        settings = run.in_force().model_dump(mode="json")
    settings["search"]["generations"] = status.generations
    rows = {number: each.stats for number, each in generations.items()}
    points = tuple(_points(candidates, evaluations, rows))
    outcomes = {each.outcome for each in (*evaluations.values(), *repeats)}
    ended_by = frozenset(limit for limit, kinds in LIMITS.items() if outcomes & {*kinds})
    return Course(
        str(run.path), run.config.seed, status.state, settings, metadata, points, ended_by
    )


def _points(
    candidates: Mapping[str, Candidate],
    evaluations: Mapping[str, Evaluation],
    rows: Mapping[int, Mapping[str, float | int | None]],
) -> Iterator[Point]:
    point = Point()
    by_generation: dict[int, list[Evaluation]] = {number: [] for number in rows}
    for id, candidate in candidates.items():
        if id in evaluations:
            by_generation.setdefault(candidate.generation, []).append(evaluations[id])
    for number in sorted(by_generation):
        for evaluation in by_generation[number]:
            point = point.after(evaluation, evaluation.fitness)
            yield point
        row = rows.get(number, {})
        if again := int(row.get("repeated") or 0):
            told, best = row.get("cost"), row.get("best")
            cost = None if point.cost is None or told is None else int(told)
            point = Point(point.trainings + again, cost, point.best if best is None else best)
            yield point


def check_comparable(courses: Sequence[Course]) -> list[str]:
    """Make sure that the runs' losses measure the same thing.

    Runs of other seeds split and reduce the same data differently; that is part of what a seed is.

    Returns:
        the training settings in which they differ, and the limits if one ended a training: their
        losses measure the same, but a lower one may be the longer training's doing.

    Raises:
        RunError: data or objective differ; names both runs and what differs.
    """
    first, changed = courses[0], set[str]()
    for other in courses[1:]:
        if reason := _other_data(first, other):
            raise _incomparable(first, other, f"they have other data: {reason}")
        for path, a, b in differences(first.settings["objective"], other.settings["objective"]):
            raise _incomparable(first, other, f"objective.{path} is {a!r} there and {b!r} here")
        for path, _, _ in differences(first.settings["training"], other.settings["training"]):
            if f"training.{path}" not in LIMITS:
                changed.add(f"training.{path}")
    return sorted((*changed, *_limits_that_tell(courses)))


def _other_data(one: Course, other: Course) -> str | None:
    """Say in what the data of two runs differ; None if it is no more than the seed."""
    digests = [each.metadata.data_digest for each in (one, other)]
    if digests[0] == digests[1] and one.metadata.output == other.metadata.output:
        return None
    if one.seed == other.seed:
        return f"digests {digests[0][:12]} and {digests[1][:12]}"
    found = list(differences(one.settings["data"], other.settings["data"]))
    for path, a, b in sorted(found, key=lambda each: each[0] not in ("name", "path")):
        return f"data.{path} is {a!r} there and {b!r} here"
    for name, a, b in differences(one.metadata.about_data(), other.metadata.about_data()):
        return f"{name} is {a!r} there and {b!r} here"
    return None


def _incomparable(one: Course, other: Course, why: str) -> RunError:
    said = f"cannot be compared with {one.run}; {why}"
    return RunError(other.run, said, "compare runs of the same data and objective")


@dataclass(frozen=True, slots=True)
class Group:
    """Runs that are alike in all but their seed, and limits that ended no training.

    Attributes:
        name: a letter.
        settings: in which it differs from other groups, by dotted path; a list of limits where its
            runs have several.
        members: their places among the runs, in order.
    """

    name: str
    settings: Mapping[str, object]
    members: tuple[int, ...]


def groups(courses: Sequence[Course]) -> list[Group]:
    """Return the groups that runs fall into, in the order of their first members."""
    by_settings: dict[str, list[int]] = {}
    for place, each in enumerate(courses):
        alike = json.dumps(_without(each.settings), sort_keys=True)
        by_settings.setdefault(alike, []).append(place)
    limits, members = set[str](), list[list[int]]()
    for places in by_settings.values():
        told = _limits_that_tell([courses[place] for place in places])
        limits.update(told)
        members += _parted(courses, places, told)
    members.sort()
    first = [_without(courses[places[0]].settings) for places in members]
    paths = dict.fromkeys(path for one in first for path, _, _ in differences(first[0], one))
    paths |= dict.fromkeys(sorted(limits))
    return [
        Group(
            _letters(number),
            {path: _common([courses[place].settings for place in places], path) for path in paths},
            tuple(places),
        )
        for number, places in enumerate(members)
    ]


def _limits_that_tell(courses: Sequence[Course]) -> list[str]:
    """Return the limits in which runs differ, where one of them ended a training."""
    return [
        limit
        for limit in LIMITS
        if any(limit in each.ended_by for each in courses)
        and len({_at(each.settings, limit) for each in courses}) > 1
    ]


def _parted(
    courses: Sequence[Course], places: Sequence[int], limits: Sequence[str]
) -> list[list[int]]:
    """Part runs by their limits; those with limits that ended no training stay together."""
    ended = {
        (limit, _at(courses[place].settings, limit))
        for place in places
        for limit in courses[place].ended_by
    }
    parts: dict[tuple[object, ...], list[int]] = {}
    for place in places:
        own = [(limit, _at(courses[place].settings, limit)) for limit in limits]
        parts.setdefault(tuple(each if each in ended else None for each in own), []).append(place)
    return list(parts.values())


def _common(settings: Sequence[Mapping[str, Any]], path: str) -> object:
    """Return the value of a setting in runs of one group; a list of several ones."""
    values = [_at(each, path) for each in settings]
    different = [value for place, value in enumerate(values) if value not in values[:place]]
    return different[0] if len(different) == 1 else different


def _without(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return settings without those in which runs of a group may differ."""
    kept = {}
    for key, value in settings.items():
        path = f"{above}{key}"
        if not within(path, _ALIKE):
            kept[key] = _without(value, f"{path}.") if isinstance(value, Mapping) else value
    return kept


def _at(settings: Mapping[str, Any], path: str) -> object:
    found: Any = settings
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _letters(number: int) -> str:
    """Return A to Z, then AA and so on."""
    name = chr(ord("A") + number % 26)
    return name if number < 26 else _letters(number // 26 - 1) + name
