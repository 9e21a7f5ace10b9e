"""The map of codes: where validation items lie in the latent space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from evoae.data.kinds.cells import in_order
from evoae.formatting import count
from evoae.report.blocks import Figure, Figures, Form, Ink, Key, LabelInk, Section, Table, Text
from evoae.report.drawing.chart import Mark, draw_marks
from evoae.report.drawing.svg import SHEER, Words, draw
from evoae.report.model_views import ModelViews
from evoae.use.model import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_FEWEST = 10  # items that t-SNE says something of
_PERPLEXITY = 30
_INKS: tuple[Ink, ...] = get_args(LabelInk)
_FORMS: tuple[Form, ...] = ("point", "triangle", "square", "diamond")
_MOST = 2 * len(_INKS)  # labels that have a style of their own
_SIZE = (5.2, 4.2)  # inches

Group = tuple[Key, NDArray[np.intp]]  # how points with one label look, and their numbers (k,)


@dataclass(frozen=True, eq=False)
class Map:
    """Codes in the plane.

    Attributes:
        name: how they came there.
        points: (n, 2).
        axes: what the two directions are.
        note: what to know of it.
    """

    name: str
    points: NDArray[np.floating]
    axes: tuple[str, str]
    note: str


def section(models: ModelViews) -> Section | None:
    """Draw the codes of validation items by PCA and by t-SNE; None without a trained model."""
    if models.best is None or models.items is None:
        return None
    from evoae.use.encode import encode

    codes = encode(models.best, models.items)
    labels = None if models.labels is None else list(map(str, models.labels.tolist()))
    labelled = groups(labels, len(codes))
    maps = project(codes)
    if not maps:
        said = f"All {count(len(codes))} items have the same code: it tells nothing of them."
        return Section("map", "The map of codes", (Text(said),))
    said = f"Codes by {models.views[0].name} of {models.origin}."
    if labels is not None:
        said += (
            f" Colours and forms are {count(len(set(labels)))} labels, which played no part in "
            "training."
        )
    figures = []
    for number, drawn in enumerate(maps):
        alt = (
            f"{drawn.name} of {count(len(codes))} codes of {codes.shape[1]} numbers. {drawn.note}"
        )
        svg = _draw(f"map{number}", alt, drawn, labelled)
        table = _centres(drawn, labelled) if number == 0 and labels is not None else None
        keys = tuple(key for key, _ in labelled) if labels is not None else ()
        figures.append(Figure(drawn.name, svg, keys, drawn.note, table))
    return Section("map", "The map of codes", (Text(said), Figures(tuple(figures))))


def project(codes: Floats) -> list[Map]:
    """Return maps of codes (n, d): the code itself where it is one, else PCA and t-SNE.

    t-SNE: L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 2008. A single
    number is drawn against its rank. No map if all codes are equal.
    """
    if not np.ptp(codes, axis=0).any():
        return []
    if codes.shape[1] == 1:
        rank = np.argsort(np.argsort(codes[:, 0])) / max(1, len(codes) - 1)
        points = np.column_stack([codes[:, 0], rank])
        return [Map("The code itself", points, ("z1", "share of items below"), "")]
    if codes.shape[1] == 2:
        return [Map("The code itself", codes, ("z1", "z2"), "")]
    from sklearn.decomposition import PCA

    wide = codes.astype(np.float64)
    pca = PCA(2, random_state=0).fit(wide)
    share = pca.explained_variance_ratio_.sum()
    note = f"Two of {codes.shape[1]} directions hold {share:.0%} of the variance."
    maps = [Map("PCA", pca.transform(wide), ("first component", "second component"), note)]
    if len(codes) >= _FEWEST:
        note = "Near codes stay near; distances between groups and their sizes mean nothing."
        maps.append(Map("t-SNE", _tsne(wide), ("", ""), note))
    return maps


def _tsne(codes: NDArray[np.float64]) -> NDArray[np.floating]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(_PERPLEXITY, (len(codes) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=0)
    with threadpool_limits(1):  # more threads wait for each other longer than they work
        points: NDArray[np.floating] = tsne.fit_transform(codes)
    return points


def groups(labels: Sequence[str] | None, number: int) -> list[Group]:
    """Return a group for each label, the most frequent ones if there are more than styles.

    Each has a colour and a form, so that neither need be seen.

    Args:
        labels: one for each point; None for one group of all.
        number: of points.
    """
    if labels is None:
        return [(Key("blue", "point", "all"), np.arange(number))]
    # Forms take turns: of ten labels no three in a row share one, and the inks were chosen so that
    # those that share one differ most. From the eleventh on each ink comes again, in another form.
    styles = [
        (_INKS[number % len(_INKS)], _FORMS[(number + number // len(_INKS)) % len(_FORMS)])
        for number in range(_MOST)
    ]
    named = sorted((label for label, _ in Counter(labels).most_common(len(styles))), key=in_order)
    array = np.array(labels)
    labelled = [
        (Key(*style, label), np.flatnonzero(array == label))
        for label, style in zip(named, styles, strict=False)
    ]
    rest = np.flatnonzero(~np.isin(array, named))
    if len(rest):
        others = len(set(labels)) - len(named)
        labelled.insert(0, (Key("faint", "point", f"{others:,} other labels"), rest))
    return labelled


def _draw(name: str, alt: str, drawn: Map, groups: Sequence[Group]) -> str:
    size = max(14, 40 - len(drawn.points) / 10)  # of which a form can be seen
    x, y = drawn.points.T
    marks = []
    for key, at in groups:
        share = 0.8 if key.form in ("square", "diamond") else 1.0  # they look larger than they are
        style = {"s": size * share, "alpha": SHEER}
        marks.append(Mark(key, x[at], y[at], key.words, style))

    def paint(canvas: Canvas) -> Words:
        axes = canvas.add_subplot(xlabel=drawn.axes[0], ylabel=drawn.axes[1])
        words = draw_marks(axes, marks, scaled=False)
        if not drawn.axes[0]:  # such a map has no scale
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        return words

    return draw(name, alt, paint, _SIZE)


def _centres(drawn: Map, groups: Sequence[Group]) -> Table:
    rows = []
    for key, at in groups:
        centre = (_spread(column) for column in drawn.points[at].T)
        rows.append((key.words, count(len(at)), *centre))
    header = ("label", "items", *drawn.axes)
    caption = f"{drawn.name}: where each label lies, mean ± standard deviation"
    return Table(caption, header, tuple(rows))


def _spread(values: NDArray[np.floating]) -> str:
    """Word the mean of values and their standard deviation; of a single one there is none."""
    mean = f"{values.mean():.2f}"
    return f"{mean} ± {values.std(ddof=1):.2f}" if len(values) > 1 else mean
