"""Trainings without TensorFlow whose losses follow from the candidate, some of which go wrong.

Workers import this module. Nothing of the product knows about it.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from evoae.evaluation import Evaluation, Outcome, Seconds, Task, cost, stopped_after
from evoae.models.plan import plan
from evoae.runs.files import write_whole
from evoae.runs.run import Run

PATIENCE = 60.0  # seconds after which a training waits for nobody
LEAK = 2**20  # bytes that every training leaves behind
TEMPTING = -1.0  # a loss that would win every comparison, in the curve of a failure
_FAULTS = ("diverge", "exceed memory", "hang", "abort", "be killed")
_left_behind: list[bytearray] = []


def fault_of(candidate_id: str) -> str | None:
    """Return what goes wrong with a candidate: with one in ten or so, by its id alone."""
    number = int(candidate_id[8:12], 16) % 50
    return _FAULTS[number] if number < len(_FAULTS) else None


def scored(task: Task) -> Evaluation:
    """A score, and a model file if one is asked for; the losses follow from the candidate."""
    fitness = 0.05 + int(task.id[:8], 16) / 2**32
    if task.key.repeat > 1:  # a further training, by its seed
        fitness *= 1 + task.seed % 1000 / 10_000
    epochs = task.training.epochs
    losses = tuple(fitness * (1 + left * _early(task.id, left)) for left in range(epochs))[::-1]
    stopped = stopped_after(losses, task.thresholds)
    losses = losses[:stopped]
    wanted = task.keep_below is None or fitness < task.keep_below
    if task.keep is not None and wanted and stopped is None:
        write_whole(task.keep, task.id.encode())
    size = plan(task.genome, task.defaults).size
    return Evaluation(
        task.key,
        Outcome.SCORED,
        losses[-1],
        tuple(2 * loss for loss in losses),
        losses,
        size.parameters,
        size.latent,
        size.flops,
        Seconds(total=0.001),
        peak_memory=psutil.Process().memory_info().rss,
        cost=cost(size.flops, task.images * len(losses)),
        raced=stopped is not None,
    )


def _early(candidate_id: str, left: int) -> float:
    """Return a number from 0 to 2 that differs with the epochs left, so that curves cross."""
    return int(candidate_id[16 + left % 16], 16) / 8


def leaking_and_faulty(task: Task) -> Evaluation:
    """What happens to networks that nobody has seen before; every one leaves something behind."""
    _left_behind.append(bytearray(b"x") * LEAK)
    match fault_of(task.id):
        case "diverge":
            return Evaluation(
                task.key, Outcome.DIVERGED, validation_loss=(TEMPTING,), message="no longer finite"
            )
        case "exceed memory":
            while True:
                _left_behind.append(bytearray(b"x") * 2**23)
                time.sleep(0.002)
        case "hang":
            while True:
                time.sleep(1)
        case "abort":
            os.abort()
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
    return scored(task)


class PulledPlugError(BaseException):
    """The end of a driver that no handler expects."""


def pulled_after(trainings: int) -> Callable[[Task], Evaluation]:
    """Return what scores so many trainings, then ends its driver."""
    left = trainings

    def train(task: Task) -> Evaluation:
        nonlocal left
        left -= 1
        if left < 0:
            raise PulledPlugError
        return scored(task)

    return train


def overtaken(candidate_id: str, run: Path, task: Task) -> Evaluation:
    """A score at any pace; that candidate's only once the run holds another one's."""
    deadline = time.monotonic() + PATIENCE
    while task.id == candidate_id and time.monotonic() < deadline:
        if Run.open(run).first_evaluations():
            break
        time.sleep(0.01)
    return at_any_pace(task)


def at_any_pace(task: Task) -> Evaluation:
    """A score after a time that nobody can foresee."""
    time.sleep(random.SystemRandom().uniform(0, 0.02))
    return scored(task)
