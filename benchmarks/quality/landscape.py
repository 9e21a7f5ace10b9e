"""A landscape of losses, fitted to recorded trainings: a search on it takes seconds, not hours.

The mean learning curve of a network is what a Gaussian process says that learned from thousands of
recorded ones (C. Rasmussen, C. Williams 2006): smooth, and of another kind than the trees of the
product's own surrogate. The noise of a training is drawn from what recorded networks with curves
like its own showed when they were trained again with other seeds: a factor for each epoch, so that
it is larger where it was larger, and a lucky start remains a lucky one.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.evaluation import Evaluation, Outcome, Task, cost, stopped_after
from evoae.genome.genes import GENES, BatchNorm, Conv, Dropout, UpConv
from evoae.genome.genome import Block, Genome
from evoae.genome.space import Space
from evoae.genome.text import parse, render

_Array = NDArray[np.float64]
_REACH = 10.0  # length scale of the process, in standard deviations of all figures together
_LINEAR = 0.02  # share of a linear trend in it
_NOISE = 0.02  # share of the variance that is noise
_ALIKE = 15  # repeated networks whose noise a network draws from
_SHUFFLED = 7  # seed of the folds of `quality`


class Landscape:
    """Answers trainings from what was recorded.

    Args:
        rows: recorded trainings, as `benchmarks.digits_table` writes them.
        space: that they are from.
        data: which of the recorded choices of images it stands for, by its source.

    Raises:
        ValueError: no network was trained more than once, so that nothing is known of the noise.
    """

    def __init__(self, rows: Sequence[dict[str, Any]], space: Space, data: str = "random") -> None:
        self._space, self._data = space, data
        self._networks = _Networks.of(rows)
        self._process = self._fitted(np.ones(len(self._networks.genomes), dtype=bool))
        self._factors, self._curves = _repeats(rows)
        if not len(self._factors):
            raise ValueError("no network was trained again: the noise is unknown")
        self._known: dict[str, _Array] = {}

    @property
    def epochs(self) -> int:
        """Of the recorded trainings."""
        return self._networks.curves.shape[1]

    def curve(self, genome: Genome) -> _Array:
        """Return the mean validation loss after each epoch, (epochs,)."""
        text = render(genome)
        if text not in self._known:
            predicted = self._process.predict(self._figures([genome], [self._data]))
            self._known[text] = np.exp(predicted[0])
        return self._known[text]

    def mean(self, genome: Genome) -> float:
        """Return the mean validation loss at the end: what no single training tells."""
        return float(self.curve(genome)[-1])

    def __call__(self, task: Task) -> Evaluation:
        """Return what a training earns, which its seed determines.

        Raises:
            ValueError: it is longer than the recorded ones.
        """
        epochs = task.training.epochs
        if epochs > self.epochs:
            raise ValueError(f"{epochs} epochs, but {self.epochs} are recorded")
        curve = self.curve(task.genome)
        distances = np.square(np.log(self._curves / curve))[:, [0, -1]].sum(axis=1)
        alike = np.argsort(distances, kind="stable")[:_ALIKE]
        rng = np.random.default_rng(task.seed)
        factors = self._factors[rng.choice(alike)]
        losses = tuple((curve * factors[rng.integers(len(factors))])[:epochs].tolist())
        stopped = stopped_after(losses, task.thresholds)
        losses = losses[:stopped]
        return Evaluation(
            task.key,
            Outcome.SCORED,
            losses[-1],
            validation_loss=losses,
            flops=task.flops,
            cost=cost(task.flops, task.images * len(losses)),
            raced=stopped is not None,
        )

    def quality(self, folds: int = 10) -> dict[str, float]:
        """Return how well it tells networks that it has not seen, by cross-validation.

        Returns:
            r2 and spearman of the logarithm of the last loss; the same of the tenth of the
            networks that are best, deviation, and what of the deviation is noise.
        """
        from scipy.stats import spearmanr

        networks = self._networks
        fold = np.random.default_rng(_SHUFFLED).permutation(len(networks.genomes)) % folds
        truth, told = networks.curves[:, -1], np.empty(len(networks.genomes))
        for left_out in range(folds):
            out = fold == left_out
            process = self._fitted(~out)
            told[out] = process.predict(networks.figures(self._figures)[out])[:, -1]
        best = truth <= np.quantile(truth, 0.1)
        noise = np.log([factor[-1] for each in self._factors for factor in each])
        return {
            "networks": len(truth),
            "r2": 1 - float(np.var(truth - told) / np.var(truth)),
            "spearman": float(spearmanr(truth, told)[0]),
            "spearman of the best tenth": float(spearmanr(truth[best], told[best])[0]),
            "deviation": float(np.std(truth - told)),
            "deviation of noise": float(np.std(noise)),
        }

    def _fitted(self, chosen: NDArray[np.bool_]) -> Any:
        """Return the process that has learned from the chosen networks."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        networks = self._networks
        trend = ConstantKernel(_LINEAR, "fixed") * DotProduct(0.0, "fixed")
        process = GaussianProcessRegressor(
            Matern(_REACH, "fixed", nu=2.5) + trend,
            alpha=_NOISE / networks.trainings[chosen],
            optimizer=None,
        )
        model = TransformedTargetRegressor(
            make_pipeline(StandardScaler(), process), transformer=StandardScaler()
        )
        return model.fit(networks.figures(self._figures)[chosen], networks.curves[chosen])

    def _figures(self, genomes: Sequence[Genome], data: Sequence[str]) -> _Array:
        sources = sorted(set(self._networks.data))
        chosen = [[0.5 * (each == source) for source in sources] for each in data]
        described = [figures(genome, self._space) for genome in genomes]
        return np.hstack([np.array(described), np.array(chosen)])


class _Networks:
    """The recorded networks, each once for every choice of images.

    Attributes:
        genomes: (n,).
        data: (n,) choices of images, by the source that stands for them.
        curves: (n, epochs) mean logarithm of the losses.
        trainings: (n,) how many the mean is of.
    """

    def __init__(self, by_network: dict[tuple[str, str], list[list[float]]]) -> None:
        self.genomes = [parse(text) for text, _ in by_network]
        self.data = [data for _, data in by_network]
        self.curves = np.array([np.log(each).mean(axis=0) for each in by_network.values()])
        self.trainings = np.array([len(each) for each in by_network.values()])
        self._described: _Array | None = None

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> _Networks:
        found: dict[tuple[str, str], list[list[float]]] = {}
        for row in rows:
            if row["outcome"] == "scored":
                found.setdefault((row["genome"], _images_of(row["source"])), []).append(
                    row["curve"]
                )
        return cls(found)

    def figures(self, describe: Any) -> _Array:
        if self._described is None:
            self._described = describe(self.genomes, self.data)
        return self._described


def _images_of(source: str) -> str:
    """Return the search whose choice of images a training had; repeats have that of the first."""
    return "random" if source == "again" else source


def _repeats(rows: Sequence[dict[str, Any]]) -> tuple[list[_Array], _Array]:
    """Return what trainings of one network on the same images differ by.

    Returns:
        for each network factors to its mean curve, (trainings, epochs); and the mean curves.
    """
    curves: dict[str, list[list[float]]] = {}
    for row in rows:
        if row["source"] == "again" and row["outcome"] == "scored":
            curves.setdefault(row["genome"], []).append(row["curve"])
    factors, means = [], []
    for each in curves.values():
        if len(each) > 1:
            mean = np.mean(each, axis=0)
            # As wide as around the true mean, which their own lies nearer to them than.
            wide = math.sqrt(len(each) / (len(each) - 1))
            factors.append(1 + wide * (np.array(each) / mean - 1))
            means.append(mean)
    return factors, np.array(means)


def figures(genome: Genome, space: Space) -> list[float]:
    """Return what the loss of a network may follow from: as many figures for every genome."""
    size, depth = space.measure(genome), space.model.max_depth
    found = [
        math.log(size.parameters),
        math.log(size.flops),
        math.log(size.activation_bytes),
        float(genome.depth),
    ]
    for gene in genome.global_genes:
        for field in GENES[type(gene)].fields:
            value = getattr(gene, field.name)
            found += [float(value == word) for word in space.words(field)] if field.words else []
    for blocks in (genome.encoder, tuple(reversed(genome.decoder))):  # from outside inwards
        for at in range(depth):
            found += _of_block(blocks[at]) if at < len(blocks) else [0.0] * 6
        found += _of_block(blocks[-1])
        widths = [
            block.layer.filters for block in blocks if isinstance(block.layer, Conv | UpConv)
        ]
        kept = [1 - _rate(block) for block in blocks]
        found += [math.log(min(widths)), sum(map(math.log, kept)), sum(kept)]
        found.append(float(sum(BatchNorm() in block.modifiers for block in blocks)))
    return found


def _of_block(block: Block) -> list[float]:
    layer = block.layer
    assert isinstance(layer, Conv | UpConv)
    return [
        1.0,
        math.log(layer.filters),
        float(layer.kernel_h),
        float(layer.kernel_w),
        float(BatchNorm() in block.modifiers),
        _rate(block),
    ]


def _rate(block: Block) -> float:
    return sum(modifier.rate for modifier in block.modifiers if isinstance(modifier, Dropout))


def recorded(file: Path) -> list[dict[str, Any]]:
    """Return the trainings in a file of `benchmarks.digits_table`, without its heading."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        next(lines)
        return [json.loads(line) for line in lines]
