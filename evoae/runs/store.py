"""The run's database: everything that a resume or a reader needs, each finished training at once.

The driver is the only writer. Every evaluation is its own transaction, every finished generation
is one; with write-ahead logging and `synchronous=FULL` a committed transaction survives a power
cut. Readers see the newest committed state and never block the driver.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, final

from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.runs.database import connect, damaged, open_to_read, open_to_write, told
from evoae.runs.files import DATABASE
from evoae.runs.migrations import migrate
from evoae.runs.records import Candidate, Generation, Progress

_Json = TypeVar("_Json")
_Types = tuple[Any, ...]  # what a row's values must be, for `isinstance`
_EVALUATION = (
    "id, outcome, fitness, train_loss, validation_loss, parameters, latent, flops, "
    "build_seconds, compile_seconds, epochs_seconds, total_seconds, peak_memory, message, traceback"
)
_EVALUATION_TYPES: _Types = (
    (str, str, float | None, str, str, *(int | None,) * 3, *(float,) * 4)
    + (int | None, str | None, str | None)
)
_CANDIDATE = "id, genome, tokens, generation, position, parents, operator"
_CANDIDATE_TYPES: _Types = (str, str, str, int, int, str, str)


@final
class Store:
    """The database of the run in folder `path`.

    Args:
        path: an existing run folder.
        read_only: open it as a reader does, beside a driver, in a folder that cannot be written.
            A reader of an older schema sees a migrated copy.

    Raises:
        RunError: not a run's database, damaged, or of a newer version; later, whenever the disk is
            full or fails.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._file = path / DATABASE
        self._session: tuple[int, float] | None = None  # its number, monotonic start
        self._connection = (open_to_read if read_only else open_to_write)(self._file)

    # -- what the driver writes ------------------------------------------------------------------

    def begin_session(self, workers: int) -> None:
        """Note that this process drives the run from now on, with so many workers."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO session (started, workers, pid) VALUES (?, ?, ?)",
                (started, workers, os.getpid()),
            )
        assert cursor.lastrowid is not None
        self._session = cursor.lastrowid, time.monotonic()

    def set_target(self, generations: int) -> None:
        """Ask for so many generations in all."""
        self._remember("target", generations)

    def add_candidate(self, candidate: Candidate) -> None:
        """Store a candidate; one that is known stays as it was first seen."""
        row = (
            candidate.id,
            candidate.genome,
            json.dumps(candidate.tokens),
            candidate.generation,
            candidate.position,
            json.dumps(candidate.parents),
            candidate.operator,
        )
        with self._transaction() as connection:
            connection.execute(
                f"INSERT INTO candidate ({_CANDIDATE}) VALUES ({_marks(row)}) "
                "ON CONFLICT (id) DO NOTHING",
                row,
            )

    def add_evaluation(self, evaluation: Evaluation) -> None:
        """Store what a known candidate earned, durably before this returns.

        Raises:
            ValueError: its candidate is unknown, it is stored already, or its fitness isn't finite.
        """
        row = (
            evaluation.id,
            evaluation.outcome.value,
            evaluation.fitness,
            json.dumps(evaluation.train_loss),
            json.dumps(evaluation.validation_loss),
            evaluation.parameters,
            evaluation.latent,
            evaluation.flops,
            *astuple(evaluation.seconds),
            evaluation.peak_memory,
            evaluation.message,
            evaluation.traceback,
        )
        try:
            with self._transaction() as connection:
                connection.execute(
                    f"INSERT INTO evaluation ({_EVALUATION}) VALUES ({_marks(row)})", row
                )
        except sqlite3.IntegrityError as error:
            raise ValueError(f"evaluation of {evaluation.id}: {error}") from error

    def finish_generation(self, generation: Generation) -> bool:
        """Store a finished generation, all of it or nothing.

        A replay finishes generations again: one that is stored with the same population and hall
        of fame stays as it is, its figures and seconds included.

        Returns:
            True if it is new, False if it was stored already.

        Raises:
            RunError: it is stored with another population or hall of fame.
            ValueError: the one before it isn't finished, or an id is unknown.
        """
        known = {stored.number: stored for stored in self.generations()}
        number = generation.number
        if number in known:
            self._same_history(known[number], generation)
            return False
        if number != len(known) + 1:
            raise ValueError(f"generation {number} after {len(known)} finished ones")
        try:
            with self._transaction() as connection:
                connection.execute(
                    "INSERT INTO generation (number, stats, seconds) VALUES (?, ?, ?)",
                    (number, json.dumps(dict(generation.stats)), generation.seconds),
                )
                for table, ids in (
                    ("population", generation.population),
                    ("hall_of_fame", generation.hall_of_fame),
                ):
                    connection.executemany(
                        f"INSERT INTO {table} (generation, position, id) VALUES (?, ?, ?)",
                        ((number, position, identity) for position, identity in enumerate(ids)),
                    )
        except sqlite3.IntegrityError as error:
            raise ValueError(f"generation {number}: {error}") from error
        return True

    def add_result(self, identity: str, name: str, value: object) -> None:
        """Store (or replace) a figure measured after the search, such as `test_loss`."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO result (id, name, value) VALUES (?, ?, ?)",
                (identity, name, json.dumps(value)),
            )

    # -- what anyone reads -----------------------------------------------------------------------

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of the block see one state, whatever the driver commits meanwhile."""
        with told(self._file):
            self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    def facts(self) -> Mapping[str, Any]:
        """What was noted about program, machine and data when the run was made."""
        return self._recall("facts", dict)

    def target(self) -> int:
        """Generations asked for."""
        return self._recall("target", int)

    def progress(self) -> Progress:
        """The driver's sessions so far."""
        rows = self._rows((str, float, int, int), "SELECT started, seconds, workers, pid FROM session ORDER BY number")
        if not rows:
            return Progress()
        return Progress(rows[0][0], sum(row[1] for row in rows), rows[-1][2], rows[-1][3])

    def candidate(self, identity: str) -> Candidate | None:
        """Return the candidate with this full id; None if unknown."""
        rows = self._rows(_CANDIDATE_TYPES, f"SELECT {_CANDIDATE} FROM candidate WHERE id = ?", identity)
        return self._candidate(rows[0]) if rows else None

    def candidates(self) -> tuple[Candidate, ...]:
        """Return all candidates by generation and position."""
        rows = self._rows(_CANDIDATE_TYPES, f"SELECT {_CANDIDATE} FROM candidate ORDER BY generation, position, id")
        return tuple(map(self._candidate, rows))

    def starting_with(self, prefix: str) -> tuple[str, ...]:
        """Return the ids that start with `prefix`, in order."""
        rows = self._rows(
            (str,), "SELECT id FROM candidate WHERE substr(id, 1, ?) = ? ORDER BY id", len(prefix), prefix
        )
        return tuple(row[0] for row in rows)

    def evaluation(self, identity: str) -> Evaluation | None:
        """Return what the candidate with this full id earned; None if it isn't decided."""
        rows = self._rows(_EVALUATION_TYPES, f"SELECT {_EVALUATION} FROM evaluation WHERE id = ?", identity)
        return self._evaluation(rows[0]) if rows else None

    def evaluations(self) -> tuple[Evaluation, ...]:
        """Return all evaluations in the order of finishing."""
        rows = self._rows(_EVALUATION_TYPES, f"SELECT {_EVALUATION} FROM evaluation ORDER BY number")
        return tuple(map(self._evaluation, rows))

    def undecided(self) -> tuple[str, ...]:
        """Return the ids of candidates that belong to no finished generation yet."""
        rows = self._rows(
            (str,), "SELECT id FROM candidate WHERE generation > (SELECT count(*) FROM generation)"
        )
        return tuple(row[0] for row in rows)

    def generations(self) -> tuple[Generation, ...]:
        """Return all finished generations in order."""
        members: dict[str, dict[int, list[str]]] = {"population": {}, "hall_of_fame": {}}
        for table, ids in members.items():
            for number, identity in self._rows(
                (int, str), f"SELECT generation, id FROM {table} ORDER BY generation, position"
            ):
                ids.setdefault(number, []).append(identity)
        return tuple(
            Generation(
                number,
                tuple(members["population"].get(number, ())),
                tuple(members["hall_of_fame"].get(number, ())),
                self._parsed(stats, dict),
                seconds,
            )
            for number, stats, seconds in self._rows(
                (int, str, float), "SELECT number, stats, seconds FROM generation ORDER BY number"
            )
        )

    def hall_of_fame(self) -> tuple[str, ...]:
        """Return the ids of the newest finished generation's hall of fame, the best first."""
        rows = self._rows(
            (str,), "SELECT id FROM hall_of_fame WHERE generation = (SELECT max(number) FROM generation) "
            "ORDER BY position"
        )
        return tuple(row[0] for row in rows)

    def results(self, identity: str) -> Mapping[str, Any]:
        """Return the figures measured after the search for the candidate with this full id."""
        rows = self._rows((str, str), "SELECT name, value FROM result WHERE id = ? ORDER BY name", identity)
        return {name: self._parsed(value, object) for name, value in rows}

    def close(self) -> None:
        """Close the database. Closing twice does nothing."""
        session, self._session = self._session, None
        try:
            if session is not None:
                with self._transaction() as connection:
                    _note_seconds(connection, session)
        finally:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._session = None  # a failing disk must not hide what went wrong first
        self.close()

    # -- speaking SQL ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one durable transaction, and note the session's seconds with it."""
        with told(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:  # commits, or rolls back on an exception
                yield self._connection
                if self._session is not None:
                    _note_seconds(self._connection, self._session)

    def _rows(self, types: _Types, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with told(self._file):
            rows = self._connection.execute(sql, values).fetchall()
        for row in rows:
            if not all(map(isinstance, row, types)):
                raise self._damaged("a value of the wrong type")
        return rows

    def _remember(self, key: str, value: object) -> None:
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO run (key, value) VALUES (?, ?)", (key, json.dumps(value))
            )

    def _recall(self, key: str, kind: type[_Json]) -> _Json:
        rows = self._rows((str,), "SELECT value FROM run WHERE key = ?", key)
        if not rows:
            raise self._damaged(f"no {key}")
        return self._parsed(rows[0][0], kind)

    # -- rows to records -------------------------------------------------------------------------

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        identity, genome, tokens, generation, position, parents, operator = row
        return Candidate(
            identity,
            genome,
            tuple(self._parsed(tokens, list)),
            generation,
            position,
            tuple(self._parsed(parents, list)),
            operator,
        )

    def _evaluation(self, row: tuple[Any, ...]) -> Evaluation:
        try:
            return Evaluation(
                id=row[0],
                outcome=Outcome(row[1]),
                fitness=row[2],
                train_loss=tuple(self._parsed(row[3], list)),
                validation_loss=tuple(self._parsed(row[4], list)),
                parameters=row[5],
                latent=row[6],
                flops=row[7],
                seconds=Seconds(*row[8:12]),
                peak_memory=row[12],
                message=row[13],
                traceback=row[14],
            )
        except ValueError as error:
            raise self._damaged(error) from error

    def _parsed(self, text: str, kind: type[_Json]) -> _Json:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._damaged(error) from error
        if not isinstance(value, kind):
            raise self._damaged(f"{value!r:.40} in place of a {kind.__name__}")
        return value

    def _same_history(self, stored: Generation, again: Generation) -> None:
        for what in ("population", "hall_of_fame"):
            if getattr(stored, what) != getattr(again, what):
                raise RunError(
                    f"{self.path}: generation {stored.number}",
                    f"this run's history cannot be replayed: the {what.replace('_', ' ')} comes "
                    "out differently",
                    "resume it with the version and settings that it was made with, or start anew",
                )

    def _damaged(self, why: object) -> RunError:
        return damaged(self._file, why)


def new_database(file: Path, facts: Mapping[str, object], target: int) -> None:
    """Make the database of a new run at `file`, which must not exist, with all that it starts with.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    with contextlib.closing(connect(file, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection)
        connection.executemany(
            "INSERT INTO run (key, value) VALUES (?, ?)",
            [("facts", json.dumps(dict(facts))), ("target", json.dumps(target))],
        )


def _note_seconds(connection: sqlite3.Connection, session: tuple[int, float]) -> None:
    """Store the seconds since `session`, (number, monotonic start), began."""
    number, start = session
    connection.execute(
        "UPDATE session SET seconds = ? WHERE number = ?", (time.monotonic() - start, number)
    )


def _marks(row: tuple[object, ...]) -> str:
    return ", ".join("?" * len(row))
