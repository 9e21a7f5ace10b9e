"""The run folder's database: written by the driver alone, every evaluation its own commit."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from evoae.errors import RunError, SearchError
from evoae.evaluation import Evaluation, Seconds, TrainingKey
from evoae.runs import spare
from evoae.runs.database import (
    Database,
    adapter,
    connect,
    open_to_read,
    open_to_write,
    translate_sqlite_errors,
)
from evoae.runs.event_log import EventLog
from evoae.runs.files import check_places, promote
from evoae.runs.lock import Lock
from evoae.runs.metadata import RunMetadata
from evoae.runs.records import Candidate, Generation
from evoae.runs.tables import TRAINING, Tables, row_of
from evoae.runs.tensorboard import TensorBoard

DATABASE = "run.sqlite"


class Store(Tables):
    """An open run database. A context manager; leaving it closes.

    Args:
        connection: in autocommit mode, its schema current.
        folder: the run's.
        lock: the driver's right to write, released on closing; None for a reader.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path, lock: Lock | None) -> None:
        super().__init__(Database(connection, folder / DATABASE))
        self._connection, self.folder, self._lock = connection, folder, lock
        self._followers: tuple[EventLog | TensorBoard, ...] = ()  # a driver's
        self._file = _identity(folder / DATABASE)
        self._latest: datetime | None = None  # end of the latest training or generation

    @classmethod
    def writer(cls, folder: Path) -> Self:
        """Open the run in `folder` for the one driver that may write to it.

        Raises:
            RunError: another driver holds it, its database cannot be used, or something else, such
                as a link, stands where evoae would write.
        """
        check_places(folder)
        with contextlib.ExitStack() as undoing:
            lock = Lock(folder)
            undoing.callback(lock.release)
            store = cls(open_to_write(folder / DATABASE), folder, lock)
            undoing.callback(store.close)
            store._followers = (EventLog(folder, store._base), TensorBoard(folder, store._base))
            for follower in store._followers:
                follower.mend()
            undoing.pop_all()
        return store

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Make the database of a run folder that nobody can see yet.

        Raises:
            RunError: it cannot be written there.
        """
        return cls(open_to_write(folder / DATABASE, new=True), folder, None)

    @classmethod
    def reader(cls, folder: Path) -> Self:
        """Open the run in `folder` as it is at this moment, beside a driver or after one.

        Raises:
            RunError: its database cannot be used.
        """
        return cls(open_to_read(folder / DATABASE), folder, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and let the next driver in."""
        self._connection.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # -- the run itself

    def begin(self, metadata: RunMetadata) -> None:
        """Record what a new run knows of itself."""
        self._record(_as_json(metadata))

    def update(self, **changes: Any) -> None:
        """Record new values of some fields of the run's metadata, durably before this returns.

        Args:
            changes: fields of `RunMetadata` by name; the others keep their values.

        Raises:
            TypeError: there is no such field.
            PydanticSerializationError: a value is not of its field's type.
        """
        values = _as_json(replace(self.metadata(), **changes))
        self._record({name: values[name] for name in changes})

    def _record(self, values: Mapping[str, object]) -> None:
        self.check_there()
        with self._base.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )

    # -- candidates and their evaluations

    def add_candidate(self, candidate: Candidate) -> None:
        """Record a candidate; one that was trained stays as it was proposed first."""
        self.check_there()
        self._base.execute(
            "INSERT INTO candidate VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "generation = excluded.generation, position = excluded.position, "
            "parents = excluded.parents, operator = excluded.operator "
            "WHERE id NOT IN (SELECT id FROM training)",
            tuple(
                json.dumps(value) if isinstance(value, tuple) else value
                for value in astuple(candidate)  # its fields are the table's columns
            ),
        )

    def add_evaluation(self, evaluation: Evaluation, source: Path | None = None) -> None:
        """Record an evaluation, durably before this returns; a candidate earns only one.

        Args:
            evaluation: of a recorded candidate.
            source: the run that it was reused from; None if it was trained for this one.
        """
        self._insert(row_of(evaluation), None, source)

    def add_repeat(self, evaluation: Evaluation, generation: int) -> None:
        """Record a further training of a candidate, durably before this returns.

        Args:
            evaluation: of a candidate that has its first one.
            generation: the one that asked for it.
        """
        kept = Evaluation(
            evaluation.key,
            evaluation.outcome,
            evaluation.fitness,
            seconds=Seconds(total=evaluation.seconds.total),
            message=evaluation.message,
            cost=evaluation.cost,
        )
        self._insert(row_of(kept), generation)

    def _insert(
        self, row: Sequence[Any], generation: int | None, source: Path | None = None
    ) -> None:
        """Insert a training, the columns TRAINING of which are `row`, and tell the followers."""
        self.check_there()
        values = (*row, generation, None if source is None else str(source), self._now())
        self._base.execute(
            f"INSERT INTO training ({TRAINING}, generation, source, finished) "
            f"VALUES ({', '.join('?' * len(values))})",
            values,
        )
        for follower in self._followers:
            follower.add_training(row[0], row[1])

    # -- what came of a candidate after the search

    def set_result(self, id: str, kind: str, value: Mapping[str, object]) -> None:
        """Record what came of a candidate, durably; a result of the same kind is replaced."""
        self.check_there()
        with self._base.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO result VALUES (?, ?, ?)", (id, kind, json.dumps(value))
            )

    # -- generations

    def finish_generation(self, generation: Generation) -> bool:
        """Record a generation in one transaction; a replay of the same one changes nothing.

        Returns:
            True if it is new, False if it was recorded already.

        Raises:
            RunError: it is recorded already, and differently.
        """
        self.check_there()
        recorded = self._generations("WHERE number = ?", (generation.number,))
        if recorded:
            if not _agree(recorded[0], generation):
                raise RunError(
                    str(self.folder),
                    f"generation {generation.number} comes out differently than recorded",
                    "Resume it with the version and settings that it was made with.",
                )
            return False
        number = generation.number
        with self._base.transaction() as connection:
            connection.execute(
                "INSERT INTO generation VALUES (?, ?, ?, ?)",
                (number, json.dumps(dict(generation.stats)), generation.seconds, self._now()),
            )
            for table, ids in (
                ("population", generation.population),
                ("hall_of_fame", generation.hall_of_fame),
            ):
                connection.executemany(
                    f"INSERT INTO {table} (generation, position, id) VALUES (?, ?, ?)",
                    [(number, position, id) for position, id in enumerate(ids, start=1)],
                )
        for follower in self._followers:
            follower.add_generation(number)
        return True

    def keep_models(self) -> None:
        """Keep the models of the newest generation's hall of fame; remove what nobody needs.

        Right at any time when no training is under way, so also before a resume's first one:
        pending models of a generation that is not over stay.

        Raises:
            RunError: the folder cannot be written.
        """
        rows = self._base.rows(
            "SELECT id FROM candidate WHERE generation > (SELECT count(*) FROM generation)"
        )
        newest = self.newest_generation()
        promote(self.folder, newest.hall_of_fame if newest else (), [id for (id,) in rows])

    def copy_to(self, file: Path) -> None:
        """Copy the database as it stands to a new file.

        Raises:
            RunError: it cannot be written.
        """
        with translate_sqlite_errors(file), contextlib.closing(connect(file, "rwc")) as copy:
            self._connection.backup(copy)

    # -- going back

    def set_aside(self, failed: Collection[TrainingKey]) -> int:
        """Forget failed trainings, and go back to the generation that asked for the first of them.

        Everything from that generation on is searched again, see `evoae.runs.spare`.

        Args:
            failed: keys; one at least.

        Returns:
            the number of the first generation that is searched again.
        """
        self.check_there()
        stops = self.metadata().budget_stops
        with self._base.transaction() as connection:
            first = spare.move(connection, failed, TRAINING)
            kept = {number: keys for number, keys in stops.items() if int(number) < first}
            connection.execute(
                "INSERT OR REPLACE INTO run VALUES ('budget_stops', ?)", (json.dumps(kept),)
            )
        for follower in self._followers:
            follower.mend()
        return first

    def reclaim(self, key: TrainingKey, generation: int) -> None:
        """Record a spare training as one that a generation has asked for again.

        Args:
            key: of the training.
            generation: the one that asks for it now.
        """
        ((value,),) = self._base.rows("SELECT value FROM spare WHERE key = ?", (str(key),))
        row = self._base.parsed(value, list)
        first = row[1] == 1
        self._insert(row, None if first else generation, self.folder if first else None)

    # -- helpers

    def check_there(self) -> None:
        """Make sure that what is written now will be found again.

        Raises:
            SearchError: somebody has removed or replaced the database since it was opened.
        """
        if _identity(self.folder / DATABASE) != self._file:
            raise SearchError(
                str(self.folder / DATABASE),
                "was removed or replaced while the search ran",
                "put the run folder back and resume it, or start a new run",
            )

    def _now(self) -> str:
        """Return the time as ISO 8601 has it; later than all that is recorded.

        So the order of what is recorded survives a clock that was set back.
        """
        now = datetime.now(UTC)
        if self._latest is None:
            ((latest,),) = self._base.rows(
                "SELECT max(finished) FROM (SELECT finished FROM training UNION ALL "
                "SELECT finished FROM generation)"
            )
            self._latest = now if latest is None else self._base.moment(latest)
        if now <= self._latest:
            now = self._latest + timedelta(microseconds=1)
        self._latest = now
        return now.isoformat(timespec="microseconds")


def _as_json(metadata: RunMetadata) -> dict[str, Any]:
    """Return the fields as JSON has them; a value of another type than its field's is an error."""
    values: dict[str, Any] = adapter(RunMetadata).dump_python(
        metadata, mode="json", warnings="error"
    )
    return values


def _agree(recorded: Generation, again: Generation) -> bool:
    """Tell whether a replay came out as recorded; metrics younger than the record aside."""
    metrics = {name: again.stats.get(name) for name in recorded.stats}
    return recorded == replace(again, stats=metrics, seconds=recorded.seconds)


def now() -> str:
    """Return the time as a run records it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; None if there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
