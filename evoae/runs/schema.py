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
            outcome TEXT NOT NULL, fitness REAL CHECK (abs(fitness) < 9e999),
            train_loss TEXT NOT NULL, validation_loss TEXT NOT NULL,
            parameters INTEGER, latent INTEGER, flops INTEGER,
            build_seconds REAL NOT NULL, compile_seconds REAL NOT NULL,
            epochs_seconds REAL NOT NULL, total_seconds REAL NOT NULL,
            peak_memory INTEGER, message TEXT, traceback TEXT,
            finished TEXT NOT NULL,
            CHECK ((outcome = 'scored') = (fitness IS NOT NULL))) STRICT""",
        """CREATE TABLE generation (
            number INTEGER PRIMARY KEY, stats TEXT NOT NULL, seconds REAL NOT NULL) STRICT""",
        """CREATE TABLE population (
            generation INTEGER NOT NULL REFERENCES generation, position INTEGER NOT NULL,
            id TEXT NOT NULL REFERENCES candidate,
            PRIMARY KEY (generation, position)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE hall_of_fame (
            generation INTEGER NOT NULL REFERENCES generation, rank INTEGER NOT NULL,
            id TEXT NOT NULL REFERENCES evaluation (id),
            PRIMARY KEY (generation, rank)) STRICT, WITHOUT ROWID""",
        """CREATE TABLE result (
            id TEXT NOT NULL REFERENCES candidate, kind TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (id, kind)) STRICT, WITHOUT ROWID""",
    ),
    # The run that an evaluation was taken over from; NULL for one trained here.
    ("ALTER TABLE evaluation ADD COLUMN source TEXT",),
    # All validation figures by name, JSON; none for evaluations of older versions.
    ("ALTER TABLE evaluation ADD COLUMN figures TEXT NOT NULL DEFAULT '{}'",),
    (
        # FLOPs of the training; NULL for evaluations of older versions.
        "ALTER TABLE evaluation ADD COLUMN cost INTEGER",
        # Further trainings of a candidate, each with its own seed; `evaluation` has the first.
        """CREATE TABLE repeat (
            id TEXT NOT NULL REFERENCES evaluation (id), number INTEGER NOT NULL,
            outcome TEXT NOT NULL, fitness REAL CHECK (abs(fitness) < 9e999),
            cost INTEGER, seconds REAL NOT NULL, message TEXT, finished TEXT NOT NULL,
            CHECK ((outcome = 'scored') = (fitness IS NOT NULL)),
            PRIMARY KEY (id, number)) STRICT, WITHOUT ROWID""",
    ),
    # 1 for a training that racing stopped early.
    ("ALTER TABLE evaluation ADD COLUMN raced INTEGER NOT NULL DEFAULT 0",),
    # When a generation ended; NULL for those of older versions.
    ("ALTER TABLE generation ADD COLUMN finished TEXT",),
)


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open database; 0 for an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(
    connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] | None = None
) -> None:
    """Bring an open database (autocommit mode) to this version's schema, from any older one."""
    steps = MIGRATIONS if migrations is None else migrations
    for target, statements in enumerate(
        steps[version_of(connection) :], version_of(connection) + 1
    ):
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back on an exception
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {target}")


def check(connection: sqlite3.Connection, place: Path) -> None:
    """Refuse a database that this version cannot use, or whose pages are damaged.

    Raises:
        RunError: another program's, a newer version's, or damaged.
        sqlite3.DatabaseError: damaged beyond checking.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    if application != APPLICATION_ID or version < 1:
        raise RunError(str(place), "not a run of evoae", "name the folder of a run")
    if version > len(MIGRATIONS):
        raise RunError(
            str(place),
            f"written by a newer evoae (schema {version}, this one knows {len(MIGRATIONS)})",
            "Upgrade evoae: pip install --upgrade evoae",
        )
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok" or connection.execute("PRAGMA foreign_key_check").fetchone():
        raise sqlite3.DatabaseError("its pages contradict each other")
