"""Charts of losses: marks in the inks and strokes of the page, and the legend that words them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evoae.formatting import brief_count, loss
from evoae.report.blocks import Figure, Form, Ink, Key, Table
from evoae.report.drawing.svg import COLOUR, Words, draw, scale_axis, whole_steps
from evoae.runs.records import Baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_STROKES: dict[Form, Any] = {
    "line": "-",
    "dash": (0, (5, 2)),
    "dash-dot": (0, (6, 2, 1, 2)),
    "dot": (0, (1, 1.5)),
}
_MARKERS: dict[Form, str] = {
    **{"point": "o", "triangle": "^", "square": "s", "diamond": "D"},
    **{"ring": "o", "cross": "x"},
}
BASELINES: dict[str, tuple[Ink, Form, str]] = {  # how they look, and their names
    "pca": ("vermilion", "dash", "PCA"),
    "plain": ("green", "dash-dot", "plain network"),
    "handmade": ("orange", "dot", "hand-made network"),
    "random": ("purple", "dash", "random search"),
}


@dataclass(frozen=True, eq=False)
class Mark:
    """What is drawn in one ink and one form.

    Attributes:
        key: its ink, its form and its words in the legend.
        x, y: (n,) of a line or of points; without `x`, `y` is the level of a line across the whole
            chart. Of a band `y` is (2, n), its lower and its upper edge.
        words: what shows where one points at it: a text for the whole, or one for each point.
        style: settings of matplotlib's.
        at_foot: whether its points have no value, and stand at the foot of the chart.
    """

    key: Key
    x: Sequence[float]
    y: Sequence[Any]
    words: str | Sequence[str] = ""
    style: Mapping[str, Any] = field(default_factory=dict)
    at_foot: bool = False

    def draw(self, axes: Axes, gid: str) -> None:
        """Draw it; `gid` identifies it in the SVG file."""
        colour, form = COLOUR[self.key.ink], self.key.form
        style = {"color": colour, **({"gid": gid} if self.words else {}), **self.style}
        if form == "band":
            axes.fill_between(self.x, *self.y, alpha=0.3, linewidth=0, **style)
        elif form in _STROKES:
            style = {"linestyle": _STROKES[form], **style}
            if len(self.x):
                axes.plot(self.x, self.y, **style)
            else:
                axes.axhline(self.y[0], **style)
        else:
            style |= {"marker": _MARKERS[form], "linewidths": 1.2 if form == "cross" else 0}
            if form == "ring":
                style |= {"facecolors": "none", "edgecolors": style.pop("color"), "linewidths": 1}
            if self.at_foot:
                style |= {"transform": axes.get_xaxis_transform()}
            axes.scatter(self.x, [0.02] * len(self.x) if self.at_foot else self.y, **style)

    @property
    def values(self) -> Sequence[float]:
        """What the vertical axis has to show of it."""
        if self.key.form == "band":
            return [*self.y[0], *self.y[1]]
        return () if self.at_foot else self.y


def draw_marks(axes: Axes, marks: Sequence[Mark], *, scaled: bool = True) -> Words:
    """Draw marks, scale the vertical axis to them, and return their words by id in the SVG."""
    words = {}
    for number, mark in enumerate(marks):
        mark.draw(axes, gid := f"mark{number}")
        if mark.words:
            words[gid] = mark.words
    if scaled:
        scale_axis(axes, "y", [value for mark in marks for value in mark.values])
    return words


def chart(
    name: str,
    title: str,
    alt: str,
    marks: Sequence[Mark],
    labels: tuple[str, str] = ("epoch", "validation loss"),
    *,
    whole: bool = True,
    from_zero: bool = False,
    sizes: bool = False,
    keys: Sequence[Key] | None = None,
    note: str = "",
    table: Table | None = None,
) -> Figure:
    """Return a chart with its legend.

    Args:
        name: unique in the page.
        title: over the chart.
        alt: its alternative text.
        marks: what is drawn, later ones over earlier ones.
        labels: of the two axes.
        whole: whether the horizontal axis is labelled at whole numbers only.
        from_zero: whether it begins at 0.
        sizes: whether it shows sizes, which may span much.
        keys: the legend; None for the marks' keys.
        note: a sentence under it.
        table: what is drawn, in figures.
    """

    def paint(canvas: Canvas) -> Words:
        axes = canvas.add_subplot(xlabel=labels[0], ylabel=labels[1])
        words = draw_marks(axes, marks)
        if from_zero:
            axes.set_xlim(left=0)
        if sizes:
            values = [value for mark in marks for value in mark.x]
            scale_axis(axes, "x", values, brief_count, whole=True)
        elif whole:
            whole_steps(axes)
        return words

    legend = [mark.key for mark in marks if mark.key.words] if keys is None else keys
    return Figure(title, draw(name, alt, paint), tuple(legend), note, table)


def baseline_marks(baselines: Sequence[Baseline]) -> list[Mark]:
    """Return each baseline that has a loss as a line at its level."""
    return [
        Mark(Key(ink, form, f"{words} {loss(level)}"), (), (level,), style={"linewidth": 1.4})
        for baseline in baselines
        for ink, form, words in [BASELINES[baseline.name]]
        if (level := baseline.val_loss) is not None
    ]
