"""`evoae compare`: several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.analysis.best_so_far import Point
    from evoae.analysis.comparison import Course, Group
    from evoae.analysis.significance import Contrast

_MOST_COLUMNS = 8  # of runs that are told apart
_MOST_NAMES = 4  # of runs or settings in a line


@click.command("compare", short_help="Best-so-far of several runs, and whether they differ.")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Also draw best-so-far to a .svg, .png or .pdf file.",
)
@options.force
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(runs: tuple[str, ...], out: Path | None, force: bool, as_json: bool) -> None:
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
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    if len(runs) < 2:
        raise click.UsageError("name two runs or more")
    if out is not None:
        from evoae.report.drawing.save import SUFFIXES
        from evoae.use.output import check_output

        check_output(out, SUFFIXES, force=force)
    opened = [Run.open(run) for run in runs]
    if len({run.path.resolve() for run in opened}) < len(opened):
        raise click.UsageError("a run is named twice; name each once")
    courses = [course(run) for run in opened]
    changed = check_comparable(courses)
    found = groups(courses)
    said = _contrasts(courses, found)
    if out is not None:
        from evoae.report.drawing.compared import draw

        draw(courses, found, [_label(group, courses) for group in found], out)
    if as_json:
        print_json(_summary(courses, found, said, changed))
    else:
        _print(courses, found, said)
    if changed:
        names = formatting.listed(changed)
        click.echo(
            f"\nThey differ in {names}: a lower loss may be the training's doing.", err=True
        )
    if out is not None:
        click.echo(f"Drawn to {out}", err=True)


def _contrasts(courses: Sequence[Course], groups: Sequence[Group]) -> list[Contrast]:
    """Compare groups; SciPy is loaded only where there is something to compare."""
    if sum(len(group.members) > 2 for group in groups) < 2:
        return []
    from evoae.analysis.significance import contrasts

    return contrasts(courses, groups)


def _print(courses: Sequence[Course], groups: Sequence[Group], said: Sequence[Contrast]) -> None:
    from evoae.cli.tables import print_table

    told = len(courses) <= _MOST_COLUMNS
    group_of = {place: group.name for group in groups for place in group.members}
    headers = ["", "run", "group", "seed", "best", "trainings", "cost"]
    if told:
        headers += [f"as good as {number}" for number in range(1, len(courses) + 1)]
    rows = []
    for place, each in enumerate(courses):
        end = each.end
        unfinished = "" if each.state == "finished" else f" ({each.state})"
        row = [str(place + 1), each.run + unfinished, group_of[place], str(each.seed)]
        row += [formatting.loss(end.best), formatting.count(end.trainings), _cost(end)]
        if told:
            row += [_effort(each, other) for other in courses]
        rows.append(row)
    print_table(headers, rows, right={"", "seed", "best", "trainings", "cost"})
    click.echo()
    for group in groups:
        click.echo(_label(group, courses))
    click.echo()
    for contrast in said:
        click.echo(_worded(contrast))
    if not said:
        click.echo(
            "Whether they differ by more than their seeds would make them cannot be told: that "
            "takes two groups of three finished runs or more, alike in all but the seed."
        )


def _cost(point: Point) -> str:
    return "-" if point.cost is None else formatting.flops(point.cost)


def _effort(one: Course, other: Course) -> str:
    """Word after what effort a run was as good as another one at its end."""
    if one is other:
        return ""
    point = one.reached(other.end.best)
    if point is None:
        return "never"
    return str(point.trainings) + ("" if point.cost is None else f" · {_cost(point)}")


def _label(group: Group, courses: Sequence[Course]) -> str:
    """Word which runs a group has, and in which settings it differs from others."""
    names = ", ".join(Path(courses[place].run).name for place in group.members[:_MOST_NAMES])
    if len(group.members) > _MOST_NAMES:
        names = formatting.plural(len(group.members), "run")
    settings = [f"{path}={_plain(value)}" for path, value in group.settings.items()]
    told = ", ".join(settings[:_MOST_NAMES]) + (", …" if len(settings) > _MOST_NAMES else "")
    return f"{group.name}: {names}" + (f" ({told})" if told else "")


def _plain(value: object) -> str:
    return "null" if value is None else str(value)


def _worded(one: Contrast) -> str:
    """Say in two sentences what two groups' best losses tell."""
    first, second = one.groups
    effort = f"{one.trainings} trainings" if one.cost is None else formatting.flops(one.cost)
    medians = [formatting.loss(value) for value in one.medians]
    share = one.difference / one.medians[0] if one.medians[0] else 0.0
    verdict = "They differ." if one.differ else "The seeds do not tell them apart."
    if one.least_p > 0.05:
        verdict = f"So few runs cannot show more: at best p = {formatting.figure(one.least_p, 2)}."
    low, high = (formatting.signed(value, 2) for value in (one.low, one.high))
    return (
        f"After {effort}, {second} against {first}: median {medians[1]} against {medians[0]} "
        f"({share:+.1%}), difference {formatting.signed(one.difference, 2)} with a 95% interval "
        f"of {low} to {high}, p = {formatting.figure(one.p, 2)} "
        f"({one.runs[1]} and {one.runs[0]} runs). {verdict}"
    )


def _summary(
    courses: Sequence[Course],
    groups: Sequence[Group],
    said: Sequence[Contrast],
    changed: Sequence[str],
) -> dict[str, object]:
    """Return what `compare --json` says."""
    group_of = {place: group.name for group in groups for place in group.members}
    return {
        "runs": [
            {
                "run": each.run,
                "group": group_of[place],
                "seed": each.seed,
                "state": each.state,
                "end": asdict(each.end),
                "as_good_as": [
                    None if (point := each.reached(other.end.best)) is None else asdict(point)
                    for other in courses
                ],
                "points": [asdict(point) for point in each.points],
            }
            for place, each in enumerate(courses)
        ],
        "groups": [
            {
                "name": group.name,
                "settings": dict(group.settings),
                "runs": [courses[place].run for place in group.members],
            }
            for group in groups
        ],
        "contrasts": [{**asdict(each), "differ": each.differ} for each in said],
        "training_differs_in": list(changed),
    }
