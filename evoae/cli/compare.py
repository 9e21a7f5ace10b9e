"""`evoae compare`: several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_folded, print_table, say
from evoae.formatting import figure, flops, listed, loss, plural, signed

if TYPE_CHECKING:
    from evoae.analysis.comparison import Course, Group
    from evoae.analysis.significance import Contrast

_MOST_COLUMNS = 8  # of runs that are told apart
_MOST_NAMES = 4  # of runs or settings in a line


@click.command("compare")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@options.out(
    "Also draw best-so-far to a .svg, .png or .pdf file.",
    "evoae.report.drawing.save",
    required=False,
)
@options.json()
def command(runs: tuple[str, ...], out: Path | None) -> Output:
    """Compare the best so far of several runs, by trainings and by FLOPs.

    A column for each run tells after what effort the others were as good as it is at its end.
    Trainings count in the order of proposal, so that the number of workers plays no part.

    Losses on other data or with another objective measure other things: such runs are refused.
    Runs that train differently are shown, and it is said.

    Runs that are alike in all but their seed are a group. Of two groups with three finished runs
    each, the medians at equal cost are compared: their difference with a 95% bootstrap interval,
    and the p-value of a Mann-Whitney test. Limits of time and memory count where one of them ended
    a training.
    """
    from evoae.analysis.comparison import check_comparable, course, groups
    from evoae.analysis.significance import contrasts
    from evoae.runs.run import Run

    if len(runs) < 2:
        raise click.UsageError("name two runs or more")
    opened = [Run.open(run) for run in runs]
    if len({run.path.resolve() for run in opened}) < len(opened):
        raise click.UsageError("a run is named twice; name each once")
    courses = [course(run) for run in opened]
    changed = check_comparable(courses)
    grouped = groups(courses)
    contrasted = contrasts(courses, grouped)
    if out is not None:
        from evoae.report.drawing.compared import draw

        draw(courses, grouped, [_label(group, courses) for group in grouped], out)
        say(f"Drawn to {out}")
    if changed:
        say(f"They differ in {listed(changed)}: a lower loss may be the training's doing.\n")
    return Output(
        {
            "runs": _runs(courses, grouped),
            "groups": [
                {
                    "name": group.name,
                    "settings": dict(group.settings),
                    "runs": [courses[member].run for member in group.members],
                }
                for group in grouped
            ],
            "contrasts": [
                {**asdict(contrast), "differ": contrast.differ} for contrast in contrasted
            ],
            "training_differs_in": changed,
        },
        lambda: _print(courses, grouped, contrasted),
    )


def _runs(courses: Sequence[Course], groups: Sequence[Group]) -> list[dict[str, object]]:
    """Return what `compare --json` says of each run."""
    group_of = {member: group.name for group in groups for member in group.members}
    return [
        {
            **{"run": course.run, "group": group_of[number], "seed": course.seed},
            **{"state": course.state, "end": course.end},
            "as_good_as": [course.reached(other.end.best) for other in courses],
            "points": course.points,
        }
        for number, course in enumerate(courses)
    ]


def _print(courses: Sequence[Course], groups: Sequence[Group], said: Sequence[Contrast]) -> None:
    group_of = {member: group.name for group in groups for member in group.members}
    others = courses if len(courses) <= _MOST_COLUMNS else ()
    headers = ["", "run", "group", "seed", "best", "trainings", "cost"]
    headers += [f"as good as {number}" for number, _ in enumerate(others, start=1)]
    rows = [
        (
            *(number + 1, course.run + _state(course), group_of[number], str(course.seed)),
            *(course.end.best, course.end.trainings, flops(course.end.cost)),
            *(_effort(course, other) for other in others),
        )
        for number, course in enumerate(courses)
    ]
    print_table(headers, rows, right=set(headers) - {"run", "group"})
    labels = [_label(group, courses) for group in groups]
    for line in ["", *labels, "", *map(_worded, said)]:
        print_folded(line)
    if not said:
        print_folded(
            "Whether they differ by more than their seeds would make them cannot be told: that "
            "takes two groups of three finished runs or more, alike in all but the seed.",
            indent="",
        )


def _state(course: Course) -> str:
    return "" if course.state == "finished" else f" ({course.state})"


def _effort(course: Course, other: Course) -> str:
    """Word after what effort a run was as good as another one at its end."""
    if course is other:
        return ""
    point = course.reached(other.end.best)
    if point is None:
        return "never"
    return str(point.trainings) + ("" if point.cost is None else f" · {flops(point.cost)}")


def _label(group: Group, courses: Sequence[Course]) -> str:
    """Word which runs a group has, and in which settings it differs from others."""
    names = ", ".join(Path(courses[member].run).name for member in group.members[:_MOST_NAMES])
    if len(group.members) > _MOST_NAMES:
        names = plural(len(group.members), "run")
    settings = [
        f"{path}={'null' if value is None else value}" for path, value in group.settings.items()
    ]
    told = ", ".join(settings[:_MOST_NAMES]) + (", …" if len(settings) > _MOST_NAMES else "")
    return f"{group.name}: {names}" + (f" ({told})" if told else "")


def _worded(contrast: Contrast) -> str:
    """Say in two sentences what two groups' best losses tell."""
    first, second = contrast.groups
    effort = flops(contrast.cost)
    if contrast.cost is None:
        effort = f"{contrast.trainings} trainings"
    medians = [loss(value) for value in contrast.medians]
    share = contrast.difference / contrast.medians[0] if contrast.medians[0] else 0.0
    verdict = "They differ." if contrast.differ else "The seeds do not tell them apart."
    if contrast.least_p > 0.05:
        verdict = f"So few runs cannot show more: at best p = {figure(contrast.least_p, 2)}."
    return (
        f"After {effort}, {second} against {first}: median {medians[1]} against {medians[0]} "
        f"({share:+.1%}), difference {signed(contrast.difference, 2)} with a 95% interval "
        f"of {signed(contrast.low, 2)} to {signed(contrast.high, 2)}, "
        f"p = {figure(contrast.p, 2)} "
        f"({contrast.runs[1]} and {contrast.runs[0]} runs). {verdict}"
    )
