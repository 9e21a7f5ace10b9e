"""Trainings that go right or wrong at once, without TensorFlow. Workers import this module.

A task's `seed` is passed to its training as a number to do something with, `data` as a folder.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.errors import DataError
from evoae.evaluation import Evaluation, Outcome, Task
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome
from evoae.genome.network_defaults import NetworkDefaults

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(4), (Block(UpConv(16, 3, 3)),))


def task(
    number: int,
    *,
    data: Path = Path(),
    time_limit: float | None = None,
    memory_limit: int | None = None,
) -> Task:
    return Task(
        id=f"{number:064x}",
        genome=GENOME,
        defaults=NetworkDefaults((8, 8, 1)),
        data=data,
        objective=ReconstructionConfig(),
        training=TrainingConfig(time_limit=time_limit),
        seed=number,
        memory_limit=memory_limit,
    )


def answer(task: Task, fitness: float) -> Evaluation:
    return Evaluation(task.id, Outcome.SCORED, fitness)


def quick(task: Task) -> Evaluation:
    return answer(task, task.seed / 7)


def process_id(task: Task) -> Evaluation:
    return answer(task, os.getpid())


def hang(task: Task) -> Evaluation:
    if task.seed:
        return quick(task)
    while True:
        time.sleep(1)


def hang_from_the_start() -> None:
    time.sleep(600)


def report_and_sleep(task: Task) -> Evaluation:
    if not task.seed:
        return quick(task)
    (task.data / str(os.getpid())).touch()
    time.sleep(600)
    raise AssertionError


def report_and_wait(task: Task) -> Evaluation:
    """Leave a file with this process' number; go on when there is one named `go`."""
    if not task.seed:
        return quick(task)
    (task.data / str(os.getpid())).touch()
    while not (task.data / "go").exists():
        time.sleep(0.01)
    return quick(task)


def report_and_wait_from_the_start() -> None:
    report_and_wait(task(1, data=Path(os.environ["EVOAE_TEST_FOLDER"])))


def die(task: Task) -> Evaluation:
    """0: SIGKILL; 1: SIGABRT; 2: SIGSEGV; 3..: that exit code less 3; from 100 on: none."""
    if task.seed >= 100:
        return quick(task)
    if task.seed < 3:
        os.kill(os.getpid(), (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV)[task.seed])
    os._exit(task.seed - 3)


def die_the_first_time(task: Task) -> Evaluation:
    mark = task.data / task.id
    if mark.exists():
        return quick(task)
    mark.touch()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


_kept: list[bytearray] = []


def allocate(task: Task) -> Evaluation:
    """Take `seed` MiB for good, in steps."""
    for _ in range(task.seed):
        _kept.append(bytearray(os.urandom(1)) * 2**20)
        time.sleep(0.002)
    return quick(task)


def out_of_memory(task: Task) -> Evaluation:
    if task.seed:
        return process_id(task)
    raise MemoryError("cannot allocate 3 TiB")


class UntransportableError(Exception):
    def __init__(self, one: object, another: object) -> None:
        super().__init__("odd")


def fail(task: Task) -> Evaluation:
    """A fault of ours: 0 a ValueError, 1 a DataError, 2 an error that can't be sent."""
    match task.seed:
        case 0:
            raise ValueError("a bug of ours")
        case 1:
            raise DataError("digits", "gone", "put it back")
        case 2:
            raise UntransportableError(1, 2)
    return quick(task)


class _Unsavable:
    """A model for which the disk is full."""

    def save(self, _path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def disk_full(task: Task) -> Evaluation:
    from evoae.training.train import _save

    _save(_Unsavable(), task.data / "model.keras")
    raise AssertionError


def environment(task: Task) -> Evaluation:
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "CUDA_VISIBLE_DEVICES")
    told = " ".join(os.environ.get(name, "-") for name in names)
    time.sleep(0.3)  # so that the other worker gets the other task
    return Evaluation(task.id, Outcome.CRASHED, message=told)


def interrupts(task: Task) -> Evaluation:
    """Whether Ctrl-C and SIGTERM were blocked before anything of this process ran."""
    blocked = {signal.SIGINT, signal.SIGTERM} <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return answer(task, float(blocked))


def slow(task: Task) -> Evaluation:
    time.sleep(0.4)
    return quick(task)


def talkative(task: Task) -> Evaluation:
    os.write(1, b"from a library")
    return quick(task)


def cannot_prepare() -> None:
    raise ImportError("libcudart.so.12: cannot open shared object file")


def killed_while_preparing() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def no_data() -> None:
    raise DataError("digits", "gone", "put it back")
