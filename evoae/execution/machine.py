"""What this machine offers to a search: cores, memory, processor features."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from evoae.runs.environment import cores, processor_says

# What TensorFlow's convolutions are fast with.
CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_NO_LIMIT = 2**60  # version 1 of cgroups says "no limit" by a number near 2^63


@dataclass(frozen=True, slots=True)
class Memory:
    """Main memory, in bytes.

    Attributes:
        total: of the machine.
        free: what new processes may take: available, and within the limit.
        limit: of this process' control group; None if there is none.
    """

    total: int
    free: int
    limit: int | None


def memory() -> Memory:
    """Return how much memory there is, and how much of it a search could take now."""
    import psutil

    machine = psutil.virtual_memory()
    free, lowest = machine.available, None
    for folder in _control_groups("memory"):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        if limit is not None and limit < _NO_LIMIT:
            used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes")
            free = min(free, max(0, limit - (used or 0) + _reclaimable(folder)))
            lowest = limit if lowest is None else min(limit, lowest)
    return Memory(machine.total, free, lowest)


def usable_cores() -> int:
    """Return how many cores this process may keep busy: its affinity, less a container's quota."""
    quotas = [quota for folder in _control_groups("cpu") if (quota := _quota(folder))]
    return max(1, min(cores(), *(math.ceil(quota) for quota in quotas), cores()))


def cpu_flags() -> dict[str, bool] | None:
    """Return which of `CPU_FLAGS` the processor has; None where the system does not tell."""
    flags = processor_says("flags")
    return None if flags is None else {flag: flag in flags.split() for flag in CPU_FLAGS}


def _control_groups(controller: str) -> Iterator[Path]:
    """Yield this process' control group and those above it, of either version of cgroups."""
    if sys.platform != "linux":
        return
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root = _CGROUPS
        elif controller in controllers.split(","):
            root = _CGROUPS / controller
        else:
            continue
        # A container may see its group's path from outside, and not the folder of that name.
        own = PurePosixPath(path.lstrip("/"))
        yield from (root / folder for folder in (own, *own.parents) if (root / folder).is_dir())


def _quota(folder: Path) -> float | None:
    """Return the cores that a control group may use; None for no limit."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        share, whole = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        return share / whole if share is not None and share > 0 and whole else None
    return None if quota == "max" else int(quota) / int(period)


def _reclaimable(folder: Path) -> int:
    """Return the bytes of a control group that are cached files, given up when needed."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    stat = dict(line.split() for line in lines)
    return int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))


def _number(file: Path) -> int | None:
    """Return the number in `file`; None if there is no such file, or it says `max`."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
