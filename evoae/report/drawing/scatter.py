"""Points in the plane by group: each group a colour and a form, so that neither need be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evoae.report.blocks import Form, Ink, Key
from evoae.report.drawing.svg import COLOUR, SHEER, Words, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INKS: tuple[Ink, ...] = (
    *("blue", "orange", "green", "vermilion", "purple", "sky", "yellow", "ink"),
)
_FORMS: tuple[tuple[Form, str], ...] = (("point", "o"), ("triangle", "^"))
_MARKER = dict(_FORMS)


@dataclass(frozen=True, eq=False)
class Group:
    """Points that belong together.

    Attributes:
        key: in the legend.
        members: their numbers, (k,).
    """

    key: Key
    members: NDArray[np.intp]


def groups(labels: Sequence[str] | None, number: int) -> tuple[Group, ...]:
    """Return a group for each label, the most frequent ones if there are more than styles.

    Args:
        labels: one for each point; None for one group of all.
        number: of points.
    """
    if labels is None:
        return (Group(Key("blue", "point", "all"), np.arange(number)),)
    # Forms take turns, so that blue and sky, which are near each other, have different ones.
    styles = [
        (ink, _FORMS[(turn + number) % len(_FORMS)][0])
        for turn in range(len(_FORMS))
        for number, ink in enumerate(_INKS)
    ]
    frequent = [label for label, _ in Counter(labels).most_common(len(styles))]
    named = sorted(frequent, key=_in_order)
    array = np.array(labels)
    found = [
        Group(Key(ink, form, label), np.flatnonzero(array == label))
        for label, (ink, form) in zip(named, styles, strict=False)
    ]
    rest = np.flatnonzero(~np.isin(array, named))
    if len(rest):
        others = len(set(labels)) - len(named)
        found.insert(0, Group(Key("faint", "point", f"{others:,} other labels"), rest))
    return tuple(found)


def draw_groups(
    name: str,
    alt: str,
    places: NDArray[np.floating],
    chosen: Sequence[Group],
    axes_names: tuple[str, str],
) -> str:
    """Draw points (n, 2) by group."""

    def paint(figure: Figure) -> Words:
        axes = figure.add_subplot(xlabel=axes_names[0], ylabel=axes_names[1])
        words: dict[str, Any] = {}
        size = max(9, 40 - len(places) / 10)
        for number, group in enumerate(chosen):
            across, up = places[group.members].T
            gid = f"group{number}"
            axes.scatter(
                across,
                up,
                s=size,
                marker=_MARKER[group.key.form],
                color=COLOUR[group.key.ink],
                alpha=SHEER,
                linewidths=0,
                gid=gid,
            )
            words[gid] = group.key.words
        if not axes_names[0]:  # such a map has no scale
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        return words

    return draw(name, alt, paint, (5.2, 4.2))


def _in_order(label: str) -> tuple[float, str]:
    """Order numbers by their value, before words."""
    try:
        return float(label), label
    except ValueError:
        return np.inf, label
