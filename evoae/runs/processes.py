"""Memory that the driver of a run and its workers use."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def memory_of(pid: int) -> int | None:
    """Return the bytes of main memory that a process and those it started take together.

    On Linux what several of them share counts once; elsewhere as often as it is shared.

    Args:
        pid: of the driver of a search.

    Returns:
        None if there is no such process, or it is not ours to look at.
    """
    import psutil

    total = 0
    try:
        driver = psutil.Process(pid)
        total += _own(driver)
        for worker in driver.children(recursive=True):
            with suppress(psutil.Error):  # it has ended meanwhile
                total += _own(worker)
    except psutil.Error:
        return None
    return total


def _own(process: psutil.Process) -> int:
    import psutil

    with suppress(psutil.AccessDenied):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    return int(process.memory_info().rss)
