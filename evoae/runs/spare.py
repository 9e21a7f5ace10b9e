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

from evoae.evaluation import TrainingKey

# The trainings that a generation, or a later one, asked for.
_ASKED = (
    "SELECT number FROM training JOIN candidate USING (id) "
    "WHERE coalesce(training.generation, candidate.generation) >= ?"
)


def move(connection: sqlite3.Connection, failed: Collection[TrainingKey], columns: str) -> int:
    """Set aside all trainings from the first generation that asked for a failed one on.

    Args:
        connection: to the run's database, in a transaction.
        failed: keys of those that are forgotten instead; one at least.
        columns: of the table `training` that are kept; its id and its repeat come first.

    Returns:
        the number of that generation.
    """
    first = min(_generation_of(connection, key) for key in failed)
    rows = connection.execute(
        f"SELECT {columns} FROM training WHERE number IN ({_ASKED})", (first,)
    )
    kept = [(TrainingKey(*row[:2]), json.dumps(row)) for row in rows]
    connection.executemany(
        "INSERT OR REPLACE INTO spare VALUES (?, ?)",
        [(str(key), row) for key, row in kept if key not in failed],
    )
    for table in ("hall_of_fame", "population"):
        connection.execute(f"DELETE FROM {table} WHERE generation >= ?", (first,))
    connection.execute("DELETE FROM generation WHERE number >= ?", (first,))
    connection.execute(f"DELETE FROM training WHERE number IN ({_ASKED})", (first,))
    connection.execute(  # what came of a candidate after the search stays, and so does it
        "DELETE FROM candidate WHERE generation >= ? AND id NOT IN (SELECT id FROM result)",
        (first,),
    )
    return first


def _generation_of(connection: sqlite3.Connection, key: TrainingKey) -> int:
    """Return the generation that asked for a recorded training."""
    ((generation,),) = connection.execute(
        "SELECT coalesce(training.generation, candidate.generation) "
        "FROM training JOIN candidate USING (id) WHERE id = ? AND repeat = ?",
        (key.candidate, key.repeat),
    ).fetchall()
    return int(generation)
