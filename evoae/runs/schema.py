"""The tables of `run.sqlite`.

Until the first release a database of another schema is refused; from then on it will be migrated.
"""

from __future__ import annotations

import contextlib
import sqlite3
from functools import cache
from pathlib import Path

from evoae.errors import RunError

APPLICATION_ID = 0x65766F61  # "evoa"
VERSION = 1
TABLES = (
    # What a run knows of itself: JSON by field, see `evoae.runs.metadata`.
    "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    """CREATE TABLE candidate (
        id TEXT PRIMARY KEY, genome TEXT NOT NULL, tokens TEXT NOT NULL,
        generation INTEGER NOT NULL CHECK (generation > 0),
        position INTEGER NOT NULL CHECK (position >= 0),
        parents TEXT NOT NULL, operator TEXT NOT NULL) STRICT""",
    # The trainings of candidates in the order of finishing; `repeat` is 1 for the first one of a
    # candidate, which the others need. `generation` asked for a repeat; for a first training it is
    # the candidate's. `cost` is its FLOPs; `metrics` its validation metrics by name; `source` the
    # run that it was reused from; `raced` 1 if racing stopped it early.
    """CREATE TABLE training (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL REFERENCES candidate,
        repeat INTEGER NOT NULL CHECK (repeat > 0), first INTEGER NOT NULL DEFAULT 1
        CHECK (first = 1), generation INTEGER CHECK (generation > 0),
        outcome TEXT NOT NULL, fitness REAL CHECK (abs(fitness) < 9e999),
        train_loss TEXT NOT NULL, validation_loss TEXT NOT NULL,
        parameters INTEGER CHECK (parameters > 0), latent INTEGER CHECK (latent > 0),
        flops INTEGER CHECK (flops >= 0),
        build_seconds REAL NOT NULL, compile_seconds REAL NOT NULL,
        epochs_seconds REAL NOT NULL,
        total_seconds REAL NOT NULL CHECK (total_seconds BETWEEN 0 AND 1e12),
        peak_memory INTEGER CHECK (peak_memory >= 0), message TEXT, traceback TEXT,
        metrics TEXT NOT NULL, cost INTEGER CHECK (cost >= 0), raced INTEGER NOT NULL,
        source TEXT, finished TEXT NOT NULL,
        CHECK ((outcome = 'scored') = (fitness IS NOT NULL)),
        CHECK ((repeat = 1) = (generation IS NULL)), UNIQUE (id, repeat),
        FOREIGN KEY (id, first) REFERENCES training (id, repeat)) STRICT""",
    """CREATE TABLE generation (
        number INTEGER PRIMARY KEY CHECK (number > 0), stats TEXT NOT NULL,
        seconds REAL NOT NULL, finished TEXT NOT NULL) STRICT""",
    """CREATE TABLE population (
        generation INTEGER NOT NULL REFERENCES generation, position INTEGER NOT NULL,
        id TEXT NOT NULL REFERENCES candidate,
        PRIMARY KEY (generation, position)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE hall_of_fame (
        generation INTEGER NOT NULL REFERENCES generation, position INTEGER NOT NULL,
        id TEXT NOT NULL, first INTEGER NOT NULL DEFAULT 1 CHECK (first = 1),
        FOREIGN KEY (id, first) REFERENCES training (id, repeat),
        PRIMARY KEY (generation, position)) STRICT, WITHOUT ROWID""",
    # What came of a candidate after the search: JSON by kind.
    """CREATE TABLE result (
        id TEXT NOT NULL REFERENCES candidate, kind TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (id, kind)) STRICT, WITHOUT ROWID""",
    # Trainings of generations that are searched again since an earlier failure was retried: JSON
    # by key. One that is proposed again is taken from here instead of trained.
    "CREATE TABLE spare (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)


def make(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database (autocommit mode), all or none."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # commits, or rolls back on an exception
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def check(connection: sqlite3.Connection, place: Path) -> None:
    """Refuse a database that this version cannot use, or whose content is damaged.

    Raises:
        RunError: another program's, of another version, or its tables are not those of a run.
        sqlite3.DatabaseError: its pages or rows are damaged.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise RunError(str(place), "not a run of evoae", "name the folder of a run")
    if version != VERSION:
        raise RunError(
            str(place),
            f"written by another version of evoae (schema {version}, this one reads {VERSION})",
            "read it with that version, or start a new run",
        )
    # A view in the place of a table might never end, and a trigger would change what is written.
    declared = _declared(connection)
    if not _expected() <= declared or any(kind == "trigger" for kind, _, _ in declared):
        raise sqlite3.DatabaseError("its tables are not those of a run")
    (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.DatabaseError("its pages contradict each other")


def _declared(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str | None]]:
    return frozenset(connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall())


@cache
def _expected() -> frozenset[tuple[str, str, str | None]]:
    """Return what SQLite itself makes of the statements above."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        make(connection)
        return _declared(connection)
