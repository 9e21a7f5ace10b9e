"""What a run records of the trainings of a refit, and what is read from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from evoae.evaluation import START, Evaluation, Outcome, so_far

_LATE = 0.8  # share of the epochs: a best one before it is followed by many that are no better


def training_record(settings: Mapping[str, Any], evaluation: Evaluation) -> dict[str, Any]:
    """Return what a run records of a training with `settings` after its search."""
    return {
        "settings": settings,
        "outcome": evaluation.outcome.value,
        "message": evaluation.message,
        "val_loss": evaluation.fitness,
        "train_history": list(evaluation.train_loss),
        "validation_history": list(evaluation.validation_loss),
        "metrics": dict(evaluation.metrics),
        "cost": evaluation.cost,
        "seconds": evaluation.seconds.total,
        "epoch_seconds": evaluation.seconds.epochs / max(1, len(evaluation.train_loss)),
    }


def judged_by(training: Mapping[str, Any]) -> list[float]:
    """Return the losses so far that one recorded training of a refit is judged by."""
    losses = so_far(training["validation_history"], "best", training["metrics"].get(START))
    return list(losses) or training["train_history"]


def best_epoch(training: Mapping[str, Any]) -> int:
    """Return the epoch whose weights a recorded training kept: 0 if none was better than PCA."""
    history = training["validation_history"]
    if not history:
        return len(training["train_history"])
    start = training["metrics"].get(START, math.inf)
    return 0 if start <= min(history) else 1 + history.index(min(history))


def is_late(best: int, epochs: int) -> bool:
    """Tell whether a training was best so near its end that more epochs may help."""
    return best >= _LATE * epochs


def is_scored(training: Mapping[str, Any]) -> bool:
    """Tell whether a recorded training earned a figure."""
    return bool(training["outcome"] == Outcome.SCORED.value)


def deviation_of(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the standard deviation of each figure; nothing for fewer than two."""
    if len(metrics) < 2:
        return {}
    return {name: statistics.stdev(each[name] for each in metrics) for name in metrics[0]}
