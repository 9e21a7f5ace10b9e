"""How far a refit is, as the curves of its trainings tell while it is under way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evoae.formatting import duration, loss


@dataclass(frozen=True, slots=True)
class RefitProgress:
    """How far the trainings of a refit are.

    Attributes:
        finished: trainings that are over.
        trainings: of the refit.
        epoch: of the training that is furthest among those under way; 0 before its first one.
        epochs: that it has at most.
        loss: its lowest so far; None before the first epoch.
        of: the split that `loss` is of, in a word.
        share: of all epochs that are done, from 0 to 1.
        left: seconds, as expected; None before there is a pace.
    """

    finished: int
    trainings: int
    epoch: int
    epochs: int
    loss: float | None
    of: str
    share: float
    left: float | None

    def summary(self) -> dict[str, object]:
        """Return its JSON object in `status --json`."""
        return asdict(self)

    @property
    def in_words(self) -> str:
        """Say it in a line: 2 of 3 · epoch 84/120 · validation .1102 · about 40 s left."""
        parts = [f"{min(self.finished + 1, self.trainings)} of {self.trainings}"]
        if self.epoch:
            parts.append(f"epoch {self.epoch}/{self.epochs}")
        if self.loss is not None:
            parts.append(f"{self.of} {loss(self.loss)}")
        if self.left is not None:
            parts.append(f"about {_coarse(self.left)} left")
        return " · ".join(parts)


@dataclass(frozen=True, slots=True)
class Curve:
    """Where a training writes its learning curve.

    Attributes:
        path: of the file, a line of JSON an epoch.
        epochs: that it has at most.
    """

    path: Path
    epochs: int


def progress(
    left: Sequence[Curve],
    finished: Sequence[Curve],
    *,
    of: str,
    seconds: float,
    before: float = 0.0,
) -> RefitProgress:
    """Return how far trainings are.

    Args:
        left: those that are not over, in their order.
        finished: those that are.
        of: the split whose losses count, `validation` or `train`.
        seconds: that passed since the share `before` was done.
        before: see `seconds`.
    """
    losses = [read_losses(curve.path, of) for curve in left]
    done = sum(curve.epochs for curve in finished) + sum(map(len, losses))
    whole = sum(curve.epochs for curve in (*finished, *left))
    share = min(1.0, done / whole) if whole else 1.0
    furthest = max(range(len(left)), key=lambda i: len(losses[i]), default=None)
    reached = [] if furthest is None else losses[furthest]
    pace = (share - before) / seconds if seconds > 0 else 0.0
    return RefitProgress(
        finished=len(finished),
        trainings=len(finished) + len(left),
        epoch=len(reached),
        epochs=0 if furthest is None else left[furthest].epochs,
        loss=min(reached, default=None),
        of="validation" if of == "validation" else "training",
        share=share,
        left=(1 - share) / pace if pace > 0 else None,
    )


def read_losses(path: Path, of: str) -> list[float]:
    """Return one split's losses by epoch, as far as a training has written them."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:  # before its first epoch
        return []
    whole, _, _ = text.rpartition("\n")  # not a line half there
    rows: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
    return [float(row[of]) for row in rows]


def _coarse(seconds: float) -> str:
    """Word a forecast no finer than it deserves: 40 s, 3 min 30 s, 12 min."""
    unit = 5 if seconds < 60 else 30 if seconds < 600 else 60
    return duration(max(unit, unit * round(seconds / unit))).removesuffix(" 0 s")
