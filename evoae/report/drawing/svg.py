"""Drawings by matplotlib as SVG inside the page: its colours, its fonts, words where one points.

A drawing is made in placeholder colours, which become variables of the page's style sheet, so that
one drawing is right in light, in dark and on paper. Text stays text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args
from xml.etree import ElementTree as ET

from evoae.formatting import figure
from evoae.report.blocks import Ink
from evoae.report.drawing.save import PLAIN_TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Words = Mapping[str, str | Sequence[str]]  # of an element, or of each point of it, by its gid
SIZE = (5.2, 3.2)  # inches; at a phone's width its text is still 9 points high

SHEER = 0.85  # opacity of what may lie over its like: seen through, and still seen on the paper

_PREFIX = "#0101"  # of the placeholders, which nothing else is likely to be coloured in
_INKS: tuple[str, ...] = (*get_args(Ink), "grid")
COLOUR = {name: f"{_PREFIX}{number:02x}" for number, name in enumerate(_INKS, start=1)}
_STYLE: dict[Any, Any] = {
    **PLAIN_TEXT,
    **dict.fromkeys(("text.color", "axes.labelcolor"), COLOUR["ink"]),
    **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), COLOUR["ink"]),
    **dict.fromkeys(
        ("axes.edgecolor", "grid.color", "xtick.color", "ytick.color"), COLOUR["grid"]
    ),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor"), "none"),
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    **dict.fromkeys(("font.size", "axes.labelsize"), 10.5),
    "font.family": "DejaVu Sans",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
}
_NAMESPACE = re.compile(r"^\{.*\}")
_LONG_NUMBER = re.compile(r"(\.\d\d)\d+")
_COORDINATES = frozenset({"d", "x", "y", "transform", "points"})


def draw(
    name: str, alt: str, paint: Callable[[Figure], Words], size: tuple[float, float] = SIZE
) -> str:
    """Return a drawing as SVG markup that can stand in an HTML page.

    Args:
        name: unique in the page; ids begin with it.
        alt: what the drawing shows, with its figures, for those who do not see it.
        paint: draws, in colours of `COLOUR`, and returns the words of what one can point at.
        size: width and height in inches; the page scales it to its column.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    text = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        words = paint(figure)
        FigureCanvasSVG(figure).print_svg(text)
    return inline(text.getvalue(), name, alt, words)


def inline(svg: str, name: str, alt: str, words: Words) -> str:
    """Return an SVG file of matplotlib's as an element of a page, see `draw`."""
    root = ET.fromstring(svg)
    for element in root.iter():
        element.tag = _NAMESPACE.sub("", element.tag)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):  # the latter would hold for the whole page
                parent.remove(child)
    for gid, said in words.items():
        _explain(root, gid, said)
    for element in root.iter():
        element.attrib = {
            _NAMESPACE.sub("", key): _changed(_NAMESPACE.sub("", key), value, name)
            for key, value in element.attrib.items()
        }
    box = root.attrib["viewBox"]
    root.attrib = {"viewBox": box, "role": "img", "aria-label": alt}
    return ET.tostring(root, encoding="unicode")


def _explain(root: ET.Element, gid: str, said: str | Sequence[str]) -> None:
    """Give an element, or each of its points, a title, which browsers show where one points."""
    (group,) = (element for element in root.iter() if element.get("id") == gid)
    targets = [group] if isinstance(said, str) else list(_points(group))
    lines = [said] if isinstance(said, str) else said
    for target, line in zip(targets, lines, strict=True):
        title = ET.Element("title")
        title.text = line
        target.insert(0, title)


def _points(group: ET.Element) -> Iterator[ET.Element]:
    for child in group:
        if child.tag in ("use", "path"):  # matplotlib takes whichever is shorter
            yield child
        elif child.tag != "defs":
            yield from _points(child)


def _changed(key: str, value: str, name: str) -> str:
    """Return an attribute with this drawing's ids, the page's colours, and no digit too many."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return value.replace("#", f"#{name}-", 1)
    if key in _COORDINATES:
        return _LONG_NUMBER.sub(r"\1", value)
    value = value.replace("url(#", f"url(#{name}-")
    for ink, placeholder in COLOUR.items():
        value = value.replace(placeholder, f"var(--{ink})")
    return value


def tick(value: float) -> str:
    """Word a number beside an axis: three digits, no zero before the point."""
    said = figure(value)
    return said.replace("0.", ".", 1) if said.lstrip("-").startswith("0.") else said


def scale_axis(
    axes: Axes,
    which: str,
    values: Sequence[float],
    worded: Callable[[float], str] = tick,
    *,
    whole: bool = False,
) -> None:
    """Give an axis a scale that fits its values: logarithmic where they span much."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    spread = max(values) / min(values) if min(values) > 0 else 1.0
    if spread > 4:
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_minor_locator(NullLocator())
    if spread > 4:
        subs = (1, 2, 3, 5, 7) if spread <= 12 else (1, 2, 5) if spread < 500 else (1,)
        axis.set_major_locator(LogLocator(subs=subs))
    else:
        axis.set_major_locator(MaxNLocator(5, integer=whole))
    axis.set_major_formatter(FuncFormatter(lambda value, _: worded(value)))


def whole_steps(axes: Axes, *, most: int = 6) -> None:
    """Label the horizontal axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True))
