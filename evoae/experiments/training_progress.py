"""Long trainings, followed epoch by epoch while they run elsewhere."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from evoae.evaluation import Task
from evoae.formatting import figure

Loss = Literal["validation", "training"]

_EVERY = 10.0  # seconds between two lines at least
_KEYS: dict[Loss, str] = {"validation": "validation", "training": "train"}  # of a curve's lines


@contextmanager
def followed(
    tasks: Sequence[Task], say: Callable[[str], None], loss: Loss = "validation"
) -> Iterator[None]:
    """While the block waits for `tasks`, say now and then how far they are.

    Args:
        tasks: with a `curve` each.
        say: hears one line for all trainings under way, at most every ten seconds.
        loss: the one to tell.
    """
    over, began = threading.Event(), time.monotonic()

    def follow() -> None:
        last = ""
        while not over.wait(_EVERY):
            seconds = time.monotonic() - began
            now = " · ".join(filter(None, (_standing(task, loss, seconds) for task in tasks)))
            if now not in ("", last):
                say(last := now)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _standing(task: Task, loss: Loss, seconds: float) -> str:
    """Say how far a training is; nothing before its first epoch, nor after its last one."""
    assert task.curve is not None
    if not task.curve.is_file():
        return ""
    whole, _, _ = task.curve.read_text(encoding="utf-8").rpartition("\n")  # not a line half there
    losses = [json.loads(line)[_KEYS[loss]] for line in whole.splitlines()]
    if not losses or len(losses) >= task.training.epochs:
        return ""
    return (
        f"{task.id[:6]} seed {task.key.repeat}: epoch {len(losses)} of {task.training.epochs}, "
        f"{loss} {figure(losses[-1], 4)} (best {figure(min(losses), 4)}), {seconds:.0f} s"
    )
