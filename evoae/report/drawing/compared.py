"""The best so far of several runs in one figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.analysis.best_so_far import Point
from evoae.analysis.comparison import Course, Group
from evoae.formatting import flops_unit
from evoae.report.drawing.save import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# M. Okabe and K. Ito (2008): colours that the colour-blind tell apart. Strokes do so in print.
_INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STROKES = ("-", "--", "-.", ":")
_PANEL, _LEGEND_LINE = (4.6, 3.6), 0.22  # inches


def draw(
    courses: Sequence[Course], groups: Sequence[Group], labels: Sequence[str], path: Path
) -> None:
    """Write the best so far of each run against its trainings, and against its FLOPs.

    Args:
        courses: of the runs; those of a group have one colour and one stroke.
        groups: of them.
        labels: of each group.
        path: of a .svg, .png or .pdf file.

    Raises:
        RunError: the file cannot be written.
    """
    save(path, lambda: figure_of(courses, groups, labels))


def figure_of(courses: Sequence[Course], groups: Sequence[Group], labels: Sequence[str]) -> Figure:
    """Return the figure, see `draw`; without the panel of FLOPs where they are not known."""
    from matplotlib.figure import Figure

    panels: list[tuple[str, Callable[[Point], float]]] = [
        ("trainings", lambda point: point.trainings)
    ]
    if all(course.end.cost is not None for course in courses):
        unit, scale = flops_unit(max(course.end.cost or 0 for course in courses))
        panels.append((unit, lambda point: (point.cost or 0) / scale))
    height = _PANEL[1] + _LEGEND_LINE * len(groups)
    figure = Figure((_PANEL[0] * len(panels), height), layout="constrained")
    for number, (name, across) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number, xlabel=name)
        lines = _curves(axes, courses, groups, across)
        _scale(axes, courses)
    figure.axes[0].set_ylabel("best validation loss so far")
    figure.legend(lines, labels, loc="outside lower center", frameon=False)
    return figure


def _curves(
    axes: Axes,
    courses: Sequence[Course],
    groups: Sequence[Group],
    across: Callable[[Point], float],
) -> list[Line2D]:
    """Draw the curve of each run; return one of each group, for the legend."""
    drawn = []
    for group, ink, stroke in zip(groups, cycle(_INKS), cycle(_STROKES), strict=False):
        for member in group.members:
            points = [point for point in courses[member].points if point.best is not None]
            (line,) = axes.plot(
                [across(point) for point in points],
                [point.best or 0.0 for point in points],
                color=ink,
                linestyle=stroke,
                linewidth=1.4,
                drawstyle="steps-post",
            )
        drawn.append(line)
    return drawn


def _scale(axes: Axes, courses: Sequence[Course]) -> None:
    """Show where the runs end, and not how bad the very first networks were."""
    ends = [course.end.best for course in courses if course.end.best is not None]
    early = [course.at(trainings=max(1, course.end.trainings // 10)) or 0.0 for course in courses]
    if ends:
        low, high = min(ends), max(ends + early)
        axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low) or None)
    axes.set_xlim(left=0)
    axes.spines[["right", "top"]].set_visible(False)
