"""The tables of `run.sqlite`, and the migrations that made them.

`PRAGMA user_version` is the number of migrations a file has been through; a migration and its
number are one transaction. A migration that has been released is never edited.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from evoae.errors import RunError

APPLICATION_ID = 0x65766F61  # "evoa"
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        """CREATE TABLE candidate (
            id TEXT PRIMARY KEY, genome TEXT NOT NULL, tokens TEXT NOT NULL,
            generation INTEGER NOT NULL, position INTEGER NOT NULL,
            parents TEXT NOT NULL, operator TEXT NOT NULL) STRICT""",
        """CREATE TABLE evaluation (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE REFERENCES candidate,
            outcome TEXT NOT NULL, fitness REAL,
            train_loss TEXT NOT NULL, validation_loss TEXT NOT NULL,
            parameters INTEGER, latent INTEGER, flops INTEGER,
            build_seconds REAL NOT NULL, compile_seconds REAL NOT NULL,
            epochs_seconds REAL NOT NULL, total_seconds REAL NOT NULL,
            peak_memory INTEGER, message TEXT, traceback TEXT,
            finished TEXT NOT NULL) STRICT""",
        """CREATE TABLE generation (
            number INTEGER PRIMARY KEY, stats TEXT NOT NULL, seconds REAL NOT NULL) STRICT""",
        """CREATE TABLE population (
            generation INTEGER NOT NULL REFERENCES generation, position INTEGER NOT NULL,
            id TEXT NOT NULL REFERENCES candidate,
            PRIMARY KEY (generation, position)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE hall_of_fame (
            generation INTEGER NOT NULL REFERENCES generation, rank INTEGER NOT NULL,
            id TEXT NOT NULL REFERENCES candidate,
            PRIMARY KEY (generation, rank)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE result (
            id TEXT NOT NULL REFERENCES candidate, kind TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (id, kind)) STRICT, WITHOUT ROWID""",
    ),
)


def migrate(connection: sqlite3.Connection, place: Path) -> None:
    """Bring an open database (autocommit mode) to this version's schema.

    Raises:
        RunError: another program's database, or a newer version's.
    """
    number = check(connection, place)
    for target, statements in enumerate(MIGRATIONS[number:], start=number + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {target}")
        connection.execute("COMMIT")


def check(connection: sqlite3.Connection, place: Path) -> int:
    """Return the schema version of an open database.

    Raises:
        RunError: another program's database, or a newer version's.
    """
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (number or application):
        raise RunError(str(place), "not a run of evoae", "name the folder of a run")
    if number > len(MIGRATIONS):
        raise RunError(
            str(place),
            f"written by a newer evoae (schema {number}, this one knows {len(MIGRATIONS)})",
            "Upgrade evoae: pip install --upgrade evoae",
        )
    return int(number)
