"""Errors raised during a training become failed evaluations.

Deaths and timeouts of workers become some in `evoae.execution.local`.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import replace

from evoae.evaluation import Evaluation, Outcome, Task, cost

_NODE = re.compile(r"^\{\{.*?\}\} ")  # where in the graph, as TensorFlow begins its messages


class CandidateError(Exception):
    """What a candidate can do wrong: a result of the search, never shown as an error.

    Args:
        outcome: how its training ended.
        message: one line that says why.
        train_loss, validation_loss: one figure per epoch that it finished before.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        train_loss: tuple[float, ...] = (),
        validation_loss: tuple[float, ...] = (),
    ) -> None:
        super().__init__(outcome, message, train_loss, validation_loss)
        self.outcome, self.message = outcome, message
        self.train_loss, self.validation_loss = train_loss, validation_loss


def capture_failures(fit: Callable[[Task], Evaluation], task: Task) -> Evaluation:
    """Train `task`; what the candidate did wrong becomes an outcome, any other error ends the run.

    After `OUT_OF_MEMORY` the process is not to be trusted with another candidate.
    """
    from tensorflow.errors import ResourceExhaustedError

    try:
        return fit(task)
    except CandidateError as why:
        failure = Evaluation.failed(task, why.outcome, why.message, traceback.format_exc())
        if why.outcome is Outcome.DIVERGED:  # in the epoch after those that it finished
            seen = task.images * (len(why.train_loss) + 1)
            failure = replace(failure, cost=cost(task.flops, seen))
        return replace(failure, train_loss=why.train_loss, validation_loss=why.validation_loss)
    except (MemoryError, ResourceExhaustedError) as why:
        message = _NODE.sub("", str(why)).partition("\n")[0] or type(why).__name__
        return Evaluation.failed(task, Outcome.OUT_OF_MEMORY, message, traceback.format_exc())
