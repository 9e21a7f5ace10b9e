"""Which GPUs a search may use, and one worker pinned to each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evoae.execution.probe import ask_tensorflow

VISIBLE = "CUDA_VISIBLE_DEVICES"
_QUERY = "--query-gpu=index,name,memory.total,memory.free"
_SMI = ("nvidia-smi", _QUERY, "--format=csv,noheader,nounits")
_SMI_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card that NVIDIA's driver knows.

    Attributes:
        index: among the machine's cards.
        memory_total, memory_free: bytes; None if the driver does not tell.
    """

    index: str
    name: str
    memory_total: int | None
    memory_free: int | None


def installed_gpus() -> tuple[Gpu, ...]:
    """Return the machine's NVIDIA cards, as `nvidia-smi` lists them; none if it cannot."""
    try:
        done = subprocess.run(
            _SMI, capture_output=True, text=True, timeout=_SMI_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no driver, or one out of order: no GPU
        return ()
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    return tuple(
        Gpu(row[0], row[1], _mebibytes(row[2]), _mebibytes(row[3]))
        for row in rows
        if len(row) == 4
    )


def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them.

    Where that variable is set, its word counts; as for CUDA, whatever follows a -1 is invisible.
    """
    told = os.environ.get(VISIBLE)
    if told is None:
        return tuple(gpu.index for gpu in installed_gpus())
    names = [name.strip() for name in told.split(",")]
    ends = [place for place, name in enumerate(names) if name in ("", "-1")]
    return tuple(names[: ends[0]] if ends else names)


def usable_gpus() -> tuple[str, ...]:
    """Return the visible GPUs that TensorFlow can use; asks it, in a process of its own, if any.

    A card without TensorFlow's CUDA packages is none: its search runs on all cores instead.
    """
    gpus = visible_gpus()
    return gpus[: len(ask_tensorflow().gpus)] if gpus else ()


def environments(gpus: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    """Return the variables that pin the k-th worker (modulo their number) to the k-th GPU."""
    return tuple({VISIBLE: gpu} for gpu in gpus) or ({},)


def _mebibytes(cell: str) -> int | None:
    return int(cell) * 2**20 if cell.isdecimal() else None
