"""The executor that a configuration asks for."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

from evoae.config.schema import ExecutionConfig
from evoae.errors import SearchError
from evoae.execution.executor import AbstractExecutor
from evoae.execution.gpus import environments, usable_gpus
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from evoae.execution.machine import usable_cores
from evoae.training.setup import prepare_worker
from evoae.training.train import train


def executor_for(execution: ExecutionConfig) -> AbstractExecutor:
    """Return the executor that `execution` asks for, of real trainings.

    Raises:
        SearchError: see `check_startable`.
    """
    check_startable(execution)
    if execution.kind == "inline":
        return InlineExecutor(train)
    return LocalExecutor(
        workers_for(execution),
        train=train,
        prepare=prepare_worker,
        recycle_after=execution.recycle_after,
        environments=environments(usable_gpus()),
    )


def check_startable(execution: ExecutionConfig) -> None:
    """Refuse worker processes where none can start, before anything is written.

    Raises:
        SearchError: this process may have none, or they could not read the program again.
    """
    if execution.kind == "inline":
        return
    step = "set execution.kind: inline, which trains in this process"
    if multiprocessing.current_process().daemon:
        said = "a daemon, as those of multiprocessing.Pool are, and may start no workers"
        raise SearchError("this process", said, step)
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    if program is not None and not Path(program).exists():
        said = f"read from {program.strip('<>')}, where worker processes cannot read it again"
        raise SearchError("this program", said, f"save it as a file, or {step}")


def workers_for(execution: ExecutionConfig) -> int:
    """Return how many trainings the executor that `execution` asks for runs at once."""
    if execution.kind == "inline":
        return 1
    if execution.workers == "auto":
        return len(usable_gpus()) or usable_cores()
    return execution.workers
