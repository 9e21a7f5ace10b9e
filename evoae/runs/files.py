"""Files of a run folder: written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from tempfile import NamedTemporaryFile

MODELS = "models"
PENDING = "pending"


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path`: a reader sees the old bytes or the new, never a part."""
    temporary = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


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


def promote(run: Path, hall_of_fame: Collection[str]) -> None:
    """Keep the models of `hall_of_fame`, remove all others; safe to repeat after a crash.

    Called when a generation is recorded: by then every pending model's fate is decided.
    """
    for candidate_id in hall_of_fame:
        pending = pending_path(run, candidate_id)
        if pending.exists():
            pending.replace(model_path(run, candidate_id))
    sync_folder(run / MODELS)
    for folder in (run / MODELS, run / MODELS / PENDING):
        for file in folder.iterdir():
            if file.is_file() and not (file.suffix == ".keras" and file.stem in hall_of_fame):
                file.unlink()
