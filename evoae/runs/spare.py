"""Going back in a run: failed trainings are forgotten, and what followed from them set aside.

What a search proposes depends on all results before it. So when a failure is to be tried again,
the generations from the one that asked for it on are searched again, as if it had never failed.
Their other trainings lie in the table `spare` meanwhile: one that is proposed again is taken from
there instead of trained. What is not proposed again, its model included, stays in the copy that
`evoae.runs.folder.keep_copy` makes before.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from dataclasses import astuple
from typing import Any

from evoae.evaluation import TrainingKey

_OF_CANDIDATE = "SELECT id FROM candidate WHERE generation >= ?"


def generation_of(connection: sqlite3.Connection, key: TrainingKey) -> int:
    """Return the generation that asked for a recorded training.

    Args:
        connection: to the run's database.
        key: of the training.
    """
    values: tuple[str | int, ...] = (key.candidate,)
    if key.repeat == 1:
        sql = "SELECT generation FROM candidate WHERE id = ?"
    else:
        sql, values = "SELECT generation FROM repeat WHERE id = ? AND number = ?", astuple(key)
    ((generation,),) = connection.execute(sql, values).fetchall()
    return int(generation)


def move(connection: sqlite3.Connection, failed: Collection[TrainingKey], columns: str) -> int:
    """Set aside all trainings from the first generation that asked for a failed one on.

    Args:
        connection: to the run's database, in a transaction.
        failed: keys of those that are forgotten instead; one at least.
        columns: of the table `evaluation` that are kept, its id first.

    Returns:
        the number of that generation.
    """
    first = min(generation_of(connection, key) for key in failed)
    kept: list[tuple[TrainingKey, list[Any]]] = []
    for row in connection.execute(
        f"SELECT {columns} FROM evaluation WHERE id IN ({_OF_CANDIDATE})", (first,)
    ):
        kept.append((TrainingKey(row[0]), list(row)))
    for row in connection.execute("SELECT * FROM repeat WHERE generation >= ?", (first,)):
        kept.append((TrainingKey(*row[:2]), list(row)))
    connection.executemany(
        "INSERT OR REPLACE INTO spare VALUES (?, ?)",
        [(str(key), json.dumps(row)) for key, row in kept if key not in failed],
    )
    for table in ("hall_of_fame", "population"):
        connection.execute(f"DELETE FROM {table} WHERE generation >= ?", (first,))
    connection.execute("DELETE FROM generation WHERE number >= ?", (first,))
    connection.execute("DELETE FROM repeat WHERE generation >= ?", (first,))
    connection.execute(f"DELETE FROM evaluation WHERE id IN ({_OF_CANDIDATE})", (first,))
    connection.execute(  # what came of a candidate after the search stays, and so does it
        "DELETE FROM candidate WHERE generation >= ? AND id NOT IN (SELECT id FROM result)",
        (first,),
    )
    return first
