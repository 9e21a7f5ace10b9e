"""What the code is worth to another model: telling classes apart from few labelled items.

Five ways are compared on the same labelled examples, each with several seeds:

- a linear probe on the code (Alain and Bengio 2016, "Understanding intermediate layers using
  linear classifier probes", arXiv 1610.01644): logistic regression on standardised codes;
- the same probe on principal components, as many as the code has numbers;
- the encoder, frozen, with a softmax layer on its code;
- that network, then trained as a whole at a lower rate (Kumar et al. 2022, "Fine-tuning can
  distort pretrained features and underperform out-of-distribution", arXiv 2202.10054, on why the
  layer goes first);
- the same network from scratch (the comparison of Erhan et al. 2010, "Why does unsupervised
  pre-training help deep learning?", EventLog of Machine Learning Research 11).

Who sees what: the examples are drawn from the training split, and a fifth of them only says when a
network stops training. Accuracy is measured on the validation split, from which nothing here
learns or chooses. The test split stays closed; `refit` and `evaluate` alone open it. The
autoencoder never saw a label. It was trained on training items without their labels, as were the
principal components, and may owe to the validation items that the search or `refit` chose it by
its loss on them; no way learns from them otherwise.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Dataset, Images, Labels, order, take
from evoae.data.pca import LARGEST, pca_codes
from evoae.errors import DataError, UseError
from evoae.evaluation import seed_for
from evoae.formatting import figure
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.runs.files import REFIT
from evoae.training.base import scaled
from evoae.use.encode import encode
from evoae.use.items import TO_MEASURE, Items, own_data
from evoae.use.model import Floats, Model, open_model

PROBE = "linear probe on the code"
PCA = "linear probe on PCA of the same size"
FROZEN = "encoder frozen, softmax layer"
UNFROZEN = "encoder then unfrozen"
SCRATCH = "same network from scratch"

_MOST_CLASSES = 1000
_STOPPING = 0.2  # share of the examples that says when to stop
_BATCH = 32
_ITERATIONS = 1000  # most of a probe
_EPOCHS, _STEPS = 30, 1000  # as many epochs, or more, so that there are as many steps
_PATIENCE = 0.25  # share of the epochs, though no fewer than 5
_RATE = 1e-3  # of a network from scratch, with Adam
_LOWER_RATE, _LAYER_RATE = 3e-4, 1e-2  # of the unfrozen encoder, and of the layer alone

Classes = NDArray[np.int64]  # (n,), each a position in the list of classes; -1 for none of them


@dataclass(frozen=True, slots=True)
class Method:
    """What one way reached, a figure for each seed.

    Attributes:
        name: for people.
        accuracies: share of validation items whose class is right, in 0..1.
        epochs: passes over the examples; of a probe, iterations of L-BFGS.
        seconds: from images to a trained classifier. Those of the unfrozen encoder come on top of
            the frozen one's, with which it begins.
    """

    name: str
    accuracies: tuple[float, ...]
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Accuracy, over the seeds."""
        return statistics.fmean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the accuracy over the seeds; None for one."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    def summary(self) -> dict[str, object]:
        """Return what `transfer --json` says of it."""
        return {
            "method": self.name,
            "mean": self.mean,
            "deviation": self.deviation,
            "accuracies": list(self.accuracies),
            "epochs": list(self.epochs),
            "seconds": list(self.seconds),
        }


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a code is worth to classifiers.

    Attributes:
        model: name of the autoencoder, for people.
        refitted: whether it is the one that `refit` trained.
        data: name of the data.
        latent: numbers of the code.
        classes: how many there are.
        examples: labelled ones that each seed draws.
        stopping: of these, how many only say when a network stops.
        validation: items that accuracy is measured on.
        chance: accuracy of always saying the most frequent class of the training split.
        methods: in the order of the module's description.
    """

    model: str
    refitted: bool
    data: str
    latent: int
    classes: int
    examples: int
    stopping: int
    validation: int
    chance: float
    methods: tuple[Method, ...]

    def summary(self) -> dict[str, object]:
        """Return what `transfer --json` says."""
        names = ("model", "refitted", "data", "latent", "classes", "examples", "stopping")
        told: dict[str, object] = {name: getattr(self, name) for name in names}
        told |= {"measured_on": "validation", "validation": self.validation}
        return told | {"chance": self.chance, "methods": [each.summary() for each in self.methods]}


def transfer(
    run: str | Path,
    id: str = "best",
    *,
    labels: Path | None = None,
    examples: int | None = None,
    epochs: int | None = None,
    seeds: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> Transfer:
    """Compare classifiers with and without a run's encoder, see the module's description.

    Each seed draws examples, start weights and order anew, and all ways have the same examples.
    Trainings run in this process; the same call gives the same accuracies.

    Args:
        run: a run's folder, or its name under `runs/`.
        id: an unambiguous prefix of a candidate's id, or `best`.
        labels: a file of classes, see `evoae.data.load.load`; None for the data set's own.
        examples: labelled training items that each seed draws; None for the whole training split.
        epochs: most of each network; None for 30, or as many as make 1,000 steps.
        seeds: how many.
        say: is told in a line what has been done.

    Raises:
        DataError: the data are gone, or have no labels or none that are classes.
        UseError: a lone file, a refit that was trained on the validation items as well, more
            examples than there are, or too few to learn from.
        EvoaeError: no such run or candidate.
    """
    from evoae.training.setup import prepare

    prepare()
    model = open_model(run, id)
    if model.saw_validation:
        raise UseError(
            model.name,
            "its refit was trained on the validation items, on which this measures",
            "Refit it without refit.with_validation first.",
        )
    if model.run is None or model.id is None:
        raise UseError(
            model.name, "a lone file does not know its genome and its data", "Name a run."
        )
    dataset = own_data(model, labels)
    known, train, validation = _classes(dataset)
    count = len(train) if examples is None else examples
    if count > len(train):
        held = f"{count:,}, but the training split holds {len(train):,}"
        raise UseError("--examples", held, "lower it")
    comparison = _Comparison(model, dataset, len(known), train, validation, count, epochs)
    results: dict[str, list[_Result]] = {}
    for number in range(1, seeds + 1):
        seed = seed_for(model.run.config.seed, f"{model.id} transfer {number}")
        for name, result in comparison.of(seed):
            results.setdefault(name, []).append(result)
            say(f"seed {number} of {seeds}: {name} {result.accuracy:.1%}, {result.seconds:.0f} s")
    return Transfer(
        model=model.name,
        refitted=model.path.parent.name == REFIT,
        data=dataset.name,
        latent=model.latent,
        classes=len(known),
        examples=count,
        stopping=comparison.stopping,
        validation=len(validation),
        chance=float(np.mean(validation == np.bincount(train).argmax())),
        methods=tuple(
            Method(
                name,
                tuple(each.accuracy for each in found),
                tuple(each.epochs for each in found),
                tuple(each.seconds for each in found),
            )
            for name, found in results.items()
        ),
    )


def _classes(dataset: Dataset) -> tuple[Labels, Classes, Classes]:
    """Return the classes of the training split, and each training and validation item's.

    Raises:
        DataError: there are no labels, or they are no classes.
    """
    train, validation = dataset.train_labels, dataset.validation_labels
    if train is None or validation is None:
        raise DataError(
            dataset.name, "no labels", "Give them with --labels, or name data.label_column."
        )
    if train.dtype.kind == "f":
        odd = train[train != np.rint(train)]
        if len(odd):
            raise DataError(
                dataset.name, f"labels are numbers such as {figure(odd[0], 6)}", "expected classes"
            )
    known, numbers = np.unique(train, return_inverse=True)
    if not 1 < len(known) <= min(_MOST_CLASSES, len(train) // 2):
        raise DataError(
            dataset.name,
            f"{len(known):,} different labels of {len(train):,} training items",
            f"expected 2 to {_MOST_CLASSES:,} classes, each of several items",
        )
    places = np.searchsorted(known, validation).clip(max=len(known) - 1)
    return known, numbers, np.where(known[places] == validation, places, -1)


@dataclass(frozen=True, slots=True)
class _Result:
    accuracy: float
    epochs: int
    seconds: float

    def after(self, seconds: float) -> _Result:
        """Return the same, with the seconds that were spent before."""
        return replace(self, seconds=self.seconds + seconds)


class _Comparison:
    """All ways on the same data, for one seed at a time.

    Args:
        model: of a run.
        dataset: of that run.
        classes: how many there are.
        train, validation: the classes of the items of these splits, (n,).
        count: examples to draw.
        epochs: most of a network; None to choose.
    """

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        classes: int,
        train: Classes,
        validation: Classes,
        count: int,
        epochs: int | None,
    ) -> None:
        assert model.run is not None
        assert model.id is not None
        self.model, self.dataset, self.classes, self.count = model, dataset, classes, count
        self.train, self.validation = train, validation
        self.stopping = max(1, round(_STOPPING * count))
        self.batch = min(_BATCH, model.batch)
        steps = math.ceil(max(1, count - self.stopping) / self.batch)
        self.epochs = max(_EPOCHS, math.ceil(_STEPS / steps)) if epochs is None else epochs
        self.momentum = model.run.config.training.batchnorm_momentum
        genome = parse(model.run.find(model.id).candidate.genome)
        self.plan = plan(genome, model.run.defaults())
        self.codes = self._encode(dataset.validation)
        self.components: Callable[[NDArray[np.generic]], Floats] | None = None
        if math.prod(dataset.input_shape) <= LARGEST:
            self.components = pca_codes(dataset.train[:TO_MEASURE], model.latent)

    def of(self, seed: int) -> Iterator[tuple[str, _Result]]:
        """Yield the name and the result of each way.

        Raises:
            UseError: the examples hold too few classes, or a training fails.
        """
        drawn = order(len(self.train), seed, "transfer")[: self.count]
        images, classes = take(self.dataset.train, drawn), self.train[drawn]
        if len(np.unique(classes[self.stopping :])) < 2:
            raise UseError(
                f"{self.count:,} examples",
                f"the {len(classes) - self.stopping:,} that train hold fewer than two classes",
                "raise --examples",
            )
        began = time.perf_counter()
        codes = self._encode(images)
        encoding = time.perf_counter() - began
        yield PROBE, self._probe(codes, classes, self.codes).after(encoding)
        if self.components is not None:
            began = time.perf_counter()
            fitted, shown = self.components(images), self.components(self.dataset.validation)
            spent = time.perf_counter() - began
            if fitted.shape[1]:
                yield PCA, self._probe(fitted, classes, shown).after(spent)
        mean, scale = codes.mean(axis=0), codes.std(axis=0)
        scale[scale <= 1e-6 * np.abs(mean)] = 1
        layer, shown = self._layer(seed), (self.codes - mean) / scale
        learned = self._learn(layer, (codes - mean) / scale, classes, shown, _LAYER_RATE, seed)
        yield FROZEN, learned.after(encoding)
        weights, bias = layer.get_weights()
        folded = weights / scale[:, np.newaxis], bias - (mean / scale) @ weights
        for name, start, rate in ((UNFROZEN, folded, _LOWER_RATE), (SCRATCH, None, _RATE)):
            network, held = self._network(seed, start), self.dataset.validation
            yield name, self._learn(network, images, classes, held, rate, seed)

    def _encode(self, images: Images) -> Floats:
        return encode(self.model, Items(self.dataset.name, (images,)))

    def _probe(self, codes: Floats, classes: Classes, shown: Floats) -> _Result:
        """Fit a probe on all examples."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        began = time.perf_counter()
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
        with warnings.catch_warnings():
            # The iterations are part of the result, so that an early end shows.
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.fit(codes.astype(np.float64), classes)
        seconds = time.perf_counter() - began
        right = probe.predict(shown.astype(np.float64)) == self.validation
        return _Result(float(right.mean()), int(probe[-1].n_iter_.max()), seconds)

    def _layer(self, seed: int) -> Any:
        """Return a softmax layer on standardised codes; it gives logits."""
        import keras

        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(seed)
        codes = keras.Input((self.model.latent,))
        return keras.Model(codes, keras.layers.Dense(self.classes)(codes))

    def _network(self, seed: int, head: tuple[Floats, Floats] | None) -> Any:
        """Return an encoder with a softmax layer, from items to logits.

        Args:
            seed: of all weights that are drawn, and of dropout.
            head: the layer's weights, to begin with the model's own encoder; its normalisation
                keeps its statistics and scales then. None to draw all weights.
        """
        import keras

        from evoae.models.build import build

        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(seed)
        built = build(self.plan, batchnorm_momentum=self.momentum, seed=seed)
        encoder = built.get_layer("encoder")
        # The first output alone, so that what tells a posterior's variance is no part of it.
        code = keras.layers.Flatten(name="whole_code")(encoder.outputs[0])
        layer = keras.layers.Dense(self.classes, name="classes")
        network = keras.Model(encoder.inputs[0], layer(code))
        if head is not None:
            encoder.set_weights(self.model.encoder.get_weights())
            layer.set_weights(list(head))
            for each in encoder.layers:
                each.trainable = not isinstance(each, keras.layers.BatchNormalization)
        return network

    def _learn(
        self,
        network: Any,
        inputs: Images,
        classes: Classes,
        shown: Images,
        rate: float,
        seed: int,
    ) -> _Result:
        """Train until the loss on the first examples no longer falls; keep the best epoch.

        Args:
            network: from inputs (n, ...) to logits; trained in place.
            inputs: (n, ...) of the examples.
            classes: (n,) of the examples.
            shown: (m, ...) inputs of the validation items.
            rate: of Adam.
            seed: of the order.

        Raises:
            UseError: no epoch has a finite loss.
        """
        import keras

        began = time.perf_counter()
        network.compile(
            keras.optimizers.Adam(rate),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        held, patience = self.stopping, max(5, round(_PATIENCE * self.epochs))
        rng = np.random.default_rng(seed)
        best, kept = math.inf, None
        since = epoch = 0
        while epoch < self.epochs and since < patience:
            shuffled = held + rng.permutation(len(inputs) - held)
            for start in range(0, len(shuffled), self.batch):
                batch = shuffled[start : start + self.batch]
                network.train_on_batch(scaled(inputs[batch]), classes[batch])
            loss = _cross_entropy(self._logits(network, inputs[:held]), classes[:held])
            epoch, since = epoch + 1, since + 1
            if loss < best:
                best, since, kept = loss, 0, network.get_weights()
        if kept is None:
            raise UseError(
                self.model.name, "a classifier's loss is not finite", "Name another ID."
            )
        network.set_weights(kept)
        seconds = time.perf_counter() - began
        right = self._logits(network, shown).argmax(axis=1) == self.validation
        return _Result(float(right.mean()), epoch, seconds)

    def _logits(self, network: Any, shown: Images) -> Floats:
        size = self.model.batch
        starts = range(0, len(shown), size)
        parts = [network(scaled(shown[at : at + size]), training=False) for at in starts]
        return np.concatenate([np.asarray(part) for part in parts])


def _cross_entropy(logits: Floats, classes: Classes) -> float:
    """Return the mean over items of -log of the right class's probability, by logits (n, k)."""
    exact = logits.astype(np.float64)
    shifted = exact - exact.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(shifted)), classes]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - right))
