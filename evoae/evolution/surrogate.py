"""A surrogate model: predicts the loss of candidates from those trained so far.

Several networks are proposed for each that is trained. The best of them are mutated further,
without training any, and those with the best acquisition value are trained. The model is a
Gaussian process on the features of a genome (C. Rasmussen, C. Williams 2006). The acquisition
value is the lower confidence bound (N. Srinivas et al., ICML 2010), so that an uncertain
prediction speaks for a network. Within a batch the model takes its prediction of a chosen network
for its loss before it chooses the next, so that a batch spreads (kriging believer; D. Ginsbourger,
R. Le Riche, L. Carraro 2010).

Where sizes count beside the loss, a trend of the loss over the sizes is removed first. The process
then predicts by how much a network is better than others of its sizes, which moves the front.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.evolution.algorithm import Order
from evoae.evolution.state import Individual, Proposal
from evoae.genome.features import features
from evoae.genome.space import Space
from evoae.pareto import LEAST

_Array = NDArray[np.float64]
Vary = Callable[[Proposal], Proposal]
_OPTIMISM = 2.0  # deviations that are taken off the mean
_LEAST = 12  # scored candidates before the model chooses
_MOST = 400  # candidates that it learns from, the latest: its time grows with their cube
# Rounds of mutation, parents in a round (at most the number wanted), offspring of a parent.
_ROUNDS, _BEAM, _OFFSPRING = 8, 4, 4
_REACH = 1.2  # length scale of the process, times the root of the number of features
_LINEAR = 0.02  # share of a linear trend in it
_NOISE = 0.1  # share of the variance that is noise of one training
_FLOOR = 1e-3  # of the median loss: lower losses count as this in a trend
_PULL = 0.1  # of the ridge regression that fits a trend
_DIGITS = 6  # of an acquisition value that count, so that no processor's rounding decides


class Surrogate:
    """Chooses among proposals by the trainings of a search.

    It caches the features of trained candidates, which changes no choice.

    Attributes:
        space: of the candidates; measures sizes.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._rows: dict[str, list[float]] = {}

    def select(
        self,
        individuals: Sequence[Individual],
        proposals: Sequence[Proposal],
        count: int,
        asked: Set[str],
        vary: Vary,
        order: Order | None = None,
    ) -> tuple[Proposal, ...]:
        """Return the `count` best of the proposals and their mutants by acquisition value.

        Args:
            individuals: all that were evaluated; while fewer than 12 scored, the first proposals
                are returned.
            proposals: at least `count`.
            count: how many to return.
            asked: ids of all candidates asked for so far; never chosen while there are others.
            vary: returns a mutated proposal.
            order: see `AbstractAlgorithm.order`.
        """
        known = [individual for individual in individuals if individual.scores]
        if not count or len(known) < _LEAST:
            return tuple(proposals[:count])
        # More threads gain nothing here, and would take the processors from the trainings.
        with _threads().limit(limits=1):
            model = self._learned(known[-_MOST:], of_size=order is not None)
            pool = {p.id: self._candidate(p) for p in proposals if p.id not in asked}
            if not pool:
                return tuple(proposals[:count])
            for _ in range(_ROUNDS):
                best = _best(model, list(pool.values()), min(_BEAM, count), order)
                offspring = [vary(parent.proposal) for parent in best for _ in range(_OFFSPRING)]
                known_ids = asked | pool.keys()
                new = {child.id: child for child in offspring if child.id not in known_ids}
                pool |= {id: self._candidate(child) for id, child in new.items()}
            if len(pool) <= count:  # a space that is nearly exhausted
                asked_again = [proposal for proposal in proposals if proposal.id in asked]
                return (*(candidate.proposal for candidate in pool.values()), *asked_again)[:count]
            return tuple(candidate.proposal for candidate in _chosen(model, pool, count, order))

    def _learned(self, known: Sequence[Individual], *, of_size: bool) -> _Model:
        for individual in known:
            if individual.id not in self._rows:
                self._rows[individual.id] = features(individual.genome, self.space)
        rows = np.array([self._rows[individual.id] for individual in known])
        trainings = np.array([len(individual.scores) for individual in known])
        losses, noise = expected(known), _NOISE / trainings
        trend = _Trend.of(rows, losses) if of_size else None
        return _Model.of(rows, _normal_scores(trend.left if trend else losses), noise, trend=trend)

    def _candidate(self, proposal: Proposal) -> _Candidate:
        return _Candidate(proposal, np.array(features(proposal.genome, self.space)))


@cache
def _threads() -> Any:
    """Return the controller of linear algebra's thread pools, made once: it takes milliseconds."""
    import sklearn.gaussian_process  # noqa: F401 - what is to be limited has to be loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A proposal and its features."""

    proposal: Proposal
    row: _Array


@dataclass(frozen=True, slots=True)
class _Trend:
    """The loss by latent size and parameters alone: a quadric of the logarithms.

    Attributes:
        least, most: (2,) bounds of the sizes it was fitted on; constant beyond them.
        process: scikit-learn's, of `_powers`.
        left: (n,) residuals: logarithms of the losses, less the trend.
        spread: their standard deviation.
    """

    least: _Array
    most: _Array
    process: Any
    left: list[float]
    spread: float

    @classmethod
    def of(cls, rows: _Array, losses: Sequence[float]) -> _Trend:
        """Fit the trend by ridge regression."""
        from sklearn.linear_model import Ridge

        sizes = rows[:, :2]
        least, most = sizes.min(axis=0), sizes.max(axis=0)
        logs = np.log(np.maximum(losses, max(LEAST, _FLOOR * median(losses))))
        powers = _powers(sizes, least, most)
        process = Ridge(_PULL).fit(powers, logs)
        left = logs - process.predict(powers)
        return cls(least, most, process, left.tolist(), float(left.std()))

    def losses(self, rows: _Array, acquisition: _Array) -> _Array:
        """Return the logarithms of losses `acquisition` deviations off the trend, (n,)."""
        powers = _powers(rows[:, :2], self.least, self.most)
        return np.asarray(self.process.predict(powers) + self.spread * acquisition)


def _powers(sizes: _Array, least: _Array, most: _Array) -> _Array:
    """Return the regressors of a trend, (n, 4): sizes scaled to -1..1, and their squares."""
    inside = np.clip(sizes, least, most)
    scaled = (2 * inside - least - most) / np.maximum(most - least, 1e-9)
    return np.hstack([scaled, scaled**2])


@dataclass(frozen=True, slots=True)
class _Model:
    """A Gaussian process.

    Attributes:
        rows: (n, features) that it learned from, each feature with mean 0 and deviation 1.
        targets: (n,)
        noise: (n,) variances.
        scaler: of rows.
        process: scikit-learn's.
        trend: that the targets are residuals of; None if they are ranks as normal scores.
    """

    rows: _Array
    targets: _Array
    noise: _Array
    scaler: Any
    process: Any
    trend: _Trend | None

    @classmethod
    def of(
        cls,
        rows: _Array,
        targets: _Array,
        noise: _Array,
        *,
        scaler: Any = None,
        trend: _Trend | None = None,
    ) -> _Model:
        """Fit a process; rows are scaled unless the `scaler` that scaled them is given."""
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern
        from sklearn.preprocessing import StandardScaler

        if scaler is None:
            scaler = StandardScaler()
            rows = scaler.fit_transform(rows)
        linear = ConstantKernel(_LINEAR, "fixed") * DotProduct(0.0, "fixed")
        kernel = Matern(_REACH * math.sqrt(rows.shape[1]), "fixed", nu=2.5) + linear
        process = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None)
        return cls(rows, targets, noise, scaler, process.fit(rows, targets), trend)

    def acquisition(self, rows: _Array) -> _Array:
        """Return the acquisition value of networks with these features, to minimise, (n,).

        Logarithms of losses where there is a trend, else deviates.
        """
        means, deviations = self.process.predict(self.scaler.transform(rows), return_std=True)
        acquisition: _Array = means - _OPTIMISM * deviations
        if self.trend is not None:
            acquisition = self.trend.losses(rows, acquisition)
        return np.round(acquisition, _DIGITS)

    def believing(self, row: _Array) -> _Model:
        """Return the model that takes its prediction for a network with these features as true."""
        scaled = self.scaler.transform(row[None])
        return _Model.of(
            np.vstack([self.rows, scaled]),
            np.append(self.targets, self.process.predict(scaled)),
            np.append(self.noise, _NOISE),
            scaler=self.scaler,
            trend=self.trend,
        )


def _chosen(
    model: _Model, pool: dict[str, _Candidate], count: int, order: Order | None
) -> list[_Candidate]:
    """Return `count` candidates of a larger pool; without an order, a batch that spreads."""
    if order:
        return _best(model, list(pool.values()), count, order)
    chosen: list[_Candidate] = []
    while True:
        (taken,) = _best(model, list(pool.values()), 1)
        chosen.append(pool.pop(taken.proposal.id))
        if len(chosen) == count:
            return chosen
        model = model.believing(taken.row)


def _best(
    model: _Model, candidates: list[_Candidate], count: int, order: Order | None = None
) -> list[_Candidate]:
    """Return the `count` candidates with the best acquisition value, best first."""
    acquisition = model.acquisition(np.array([candidate.row for candidate in candidates]))
    if order is None:
        indices = np.argsort(acquisition, kind="stable").tolist()
    else:
        proposals = [candidate.proposal for candidate in candidates]
        indices = order(acquisition.tolist(), proposals, count)
    return [candidates[index] for index in indices[:count]]


def expected(known: Sequence[Individual]) -> list[float]:
    """Return the fitness of each individual at the end of a whole training.

    A training that racing stopped is taken to gain what the median of the whole ones gained after
    as many epochs.
    """
    whole = [individual.curve for individual in known if not individual.raced]
    gains: dict[int, float] = {}
    fitness = []
    for individual in known:
        gain, epochs = 0.0, len(individual.curve)
        if individual.raced:
            if epochs not in gains:
                further = [curve[-1] - curve[epochs - 1] for curve in whole if len(curve) > epochs]
                gains[epochs] = median(further) if further else 0.0
            gain = gains[epochs]
        fitness.append(fmean(individual.scores) + gain)
    return fitness


def _normal_scores(fitness: Sequence[float]) -> _Array:
    """Return the ranks of `fitness` as normal scores, (n,), because outliers are common."""
    ranks = np.argsort(np.argsort(np.array(fitness), kind="stable"), kind="stable")
    normal = NormalDist()
    return np.array([normal.inv_cdf((rank + 0.5) / len(fitness)) for rank in ranks])
