"""A surrogate: what the candidates so far say about one that was not trained yet.

Many offspring are bred for each one that is trained, and the most promising are taken. The model
is a forest of extremely randomised trees (P. Geurts, D. Ernst, L. Wehenkel 2006) on figures of
genome and plan; trees that disagree speak for a candidate too, as in SMAC (F. Hutter, H. Hoos,
K. Leyton-Brown 2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.evolution.state import Individual, Proposal
from evoae.genome.genes import (
    KIND_OF,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    UpConv,
    UpDense,
    numbers,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space

_TREES = 60
_HOPE = 0.5  # of the deviation between trees that is taken off the mean
_STAGES = 20  # the forest is fitted again when the trainings have grown by one in so many


class Surrogate:
    """What the trainings of one search say about candidates that were not trained yet.

    It keeps what it worked out, features and the last forest; that changes no choice.

    Args:
        space: of the candidates; measures sizes.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._rows: dict[Genome, NDArray[np.float32]] = {}
        self._learned: object = None  # ids and scores that the forest was fitted to
        self._forest: Any = None

    def promising(
        self, individuals: Sequence[Individual], proposals: Sequence[Proposal], count: int
    ) -> tuple[Proposal, ...]:
        """Return the `count` most promising proposals, in their order.

        Up to one in twenty of the latest trainings waits for the next forest.

        Args:
            individuals: all that were evaluated; too few of them, and the first proposals are
                taken.
            proposals: at least `count`.
            count: how many.
        """
        known = [each for each in individuals if each.scores]
        if len(proposals) <= count or len(known) < 2 * len(self._row(proposals[0].genome)):
            return tuple(proposals[:count])
        forest = self._fitted(known[: len(known) - len(known) % max(1, len(known) // _STAGES)])
        offered = np.array([self._row(each.genome) for each in proposals])
        trees = np.array([tree.tree_.predict(offered)[:, 0] for tree in forest.estimators_])
        hope = trees.mean(axis=0) - _HOPE * trees.std(axis=0)
        chosen = sorted(np.argsort(hope, kind="stable")[:count].tolist())
        return tuple(proposals[place] for place in chosen)

    def _fitted(self, known: Sequence[Individual]) -> Any:
        """Return the forest that has learned the ranks of `known`."""
        learned = [(each.id, each.scores) for each in known]
        if self._learned != learned:
            from sklearn.ensemble import ExtraTreesRegressor

            forest = ExtraTreesRegressor(_TREES, min_samples_leaf=2, random_state=0, n_jobs=1)
            rows = np.array([self._row(each.genome) for each in known])
            forest.fit(rows, _ranks([fmean(each.scores) for each in known]))
            self._learned, self._forest = learned, forest
        return self._forest

    def _row(self, genome: Genome) -> NDArray[np.float32]:
        """Return the genome's figures, see `_features`."""
        if genome not in self._rows:
            self._rows[genome] = np.array(_features(genome, self._space), np.float32)
        return self._rows[genome]


def _ranks(fitness: Sequence[float]) -> NDArray[np.float64]:
    """Return each one's rank from 0 to 1: what counts is the order, and outliers are common."""
    order = np.argsort(np.argsort(np.array(fitness), kind="stable"), kind="stable")
    ranks: NDArray[np.float64] = order / max(1, len(fitness) - 1)
    return ranks


def _features(genome: Genome, space: Space) -> list[float]:
    """Return the figures that a loss may follow from; as many for every genome of a space."""
    size = space.measure(genome)
    found = [
        math.log(size.latent),
        math.log(size.parameters),
        math.log(size.flops),
        math.log(size.activation_bytes),
        float(genome.depth),
        float(genome.convolutions),
    ]
    for blocks in (genome.encoder, genome.decoder):
        found += _of_part(blocks)
        if space.model.sampling.residual:
            found.append(float(sum(res.blocks for block in blocks for res in block.residuals)))
    for trait in genome.traits:
        for field, number in zip(KIND_OF[type(trait)].fields, numbers(trait), strict=True):
            # A word's number has no order: one figure for each word.
            places = range(len(field.words))
            found += [float(number == place) for place in places] if field.words else [number]
    return found


def _of_part(blocks: Sequence[Block]) -> list[float]:
    """Return the figures of encoder or decoder; zeros where it has no such layer."""
    widths = [
        math.log(layer.filters if isinstance(layer, Conv | UpConv) else layer.units)
        for layer in (block.layer for block in blocks)
        if isinstance(layer, Conv | UpConv | Dense | UpDense)
    ]
    kernels = [
        math.sqrt(block.layer.kernel_h * block.layer.kernel_w)
        for block in blocks
        if isinstance(block.layer, Conv | UpConv)
    ]
    modifiers = [modifier for block in blocks for modifier in block.modifiers]
    return [
        widths[0] if widths else 0.0,
        widths[-1] if widths else 0.0,
        fmean(widths) if widths else 0.0,
        fmean(kernels) if kernels else 0.0,
        float(sum(modifier.rate for modifier in modifiers if isinstance(modifier, Dropout))),
        float(sum(isinstance(modifier, BatchNorm) for modifier in modifiers)),
    ]
