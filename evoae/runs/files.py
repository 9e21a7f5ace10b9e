"""Files of a run folder: replaced whole or not at all, and spoken of in sentences."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from evoae.errors import RunError

CONFIG = "config.yaml"
DATABASE = "run.sqlite"
LOCK = "lock"
MODELS = "models"
_SUFFIX = ".keras"
_NEXT_STEP = {
    errno.ENOSPC: "free some space, then go on with 'evoae resume'; what was finished is kept",
    errno.EDQUOT: "free some space, then go on with 'evoae resume'; what was finished is kept",
    errno.EROFS: "choose a folder that can be written, with --run",
    errno.EACCES: "check the folder's permissions, or choose another one with --run",
    errno.EPERM: "check the folder's permissions, or choose another one with --run",
}


@contextlib.contextmanager
def spoken(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a RunError about `path`."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise RunError(str(path), said.lower(), _NEXT_STEP.get(error.errno or 0, "")) from error


def flush(path: Path) -> None:
    """Force a file's bytes, or a folder's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: a reader sees the old bytes or the new, never a part.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with spoken(path):
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush(path.parent)


def model_file(run: Path, identity: str) -> Path:
    """Where the model of a member of the hall of fame lies."""
    return run / MODELS / f"{identity}{_SUFFIX}"


def pending_model(run: Path, identity: str) -> Path:
    """Where a training saves its model until its generation ends."""
    return run / MODELS / "pending" / f"{identity}{_SUFFIX}"


def promote(run: Path, hall_of_fame: Collection[str], undecided: Collection[str] = ()) -> None:
    """Keep the models of the hall of fame, and only those.

    Moves the members' pending files to `models/`, then deletes what is left over: pending files of
    others (their temporary files, too) and models that left the hall of fame. Repeating it changes
    nothing, so an interrupted call is mended by the next one.

    Args:
        run: the run folder.
        hall_of_fame: ids of the newest finished generation.
        undecided: ids of candidates of an unfinished generation; their pending files stay.

    Raises:
        RunError: the folder cannot be written.
    """
    models = run / MODELS
    pending = models / "pending"
    with spoken(models):
        pending.mkdir(parents=True, exist_ok=True)
        for identity in hall_of_fame:
            trained = pending_model(run, identity)
            if trained.exists():
                flush(trained)
                trained.replace(model_file(run, identity))
        flush(models)
        for file in pending.iterdir():
            if not any(identity in file.name for identity in undecided):
                file.unlink(missing_ok=True)
        for file in models.glob(f"*{_SUFFIX}"):
            if file.stem not in hall_of_fame:
                file.unlink(missing_ok=True)


def disk_bytes(run: Path) -> int:
    """Bytes of all files below `run`; a file that vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(run):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(folder) / name).lstat().st_size
    return total
