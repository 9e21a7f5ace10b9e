"""Long trainings, followed epoch by epoch while they run elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from evoae.evaluation import Task, TrainingKey
from evoae.formatting import figure
from evoae.runs.refitting import Curve, RefitProgress, progress, read_losses

Loss = Literal["validation", "training"]
Show = Callable[[RefitProgress], None]

_EVERY = 10.0  # seconds between two lines at least
_OFTEN = 0.5  # between two drawings of a line
_KEYS: dict[Loss, str] = {"validation": "validation", "training": "train"}  # of a curve's lines


@contextmanager
def followed(
    tasks: Sequence[Task],
    say: Callable[[str], None],
    loss: Loss = "validation",
    show: Show | None = None,
) -> Iterator[Callable[[TrainingKey], None]]:
    """While the block waits for `tasks`, say now and then how far they are.

    Args:
        tasks: with a `curve` each.
        say: hears one line for all trainings under way, at most every ten seconds.
        loss: the one to tell.
        show: draws how far they are, twice a second, in place of what `say` would hear.

    Yields:
        what is to be called with the key of each training that is over.
    """
    over, began = threading.Event(), time.monotonic()
    finished: set[TrainingKey] = set()

    def tell() -> None:
        last = ""
        while not over.wait(_EVERY):
            seconds = time.monotonic() - began
            now = " · ".join(filter(None, (_standing(task, loss, seconds) for task in tasks)))
            if now not in ("", last):
                say(last := now)

    def draw() -> None:
        assert show is not None
        first: tuple[float, float] | None = None  # without what the workers take to start
        while not over.wait(_OFTEN):
            now = time.monotonic()
            seconds, before = (0.0, 0.0) if first is None else (now - first[0], first[1])
            over_already = [_curve(task) for task in tasks if task.key in finished]
            left = [_curve(task) for task in tasks if task.key not in finished]
            of = _KEYS[loss]
            reached = progress(left, over_already, of=of, seconds=seconds, before=before)
            if first is None and reached.share > 0:
                first = now, reached.share
            show(reached)

    thread = threading.Thread(target=tell if show is None else draw, daemon=True)
    thread.start()
    try:
        yield finished.add
    finally:
        over.set()
        thread.join()


def _curve(task: Task) -> Curve:
    assert task.curve is not None
    return Curve(task.curve, task.training.epochs)


def _standing(task: Task, loss: Loss, seconds: float) -> str:
    """Say how far a training is; nothing before its first epoch, nor after its last one."""
    losses = read_losses(_curve(task).path, _KEYS[loss])
    if not losses or len(losses) >= task.training.epochs:
        return ""
    return (
        f"{task.id[:6]} seed {task.key.repeat}: epoch {len(losses)} of {task.training.epochs}, "
        f"{loss} {figure(losses[-1], 4)} (best {figure(min(losses), 4)}), {seconds:.0f} s"
    )
