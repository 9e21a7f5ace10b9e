"""One driver per run: an advisory lock that the kernel releases when its holder dies.

The file outlives the lock, so that a crash leaves nothing to clean up: whether a run is driven is
told by the lock, never by the file or the pid in it.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import final

from evoae.errors import RunError
from evoae.runs.files import spoken
from evoae.wording import command

LOCK = "lock"
_PATIENCE = 0.2  # seconds; a reader that looks at the lock holds it for some microseconds
_PAUSE = 0.02


@final
class Lock:
    """The right to drive the run in folder `run`, held until `release` or the process' death.

    Raises:
        RunError: another driver holds it, or the folder cannot be written.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        with spoken(run):
            self._descriptor = os.open(run / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
            if not _seize(self._descriptor):
                os.close(self._descriptor)
                raise RunError(
                    str(run),
                    f"already running (pid {holder(run) or 'unknown'})",
                    f"Watch it with '{command('status', run)}', or stop it first.",
                )
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another driver have the run. Releasing twice does nothing."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)  # closing is what releases a flock
            self._descriptor = -1


def holder(run: Path) -> int | None:
    """Return the pid of the run's driver: None if there is none, 0 if it cannot be told."""
    try:
        descriptor = os.open(run / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except PermissionError:
        return 0
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).strip()
            return int(text) if text.isdigit() else 0
        return None
    finally:
        os.close(descriptor)


def _seize(descriptor: int) -> bool:
    """Take the lock, waiting out readers that look at it; False if a driver holds it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        else:
            return True
