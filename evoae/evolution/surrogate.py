"""A surrogate: what the candidates so far say about one that was not trained yet.

Many networks are bred for each one that is trained, the best of them are bred further, all without
training any, and the most promising are taken. The model is a Gaussian process on figures of
genome and plan (C. Rasmussen, C. Williams 2006). A loss that it is unsure of speaks for a network:
what counts is the lower confidence bound (N. Srinivas et al., ICML 2010), and of a batch each
choice is believed before the next one is made, so that they spread (kriging believer; D.
Ginsbourger, R. Le Riche, L. Carraro 2010).

Where sizes count beside the loss, most of a loss follows from the sizes alone. What the process
then learns is by how much a network is better than others of its sizes, which moves the front.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from contextlib import AbstractContextManager
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
_LEAST = 12  # scored candidates before the model has a say
_MOST = 400  # candidates that it learns from, the latest: its time grows with their cube
# How the best are bred further, without training any; fewer where fewer are wanted: it takes time.
_ROUNDS, _BEAM, _OFFSPRING = 8, 4, 4
_REACH = 1.2  # length scale of the process, for each root of the number of figures
_LINEAR = 0.02  # share of a linear trend in it
_NOISE = 0.1  # share of the variance that is noise of one training
_FLOOR = 1e-3  # of the median loss: what lies below tells a trend no more
_PULL = 0.1  # of the ridge regression that fits a trend
_DIGITS = 6  # of a hope that count, so that no processor's rounding decides


class Surrogate:
    """What the trainings of one search say about candidates that were not trained yet.

    It keeps figures of what was trained; that changes no choice.

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
        """Return the `count` most promising of the proposals and of what comes from them.

        Args:
            individuals: all that were evaluated; too few of them, and the first proposals are
                taken.
            proposals: at least `count`.
            count: how many.
            asked: ids of all that were asked for so far.
            vary: returns a changed proposal.
            order: of an algorithm, see there.
        """
        known = [each for each in individuals if each.scores]
        if not count or len(known) < _LEAST:
            return tuple(proposals[:count])
        with _one_thread():
            return self._chosen(known[-_MOST:], proposals, count, asked, vary, order)

    def _chosen(
        self,
        known: Sequence[Individual],
        proposals: Sequence[Proposal],
        count: int,
        asked: Set[str],
        vary: Vary,
        order: Order | None,
    ) -> tuple[Proposal, ...]:
        model = self._learned(known, of_size=order is not None)
        pool = {each.id: self._candidate(each) for each in proposals if each.id not in asked}
        if not pool:
            return tuple(proposals[:count])
        for _ in range(_ROUNDS):
            best = _best(model, list(pool.values()), min(_BEAM, count), order)
            offspring = [vary(parent.proposal) for parent in best for _ in range(_OFFSPRING)]
            known_ids = asked | pool.keys()
            new = {each.id: each for each in offspring if each.id not in known_ids}
            pool |= {id: self._candidate(each) for id, each in new.items()}
        if len(pool) <= count:  # a space that is nearly exhausted
            known_ones = [each for each in proposals if each.id in asked]
            return (*(each.proposal for each in pool.values()), *known_ones)[:count]
        if order:
            best = _best(model, list(pool.values()), count, order)
            return tuple(each.proposal for each in best)
        chosen: list[Proposal] = []
        while True:
            (taken,) = _best(model, list(pool.values()), 1)
            chosen.append(pool.pop(taken.proposal.id).proposal)
            if len(chosen) == count:
                return tuple(chosen)
            model = model.believing(taken.row)

    def _learned(self, known: Sequence[Individual], *, of_size: bool) -> _Model:
        for each in known:
            if each.id not in self._rows:
                self._rows[each.id] = features(each.genome, self.space)
        rows = np.array([self._rows[each.id] for each in known])
        trainings = np.array([len(each.scores) for each in known])
        losses, noise = expected(known), _NOISE / trainings
        trend = _Trend.of(rows, losses) if of_size else None
        return _Model.of(rows, _normal_scores(trend.left if trend else losses), noise, trend=trend)

    def _candidate(self, proposal: Proposal) -> _Candidate:
        return _Candidate(proposal, np.array(features(proposal.genome, self.space)))


def _one_thread() -> AbstractContextManager[object]:
    """Keep linear algebra to one thread: more of them wait for each other, and for no gain.

    They would take the processors from the trainings.
    """
    limits: AbstractContextManager[object] = _threads().limit(limits=1)
    return limits


@cache
def _threads() -> Any:
    """Find the pools of threads once: it takes milliseconds."""
    import sklearn.gaussian_process  # noqa: F401 - what is to be limited has to be loaded
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A proposal and its figures."""

    proposal: Proposal
    row: _Array


@dataclass(frozen=True, slots=True)
class _Trend:
    """What follows from latent size and number of parameters alone: a quadric of the logarithms.

    Attributes:
        least, most: (2,) the sizes between which it was seen; beyond them it stays as it is there.
        process: scikit-learn's, of `_powers`.
        left: (n,) logarithms of the losses, less the trend.
        spread: their standard deviation.
    """

    least: _Array
    most: _Array
    process: Any
    left: list[float]
    spread: float

    @classmethod
    def of(cls, rows: _Array, losses: Sequence[float]) -> _Trend:
        """Fit the trend, by least squares with a slight pull to a flat one."""
        from sklearn.linear_model import Ridge

        sizes = rows[:, :2]
        least, most = sizes.min(axis=0), sizes.max(axis=0)
        logs = np.log(np.maximum(losses, max(LEAST, _FLOOR * median(losses))))
        powers = _powers(sizes, least, most)
        process = Ridge(_PULL).fit(powers, logs)
        left = logs - process.predict(powers)
        return cls(least, most, process, left.tolist(), float(left.std()))

    def losses(self, rows: _Array, acquisition: _Array) -> _Array:
        """Return the logarithms of losses that are so many deviations off the trend."""
        powers = _powers(rows[:, :2], self.least, self.most)
        found: _Array = self.process.predict(powers) + self.spread * acquisition
        return found


def _powers(sizes: _Array, least: _Array, most: _Array) -> _Array:
    """Return what a trend is made of, (n, 4): sizes from -1 to 1, and their squares."""
    inside = np.clip(sizes, least, most)
    scaled = (2 * inside - least - most) / np.maximum(most - least, 1e-9)
    return np.hstack([scaled, scaled**2])


@dataclass(frozen=True, slots=True)
class _Model:
    """A Gaussian process.

    Attributes:
        rows: (n, figures) that it learned from, each figure with mean 0 and deviation 1 there.
        targets: (n,)
        noise: (n,) variances.
        scaler: of rows.
        process: scikit-learn's.
        trend: that the targets are deviations from; None if they are places among all losses.
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
        """Return what has learned from these; rows are scaled unless a scaler says they are."""
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
        """Return the acquisition value of networks with these figures, to minimise, (n,).

        Logarithms of losses where there is a trend, else deviates.
        """
        means, deviations = self.process.predict(self.scaler.transform(rows), return_std=True)
        acquisition: _Array = means - _OPTIMISM * deviations
        if self.trend is not None:
            acquisition = self.trend.losses(rows, acquisition)
        return np.round(acquisition, _DIGITS)

    def believing(self, row: _Array) -> _Model:
        """Return the model that has seen what it expects of a network with these figures."""
        scaled = self.scaler.transform(row[None])
        return _Model.of(
            np.vstack([self.rows, scaled]),
            np.append(self.targets, self.process.predict(scaled)),
            np.append(self.noise, _NOISE),
            scaler=self.scaler,
            trend=self.trend,
        )


def _best(
    model: _Model, candidates: list[_Candidate], count: int, order: Order | None = None
) -> list[_Candidate]:
    """Return the `count` most promising, best first."""
    acquisition = model.acquisition(np.array([each.row for each in candidates]))
    if order is None:
        places = np.argsort(acquisition, kind="stable").tolist()
    else:
        places = order(acquisition.tolist(), [each.proposal for each in candidates], count)
    return [candidates[place] for place in places[:count]]


def expected(known: Sequence[Individual]) -> list[float]:
    """Return each one's fitness; of what racing stopped, what others made of the rest."""
    whole = [each.curve for each in known if each.curve and not each.raced]
    gains: dict[int, float] = {}
    found = []
    for each in known:
        gain, epochs = 0.0, len(each.curve)
        if each.raced:
            if epochs not in gains:
                further = [curve[-1] - curve[epochs - 1] for curve in whole if len(curve) > epochs]
                gains[epochs] = median(further) if further else 0.0
            gain = gains[epochs]
        found.append(fmean(each.scores) + gain)
    return found


def _normal_scores(fitness: Sequence[float]) -> _Array:
    """Return each one's place among them as a normal deviate: outliers are common."""
    places = np.argsort(np.argsort(np.array(fitness), kind="stable"), kind="stable")
    normal = NormalDist()
    return np.array([normal.inv_cdf((place + 0.5) / len(fitness)) for place in places])
