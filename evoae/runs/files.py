"""Files of a run folder: written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evoae.errors import DiskFullError, RunError, is_disk_full

MODELS = "models"
REFIT = "refit"  # the folder of refitted models, and the kind of their results
PENDING = "pending"
_FILES = ("run.sqlite", "run.sqlite-wal", "run.sqlite-shm", "lock", "log.jsonl", "config.yaml")
_FOLDERS = (MODELS, f"{MODELS}/{PENDING}", REFIT, "tensorboard", "random")
_SPACE = "free some space, then resume the run; what was finished is kept"
_RIGHTS = "check the folder's permissions, or choose another one with --run"
_PLACE = "something else stands in its place: move that away"
_NEXT_STEP = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _RIGHTS)
_NEXT_STEP |= dict.fromkeys((errno.EISDIR, errno.ENOTDIR), _PLACE)


@contextmanager
def translate_os_errors(path: Path) -> Iterator[None]:
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
        raise
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)  # gone already if all went well
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


def restored_path(run: Path, candidate_id: str) -> Path:
    """Return where a model that is trained again waits until it is compared with its record."""
    return run / MODELS / PENDING / f"{candidate_id}.restored.keras"


# What evoae names files in `models/`: a model, waiting or not, or one that is half written.
_MODEL = re.compile(r"(\.[0-9a-f]{8})?\.?[0-9a-f]{64}(\.restored)?(\.[0-9]+)?\.keras")


def check_places(run: Path) -> None:
    """Make sure that what evoae writes and deletes in a run folder lies in that folder.

    Raises:
        RunError: something else stands in the place of a folder or file of a run, such as a link.
    """
    for name in _FILES:
        _check_place(run / name, Path.is_file, "regular file")
    for name in _FOLDERS:
        _check_place(run / name, Path.is_dir, "folder")
    board = run / "tensorboard"
    with translate_os_errors(board):
        for folder in board.iterdir() if board.is_dir() else ():
            _check_place(folder, Path.is_dir, "folder")


def _check_place(path: Path, fits: Callable[[Path], bool], kind: str) -> None:
    """Refuse what stands at `path` if it is a link or does not fit; nothing there is fine."""
    if path.is_symlink():
        raise RunError(
            str(path),
            f"is a link to {path.readlink()}, and evoae writes inside the run folder alone",
            "put what it leads to in its place",
        )
    if os.path.lexists(path) and not fits(path):
        raise RunError(str(path), f"is no {kind}", "move away what stands in its place")


def promote(run: Path, hall_of_fame: Collection[str], undecided: Collection[str] = ()) -> None:
    """Keep the models of `hall_of_fame`, remove evoae's other ones; safe to repeat after a crash.

    Args:
        run: the run folder.
        hall_of_fame: of the newest recorded generation. With an older one, as a replay passes it
            again, models would be lost that no training makes anew: see `Store.keep_models`.
        undecided: candidates of a generation that is not over; their pending models stay.

    Raises:
        RunError: the folder cannot be written.
    """
    models, waiting = run / MODELS, run / MODELS / PENDING
    with translate_os_errors(models):
        waiting.mkdir(parents=True, exist_ok=True)
        for candidate_id in hall_of_fame:
            pending = pending_path(run, candidate_id)
            if pending.exists():
                pending.replace(model_path(run, candidate_id))
        sync_folder(models)
        for file in waiting.iterdir():
            if _is_ours(file) and not any(id in file.name for id in undecided):
                file.unlink()
        for file in models.iterdir():
            if _is_ours(file) and file.stem not in hall_of_fame:
                file.unlink()


def _is_ours(file: Path) -> bool:
    """Whether evoae made a file of `models/`; what people put there stays."""
    return _MODEL.fullmatch(file.name) is not None and not file.is_dir()


def disk_bytes(run: Path) -> int:
    """Return the size of all files below `run`; one that vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(run):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(folder) / name).lstat().st_size
    return total
