"""What the search tried: how deep, wide and leaky its networks were, and which loss came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median
from typing import TYPE_CHECKING

from evoae.formatting import figure, loss, plural, short
from evoae.genome.codec import decode
from evoae.genome.genes import BatchNorm, Conv, Dense, Dropout, Residual, UpConv, UpDense
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
    ids, losses = tuple(c.id for c in scored), tuple(c.loss for c in scored)
    measured = _measured(scored).items()
    return [Factor(name, ids, values, losses) for name, values in measured if len(set(values)) > 1]


def constant(snapshot: RunSnapshot) -> dict[str, float]:
    """Return by name what was the same in all of them; nothing if there are fewer than two."""
    scored = _scored(snapshot)
    measured = _measured(scored if len(scored) > 1 else []).items()
    return {name: values[0] for name, values in measured if len(set(values)) == 1}


def choices(snapshot: RunSnapshot) -> list[Choice]:
    """Return every word that not all candidates share, with what came of it."""
    by_choice: dict[tuple[str, str], list[float]] = {}
    for candidate in _scored(snapshot):
        for name, word in _words(candidate.genome).items():
            by_choice.setdefault((name, word), []).append(candidate.loss)
    names = [name for name, _ in by_choice]
    return [
        Choice(name, word, len(losses), min(losses), median(losses))
        for (name, word), losses in sorted(by_choice.items())
        if names.count(name) > 1
    ]


@dataclass(frozen=True, slots=True)
class _Scored:
    id: str
    genome: Genome
    latent: int
    loss: float


def _scored(snapshot: RunSnapshot) -> list[_Scored]:
    """Return the candidates that were trained to the end, in the order of proposal."""
    scored = []
    for id, candidate in snapshot.candidates.items():
        evaluation, value = snapshot.evaluations.get(id), snapshot.loss_of(id)
        if evaluation is not None and value is not None and not evaluation.raced:
            genome = decode(candidate.tokens)
            scored.append(_Scored(id, genome, evaluation.latent or 0, value))
    return scored


def _measured(scored: Sequence[_Scored]) -> dict[str, tuple[float, ...]]:
    """Return the measures of candidates, by name."""
    return {
        name: tuple(measure(c.genome, c.latent) for c in scored)
        for name, measure in _MEASURES.items()
    }


def _words(genome: Genome) -> dict[str, str]:
    """Return the genome's choices by name."""
    words = {}
    for gene in genome.global_genes:
        for field in ("function", "kind", "optimizer"):
            value = getattr(gene, field, None)
            if isinstance(value, str):
                words[type(gene).__name__.lower()] = value
    for name, kind in (("batch normalisation", BatchNorm), ("residual blocks", Residual)):
        words[name] = "yes" if any(isinstance(gene, kind) for gene in genome.genes) else "no"
    return words


def _width(genome: Genome) -> float:
    """Return the mean number of filters, or of units where there are no convolutions."""
    filters = [g.filters for g in genome.genes if isinstance(g, Conv | UpConv)]
    units = [g.units for g in genome.genes if isinstance(g, Dense | UpDense)]
    return fmean(filters or units or [0])


def _dropout(genome: Genome) -> float:
    return sum(gene.rate for gene in genome.genes if isinstance(gene, Dropout))


_MEASURES: dict[str, Callable[[Genome, int], float]] = {  # of a genome and its latent size
    "depth": lambda genome, _: genome.depth,
    "mean filters or units of a layer": lambda genome, _: _width(genome),
    "latent size": lambda _, latent: latent,
    "dropout rates, summed": lambda genome, _: _dropout(genome),
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
