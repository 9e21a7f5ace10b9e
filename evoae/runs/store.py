"""The run folder's database: written by the driver alone, every evaluation its own commit."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.runs.board import Board
from evoae.runs.database import Database, open_to_read, open_to_write
from evoae.runs.files import promote
from evoae.runs.journal import Journal
from evoae.runs.lock import Lock
from evoae.runs.records import Candidate, Generation
from evoae.runs.trainings import Training, trainings

DATABASE = "run.sqlite"
_Json = TypeVar("_Json")
_EVALUATION = (
    "id, outcome, fitness, train_loss, validation_loss, parameters, latent, flops, "
    "build_seconds, compile_seconds, epochs_seconds, total_seconds, "
    "peak_memory, message, traceback, figures, cost, raced"
)


class Store:
    """An open run database. A context manager; leaving it closes.

    Args:
        connection: in autocommit mode, its schema current.
        folder: the run's.
        lock: the driver's right to write, released on closing; None for a reader.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path, lock: Lock | None) -> None:
        self._connection, self.folder, self._lock = connection, folder, lock
        self._base = Database(connection, folder / DATABASE)
        self._followers: tuple[Journal | Board, ...] = ()  # a driver's

    @classmethod
    def writer(cls, folder: Path) -> Self:
        """Open the run in `folder` for the one driver that may write to it.

        Raises:
            RunError: another driver holds it, or its database cannot be used.
        """
        lock = Lock(folder)
        try:
            store = cls(open_to_write(folder / DATABASE), folder, lock)
        except BaseException:
            lock.release()
            raise
        try:
            store._followers = (Journal(folder, store._base), Board(folder, store._base))
            for follower in store._followers:
                follower.mend()
        except BaseException:
            store.close()
            raise
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
        """Open the run in `folder` for reading, beside a driver or after one.

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

    def set(self, values: Mapping[str, object]) -> None:
        """Record facts about the run by key; a known key gets its new value."""
        with self._base.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO run VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in values.items()],
            )

    def facts(self) -> dict[str, Any]:
        """Return every fact recorded about the run."""
        rows = self._base.rows("SELECT key, value FROM run")
        return {key: self._base.parsed(value, object) for key, value in rows}

    def fact(self, key: str, kind: type[_Json]) -> _Json:
        """Return one fact.

        Raises:
            RunError: the database lacks it, or holds something else in its place.
        """
        value = self.facts().get(key)
        if not isinstance(value, kind):
            raise self._base.damaged(f"{key} is {value!r:.40}")
        return value

    # -- candidates and their evaluations

    def add_candidate(self, candidate: Candidate) -> None:
        """Record a candidate; one that is known stays as it was proposed first."""
        self._base.execute(
            "INSERT OR IGNORE INTO candidate VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                candidate.id,
                candidate.genome,
                json.dumps(candidate.tokens),
                candidate.generation,
                candidate.position,
                json.dumps(candidate.parents),
                candidate.operator,
            ),
        )

    def candidates(self) -> dict[str, Candidate]:
        """Return every candidate by id, in the order of proposal."""
        rows = self._base.rows("SELECT * FROM candidate ORDER BY generation, position")
        return {
            id: Candidate(
                id,
                genome,
                tuple(self._base.parsed(tokens, list)),
                generation,
                position,
                tuple(self._base.parsed(parents, list)),
                operator,
            )
            for id, genome, tokens, generation, position, parents, operator in rows
        }

    def add_evaluation(self, evaluation: Evaluation, source: Path | None = None) -> None:
        """Record an evaluation, durably before this returns; a candidate earns only one.

        Args:
            evaluation: of a recorded candidate.
            source: the run that it was taken over from; None if it was trained for this one.
        """
        seconds = evaluation.seconds
        marks = ", ".join("?" * 20)
        self._base.execute(
            f"INSERT INTO evaluation ({_EVALUATION}, finished, source) VALUES ({marks})",
            (
                evaluation.id,
                evaluation.outcome.value,
                evaluation.fitness,
                _losses(evaluation.train_loss),
                _losses(evaluation.validation_loss),
                evaluation.parameters,
                evaluation.latent,
                evaluation.flops,
                *(getattr(seconds, field.name) for field in fields(Seconds)),
                evaluation.peak_memory,
                evaluation.message,
                evaluation.traceback,
                json.dumps(dict(evaluation.figures)),
                evaluation.cost,
                evaluation.raced,
                _now(),
                None if source is None else str(source),
            ),
        )
        for follower in self._followers:
            follower.add_training(evaluation.id, 1)

    def add_repeat(self, evaluation: Evaluation, number: int) -> None:
        """Record a further training of a candidate, durably before this returns.

        Args:
            evaluation: of a candidate that has its first one; its id may carry the number.
            number: 2 for the second training.
        """
        id, _, _ = evaluation.id.partition(" ")
        self._base.execute(
            "INSERT INTO repeat VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                id,
                number,
                evaluation.outcome.value,
                evaluation.fitness,
                evaluation.cost,
                evaluation.seconds.total,
                evaluation.message,
                _now(),
            ),
        )
        for follower in self._followers:
            follower.add_training(id, number)

    def repeats(self) -> dict[tuple[str, int], Evaluation]:
        """Return the further trainings by candidate id and number, from 2."""
        rows = self._base.rows(
            "SELECT id, number, outcome, fitness, cost, seconds, message FROM repeat "
            "ORDER BY finished, id, number"
        )
        return {
            (id, number): Evaluation(
                f"{id} {number}",
                Outcome(outcome),
                fitness,
                seconds=Seconds(total=seconds),
                message=message,
                cost=cost,
            )
            for id, number, outcome, fitness, cost, seconds, message in rows
        }

    def scores(self) -> dict[str, tuple[float, ...]]:
        """Return what each candidate's trainings earned, in their order.

        Those that failed or that racing stopped earned nothing; a candidate whose first training
        ended so has no further one.
        """
        rows = self._base.rows(
            "SELECT id, 1, iif(raced, NULL, fitness) FROM evaluation UNION ALL "
            "SELECT id, number, fitness FROM repeat ORDER BY 2"
        )
        scores: dict[str, tuple[float, ...]] = {}
        for id, _, fitness in rows:
            scores[id] = scores.get(id, ()) + (() if fitness is None else (fitness,))
        return scores

    def borrowed(self) -> int:
        """Return how many evaluations were taken over from other runs."""
        ((count,),) = self._base.rows("SELECT count(source) FROM evaluation")
        return int(count)

    def evaluations(self) -> dict[str, Evaluation]:
        """Return every evaluation by candidate id, in the order of finishing."""
        rows = self._base.rows(f"SELECT {_EVALUATION} FROM evaluation ORDER BY number")
        return {row[0]: self._evaluation(row) for row in rows}

    def trainings(self) -> list[Training]:
        """Return every training as a flat row, in the order of finishing."""
        return trainings(self._base)

    # -- what came of a candidate after the search

    def set_result(self, id: str, kind: str, value: Mapping[str, object]) -> None:
        """Record what came of a candidate, durably; a result of the same kind is replaced."""
        with self._base.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO result VALUES (?, ?, ?)", (id, kind, json.dumps(value))
            )

    def results(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return every result by candidate id and kind."""
        rows = self._base.rows("SELECT id, kind, value FROM result")
        return {(id, kind): self._base.parsed(value, dict) for id, kind, value in rows}

    # -- generations

    def finish_generation(self, generation: Generation) -> bool:
        """Record a generation in one transaction; a replay of the same one changes nothing.

        Returns:
            True if it is new, False if it was recorded already.

        Raises:
            RunError: it is recorded already, and differently.
        """
        recorded = self.generations().get(generation.number)
        if recorded is not None:
            if not _agree(recorded, generation):
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
                (number, json.dumps(dict(generation.stats)), generation.seconds, _now()),
            )
            for table, ids in (
                ("population", generation.population),
                ("hall_of_fame", generation.hall_of_fame),
            ):
                connection.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?)",
                    [(number, place, id) for place, id in enumerate(ids, start=1)],
                )
        for follower in self._followers:
            follower.add_generation(number)
        return True

    def generations(self) -> dict[int, Generation]:
        """Return the finished generations by number."""
        rows = self._base.rows("SELECT number, stats, seconds FROM generation ORDER BY number")
        return {
            number: Generation(
                number,
                self._members("population", "position", number),
                self._members("hall_of_fame", "rank", number),
                self._base.parsed(stats, dict),
                seconds,
            )
            for number, stats, seconds in rows
        }

    def _members(self, table: str, order: str, generation: int) -> tuple[str, ...]:
        rows = self._base.rows(
            f"SELECT id FROM {table} WHERE generation = ? ORDER BY {order}", (generation,)
        )
        return tuple(id for (id,) in rows)

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
        newest = max(self.generations().values(), key=lambda each: each.number, default=None)
        promote(self.folder, newest.hall_of_fame if newest else (), [id for (id,) in rows])

    def _evaluation(self, row: tuple[Any, ...]) -> Evaluation:
        id, outcome, fitness, train, validation, parameters, latent, flops, *rest = row
        *seconds, peak_memory, message, traceback, figures, cost, raced = rest
        try:
            return Evaluation(
                id,
                Outcome(outcome),
                fitness,
                tuple(map(float, self._base.parsed(train, list))),
                tuple(map(float, self._base.parsed(validation, list))),
                parameters,
                latent,
                flops,
                Seconds(*seconds),
                peak_memory,
                message,
                traceback,
                self._base.parsed(figures, dict),
                cost,
                bool(raced),
            )
        except (TypeError, ValueError) as error:
            raise self._base.damaged(error) from error


def _agree(recorded: Generation, again: Generation) -> bool:
    """Tell whether a replay came out as recorded; figures younger than the record aside."""
    figures = {name: again.stats.get(name) for name in recorded.stats}
    return (recorded.population, recorded.hall_of_fame, dict(recorded.stats)) == (
        again.population,
        again.hall_of_fame,
        figures,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _losses(losses: tuple[float, ...]) -> str:
    return json.dumps(losses)  # NaN and Infinity included: Python reads back what it wrote
