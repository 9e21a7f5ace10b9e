"""A family tree as a picture: one row for each ancestor, so that no two texts can meet."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.errors import UseError
from evoae.report.drawing.save import save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evoae.analysis.lineage import Lineage

_MOST = 400  # rows
_LETTERS = 110  # of a row's text
_ROW, _MARGIN = 0.24, 1.0  # inches high: of a row, and of title and axis together
_LETTER = 0.069  # inches wide: of the monospaced font at 8 points
_PALE, _LINE = "0.75", "0.35"


def draw(family: Lineage, texts: Mapping[str, str], path: Path) -> None:
    """Write a family tree as a picture.

    Generations run from left to right, the candidate stands at the top. A full line leads to the
    parent that a child is most like, a broken one to the other; the darker, the lower the loss.

    Args:
        family: to draw.
        texts: what to write beside each of its members, by id; long ones are shortened.
        path: of a .svg, .png or .pdf file.

    Raises:
        UseError: it has too many members.
        RunError: the file cannot be written.
    """
    if len(family.relatives) > _MOST:
        raise UseError(
            str(path),
            f"{len(family.relatives)} candidates are too many for one picture",
            "go back fewer births with --depth",
        )
    save(path, lambda: figure_of(family, texts))


def figure_of(family: Lineage, texts: Mapping[str, str]) -> Figure:
    """Return the drawing, see `draw`; its axes hold one text for each member."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    generations = [each.candidate.generation for each in family.relatives.values()]
    graph = min(6.0, 1.0 + 0.3 * (max(generations) - min(generations)))
    width, height = graph + _LETTERS * _LETTER + 0.6, _ROW * len(generations) + _MARGIN
    figure = Figure((width, height))
    axes = figure.add_axes(
        (0.3 / width, 0.6 / height, graph / width, _ROW * len(generations) / height)
    )
    _lines(axes, family)
    _nodes(axes, family, texts)
    axes.set_xlim(min(generations) - 0.5, max(generations) + 0.5)
    axes.set_ylim(len(generations) - 0.5, -0.5)
    axes.set_title("Darker: a lower loss. Broken lines: the other parent.", loc="left", size=8)
    axes.set_xlabel("generation")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_visible(False)
    axes.spines[["left", "right", "top"]].set_visible(False)
    return figure


def _lines(axes: Axes, family: Lineage) -> None:
    rows = {id: row for row, id in enumerate(family.relatives)}
    for id, one in family.relatives.items():
        for number, step in enumerate(one.steps):
            if step.parent not in rows:
                continue
            parent = family.relatives[step.parent].candidate.generation
            axes.plot(
                (one.candidate.generation, parent),
                (rows[id], rows[step.parent]),
                color=_PALE if number else _LINE,
                linestyle="--" if number else "-",
                linewidth=1,
                zorder=1,
            )


def _nodes(axes: Axes, family: Lineage, texts: Mapping[str, str]) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.transforms import blended_transform_factory as blended

    losses = [one.loss for one in family.relatives.values() if one.loss is not None]
    shade = Normalize(min(losses, default=0), max(losses, default=1))
    beside = blended(axes.transAxes, axes.transData)
    for row, (id, one) in enumerate(family.relatives.items()):
        # Of `cividis`, which the colour-blind see as others do, without its palest third.
        colour = "white" if one.loss is None else colormaps["cividis"](0.7 * shade(one.loss))
        axes.scatter(one.candidate.generation, row, color=[colour], edgecolor="black", zorder=2)
        text = textwrap.shorten(texts[id], _LETTERS, placeholder=" …")
        axes.text(1.02, row, text, transform=beside, va="center", family="monospace", size=8)
