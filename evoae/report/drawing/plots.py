"""How the figures of a search are drawn: its course, its front, its curves, what it explored."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from evoae.formatting import brief_count, loss, short
from evoae.report.blocks import Form, Ink, Key
from evoae.report.drawing.svg import (
    COLOUR,
    SHEER,
    Words,
    draw,
    scale_axis,
    whole_steps,
)
from evoae.report.run_snapshot import RunSnapshot
from evoae.report.sections.history import Step
from evoae.report.sections.hyperparameters import Factor
from evoae.runs.records import Baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CROWD = 60  # curves from which on they are drawn fainter, so that some are still seen
_LARGEST = 90.0  # square points, the area of the largest point
MOST_LINES = 400  # learning curves that are drawn
ELITES: tuple[tuple[Ink, Form], ...] = (
    ("blue", "line"),
    ("vermilion", "dash"),
    ("green", "dash-dot"),
    ("purple", "dot"),
    ("orange", "dash"),
)
RIVALS: dict[str, tuple[Ink, Form, str]] = {
    "pca": ("vermilion", "dash", "PCA"),
    "plain": ("green", "dash-dot", "plain network"),
    "handmade": ("orange", "dot", "hand-made network"),
    "random": ("purple", "dash", "random search"),
}
_LINES: dict[Form, Any] = {
    "line": "-",
    "dash": (0, (5, 2)),
    "dash-dot": (0, (6, 2, 1, 2)),
    "dot": (0, (1, 1.5)),
}


def course(
    name: str,
    alt: str,
    steps: Sequence[Step],
    places: Sequence[float],
    snapshot: RunSnapshot,
    label: str,
    *,
    whole: bool = False,
) -> str:
    """Draw the best so far, each candidate as a point, failures at the foot, rivals as lines.

    Args:
        name: of the drawing.
        alt: its alternative text.
        steps: every candidate.
        places: of each on the horizontal axis.
        snapshot: of the run, for its baselines and the words.
        label: of the horizontal axis.
        whole: whether its places are whole numbers.
    """

    def paint(figure: Figure) -> Words:
        axes = figure.add_subplot(xlabel=label, ylabel="validation loss")
        words = _candidates(axes, steps, places, snapshot)
        best = [(place, s.best) for place, s in zip(places, steps, strict=True) if s.best]
        if best:
            across, up = zip(*best, strict=True)
            axes.plot(across, up, color=COLOUR["blue"], drawstyle="steps-post", gid="best")
        values = [s.loss for s in steps if s.loss is not None]
        _rival_lines(axes, snapshot.rivals)
        values += [each.val_loss for each in snapshot.rivals if each.val_loss is not None]
        scale_axis(axes, "y", values)
        axes.set_xlim(left=0)
        if whole:
            whole_steps(axes)
        return words

    return draw(name, alt, paint)


def _candidates(
    axes: Axes, steps: Sequence[Step], places: Sequence[float], snapshot: RunSnapshot
) -> Words:
    """Draw candidates as points by how they ended."""
    words: dict[str, Sequence[str]] = {}
    kinds: tuple[tuple[str, Callable[[Step], bool], dict[str, Any]], ...] = (
        (
            "scored",
            lambda s: s.loss is not None and not s.raced,
            {"s": 14, "color": COLOUR["faint"], "linewidths": 0},
        ),
        (
            "raced",
            lambda s: s.raced,
            {"s": 16, "facecolors": "none", "edgecolors": COLOUR["faint"], "linewidths": 1},
        ),
        (
            "failed",
            lambda s: s.loss is None,
            {"s": 22, "marker": "x", "color": COLOUR["ink"], "linewidths": 1.2},
        ),
    )
    for gid, belongs, style in kinds:
        chosen = [(p, s) for p, s in zip(places, steps, strict=True) if belongs(s)]
        if not chosen:
            continue
        up = [0.02 if s.loss is None else s.loss for _, s in chosen]
        if gid == "failed":  # at the foot, wherever that is
            style = {**style, "transform": axes.get_xaxis_transform()}
        axes.scatter([p for p, _ in chosen], up, gid=gid, **style)
        words[gid] = [snapshot.described(s.id) for _, s in chosen]
    return words


def course_keys(steps: Sequence[Step], rivals: Sequence[Baseline]) -> tuple[Key, ...]:
    """Return the legend of `course`."""
    keys = [Key("blue", "line", "best so far"), Key("faint", "point", "a network")]
    if any(step.raced for step in steps):
        keys.append(Key("faint", "ring", "stopped early"))
    if any(step.loss is None for step in steps):
        keys.append(Key("ink", "cross", "failed"))
    return (*keys, *rival_keys(rivals))


def rival_keys(rivals: Sequence[Baseline]) -> tuple[Key, ...]:
    """Return a legend entry for each baseline with a loss."""
    return tuple(
        Key(ink, form, f"{words} {loss(each.val_loss)}")
        for each in rivals
        for ink, form, words in [RIVALS[each.name]]
    )


def _rival_lines(axes: Axes, rivals: Sequence[Baseline]) -> None:
    for each in rivals:
        ink, form, _ = RIVALS[each.name]
        assert each.val_loss is not None
        axes.axhline(each.val_loss, color=COLOUR[ink], linestyle=_LINES[form], linewidth=1.4)


def generations(name: str, alt: str, snapshot: RunSnapshot) -> str:
    """Draw each generation's least and median loss, the middle around its mean, and the best."""

    def paint(figure: Figure) -> Words:
        axes = figure.add_subplot(xlabel="generation", ylabel="validation loss")
        rows = [row for row in snapshot.generations if row.stats.get("median") is not None]
        numbers = [row.number for row in rows]
        series = {key: [float(row.stats[key] or 0) for row in rows] for key in ("min", "median")}
        low, high = zip(*(_band(row.stats) for row in rows), strict=True)
        axes.fill_between(numbers, low, high, color=COLOUR["faint"], alpha=0.3, linewidth=0)
        for edge in (low, high):
            axes.plot(numbers, edge, color=COLOUR["faint"], linewidth=0.7)
        axes.plot(numbers, series["median"], "o--", ms=4, color=COLOUR["orange"])
        axes.plot(numbers, series["min"], "o-", ms=4, color=COLOUR["blue"])
        _rival_lines(axes, snapshot.rivals)
        rivals = [each.val_loss for each in snapshot.rivals if each.val_loss is not None]
        scale_axis(axes, "y", [*series["min"], *high, *rivals])
        whole_steps(axes)
        return {}

    return draw(name, alt, paint)


def _band(stats: Mapping[str, float | int | None]) -> tuple[float, float]:
    """Return a standard deviation below the mean, but not below the least, and one above."""
    mean, spread = float(stats.get("mean") or 0), float(stats.get("std") or 0)
    return max(mean - spread, float(stats.get("min") or 0)), mean + spread


def generation_keys(rivals: Sequence[Baseline]) -> tuple[Key, ...]:
    """Return the legend of `generations`."""
    return (
        Key("blue", "line", "its best"),
        Key("orange", "dash", "its median"),
        Key("faint", "band", "mean ± standard deviation"),
        *rival_keys(rivals),
    )


def front(
    name: str,
    alt: str,
    snapshot: RunSnapshot,
    across: Literal["latent", "parameters"],
    bounds: Mapping[int, float],
) -> str:
    """Draw all networks' losses against a size, the front's as filled points, and PCA."""

    def paint(figure: Figure) -> Words:
        label = "latent size" if across == "latent" else "parameters"
        axes = figure.add_subplot(xlabel=label, ylabel="validation loss")
        on_front = [entry.id for entry in snapshot.front]
        known = [e for e in snapshot.evaluations.values() if e.fitness is not None and not e.raced]
        others = [e.id for e in known if e.id not in on_front]
        most = max(each.parameters or 1 for each in known)
        words = {}
        for gid, ids, ink in (("others", others, "faint"), ("on-front", on_front, "blue")):
            if not ids:
                continue
            found = [snapshot.evaluations[id] for id in ids]
            sizes = [float(getattr(each, across) or 0) for each in found]
            losses = [snapshot.loss_of(id) or 0.0 for id in ids]
            area: float | list[float] = 26.0
            if across == "latent":
                area = _areas([each.parameters or 0 for each in found], most)
            axes.scatter(
                sizes, losses, s=area, gid=gid, color=COLOUR[ink], alpha=SHEER, linewidths=0
            )
            words[gid] = [snapshot.described(id) for id in ids]
        values = [snapshot.loss_of(e.id) or 0.0 for e in known]
        values += _draw_bounds(axes, across, bounds, snapshot)
        sizes = [float(getattr(e, across) or 0) for e in known]
        sizes += [float(size) for size in bounds] if across == "latent" else []
        scale_axis(axes, "y", values)
        scale_axis(axes, "x", sizes, brief_count, whole=True)
        return words

    return draw(name, alt, paint)


def _areas(parameters: Sequence[int], most: int) -> list[float]:
    """Return the area of each point that stands for a network of so many parameters."""
    return [_LARGEST * math.sqrt(each / most) for each in parameters]


def _draw_bounds(
    axes: Axes, across: str, bounds: Mapping[int, float], snapshot: RunSnapshot
) -> list[float]:
    """Draw PCA: its curve over latent sizes, or its loss at the winner's size as a line."""
    ink, form, _ = RIVALS["pca"]
    style = {"color": COLOUR[ink], "linestyle": _LINES[form], "linewidth": 1.4}
    if across == "latent" and bounds:
        sizes = sorted(bounds)
        axes.plot(sizes, [bounds[size] for size in sizes], marker="^", ms=5, **style)
        return list(bounds.values())
    bound = snapshot.run.linear_bound()
    if across == "parameters" and bound is not None:
        axes.axhline(bound[1], **style)
        return [bound[1]]
    return []


def front_keys(*, pca: str | None, form: Form = "dash") -> tuple[Key, ...]:
    """Return the legend of `front`; `pca` words its line, or its point (`form`)."""
    keys = (Key("blue", "point", "on the front"), Key("faint", "point", "beaten by another"))
    return (*keys, Key("vermilion", form, pca)) if pca else keys


def curves(
    name: str, alt: str, snapshot: RunSnapshot, others: Sequence[str], elites: Sequence[str]
) -> str:
    """Draw the validation loss by epoch of some candidates faintly, of others strongly."""

    def paint(figure: Figure) -> Words:
        axes = figure.add_subplot(xlabel="epoch", ylabel="validation loss")
        words = {}
        sheer = SHEER * min(1.0, math.sqrt(_CROWD / max(1, len(others))))
        styles: list[tuple[str, dict[str, Any]]] = [
            (id, {"color": COLOUR["faint"], "alpha": sheer, "linewidth": 0.7}) for id in others
        ]
        for id, (ink, form) in reversed(list(zip(elites, ELITES, strict=False))):
            style = {"color": COLOUR[ink], "linestyle": _LINES[form], "linewidth": 2.2}
            styles.append((id, style))
        values: list[float] = []
        for number, (id, style) in enumerate(styles):
            seen = snapshot.evaluations[id].validation_loss
            values += seen
            marker = "o" if len(seen) == 1 else None
            axes.plot(range(1, len(seen) + 1), seen, gid=f"curve{number}", marker=marker, **style)
            words[f"curve{number}"] = snapshot.described(id)
        scale_axis(axes, "y", values)
        whole_steps(axes)
        return words

    return draw(name, alt, paint)


def curve_keys(elites: Sequence[str], others: int) -> tuple[Key, ...]:
    """Return the legend of `curves`."""
    keys = [Key(ink, form, short(id)) for id, (ink, form) in zip(elites, ELITES, strict=False)]
    return (*keys, Key("faint", "line", "the others")) if others else tuple(keys)


def refit_curves(name: str, alt: str, train: Sequence[float], validation: Sequence[float]) -> str:
    """Draw the losses of a refit by epoch; without validation, those of training alone."""

    def paint(figure: Figure) -> Words:
        axes = figure.add_subplot(xlabel="epoch", ylabel="loss")
        epochs = range(1, len(train) + 1)
        axes.plot(epochs, train, color=COLOUR["orange"], linestyle=_LINES["dash"])
        if validation:
            axes.plot(epochs, validation, color=COLOUR["blue"])
        scale_axis(axes, "y", [*train, *validation])
        whole_steps(axes)
        return {}

    return draw(name, alt, paint)


def factor(
    name: str, alt: str, found: Factor, snapshot: RunSnapshot, elites: Collection[str]
) -> str:
    """Draw how often each value of a factor was tried, and which loss came with it."""

    def paint(figure: Figure) -> Words:
        from matplotlib.ticker import MaxNLocator

        top, axes = figure.subplots(2, 1, sharex=True, height_ratios=[1, 3])
        top.hist(found.values, bins=found.edges, color=COLOUR["faint"], alpha=SHEER)
        top.set_ylabel("tried")
        top.grid(visible=False, axis="x")
        top.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set_xlabel(found.name)
        axes.set_ylabel("validation loss")
        words = {}
        for gid, ink, chosen in (
            ("rest", "faint", [id not in elites for id in found.ids]),
            ("elite", "blue", [id in elites for id in found.ids]),
        ):
            points = [p for p, yes in zip(found.points, chosen, strict=True) if yes]
            if points:
                ids, across, up = zip(*points, strict=True)
                axes.scatter(
                    across, up, s=20, color=COLOUR[ink], alpha=SHEER, linewidths=0, gid=gid
                )
                words[gid] = [snapshot.described(id) for id in ids]
        scale_axis(axes, "y", found.losses)
        if found.whole:
            whole_steps(axes)
        return words

    return draw(name, alt, paint, (5.2, 3.6))


def factor_keys() -> tuple[Key, ...]:
    """Return the legend of `factor`."""
    return (Key("blue", "point", "hall of fame"), Key("faint", "point", "the others"))
