"""What the search tried: how deep, wide and leaky its networks were, and which loss came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from evoae.genome.codec import decode
from evoae.genome.features import choices as genome_choices
from evoae.genome.features import title, totals, widths
from evoae.genome.gene_kind import GeneKind
from evoae.genome.genome import Genome
from evoae.report.run_snapshot import Record

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


def factors(record: Record) -> list[Factor]:
    """Return what varied among the candidates that were trained to the end."""
    scored = _scored(record)
    ids, losses = tuple(each.id for each in scored), tuple(each.loss for each in scored)
    varied = []
    for name, values in _by_measure(scored).items():
        if len(set(values)) > 1:
            whole = all(value == int(value) for value in values)
            correlation = _rank_correlation(values, losses)
            varied.append(Factor(name, ids, values, losses, whole, correlation))
    return varied


def constant(record: Record) -> dict[str, float]:
    """Return by name what was the same in all of them; nothing if there are fewer than two."""
    scored = _scored(record)
    if len(scored) < 2:
        return {}
    return {
        name: values[0] for name, values in _by_measure(scored).items() if len(set(values)) == 1
    }


def choices(record: Record) -> list[Choice]:
    """Return every word that not all candidates share, with what came of it."""
    by_choice: dict[tuple[str, str], list[float]] = {}
    for each in _scored(record):
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


def _scored(record: Record) -> list[_Scored]:
    """Return the candidates that were trained to the end, in the order of proposal."""
    found = []
    for id, candidate in record.candidates.items():
        evaluation, value = record.evaluations.get(id), record.loss_of(id)
        if evaluation is not None and value is not None and not evaluation.raced:
            genome = decode(candidate.tokens)
            found.append(_Scored(id, genome, evaluation.latent or 0, value))
    return found


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


def _by_measure(scored: Sequence[_Scored]) -> dict[str, tuple[float, ...]]:
    """Return by name what `_measures` says of each candidate."""
    rows = [_measures(candidate.genome, candidate.latent) for candidate in scored]
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


def _rank_correlation(values: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None where it says nothing."""
    if len(values) < 5 or len(set(losses)) < 2:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(values, losses).statistic)
