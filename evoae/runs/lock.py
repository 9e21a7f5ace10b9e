"""One driver per run: an advisory lock that the kernel releases when its holder dies.

Both the file `lock` and the run folder itself are locked: the file says whose run it is and works
on file systems that lock no folders, the folder cannot be removed beneath a driver. The file
outlives the lock, so that a crash leaves nothing to clean up: whether a run is driven is told by
the lock, never by the file or the pid in it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path
from typing import final

from evoae.errors import RunError
from evoae.formatting import command
from evoae.runs.files import translate_os_errors

LOCK = "lock"
_PATIENCE = 0.2  # seconds; a reader that looks at the lock holds it for some microseconds
_PAUSE = 0.02
_NO_LOCKS = (errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.EOPNOTSUPP)  # NFS says of a folder


@final
class Lock:
    """The right to drive the run in folder `run`, held until `release` or the process' death.

    Raises:
        RunError: another driver holds it, or the folder cannot be written.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._held: list[int] = []  # descriptors; closing one is what releases its lock
        with translate_os_errors(run):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
            try:
                for name, how in ((LOCK, flags), (".", os.O_RDONLY)):
                    self._held.append(os.open(run / name, how, 0o666))
                    if not _seize(self._held[-1]):
                        look = command("status", run, "--watch")
                        raise RunError(
                            str(run),
                            f"already running (pid {holder(run) or 'unknown'})",
                            f"Watch it with '{look}', or stop it first.",
                        )
                os.ftruncate(self._held[0], 0)
                os.pwrite(self._held[0], f"{os.getpid()}\n".encode(), 0)
            except BaseException:
                self._close()
                raise

    def release(self) -> None:
        """Let another driver have the run. Releasing twice does nothing."""
        if self._held:
            os.ftruncate(self._held[0], 0)
            self._close()

    def _close(self) -> None:
        while self._held:
            os.close(self._held.pop())


def holder(run: Path) -> int | None:
    """Return the pid of the run's driver: None if there is none, 0 if it cannot be told."""
    try:
        # Somebody may have removed the file, or put something else in its place; the folder tells.
        texts = [_text_of_locked(run / name) for name in (LOCK, ".")]
    except PermissionError:
        return 0
    held = [text for text in texts if text is not None]
    if not held:
        return None
    return next((int(text) for text in held if text.isdigit()), 0)


def _text_of_locked(path: Path) -> bytes | None:
    """Return what a locked file says, b"" of a folder; None if nobody holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return b"" if path.is_dir() else os.pread(descriptor, 32, 0).strip()
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    finally:
        os.close(descriptor)
    return None


def _seize(descriptor: int) -> bool:
    """Take a lock, waiting out readers that look at it; False if a driver holds it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return True
            raise
        else:
            return True
