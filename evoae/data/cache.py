"""Folders of arrays that many processes write and read at once.

A folder appears by a rename when it is complete, so that whoever meets in the cache never sees a
part of one.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from evoae.data.progress import Say, silent
from evoae.errors import DataError, translate_disk_errors

_MOST_FOLDERS = 20
_MOST_BYTES = 8 * 2**30
_IN_USE = 24 * 3600.0  # seconds since its last use in which a folder is never dropped


def cache_root() -> Path:
    """Return EVOAE_CACHE, else evoae's folder in XDG_CACHE_HOME or ~/.cache."""
    own = os.environ.get("EVOAE_CACHE")
    if own:
        return Path(own).expanduser()
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "evoae"


def keep(
    folder: Path, holds: Callable[[], bool], write: Callable[[Path], None], say: Say = silent
) -> None:
    """Have `folder` complete in the cache, and drop what was not used for long beside it.

    Args:
        folder: in a folder of the cache for things of its kind.
        holds: whether `folder` is there and complete.
        write: writes its files into the folder that it is given.
        say: is told, in one line, when a damaged folder is put aside.

    Raises:
        DiskFullError: there is no space left.
        DataError: the cache cannot be written.
    """
    root = folder.parent
    step = "set EVOAE_CACHE to a folder that can be written and has room"
    with translate_disk_errors(DataError, root, "cannot be written", step):
        root.mkdir(parents=True, exist_ok=True)
        if not holds():
            _publish(folder, holds, write, say)
        with suppress(FileNotFoundError):  # another driver just puts one in a damaged one's place
            os.utime(folder)
        _prune(root, keep=folder)


def _publish(
    folder: Path, holds: Callable[[], bool], write: Callable[[Path], None], say: Say
) -> None:
    """Write beside `folder`, then rename; whoever comes second finds the work done.

    What is there is put away only after it was seen to be damaged: it may be another driver's that
    has just come.
    """
    with TemporaryDirectory(
        dir=folder.parent, prefix=".new-", ignore_cleanup_errors=True
    ) as temporary:
        staging = Path(temporary)  # gone already after the rename
        write(staging)
        for file in staging.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        while not _renamed(staging, folder):
            if holds():
                return
            with suppress(FileNotFoundError):
                folder.rename(staging / "damaged")
                say(
                    f"{folder}: a cached copy of the data was damaged; it is written anew. "
                    "Trainings that read it before may be wrong."
                )
        shutil.rmtree(folder / "damaged", ignore_errors=True)


def _renamed(staging: Path, folder: Path) -> bool:
    """Rename a folder, unless something is in its place."""
    try:
        staging.rename(folder)
    except OSError as why:
        if why.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    return True


def _prune(root: Path, keep: Path) -> None:
    """Drop the least recently used folders beyond the bounds, never one used within a day."""
    entries = []
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # another driver has just renamed or dropped it
            size = sum(file.stat().st_size for file in folder.glob("*.npy"))
            entries.append((folder.stat().st_mtime, size, folder))
    total = 0
    for count, (used, size, folder) in enumerate(sorted(entries, reverse=True), 1):
        total += size
        unfinished = folder.name.startswith(".new-")
        beyond = count > _MOST_FOLDERS or total > _MOST_BYTES or unfinished
        if beyond and folder != keep and time.time() - used > _IN_USE:
            shutil.rmtree(folder, ignore_errors=True)  # another driver may be faster
