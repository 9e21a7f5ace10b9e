"""The Pareto front: networks that no other beats in loss, latent size and parameters at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Literal

from evoae.formatting import count, loss, plural, short
from evoae.report.blocks import Figure, Figures, Key, Section, Table, Text
from evoae.report.drawing.chart import Mark, chart
from evoae.report.drawing.svg import SHEER
from evoae.report.run_snapshot import RunSnapshot

_LARGEST = 90.0  # square points, the area of the largest point
_ON_FRONT = Key("blue", "point", "on the front")
_BEATEN = Key("faint", "point", "beaten by another")
_LABELS = {"latent": "latent size", "parameters": "parameters"}


def section(snapshot: RunSnapshot) -> Section | None:
    """Draw loss against latent size and parameters; None for fewer than two networks."""
    known = [e for e in snapshot.evaluations.values() if e.fitness is not None]
    if not snapshot.front or len(known) < 2:
        return None
    latents = {e.latent or 0 for e in known}
    bounds, bound = snapshot.run.linear_bounds(), snapshot.run.linear_bound()
    # As far as there are networks: at far smaller codes PCA would crowd them together.
    bounds = {k: bounds[k] for k in sorted(bounds) if min(latents) <= k <= max(latents)}
    said = (
        f"Of {plural(snapshot.status.scored, 'network')}, {len(snapshot.front)} "
        f"{'is' if len(snapshot.front) == 1 else 'are'} beaten by no other in loss, latent size "
        "and parameters at once."
    )
    figures = []
    if len(latents) > 1:
        ends = list(dict.fromkeys([*list(bounds)[:1], *list(bounds)[-1:]]))
        curve = " to ".join(f"{loss(bounds[size])} at {size}" for size in ends)
        key, style = Key("vermilion", "dash", "PCA"), {"marker": "^", "ms": 5, "linewidth": 1.4}
        if len(bounds) == 1:
            key, style = Key("vermilion", "triangle", f"PCA {curve}"), {"s": 25}
        pca = [Mark(key, list(bounds), list(bounds.values()), style=style)] if bounds else []
        figures.append(_figure(snapshot, "latent", pca, f" PCA has {curve}." if bounds else ""))
    else:
        said += f" The latent size is {count(latents.pop())} in all of them."
    line = f"PCA of latent size {bound[0]}: {loss(bound[1])}" if bound else ""
    key = Key("vermilion", "dash", line)
    pca = [Mark(key, (), (bound[1],), style={"linewidth": 1.4})] if bound else []
    figures.append(_figure(snapshot, "parameters", pca, f" {line}." if bound else ""))
    figures[0] = replace(figures[0], table=_table(snapshot, bounds))
    return Section("front", "What size buys", (Text(said), Figures(tuple(figures))))


def _figure(
    snapshot: RunSnapshot, size: Literal["latent", "parameters"], pca: Sequence[Mark], bound: str
) -> Figure:
    """Draw the loss of every network against one of its sizes.

    Args:
        snapshot: of the run.
        size: which.
        pca: the loss of PCA, as it is drawn; empty if unknown.
        bound: the same as a sentence that begins with a space, or "".
    """
    name, size_of = _LABELS[size], attrgetter(size)
    least, most = min(snapshot.front, key=size_of), max(snapshot.front, key=size_of)
    alt = (
        f"Validation loss against {name} of {plural(snapshot.status.scored, 'network')}; the "
        f"front goes from {loss(least.val_loss)} at {count(size_of(least))} to "
        f"{loss(most.val_loss)} at {count(size_of(most))}.{bound}"
    )
    known = [e for e in snapshot.evaluations.values() if e.fitness is not None and not e.raced]
    largest = max(e.parameters or 1 for e in known)
    front = [snapshot.evaluations[entry.id] for entry in snapshot.front]
    marks = []
    for key, shown in ((_BEATEN, [e for e in known if e not in front]), (_ON_FRONT, front)):
        style: dict[str, Any] = {"s": 26.0, "alpha": SHEER}
        if size == "latent":
            style["s"] = [_LARGEST * math.sqrt((e.parameters or 0) / largest) for e in shown]
        x = [float(size_of(e) or 0) for e in shown]
        y = [snapshot.loss_of(e.id) or 0.0 for e in shown]
        if shown:
            marks.append(Mark(key, x, y, [snapshot.described(e.id) for e in shown], style))
    return chart(
        f"front-{size}",
        f"Loss and {name}",
        alt,
        [*marks, *pca],
        (name, "validation loss"),
        sizes=True,
        keys=[_ON_FRONT, _BEATEN, *(mark.key for mark in pca)],
        note="The larger a point, the more parameters." if size == "latent" else "",
    )


def _table(snapshot: RunSnapshot, bounds: Mapping[int, float]) -> Table:
    rows = []
    for entry in snapshot.front:
        model, pca = short(entry.id), loss(bounds.get(entry.latent))
        latent, parameters = count(entry.latent), count(entry.parameters)
        rows.append((model, loss(entry.val_loss), latent, pca, parameters, entry.genome))
    header = ("model", "loss", "latent", "PCA", "parameters", "network")
    return Table("The front", header, tuple(rows), frozenset({0, 5}))
