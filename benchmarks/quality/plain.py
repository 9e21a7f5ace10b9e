"""What an engineer writes without evoae: plain Keras autoencoders, and Optuna over such networks.

All are trained with Adam on mean squared error in processor seconds on one thread, stopped when
they gain nothing more on the validation split, and keep their best epoch by it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Dataset

BATCH = 32
PATIENCE = 10  # epochs without gain
_MOST_EPOCHS = 10_000

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trained network.

    Attributes:
        name: of it.
        validation: mean squared error of its best epoch.
        model: with the weights of that epoch.
        epochs: trained.
    """

    name: str
    validation: float
    model: Any
    epochs: int


def scaled(items: NDArray[Any]) -> Array:
    """Return pictures in 0..1 and rows as they are, (n, ...)."""
    return items.astype(np.float32) / (255 if items.dtype == np.uint8 else 1)


def mse(model: Any, items: Array) -> float:
    """Return the mean squared error per number of copying `items`."""
    errors = [
        np.square(np.asarray(model(items[start : start + 256], training=False), np.float64) - part)
        for start in range(0, len(items), 256)
        for part in [items[start : start + 256]]
    ]
    return float(np.concatenate(errors).mean())


def train(
    name: str,
    model: Any,
    data: Dataset,
    seconds: float,
    *,
    rate: float = 1e-3,
    batch: int = BATCH,
    after_epoch: Callable[[int, float], None] = lambda *_: None,
) -> Outcome:
    """Train until patience or the processor seconds, which count from now, are over."""
    import keras

    fit, judge = scaled(data.train), scaled(data.validation)
    end = time.process_time() + seconds
    model.compile(keras.optimizers.Adam(rate), "mse")
    best, weights, since, epoch = math.inf, model.get_weights(), 0, 0
    while since < PATIENCE and epoch < _MOST_EPOCHS and time.process_time() < end:
        epoch += 1
        model.fit(
            fit, fit, batch_size=batch, epochs=1, verbose=0, callbacks=[_stop_at(end, model)]
        )
        loss = mse(model, judge)
        after_epoch(epoch, loss)
        since += 1
        if loss < best:
            best, weights, since = loss, model.get_weights(), 0
    model.set_weights(weights)
    return Outcome(name, best, model, epoch)


def plain(data: Dataset, latent: int, seconds: float, seed: int) -> list[Outcome]:
    """Train the two networks for this kind of data, each for all the seconds."""
    import keras

    outcomes = []
    pictures = len(data.input_shape) == 3
    for name, build in (PICTURES if pictures else ROWS).items():
        keras.utils.set_random_seed(seed)
        began = time.process_time()
        model = build(data.input_shape, latent)
        left = seconds - (time.process_time() - began)
        outcomes.append(train(name, model, data, left))
    return outcomes


def optuna(data: Dataset, latent: int, seconds: float, seed: int) -> Outcome:
    """Let Optuna choose widths, depth, activation and rate in the seconds; keep the best trained.

    Its median pruner stops trials that fall behind, and no trial gets more than a quarter of the
    seconds.
    """
    import keras
    import optuna as library

    library.logging.set_verbosity(library.logging.ERROR)
    end = time.process_time() + seconds
    best: list[Outcome] = []

    def objective(trial: Any) -> float:
        keras.utils.set_random_seed(seed + trial.number)
        depth = trial.suggest_int("depth", 1, 3)
        activation = trial.suggest_categorical("activation", ["relu", "elu"])
        norm = trial.suggest_categorical("norm", [False, True])
        rate = trial.suggest_float("rate", 3e-4, 1e-2, log=True)
        batch = trial.suggest_categorical("batch", [16, 32, 64, 128])
        if len(data.input_shape) == 3:
            widths = [trial.suggest_int(f"filters_{at}", 8, 64, log=True) for at in range(depth)]
            pooled = trial.suggest_categorical("pooled", [False, True])
            model = _convolutional(data.input_shape, latent, widths, activation, norm, pooled)
        else:
            widths = [trial.suggest_int(f"units_{at}", 8, 256, log=True) for at in range(depth)]
            model = _dense(data.input_shape, latent, widths, activation, norm)

        def pruned(epoch: int, loss: float) -> None:
            trial.report(loss, epoch)
            if trial.should_prune():
                raise library.TrialPruned

        left = min(end - time.process_time(), seconds / 4)
        name = f"trial {trial.number}"
        outcome = train(name, model, data, left, rate=rate, batch=batch, after_epoch=pruned)
        if not best or outcome.validation < best[0].validation:
            best[:] = [outcome]
        return outcome.validation

    study = library.create_study(
        sampler=library.samplers.TPESampler(seed=seed),
        pruner=library.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3),
    )
    while time.process_time() < end:
        study.optimize(objective, n_trials=1, catch=())
    return best[0]


def _dense(
    shape: tuple[int, ...], latent: int, widths: list[int], activation: str, norm: bool
) -> Any:
    import keras

    layers = keras.layers
    inner: list[Any] = [keras.Input(shape)]
    for part, sizes in (("encoder", widths), ("decoder", widths[::-1])):
        for size in sizes:
            inner.append(layers.Dense(size))
            inner.extend([layers.BatchNormalization()] if norm else [])
            inner.append(layers.Activation(activation))
        inner.append(layers.Dense(latent if part == "encoder" else shape[0]))
    return keras.Sequential(inner)


def _convolutional(
    shape: tuple[int, ...],
    latent: int,
    widths: list[int],
    activation: str,
    norm: bool,
    pooled: bool,
) -> Any:
    import keras

    layers = keras.layers
    pictures = keras.Input(shape)
    tensor = pictures
    sides: list[tuple[int, int]] = []
    normed = lambda one: layers.BatchNormalization()(one) if norm else one  # noqa: E731
    for width in widths:
        sides.append(tuple(tensor.shape[1:3]))
        stride = 1 if pooled else 2
        tensor = layers.Conv2D(width, 3, stride, "same")(tensor)
        tensor = layers.Activation(activation)(normed(tensor))
        if pooled:
            tensor = layers.MaxPooling2D(2, padding="same")(tensor)
    inner = tensor.shape[1:]
    tensor = layers.Dense(latent)(layers.Flatten()(tensor))
    tensor = layers.Dense(math.prod(inner), activation=activation)(tensor)
    tensor = layers.Reshape(inner)(tensor)
    for width, (height, breadth) in zip(reversed(widths), reversed(sides), strict=True):
        if pooled:
            tensor = layers.UpSampling2D(2)(tensor)
            tensor = layers.Conv2D(width, 3, padding="same")(tensor)
        else:
            tensor = layers.Conv2DTranspose(width, 3, 2, "same")(tensor)
        tensor = layers.Activation(activation)(normed(tensor))
        bottom, right = tensor.shape[1] - height, tensor.shape[2] - breadth
        tensor = layers.Cropping2D(((0, bottom), (0, right)))(tensor)
    tensor = layers.Conv2D(shape[-1], 3, padding="same", activation="sigmoid")(tensor)
    return keras.Model(pictures, tensor)


ROWS: dict[str, Callable[[tuple[int, ...], int], Any]] = {
    "dense 128-64 relu": lambda shape, latent: _dense(shape, latent, [128, 64], "relu", False),
    "dense 64-32 elu bn": lambda shape, latent: _dense(shape, latent, [64, 32], "elu", True),
}
PICTURES: dict[str, Callable[[tuple[int, ...], int], Any]] = {
    "strided 32-64": lambda shape, latent: _convolutional(
        shape, latent, [32, 64], "relu", norm=False, pooled=False
    ),
    "pooled 32-64": lambda shape, latent: _convolutional(
        shape, latent, [32, 64], "relu", norm=False, pooled=True
    ),
}


def _stop_at(end: float, model: Any) -> Any:
    """Return a callback that stops within an epoch when the processor seconds are over."""
    import keras

    def look(batch: int, logs: object = None) -> None:  # noqa: ARG001  # as Keras calls it
        model.stop_training = time.process_time() > end

    return keras.callbacks.LambdaCallback(on_train_batch_end=look)
