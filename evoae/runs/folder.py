"""Run folders: made whole or not at all, and found again by path or name."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from evoae.config.schema import Config
from evoae.errors import RunError
from evoae.runs.files import CONFIG, DATABASE, MODELS, flush, spoken, write_whole
from evoae.runs.store import Store, new_database

RUNS = Path("runs")
_MOST_CONFIG_BYTES = 2**20


def create(path: Path, config: Config, facts: Mapping[str, object]) -> Store:
    """Make the run folder `path` and open its store.

    The folder is built beside its place and renamed into it, so that a reader or a crash never
    leaves a part of one there.

    Args:
        path: must not exist, or be an empty folder.
        config: resolved; written to `config.yaml` once. Its generations become the target.
        facts: JSON values that say what program, machine and data the run was made with.

    Raises:
        RunError: something is there already, or the folder cannot be written.
    """
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    half_made = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with spoken(path):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise _taken(path)
        try:
            (half_made / MODELS / "pending").mkdir(parents=True)
            write_whole(half_made / CONFIG, text.encode())
            new_database(half_made / DATABASE, facts, config.search.generations)
            flush(half_made)
            half_made.rename(path)  # fails if another run took the place meanwhile
        except sqlite3.Error as error:
            raise RunError(str(path), f"cannot be written ({error})") from error
        except FileExistsError as error:
            raise _taken(path) from error
        finally:
            shutil.rmtree(half_made, ignore_errors=True)  # gone already if all went well
        flush(path.parent)
    return Store(path)


def locate(run: str | Path) -> Path:
    """Return the run folder that `run` means: its path, or its name under `runs/`.

    Raises:
        RunError: there is none, or it is no run folder.
    """
    given = Path(run)
    named = RUNS / given
    is_name = len(given.parts) == 1 and given.name not in ("", "..")
    with spoken(given):
        for folder in (given, named) if is_name else (given,):
            if (folder / DATABASE).is_file():
                return folder
        if given.is_dir() or (is_name and named.is_dir()):
            raise RunError(str(run), "not a run folder", f"it holds no {DATABASE}")
    raise RunError(str(run), "no such run", f"give a run's folder, or its name under {RUNS}/")


def read_config(path: Path) -> Config:
    """Return the configuration that the run in folder `path` was made with.

    Raises:
        RunError: `config.yaml` is missing, damaged, or of another version.
    """
    file = path / CONFIG
    with spoken(file):
        if file.stat().st_size > _MOST_CONFIG_BYTES:
            raise RunError(str(file), "too large for a configuration", "restore it from a copy")
        raw = file.read_bytes()
    try:
        return Config.model_validate(yaml.safe_load(raw))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(
            f"{file}: {place}", first["msg"].lower(), "restore the file, or use its evoae version"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(str(file), "not valid YAML", "restore it from a copy") from error


def _taken(path: Path) -> RunError:
    return RunError(
        str(path),
        "exists already",
        f"resume it with 'evoae resume {path}' or choose another --run",
    )
