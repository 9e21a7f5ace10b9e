"""Settings that suit a data set, each with its reason: what `evoae init` writes.

The linear path and the training recipes are measured on some sets
(`benchmarks/linear_path.py`, `benchmarks/recipes.py`). Steps, batches, limits and how decay falls
with the number of pictures are rules of thumb, which `benchmarks/foreign.py` tests on sets that
nothing was chosen on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evoae.config.data import DataConfig
from evoae.config.load import make_config
from evoae.config.schema import Config
from evoae.data.dataset import Dataset, Suggestion, UndecidedError
from evoae.data.load import read
from evoae.data.pca import LARGEST, pca_errors
from evoae.data.progress import Say, silent
from evoae.engine.problem import why_no_linear_path
from evoae.execution.bfloat16 import has_bfloat16
from evoae.execution.machine import cpu_flags
from evoae.execution.probe import TensorFlow
from evoae.formatting import count

_SAMPLE = 8_192  # training items that PCA's curve is drawn from
_VALIDATED = 2_000  # items on which it, and a search, is measured at most
_EPOCHS = 3  # at least, of a training of the search
_MOST_SEARCH_EPOCHS = 300  # at most: of a few rows, an epoch costs more than its steps
_MOST_REFIT_EPOCHS = 1_000
_MINUTES = 10.0  # of a search, unless a time is given
_SHORT = 2.0  # minutes of a search below which its generations are small
_TRAININGS = 40  # that a core shall make in them
_RATE = 4e10  # FLOPs that a core is taken to make in a second
_STEPS = 480  # of the optimiser, in a training of pictures in the search, where it costs _COST
_STEPS_OF_ROWS = 2_000  # which take about as long as making the network
_FEWEST_STEPS = 60
_REFIT_STEPS = 4_000
_REFIT_EPOCHS = 10  # at least
_FLOPS = 13_000_000  # of a network for pictures of _PIXELS numbers, where a training costs _COST
_LARGEST = 3  # times the FLOPs of a usual network that one may have
_PIXELS = 784
_COST = 3 * _STEPS * 32 * _FLOPS
_FLOPS_OF_NUMBER = 2_500  # at least, for each number of a picture: that small networks are there
_PARAMETERS = 2_000_000  # of a network by default
_LINEAR_SHARE = 2  # times its parameters that a network with a linear path may have
_SMALL = 4_096  # numbers of a picture up to which dense layers are tried
_SMALL_BATCH = 512  # training items below which batches are half as large
_MOST_LATENT = 64  # components of which the knee is sought
_LEARNING_RATE = 0.004
_DECAY_OF_ROWS = 0.004
_FORGOTTEN = 1.5  # epochs in which weights that nothing renews shrink to 1/e, see `_decay`
_MOST_DECAY = 1.0
_DECIDED_BY = {  # settings that a person makes together
    "min_latent": {"min_latent", "max_latent", "latent"},
    "max_latent": {"min_latent", "max_latent", "latent"},
    "learning_rate": {"learning_rate", "optimizer"},
    "weight_decay": {"weight_decay", "optimizer"},
}


def with_recommended(
    config: Config, latent: int | None = None, minutes: float | None = None
) -> Config:
    """Return a configuration with what suits its data in place of the defaults, see `recommend`.

    Raises:
        ConfigError: what it sets does not go together with that.
        DataError: the data cannot be used.
    """
    raw = config.model_dump(mode="json", exclude_unset=True)
    for each in recommend(config, latent, minutes)[1]:
        *sections, name = each.key.split(".")
        place = raw
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = each.value
    return make_config(raw)


def recommend(
    config: Config,
    latent: int | None = None,
    minutes: float | None = None,
    say: Say = silent,
) -> tuple[Dataset, tuple[Suggestion, ...]]:
    """Read data, and choose the settings in which a configuration for them leaves the defaults.

    Args:
        config: of the search; only settings that it leaves out are chosen. Where
            cells of a table are missing and it does not say what to do with them, they are
            imputed. Of the data only training and validation split are looked at.
        latent: numbers in the code that were asked for; None to look for a size that suits.
        minutes: of the search; None for 10, and not to limit it.
        say: see `evoae.data.load.load`.

    Returns:
        the data, and the settings

    Raises:
        DataError: the data cannot be used.
    """
    try:
        needed: tuple[Suggestion, ...] = ()
        source = read(config.data, say)
    except UndecidedError as why:
        needed = (why.suggestion,)
        source = read(_with(config.data, needed), say)
    suggested = (*needed, *source.suggestions(config.data))
    chosen = [Suggestion(f"data.{each.key}", each.value, each.reason) for each in suggested]
    data = source.split(_with(config.data, suggested), config.seed)
    for remark in source.remarks:
        say(remark)
    suited = len(chosen)
    if minutes is not None:
        chosen += [
            Suggestion("search.generations", None, "as many as the minutes admit"),
            Suggestion("search.budget.minutes", minutes, "asked for"),
        ]
        if minutes < _SHORT:
            chosen.append(Suggestion("search.population", 8, "a short search trains few"))
    reason = "asked for"
    if latent is None and "max_latent" in config.model.model_fields_set:
        latent = config.model.max_latent
    if latent is None:
        latent, reason = _knee(data)
    chosen += [
        Suggestion("model.min_latent", latent, reason),
        Suggestion("model.max_latent", latent, reason),
    ]
    effort = _Effort.of(data, latent, minutes or _MINUTES)
    chosen += [*_space(config, data, latent, effort), *_training(data, effort)]
    free = [each for each in chosen[suited:] if not _is_set(config, each.key)]
    return data, (*chosen[:suited], *free)


def _with(config: DataConfig, suggested: Iterable[Suggestion]) -> DataConfig:
    return DataConfig.model_validate(
        config.model_dump() | {each.key: each.value for each in suggested}
    )


def _is_set(config: Config, key: str) -> bool:
    """Tell whether a configuration sets a setting, or another that decides on it, itself."""
    *sections, name = key.split(".")
    place: Any = config
    for section in sections:
        place = getattr(place, section)
    return not place.model_fields_set.isdisjoint(_DECIDED_BY.get(name, {name}))


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
            return cls(_STEPS_OF_ROWS, _REFIT_STEPS)
        trainings = _TRAININGS * math.sqrt(minutes / _MINUTES)
        time = math.sqrt(60 * minutes * _RATE / trainings / _COST)
        size = math.sqrt(data.train[0].size / _PIXELS)
        steps = int(np.clip(_STEPS * time / size, _FEWEST_STEPS, _STEPS))
        least = (_FLOPS_OF_NUMBER + 6 * latent) * data.train[0].size
        flops = max(_LARGEST * _FLOPS * time * size, least)
        refit_steps = int(np.clip(_REFIT_STEPS / size, 10 * _FEWEST_STEPS, _REFIT_STEPS))
        return cls(steps, refit_steps, int(round(flops, -5)))


def _space(config: Config, data: Dataset, latent: int, effort: _Effort) -> list[Suggestion]:
    """Return what suits the data in the search space."""
    chosen = []
    numbers = data.train[0].size
    least = 2 * _LINEAR_SHARE * latent * numbers
    limited = "max_parameters" in config.model.model_fields_set
    most = config.model.max_parameters
    if why_no_linear_path(config, data) is None and not (limited and most and most < least):
        chosen.append(
            Suggestion(
                "model.linear", ["pca", "none"], "from PCA, or from nothing: either may win"
            )
        )
        if least > _PARAMETERS:
            chosen.append(
                Suggestion("model.max_parameters", least, "the linear path has half of them")
            )
    if len(data.input_shape) == 1:
        chosen.append(
            Suggestion("model.activation", ["relu", "elu", "gelu"], "rows: each may win")
        )
    else:
        chosen += [
            *(
                [Suggestion("model.layers", "both", "small pictures: dense layers are quick")]
                if numbers <= _SMALL
                else []
            ),
            Suggestion("model.max_flops", effort.flops, "keeps trainings short"),
            Suggestion("model.downsampling", ["max", "stride"], "either may win"),
            Suggestion("model.upsampling", ["upsample", "transposed"], "either may win"),
        ]
    chosen.append(Suggestion("model.sampling.dropout", 0.1, "a short training needs little"))
    chosen.append(Suggestion("search.seed_genomes", "textbook", "networks known to work"))
    return chosen


def _training(data: Dataset, effort: _Effort) -> list[Suggestion]:
    """Return what suits the data in the trainings of search and refit."""
    rows, validated = len(data.train), len(data.validation)
    batch = 16 if rows < _SMALL_BATCH else 32
    searched = min(rows, effort.steps * batch // _EPOCHS)
    of_rows = len(data.input_shape) == 1
    chosen = []
    if searched < rows:
        reduced = {"train": searched, "validation": min(_VALIDATED, validated)}
        chosen += [
            Suggestion(f"data.reduce.{key}", value, f"of {count(whole)}: enough to rank")
            for (key, value), whole in zip(reduced.items(), (rows, validated), strict=True)
        ]
    for section, items, steps, least, most in (
        ("training", searched, effort.steps, _EPOCHS, _MOST_SEARCH_EPOCHS),
        ("refit", rows, effort.refit_steps, _REFIT_EPOCHS, _MOST_REFIT_EPOCHS),
    ):
        epochs = int(np.clip(round(steps * batch / items), least, most))
        worth = f"{count(epochs * -(-items // batch))} steps of {batch} items"
        chosen += [
            Suggestion(f"{section}.epochs", epochs, worth),
            Suggestion(f"{section}.batch_size", batch, f"{count(rows)} training items"),
        ]
        recipe = {
            "optimizer": "adamw" if of_rows else "muon",
            "learning_rate": _LEARNING_RATE,
            "weight_decay": _DECAY_OF_ROWS if of_rows else _decay(-(-items // batch)),
        }
        for key, value in recipe.items():
            chosen.append(Suggestion(f"{section}.{key}", value, "measured on several sets"))
    chosen.append(Suggestion("training.schedule", "cosine", "what was learned is kept"))
    if of_rows:
        chosen.append(Suggestion("training.fitness", "best", "rows: the last epoch may overfit"))
    elif has_bfloat16(TensorFlow(None), cpu_flags()):
        chosen += [
            Suggestion(f"{section}.precision", "bfloat16", "this processor has it: faster")
            for section in ("training", "refit")
        ]
    return chosen


def _decay(steps: int) -> float:
    """Return the weight decay of pictures where an epoch has so many steps, with two digits.

    Decay works over a number of steps, 1 / (rate x decay), that should grow with the epoch (Wang
    and Aitchison, "How to set AdamW's weight decay as you scale model and dataset size", 2024).
    """
    decay = 1 / (_FORGOTTEN * steps * _LEARNING_RATE)
    return float(f"{min(decay, _MOST_DECAY):.2g}")
