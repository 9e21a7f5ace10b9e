"""What the search tried: how deep, wide and leaky its networks were, and which loss came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from evoae.genome.codec import decode
from evoae.genome.genes import BatchNorm, Conv, Dense, Dropout, Residual, UpConv, UpDense
from evoae.genome.genome import Genome
from evoae.report.run_snapshot import RunSnapshot

_MOST_BARS = 16


@dataclass(frozen=True, slots=True)
class Factor:
    """A number that differs between candidates.

    Attributes:
        name: of it.
        ids: of the candidates with a score, in the order of proposal.
        values: of each, (n,).
        losses: of each, (n,).
        whole: whether only whole numbers occur.
        rank_correlation: of value and loss, Spearman's, -1..1; None for fewer than five.
    """

    name: str
    ids: tuple[str, ...]
    values: tuple[float, ...]
    losses: tuple[float, ...]
    whole: bool
    rank_correlation: float | None

    @property
    def points(self) -> list[tuple[str, float, float]]:
        """Candidate, value and loss of each."""
        return list(zip(self.ids, self.values, self.losses, strict=True))

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
    found = []
    for name, measure in _MEASURES.items():
        values = tuple(measure(each.genome, each.latent) for each in scored)
        if len(set(values)) > 1:
            losses = tuple(each.loss for each in scored)
            whole = all(value == int(value) for value in values)
            ids = tuple(each.id for each in scored)
            found.append(
                Factor(name, ids, values, losses, whole, _rank_correlation(values, losses))
            )
    return found


def constant(snapshot: RunSnapshot) -> dict[str, float]:
    """Return by name what was the same in all of them; nothing if there are fewer than two."""
    scored = _scored(snapshot)
    if len(scored) < 2:
        return {}
    seen = {
        name: {m(each.genome, each.latent) for each in scored} for name, m in _MEASURES.items()
    }
    return {name: values.pop() for name, values in seen.items() if len(values) == 1}


def choices(snapshot: RunSnapshot) -> list[Choice]:
    """Return every word that not all candidates share, with what came of it."""
    by_choice: dict[tuple[str, str], list[float]] = {}
    for each in _scored(snapshot):
        for name, word in _words(each.genome).items():
            by_choice.setdefault((name, word), []).append(each.loss)
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
    found = []
    for id, candidate in snapshot.candidates.items():
        evaluation, value = snapshot.evaluations.get(id), snapshot.loss_of(id)
        if evaluation is not None and value is not None and not evaluation.raced:
            genome = decode(candidate.tokens)
            found.append(_Scored(id, genome, evaluation.latent or 0, value))
    return found


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


def _rank_correlation(values: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None where it says nothing."""
    if len(values) < 5 or len(set(losses)) < 2:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(values, losses).statistic)
