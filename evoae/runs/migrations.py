"""The schema of `run.sqlite`, as the list of steps that lead to it.

A step that has been released is never edited: a change is a further step. A step and the note that
it was taken (`user_version`) share one transaction.
"""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x45564F41  # "EVOA": tells our files from other SQLite databases

_V1 = (
    """CREATE TABLE run (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL  -- JSON
    )""",
    """CREATE TABLE session (  -- one per driver that worked on the run
        number INTEGER PRIMARY KEY,
        started TEXT NOT NULL,
        seconds REAL NOT NULL DEFAULT 0,
        workers INTEGER NOT NULL,
        pid INTEGER NOT NULL
    )""",
    """CREATE TABLE candidate (
        id TEXT PRIMARY KEY,
        genome TEXT NOT NULL,
        tokens TEXT NOT NULL,  -- JSON list of numbers
        generation INTEGER NOT NULL,
        position INTEGER NOT NULL,
        parents TEXT NOT NULL,  -- JSON list of ids
        operator TEXT NOT NULL
    )""",
    "CREATE INDEX candidate_order ON candidate (generation, position)",
    """CREATE TABLE evaluation (
        number INTEGER PRIMARY KEY,  -- the order of finishing
        id TEXT NOT NULL UNIQUE REFERENCES candidate (id),
        outcome TEXT NOT NULL,
        fitness REAL CHECK (abs(fitness) < 9e999),
        train_loss TEXT NOT NULL,  -- JSON list of numbers, as the next
        validation_loss TEXT NOT NULL,
        parameters INTEGER,
        latent INTEGER,
        flops INTEGER,
        build_seconds REAL NOT NULL,
        compile_seconds REAL NOT NULL,
        epochs_seconds REAL NOT NULL,
        total_seconds REAL NOT NULL,
        peak_memory INTEGER,
        message TEXT,
        traceback TEXT,
        CHECK ((outcome = 'scored') = (fitness IS NOT NULL))
    )""",
    """CREATE TABLE generation (
        number INTEGER PRIMARY KEY,
        stats TEXT NOT NULL,  -- JSON object
        seconds REAL NOT NULL
    )""",
    """CREATE TABLE population (
        generation INTEGER NOT NULL REFERENCES generation (number),
        position INTEGER NOT NULL,
        id TEXT NOT NULL REFERENCES candidate (id),
        PRIMARY KEY (generation, position)
    ) WITHOUT ROWID""",
    """CREATE TABLE hall_of_fame (
        generation INTEGER NOT NULL REFERENCES generation (number),
        position INTEGER NOT NULL,
        id TEXT NOT NULL REFERENCES evaluation (id),
        PRIMARY KEY (generation, position)
    ) WITHOUT ROWID""",
    """CREATE TABLE result (  -- figures measured after the search, such as a refit's test loss
        id TEXT NOT NULL REFERENCES candidate (id),
        name TEXT NOT NULL,
        value TEXT NOT NULL,  -- JSON
        PRIMARY KEY (id, name)
    ) WITHOUT ROWID""",
)
MIGRATIONS: tuple[tuple[str, ...], ...] = (_V1,)  # the k-th leads to version k, from 1


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version of an open database; 0 for an empty one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(
    connection: sqlite3.Connection, migrations: tuple[tuple[str, ...], ...] = MIGRATIONS
) -> None:
    """Bring the database up to the newest version, from whichever it has.

    Args:
        connection: in autocommit mode (`isolation_level=None`).
        migrations: statements of each step.
    """
    for version in range(version_of(connection) + 1, len(migrations) + 1):
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back on an exception
            for statement in migrations[version - 1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")
