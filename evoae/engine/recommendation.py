"""Settings that suit a data set, each with its reason: what `evoae init` writes.

The linear path is measured (`benchmarks/linear_path.py`), the learning rate of pictures on one
set. Steps, batches and limits are rules of thumb, which `benchmarks/foreign.py` is there to test
on sets that nothing was chosen on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoae.config.data import DataConfig
from evoae.data.dataset import Dataset
from evoae.data.load import load
from evoae.data.pca import LARGEST, pca_errors
from evoae.data.progress import Say, silent
from evoae.errors import DataError
from evoae.execution.bfloat16 import has_bfloat16
from evoae.execution.machine import cpu_flags
from evoae.execution.probe import TensorFlow
from evoae.formatting import count, shape

_FEW = 20_000  # training items up to which every network starts from PCA
_SAMPLE = 8_192  # training items that PCA's curve is drawn from
_VALIDATED = 2_000  # items on which it, and a search, is measured at most
_EPOCHS = 3  # at least, of a training of the search
_MINUTES = 10.0  # of a search, unless a time is given
_TRAININGS = 30  # that a core shall make in them
_RATE = 1e10  # FLOPs that a core is taken to make in a second
_STEPS = 600  # of the optimiser, in a training of the search, where it costs _COST
_FEWEST_STEPS = 60
_REFIT_STEPS = 4_000
_REFIT_EPOCHS = 10  # at least
_FLOPS = 12_000_000  # of a network for pictures of _PIXELS numbers, where a training costs _COST
_PIXELS = 784
_COST = 3 * _STEPS * 32 * _FLOPS
_FLOPS_OF_NUMBER = 2_500  # at least, for each number of a picture: that small networks are there
_SHORT = 2.0  # minutes below which rows are trained in half of the steps
_PARAMETERS = 2_000_000  # of a network by default
_LINEAR_SHARE = 2  # times its parameters that a network with a linear path may have
_SMALL = 4_096  # numbers of a picture up to which dense layers are tried
_SMALL_BATCH = 512  # training items below which batches are half as large
_MOST_LATENT = 64  # components of which the knee is sought


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A setting that suits the data.

    Attributes:
        key: its dotted path.
        value: as the configuration has it.
        reason: in a few words.
    """

    key: str
    value: Any
    reason: str


def recommend(
    config: DataConfig,
    seed: int = 0,
    latent: int | None = None,
    minutes: float | None = None,
    say: Say = silent,
) -> tuple[Dataset, tuple[Recommendation, ...]]:
    """Read data, and choose the settings in which a configuration for them leaves the defaults.

    Args:
        config: of the data. Where cells of a table are missing and it does not say what to do with
            them, they are imputed.
        seed: of the splits, of which only training and validation are looked at.
        latent: numbers in the code that were asked for; None to look for a size that suits.
        minutes: of the search; None for 10, and not to limit it.
        say: see `evoae.data.load.load`.

    Returns:
        the data, and the settings

    Raises:
        DataError: the data cannot be used.
    """
    chosen = []
    try:
        data = load(config, seed, say)
    except DataError as why:
        data = _imputed(config, seed, why)
        chosen.append(Recommendation("data.missing", "impute", "cells are missing"))
    if minutes is not None:
        chosen += [
            Recommendation("search.generations", None, "as many as the minutes admit"),
            Recommendation("search.budget.minutes", minutes, "asked for"),
        ]
    reason = "asked for"
    if latent is None:
        latent, reason = _knee(data)
    chosen += [
        Recommendation("model.min_latent", latent, reason),
        Recommendation("model.max_latent", latent, reason),
    ]
    effort = _Effort.of(data, latent, minutes or _MINUTES)
    return data, (*chosen, *_space(data, latent, effort), *_training(data, effort))


def _imputed(config: DataConfig, seed: int, why: DataError) -> Dataset:
    """Return the data with missing cells imputed.

    Raises:
        DataError: that is not what they lack; `why` says what is.
    """
    if config.missing != "auto":
        raise why
    try:
        return load(config.model_copy(update={"missing": "impute"}), seed)
    except DataError:
        raise why from None


def _knee(data: Dataset) -> tuple[int, str]:
    """Return the size at the knee of PCA's curve, where more components begin to add little.

    The knee is the point farthest below the straight line between the ends of the curve (Satopaa
    et al., "Finding a 'kneedle' in a haystack", 2011).
    """
    numbers = data.train[0].size
    most = min(_MOST_LATENT, len(data.train), max(1, numbers - 1))
    if numbers > LARGEST or most < 3:
        return max(1, most // 2), f"half of at most {most}"
    train = data.train[:_SAMPLE]
    errors = pca_errors(train, train[:_VALIDATED], range(most + 1))
    curve = np.array([errors[size] for size in range(most + 1)])  # from the mean item's error
    explained = 1 - curve / max(curve[0], 1e-12)
    below = np.linspace(curve[0], curve[-1], len(curve)) - curve
    knee = max(1, int(np.argmax(below)))
    return knee, f"the knee of PCA's curve, which explains {explained[knee]:.0%} of the variance"


@dataclass(frozen=True, slots=True)
class _Effort:
    """What a training may cost.

    Attributes:
        steps: of the optimiser, in a training of the search.
        refit_steps: in one of the refit.
        flops: of a network's forward pass; None for rows, where they hardly matter.
    """

    steps: int
    refit_steps: int
    flops: int | None = None

    @classmethod
    def of(cls, data: Dataset, latent: int, minutes: float) -> _Effort:
        """Return it for a search of so many minutes.

        A training costs about as many FLOPs for pictures of any size. Those of larger ones, and of
        longer searches, have larger networks, and those of longer searches more steps.
        """
        if len(data.input_shape) == 1:
            return cls(_STEPS if minutes >= _SHORT else _STEPS // 2, _REFIT_STEPS)
        time = math.sqrt(60 * minutes * _RATE / _TRAININGS / _COST)
        size = math.sqrt(data.train[0].size / _PIXELS)
        steps = int(np.clip(_STEPS * time / size, _FEWEST_STEPS, _STEPS))
        least = (_FLOPS_OF_NUMBER + 6 * latent) * data.train[0].size
        flops = max(_FLOPS * time * size, least)
        refit_steps = int(np.clip(_REFIT_STEPS / size, 10 * _FEWEST_STEPS, _REFIT_STEPS))
        return cls(steps, refit_steps, int(round(flops, -5)))


def _space(data: Dataset, latent: int, effort: _Effort) -> list[Recommendation]:
    """Return what suits the data in the search space."""
    chosen = []
    numbers, rows = data.train[0].size, len(data.train)
    of = shape(data.input_shape)
    if numbers <= LARGEST:
        few = rows <= _FEW
        chosen.append(
            Recommendation(
                "model.linear",
                "pca" if few else ["none", "pca"],
                f"{count(rows)} training items of {of}: "
                + ("few enough that PCA is hard to beat" if few else "either may win"),
            )
        )
        if (least := 2 * _LINEAR_SHARE * latent * numbers) > _PARAMETERS:
            chosen.append(
                Recommendation("model.max_parameters", least, "the linear path has half of them")
            )
    if len(data.input_shape) == 1:
        chosen.append(Recommendation("model.activation", ["relu", "elu"], "rows: either may win"))
    else:
        chosen += [
            *(
                [Recommendation("model.layers", "both", "small pictures: dense layers are quick")]
                if numbers <= _SMALL
                else []
            ),
            Recommendation("model.max_flops", effort.flops, "keeps trainings short"),
            Recommendation("model.downsampling", ["max", "stride"], "either may win"),
            Recommendation("model.upsampling", ["upsample", "transposed"], "either may win"),
        ]
    chosen.append(Recommendation("model.sampling.dropout", 0.1, "a short training needs little"))
    return chosen


def _training(data: Dataset, effort: _Effort) -> list[Recommendation]:
    """Return what suits the data in the trainings of search and refit."""
    rows, validated = len(data.train), len(data.validation)
    batch = 16 if rows < _SMALL_BATCH else 32
    searched = min(rows, effort.steps * batch // _EPOCHS)
    rate = 0.002 if len(data.input_shape) == 1 else 0.004
    chosen = []
    if searched < rows:
        reduced = {"train": searched, "validation": min(_VALIDATED, validated)}
        chosen += [
            Recommendation(f"data.reduce.{key}", value, f"of {count(whole)}: enough to rank")
            for (key, value), whole in zip(reduced.items(), (rows, validated), strict=True)
        ]
    for section, items, steps, least in (
        ("training", searched, effort.steps, _EPOCHS),
        ("refit", rows, effort.refit_steps, _REFIT_EPOCHS),
    ):
        epochs = int(np.clip(round(steps * batch / items), least, 1_000))
        worth = f"{count(epochs * -(-items // batch))} steps of {batch} items"
        chosen += [
            Recommendation(f"{section}.epochs", epochs, worth),
            Recommendation(f"{section}.batch_size", batch, f"{count(rows)} training items"),
            Recommendation(f"{section}.optimizer", "adamw", "adam with weight decay"),
            Recommendation(f"{section}.learning_rate", rate, "with a schedule that ends at 0"),
        ]
    chosen.append(Recommendation("training.schedule", "cosine", "what was learned is kept"))
    chosen.append(Recommendation("refit.weight_decay", 0.004, "of adamw"))
    if len(data.input_shape) == 1:
        chosen.append(
            Recommendation("training.fitness", "best", "rows: the last epoch may overfit")
        )
    elif has_bfloat16(TensorFlow(None), cpu_flags()):
        chosen += [
            Recommendation(f"{section}.precision", "bfloat16", "this processor has it: faster")
            for section in ("training", "refit")
        ]
    return chosen
