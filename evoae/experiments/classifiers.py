"""Classifiers that learn from a few labelled items, with and without an encoder.

See `evoae.experiments.downstream` for what they are and what each may see.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evoae.data.arrays import Images, Labels, order, take
from evoae.data.dataset import Dataset
from evoae.data.pca import LARGEST, pca_codes
from evoae.errors import DataError, UseError
from evoae.formatting import figure
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.runs.run import Run
from evoae.training.base import scaled
from evoae.use.encode import encode
from evoae.use.items import TO_MEASURE, Items
from evoae.use.model import Floats, Model

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


class Result(NamedTuple):
    """What one classifier reached with one seed.

    Attributes:
        accuracy: share of validation items whose class is right, in 0..1.
        epochs: passes over the examples; of a probe, iterations of L-BFGS.
        seconds: from images to a trained classifier.
    """

    accuracy: float
    epochs: int
    seconds: float


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
    nearest = np.searchsorted(known, validation).clip(max=len(known) - 1)
    return known, numbers, np.where(known[nearest] == validation, nearest, -1)


class Comparison:
    """All classifiers on the same data, for one seed at a time.

    Args:
        model: of a run.
        run: that run.
        dataset: of that run.
        examples: labelled training items to draw; None for all.
        epochs: most of a network; None to choose.

    Raises:
        DataError: the data have no labels, or none that are classes.
        UseError: there are not as many examples.
    """

    def __init__(
        self, model: Model, run: Run, dataset: Dataset, examples: int | None, epochs: int | None
    ) -> None:
        self.model, self.dataset = model, dataset
        self.known, self.train, self.validation = _classes(dataset)
        self.count = count = len(self.train) if examples is None else examples
        if count > len(self.train):
            held = f"{count:,}, but the training split holds {len(self.train):,}"
            raise UseError("--examples", held, "lower it")
        self.stopping = max(1, round(_STOPPING * count))
        self.batch = min(_BATCH, model.batch)
        steps = math.ceil(max(1, count - self.stopping) / self.batch)
        self.epochs = max(_EPOCHS, math.ceil(_STEPS / steps)) if epochs is None else epochs
        self.momentum = run.config.training.batchnorm_momentum
        genome = parse(run.find(str(model.id)).candidate.genome)
        self.plan = plan(genome, run.defaults())
        self.codes = self._encode(dataset.validation)
        self.components: Callable[[NDArray[np.generic]], Floats] | None = None
        if math.prod(dataset.input_shape) <= LARGEST:
            self.components = pca_codes(dataset.train[:TO_MEASURE], model.latent)

    def of(self, seed: int) -> Iterator[tuple[str, Result]]:
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
        yield PROBE, self._probe(codes, classes, self.codes, encoding)
        if self.components is not None:
            began = time.perf_counter()
            fitted, shown = self.components(images), self.components(self.dataset.validation)
            spent = time.perf_counter() - began
            if fitted.shape[1]:
                yield PCA, self._probe(fitted, classes, shown, spent)
        mean, scale = codes.mean(axis=0), codes.std(axis=0)
        scale[scale <= 1e-6 * np.abs(mean)] = 1
        layer, shown = self._layer(seed), (self.codes - mean) / scale
        inputs = (codes - mean) / scale
        yield FROZEN, self._learn(layer, inputs, classes, shown, _LAYER_RATE, seed, encoding)
        weights, bias = layer.get_weights()
        folded = weights / scale[:, np.newaxis], bias - (mean / scale) @ weights
        for name, start, rate in ((UNFROZEN, folded, _LOWER_RATE), (SCRATCH, None, _RATE)):
            network, held_out = self._network(seed, start), self.dataset.validation
            yield name, self._learn(network, images, classes, held_out, rate, seed)

    def _encode(self, images: Images) -> Floats:
        return encode(self.model, Items(self.dataset.name, (images,)))

    def _probe(self, codes: Floats, classes: Classes, shown: Floats, spent: float) -> Result:
        """Fit a probe on all examples; `spent` seconds are counted with its own."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        began = time.perf_counter() - spent
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
        with warnings.catch_warnings():
            # The iterations are part of the result, so that an early end shows.
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.fit(codes.astype(np.float64), classes)
        seconds = time.perf_counter() - began
        right = probe.predict(shown.astype(np.float64)) == self.validation
        return Result(float(right.mean()), int(probe[-1].n_iter_.max()), seconds)

    def _layer(self, seed: int) -> Any:
        """Return a softmax layer on standardised codes; it gives logits."""
        import keras

        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(seed)
        codes = keras.Input((self.model.latent,))
        return keras.Model(codes, keras.layers.Dense(len(self.known))(codes))

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
        layer = keras.layers.Dense(len(self.known), name="classes")
        network = keras.Model(encoder.inputs[0], layer(code))
        if head is not None:
            encoder.set_weights(self.model.encoder.get_weights())
            layer.set_weights(list(head))
            for part in encoder.layers:
                part.trainable = not isinstance(part, keras.layers.BatchNormalization)
        return network

    def _learn(
        self,
        network: Any,
        inputs: Images,
        classes: Classes,
        shown: Images,
        rate: float,
        seed: int,
        spent: float = 0.0,
    ) -> Result:
        """Train until the loss on the first examples no longer falls; keep the best epoch.

        Args:
            network: from inputs (n, ...) to logits; trained in place.
            inputs: (n, ...) of the examples.
            classes: (n,) of the examples.
            shown: (m, ...) inputs of the validation items.
            rate: of Adam.
            seed: of the order.
            spent: seconds before, which are counted with its own.

        Raises:
            UseError: no epoch has a finite loss.
        """
        import keras
        from scipy.special import log_softmax

        began = time.perf_counter() - spent
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
            logs = log_softmax(self._logits(network, inputs[:held]).astype(np.float64), axis=1)
            loss = -logs[np.arange(held), classes[:held]].mean()
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
        return Result(float(right.mean()), epoch, seconds)

    def _logits(self, network: Any, shown: Images) -> Floats:
        size = self.model.batch
        starts = range(0, len(shown), size)
        parts = [network(scaled(shown[at : at + size]), training=False) for at in starts]
        return np.concatenate([np.asarray(part) for part in parts])
