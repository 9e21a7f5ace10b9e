"""Which depths, widths and other hyperparameters were tried, and the losses they gave."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import TYPE_CHECKING

from evoae.formatting import figure, loss, plural, short
from evoae.genome.codec import decode
from evoae.genome.features import choices as genome_choices
from evoae.genome.features import title, totals, widths
from evoae.genome.gene_kind import GeneKind
from evoae.genome.genome import Genome
from evoae.report.blocks import Block, Figure, Figures, Key, Section, Table, Text
from evoae.report.drawing.chart import Mark, draw_marks
from evoae.report.drawing.svg import COLOUR, SHEER, Words, draw, whole_steps
from evoae.report.run_snapshot import RunSnapshot

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_MOST_BARS = 16
_HALL = Key("blue", "point", "hall of fame")
_OTHERS = Key("faint", "point", "the others")


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that differs between candidates.

    Attributes:
        name: of it.
        ids: of the candidates with a score, in the order of proposal.
        values: of each, (n,).
        losses: of each, (n,).
    """

    name: str
    ids: tuple[str, ...]
    values: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def points(self) -> list[tuple[str, float, float]]:
        """Candidate, value and loss of each."""
        return list(zip(self.ids, self.values, self.losses, strict=True))

    @property
    def whole(self) -> bool:
        """Whether only whole numbers occur."""
        return all(value == int(value) for value in self.values)

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's, of value and loss, -1..1; None where it says nothing."""
        if len(self.values) < 5 or len(set(self.losses)) < 2:
            return None
        from scipy.stats import spearmanr

        return float(spearmanr(self.values, self.losses).statistic)

    @property
    def edges(self) -> list[float]:
        """Borders of a histogram's bars: one for each whole number where these are few."""
        low, high = min(self.values), max(self.values)
        if self.whole and high - low < _MOST_BARS:
            return [low + number - 0.5 for number in range(int(high - low) + 2)]
        bars = min(_MOST_BARS, max(4, ceil(len(self.values) ** 0.5)))
        return [low + (high - low) * number / bars for number in range(bars + 1)]


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that differs between candidates, such as an activation.

    Attributes:
        name: what is chosen.
        value: one of what can be chosen.
        tried: candidates with a score that have it.
        best, median: of their losses.
    """

    name: str
    value: str
    tried: int
    best: float
    median: float


def factors(snapshot: RunSnapshot) -> list[Factor]:
    """Return what varied among the candidates that were trained to the end."""
    scored = _scored(snapshot)
    ids, losses = tuple(scored), tuple(value for _, value in scored.values())
    measured = _by_measure(snapshot).items()
    return [Factor(name, ids, values, losses) for name, values in measured if len(set(values)) > 1]


def constant(snapshot: RunSnapshot) -> dict[str, float]:
    """Return by name what was the same in all of them; nothing if there are fewer than two."""
    measured = _by_measure(snapshot).items()
    return {name: values[0] for name, values in measured if len(set(values)) == 1 < len(values)}


def choices(snapshot: RunSnapshot) -> list[Choice]:
    """Return every word that not all candidates share, with what came of it."""
    by_choice: dict[tuple[str, str], list[float]] = {}
    for genome, value in _scored(snapshot).values():
        for name, word in _words(genome).items():
            by_choice.setdefault((name, word), []).append(value)
    names = [name for name, _ in by_choice]
    return [
        Choice(name, word, len(losses), min(losses), median(losses))
        for (name, word), losses in sorted(by_choice.items())
        if names.count(name) > 1
    ]


def _scored(snapshot: RunSnapshot) -> dict[str, tuple[Genome, float]]:
    """Return genome and loss of the candidates that were trained to the end, as proposed."""
    return {
        id: (decode(candidate.tokens), value)
        for id, candidate in snapshot.candidates.items()
        if (value := snapshot.loss_of(id)) is not None and not snapshot.evaluations[id].raced
    }


def _words(genome: Genome) -> dict[str, str]:
    """Return the choices by name, and whether it has modifiers without a real number."""
    told = genome_choices(genome).items()
    words = {name: value for name, value in told if isinstance(value, str)}
    for kind, amount in totals(genome).items():
        if not _is_real(kind):
            words[title(kind)] = "yes" if amount else "no"
    return words


def _is_real(kind: GeneKind) -> bool:
    return bool(kind.fields) and kind.fields[0].type is float


def _by_measure(snapshot: RunSnapshot) -> dict[str, tuple[float, ...]]:
    """Return by name what `_measures` says of each scored candidate."""
    scored, trained = _scored(snapshot).items(), snapshot.evaluations
    rows = [_measures(genome, trained[id].latent or 0) for id, (genome, _) in scored]
    return {name: tuple(row[name] for row in rows) for name in (rows[0] if rows else ())}


def _measures(genome: Genome, latent: int) -> dict[str, float]:
    """Return the numbers of a genome by name, given its latent size."""
    blocks = (*genome.encoder, *genome.decoder)
    maps = [block for block in blocks if block.needs_map]  # units say nothing where there are any
    sums = {
        f"{title(kind)} {kind.fields[0].name}s, summed": amount
        for kind, amount in totals(genome).items()
        if _is_real(kind)
    }
    return {
        "depth": genome.depth,
        "mean filters or units of a layer": fmean(widths(maps or blocks) or [0]),
        "latent size": latent,
        **sums,
    }


def section(snapshot: RunSnapshot) -> Section | None:
    """Draw what the search tried, and which loss came with it; None without two networks."""
    varied, same, words = factors(snapshot), constant(snapshot), choices(snapshot)
    if not varied and not same:
        return None
    blocks: list[Block] = []
    if same:
        held = "; ".join(f"{name} {figure(value, 4)}" for name, value in same.items())
        blocks.append(Text(f"The same in all networks: {held}."))
    if varied:
        best = {entry.id for entry in snapshot.hall}
        drawn = (_draw(factor, n, snapshot, best) for n, factor in enumerate(varied))
        blocks.append(Figures(tuple(drawn)))
    if words:
        rows = tuple((c.name, c.value, str(c.tried), loss(c.best), loss(c.median)) for c in words)
        header = ("choice", "", "networks", "best loss", "median loss")
        caption = "Choices, and the losses that came with them"
        blocks.append(Table(caption, header, rows, frozenset({0, 1}), folded=False))
    note = "A search looks longer where it is going well: none of this is an experiment."
    return Section("explored", "What the search explored", (*blocks, Text(note)))


def _draw(factor: Factor, number: int, snapshot: RunSnapshot, best: Collection[str]) -> Figure:
    """Draw how often each value of a factor was tried, and which loss came with it."""
    marks = []
    for key, chosen in ((_OTHERS, False), (_HALL, True)):
        points = [point for point in factor.points if (point[0] in best) is chosen]
        if points:
            ids, x, y = zip(*points, strict=True)
            style = {"s": 20, "alpha": SHEER}
            marks.append(Mark(key, x, y, [snapshot.described(id) for id in ids], style))

    def paint(canvas: Canvas) -> Words:
        from matplotlib.ticker import MaxNLocator

        top, axes = canvas.subplots(2, 1, sharex=True, height_ratios=[1, 3])
        top.hist(factor.values, bins=factor.edges, color=COLOUR["faint"], alpha=SHEER)
        top.set_ylabel("tried")
        top.grid(visible=False, axis="x")
        top.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.set(xlabel=factor.name, ylabel="validation loss")
        words = draw_marks(axes, marks)
        if factor.whole:
            whole_steps(axes)
        return words

    note = ""
    if (correlation := factor.rank_correlation) is not None:
        note = f"Rank correlation with the loss: {correlation:+.2f}."
    alt = (
        f"Validation loss against {factor.name}, from {figure(min(factor.values), 4)} to "
        f"{figure(max(factor.values), 4)}, of {plural(len(factor.ids), 'network')}. {note}"
    )
    rows = tuple((short(id), figure(value, 4), loss(y)) for id, value, y in factor.points)
    table = Table(f"Every network's {factor.name}", ("id", factor.name, "loss"), rows)
    svg = draw(f"factor{number}", alt.strip(), paint, (5.2, 3.6))
    return Figure(factor.name.capitalize(), svg, (_HALL, _OTHERS), note, table)
