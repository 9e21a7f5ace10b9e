"""Files of a run folder: written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evoae.errors import DiskFullError, RunError, is_disk_full

MODELS = "models"
REFIT = "refit"  # the folder of refitted models, and the kind of their results
PENDING = "pending"
_SPACE = "free some space, then go on with 'evoae resume'; what was finished is kept"
_RIGHTS = "check the folder's permissions, or choose another one with --run"
_PLACE = "something else stands in its place: move that away"
_NEXT_STEP = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.EISDIR: _PLACE,
    errno.ENOTDIR: _PLACE,
}


@contextmanager
def spoken(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into a sentence about `path`.

    Raises:
        DiskFullError: there is no space left.
        RunError: anything else that the system says.
    """
    try:
        yield
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        if is_disk_full(error):
            raise DiskFullError(str(path), said, _SPACE) from error
        raise RunError(str(path), said, _NEXT_STEP.get(error.errno or 0, "")) from error


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a name beside `path`, of the same suffix, to be written to; then give it that name.

    A reader of `path` sees the old bytes or the new, never a part; if the block fails, the old.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as why:
        if why.filename == str(temporary):  # a name that nobody but us has heard of
            why.filename = str(path)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: a reader sees the old bytes or the new, never a part."""
    with replacing(path) as temporary, temporary.open("xb") as file:  # not NamedTemporaryFile,
        file.write(data)  # which shuts others out


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` as durable as the files behind them."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def model_path(run: Path, candidate_id: str) -> Path:
    """Return where the model of a hall-of-fame member lies."""
    return run / MODELS / f"{candidate_id}.keras"


def pending_path(run: Path, candidate_id: str) -> Path:
    """Return where a training leaves its model until its generation ends."""
    return run / MODELS / PENDING / f"{candidate_id}.keras"


def refit_path(run: Path, candidate_id: str) -> Path:
    """Return where the model of a refitted candidate lies."""
    return run / REFIT / f"{candidate_id}.keras"


def promote(run: Path, hall_of_fame: Collection[str], undecided: Collection[str] = ()) -> None:
    """Keep the models of `hall_of_fame`, remove all others; safe to repeat after a crash.

    Args:
        run: the run folder.
        hall_of_fame: of the newest recorded generation. With an older one, as a replay passes it
            again, models would be lost that no training makes anew: see `Store.keep_models`.
        undecided: candidates of a generation that is not over; their pending models stay.

    Raises:
        RunError: the folder cannot be written.
    """
    models, waiting = run / MODELS, run / MODELS / PENDING
    with spoken(models):
        waiting.mkdir(parents=True, exist_ok=True)
        for candidate_id in hall_of_fame:
            pending = pending_path(run, candidate_id)
            if pending.exists():
                pending.replace(model_path(run, candidate_id))
        sync_folder(models)
        for file in waiting.iterdir():
            if not any(candidate_id in file.name for candidate_id in undecided):
                file.unlink()
        for file in models.iterdir():
            if file.is_file() and not (file.suffix == ".keras" and file.stem in hall_of_fame):
                file.unlink()


def disk_bytes(run: Path) -> int:
    """Return the size of all files below `run`; one that vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(run):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(folder) / name).lstat().st_size
    return total
