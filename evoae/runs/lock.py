"""One driver per run.

The kernel holds the lock and releases it when its holder dies, however it dies; so a lock file
left behind is never in anybody's way.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from evoae.errors import RunError

LOCK = "lock"


class Lock:
    """The right to write to a run; held until `release`, or the end of this process.

    Raises:
        RunError: another process holds it.
    """

    def __init__(self, run: Path) -> None:
        self._file = os.open(run / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._file, 32, 0).decode() or "unknown"
            os.close(self._file)
            raise RunError(
                str(run),
                f"already running (pid {pid})",
                f"Watch it with 'evoae status {run}', or stop it first.",
            ) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the next driver in."""
        os.close(self._file)


def holder(run: Path) -> int | None:
    """Return the pid of the driver that holds the run now; None if nobody does."""
    try:
        file = os.open(run / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(file, 32, 0) or 0)
    finally:
        os.close(file)
    return None
