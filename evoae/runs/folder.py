"""Making a run folder, and finding one."""

from __future__ import annotations

import errno
import itertools
import re
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from evoae.config.load import dump_config
from evoae.config.schema import Config
from evoae.errors import RunError
from evoae.formatting import command
from evoae.runs.files import MODELS, PENDING, REFIT, sync_folder, translate_os_errors, write_whole
from evoae.runs.metadata import RunMetadata
from evoae.runs.store import DATABASE, Store

RUNS = Path("runs")
CONFIG = "config.yaml"
_KEPT = "before-retry"


def create(folder: Path, config: Config, metadata: RunMetadata) -> None:
    """Make a run folder, whole or not at all.

    Args:
        folder: must not exist, or be empty.
        config: the resolved configuration.
        metadata: what the run knows of itself; `generations` is set as configured.

    Raises:
        RunError: the folder exists, or cannot be made there.
    """
    check_free(folder)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    with translate_os_errors(folder):
        try:
            (draft / MODELS / PENDING).mkdir(parents=True)
            write_whole(draft / CONFIG, dump_config(config).encode())
            with Store.make(draft) as store:
                store.begin(replace(metadata, generations=config.search.generations))
            sync_folder(draft)
            try:
                draft.rename(folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # somebody was faster
                    raise _taken(folder) from error
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)  # gone already if all went well
        sync_folder(folder.parent)


def keep_copy(store: Store) -> Path:
    """Copy a run as it stands, with its models, to a folder inside it.

    Args:
        store: of the run.

    Returns:
        the copy, `before-retry-N`: a run folder like any other.

    Raises:
        RunError: it cannot be written.
    """
    run = store.folder
    numbers = (run / f"{_KEPT}-{number}" for number in itertools.count(1))
    with translate_os_errors(run):
        for left in run.glob(f".{_KEPT}-*"):  # half written by a driver that was killed
            shutil.rmtree(left)
        copy = next(folder for folder in numbers if not folder.exists())
        draft = copy.with_name(f".{copy.name}")
        (draft / MODELS / PENDING).mkdir(parents=True)
        (draft / REFIT).mkdir()
        store.copy_to(draft / DATABASE)
        for name in (CONFIG, *(f"{folder}/*.keras" for folder in (MODELS, REFIT))):
            for file in run.glob(name):
                write_whole(draft / file.relative_to(run), file.read_bytes())
        sync_folder(draft)
        draft.rename(copy)
        sync_folder(run)
    return copy


def check_free(folder: Path) -> None:
    """Make sure that `create` may make a run here.

    Raises:
        RunError: the folder exists and is not empty, or has no usable name.
    """
    if not folder.name or not str(folder).isprintable():
        raise RunError(str(folder) or "--run", "no name for a folder", "choose another --run")
    with translate_os_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _taken(folder)


def locate(run: str | Path) -> Path:
    """Return the folder of a run, given its path or its name under `runs/`.

    Raises:
        RunError: there is no run.
    """
    path = Path(run)
    candidates = [path]
    if isinstance(run, str) and re.fullmatch(r"[\w.-]+", run) and set(run) != {"."}:
        candidates.append(RUNS / run)
    with translate_os_errors(path):  # a name may be too long to be looked for
        for candidate in candidates:
            if (candidate / DATABASE).is_file() and (candidate / CONFIG).is_file():
                return candidate
        something = str(run) and any(candidate.exists() for candidate in candidates)
    for candidate in candidates:
        if (candidate / CONFIG).is_file():
            raise RunError(
                str(run),
                f"not a run folder: {DATABASE}, the record of a run, is missing",
                "bring it back from a copy, or search anew",
            )
        if (candidate / DATABASE).is_file():
            raise RunError(str(run), f"its {CONFIG} is missing", "bring it back from a copy")
    if something:
        raise RunError(str(run), "not a run folder", "name one that 'evoae search' made")
    raise RunError(str(run) or "''", "no such run", "'ls runs' shows the ones here")


def next_folder(name: str) -> Path:
    """Return `runs/NAME-N` with the first N that is free."""
    name = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    numbers = (RUNS / f"{name}-{number}" for number in itertools.count(1))
    return next(folder for folder in numbers if not folder.exists())


def _taken(folder: Path) -> RunError:
    return RunError(
        str(folder),
        "exists already",
        f"choose another --run, or go on with that one:  {command('resume', folder)}",
    )
