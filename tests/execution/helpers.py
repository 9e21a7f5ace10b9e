from __future__ import annotations

import time
from collections.abc import Callable

from evoae.evaluation import Evaluation, Task
from evoae.execution.local import LocalExecutor

PATIENCE = 60.0  # seconds until a test gives up; none depends on how long things take


def until(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


def run(executor: LocalExecutor, *tasks: Task) -> dict[int, Evaluation]:
    """What becomes of `tasks`, by their number."""
    for each in tasks:
        executor.start(each)
    done = [executor.wait() for _ in tasks]
    return {int(evaluation.id, 16): evaluation for evaluation in done}
