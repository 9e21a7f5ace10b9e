"""What the recorded searches say: medians with intervals, ratios, and a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]
_RESAMPLES = 2000
_STEPS = 200  # costs between the first training's and the budget
REFERENCE = "random"


@dataclass(frozen=True, slots=True)
class Course:
    """The searches of one contestant, on one budget.

    Attributes:
        costs: (n,) shares of the budget, the last one 1.
        losses: (seeds, n) of the network that each would hand over at that cost; infinite before
            it has one. True means where they are known, else what the search believes.
        seeds: (seeds,)
    """

    costs: _Array
    losses: _Array
    seeds: tuple[int, ...]

    @property
    def median(self) -> _Array:
        """Over the seeds, (n,)."""
        return np.median(self.losses, axis=0)

    def at(self, cost: float) -> _Array:
        """Return the losses at a share of the budget, (seeds,)."""
        return self.losses[:, np.searchsorted(self.costs, cost - 1e-9)]


def courses(lines: Sequence[Mapping[str, Any]]) -> dict[str, Course]:
    """Return the course of every contestant, from lines of one budget and one space."""
    costs = np.geomspace(0.01, 1, _STEPS)
    found: dict[str, dict[int, _Array]] = {}
    for line in lines:
        spent = np.array([flops for flops, *_ in line["course"]]) / line["budget"]
        losses = [believed if true is None else true for _, believed, true in line["course"]]
        known = np.array([np.inf, *losses])
        row = known[np.searchsorted(spent, costs, side="right")]
        found.setdefault(line["contestant"], {})[line["seed"]] = row
    return {
        name: Course(costs, np.array(list(by_seed.values())), tuple(by_seed))
        for name, by_seed in found.items()
    }


def table(lines: Sequence[Mapping[str, Any]], shares: Sequence[float] = (0.1, 1 / 3, 1)) -> str:
    """Return a line for each contestant, the best first.

    Its columns: median loss at shares of the budget, with the 95% interval of the median at the
    last one; how much lower than random search's that is, with an interval; the share of the
    budget at which its median passes random search's final one.
    """
    found = courses(lines)
    reference = found.get(REFERENCE)
    heads = [f"at {share:.0%}" for share in shares]
    rows = [["", "seeds", *heads, "95% interval", "below random", "95% interval", "its end at"]]
    for name, course in sorted(found.items(), key=lambda pair: pair[1].median[-1]):
        final = course.at(1)
        row = [name, str(len(final)), *(f"{np.median(course.at(s)):.5f}" for s in shares)]
        row.append("{:.5f}-{:.5f}".format(*_interval(final)))
        if reference is not None:
            gain = 1 - course.median[-1] / reference.median[-1]
            row += [f"{gain:.1%}", "{:.1%} to {:.1%}".format(*_gains(course, reference))]
            passed = np.flatnonzero(course.median <= reference.median[-1])
            row.append(f"{course.costs[passed[0]]:.0%}" if len(passed) else "never")
        rows.append(row)
    return _aligned(rows)


def retrained(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return for each contestant the losses of its winners, trained from scratch by one recipe."""
    recipes = dict.fromkeys(each["recipe"] for each in lines if each["kind"] == "retrained")
    parts = []
    for recipe in recipes:
        by_winner = {
            each["winner"]: each["losses"]
            for each in lines
            if each["kind"] == "retrained" and each["recipe"] == recipe
        }
        found: dict[str, list[float]] = {}
        latent: dict[str, set[int]] = {}
        for each in lines:
            losses = by_winner.get(each.get("winner", "")) if each["kind"] == "search" else None
            if losses and None not in losses:
                found.setdefault(each["contestant"], []).append(fmean(losses))
                latent.setdefault(each["contestant"], set()).add(each["latent"])
        reference = np.median(found[REFERENCE]) if REFERENCE in found else np.nan
        rows = [["", "winners", "median", "range", "below random", "latent"]]
        for name, means in sorted(found.items(), key=lambda pair: float(np.median(pair[1]))):
            middle, sizes = float(np.median(means)), sorted(latent[name])
            row = [name, str(len(means)), f"{middle:.5f}", f"{min(means):.5f}-{max(means):.5f}"]
            row += [f"{1 - middle / reference:.1%}", "-".join(map(str, {sizes[0], sizes[-1]}))]
            rows.append(row)
        parts.append(f"From scratch, {recipe}:\n{_aligned(rows)}\n{_promised(lines, by_winner)}")
    return "\n\n".join(parts)


def _promised(lines: Sequence[Mapping[str, Any]], by_winner: Mapping[str, list[float]]) -> str:
    """Say how the landscape's word on winners compares with what they earn when really trained."""
    from scipy.stats import spearmanr

    told = {
        each["winner"]: each["course"][-1][2]
        for each in lines
        if each["kind"] == "search" and each["course"][-1][2] and each["winner"] in by_winner
    }
    if len(told) < 3:
        return ""
    promised = np.log(list(told.values()))
    measured = np.log([fmean(by_winner[winner]) for winner in told])
    return (
        f"Really trained, {len(told)} winners end {np.expm1(np.mean(measured - promised)):+.1%} "
        f"from what the landscape says, deviation {np.std(measured - promised):.1%}, "
        f"Spearman {spearmanr(promised, measured)[0]:.2f}"
    )


def draw(lines: Sequence[Mapping[str, Any]], file: Path, names: Sequence[str], title: str) -> None:
    """Draw the best network so far against cost: medians, and the middle half of the seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    found = courses(lines)
    budget = max(line["budget"] for line in lines)
    pyplot.style.use("tableau-colorblind10")
    figure, axes = pyplot.subplots(figsize=(7, 4.3), layout="constrained")
    for name, style in zip(names, cycle(("-", "--", "-.", ":")), strict=False):
        if name not in found:
            continue
        course = found[name]
        known = np.isfinite(course.losses).all(axis=0)
        low, middle, high = np.quantile(course.losses[:, known], (0.25, 0.5, 0.75), axis=0)
        costs = course.costs[known] * budget / 1e12
        (drawn,) = axes.plot(costs, middle, style, label=name)
        axes.fill_between(costs, low, high, color=drawn.get_color(), alpha=0.15)
    axes.set(xscale="log", yscale="log", xlabel="TFLOP spent", title=title)
    axes.set_ylabel("loss of the best network so far")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.yaxis.set_minor_locator(ticker.LogLocator(subs=(1.5, 2, 3, 5)))
    axes.grid(visible=True, which="both", alpha=0.2)
    axes.legend()
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=130)
    pyplot.close(figure)


def _interval(values: _Array) -> tuple[float, float]:
    """Return the 95% interval of the median, by bootstrap."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(values, (_RESAMPLES, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return float(low), float(high)


def _gains(course: Course, reference: Course) -> tuple[float, float]:
    """Return the 95% interval of the share by which the median is lower."""
    rng = np.random.default_rng(0)
    own, other = course.at(1), reference.at(1)
    medians = [
        np.median(rng.choice(each, (_RESAMPLES, len(each))), axis=1) for each in (own, other)
    ]
    low, high = np.quantile(1 - medians[0] / medians[1], (0.025, 0.975))
    return float(low), float(high)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    full = [[*row, *[""] * (len(rows[0]) - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in full
    )
