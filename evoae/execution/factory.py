"""The executor that a configuration asks for."""

from __future__ import annotations

from evoae.config.schema import ExecutionConfig
from evoae.execution.executor import AbstractExecutor
from evoae.execution.gpus import environments, usable_gpus
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from evoae.execution.machine import usable_cores
from evoae.training.setup import prepare_worker
from evoae.training.train import train


def executor_for(execution: ExecutionConfig) -> AbstractExecutor:
    """Return the executor that `execution` asks for, of real trainings."""
    if execution.kind == "inline":
        return InlineExecutor(train)
    return LocalExecutor(
        workers_for(execution),
        train=train,
        prepare=prepare_worker,
        recycle_after=execution.recycle_after,
        environments=environments(usable_gpus()),
    )


def workers_for(execution: ExecutionConfig) -> int:
    """Return how many trainings the executor that `execution` asks for runs at once."""
    if execution.kind == "inline":
        return 1
    if execution.workers == "auto":
        return len(usable_gpus()) or usable_cores()
    return execution.workers
