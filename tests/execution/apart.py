"""An executor whose worker sees no folder of its driver's, as one on another machine would not.

Everything goes through a pipe: to the worker a task without any path of the driver's and the bytes
of its data, back what it earned and the bytes of its model.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import AbstractExecutor, Train, attempt
from evoae.runs.files import write_whole

_NOWHERE = Path("/nowhere")


@dataclass(frozen=True)
class _Order:
    task: Task
    keeps: bool
    data: dict[str, bytes]


@dataclass(frozen=True)
class _Result:
    evaluation: Evaluation | Exception
    model: bytes | None


@final
class ApartExecutor(AbstractExecutor):
    """Runs trainings one after the other, far away."""

    def __init__(self, train: Train) -> None:
        self._connection, far_end = Pipe()
        self._under_way: deque[Task] = deque()
        threading.Thread(target=_serve, args=(far_end, train), daemon=True).start()

    @property
    def workers(self) -> int:
        return 1

    def start(self, task: Task) -> None:
        order = replace(task, data=_NOWHERE, keep=None, pictures=None, curve=None)
        files = [file for file in task.data.glob("*.npy") if task.data != Path()]
        data = {file.name: file.read_bytes() for file in files}
        self._connection.send(_Order(order, task.keep is not None, data))
        self._under_way.append(task)

    def wait(self) -> Evaluation:
        if not self._under_way:
            raise LookupError("no training is under way")
        result: _Result = self._connection.recv()
        task = self._under_way.popleft()
        if isinstance(result.evaluation, Exception):
            raise result.evaluation
        if result.model is not None:
            assert task.keep is not None
            write_whole(task.keep, result.model)
        return result.evaluation

    def close(self) -> None:
        self._under_way.clear()
        self._connection.close()


def _serve(connection: Connection, train: Train) -> None:
    try:
        while True:
            order: _Order = connection.recv()
            with TemporaryDirectory() as own:
                connection.send(_trained(order, train, Path(own)))
    except (EOFError, OSError):
        return  # the driver is done


def _trained(order: _Order, train: Train, folder: Path) -> _Result:
    for name, content in order.data.items():
        (folder / name).write_bytes(content)
    keep = folder / "model.keras"
    task = replace(order.task, data=folder, keep=keep if order.keeps else None)
    try:
        evaluation = attempt(train, task)
    except Exception as error:  # noqa: BLE001 - it is raised again in the driver
        return _Result(error, None)
    return _Result(evaluation, keep.read_bytes() if keep.is_file() else None)
