"""What a run's database holds, read as records."""

from __future__ import annotations

from typing import Any

from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.runs.database import Database
from evoae.runs.files import REFIT
from evoae.runs.metadata import Refit, RunMetadata, as_record
from evoae.runs.records import Candidate, Generation
from evoae.runs.trainings import Tally, Training, tallies, trainings

EVALUATION = (
    "id, outcome, fitness, train_loss, validation_loss, parameters, latent, flops, "
    "build_seconds, compile_seconds, epochs_seconds, total_seconds, "
    "peak_memory, message, traceback, metrics, cost, raced"
)
REPEAT = "id, number, outcome, fitness, cost, seconds, message"


class Tables:
    """The tables of one run. Everything raises RunError where the database is damaged.

    Args:
        base: the open database.
    """

    def __init__(self, base: Database) -> None:
        self._base = base

    def metadata(self) -> RunMetadata:
        """Return what is recorded about the run itself."""
        rows = self._base.rows("SELECT key, value FROM run")
        values = {key: self._base.parsed(value, object) for key, value in rows}
        try:
            return as_record(RunMetadata, values)
        except ValueError as error:
            raise self._base.damaged(error) from error

    def candidates(self) -> dict[str, Candidate]:
        """Return every candidate by id, in the order of proposal."""
        rows = self._base.rows("SELECT * FROM candidate ORDER BY generation, position")
        return {row[0]: self._candidate(row) for row in rows}

    def candidate(self, id: str) -> Candidate:
        """Return the candidate of an id that the run has."""
        (row,) = self._base.rows("SELECT * FROM candidate WHERE id = ?", (id,))
        return self._candidate(row)

    def proposed_after(self, generation: int) -> list[str]:
        """Return the ids of the candidates that later generations proposed first, in order."""
        rows = self._base.rows(
            "SELECT id FROM candidate WHERE generation > ? ORDER BY generation, position",
            (generation,),
        )
        return [id for (id,) in rows]

    def evaluations(self) -> dict[str, Evaluation]:
        """Return every evaluation by candidate id, in the order of finishing."""
        rows = self._base.rows(f"SELECT {EVALUATION} FROM evaluation ORDER BY number")
        return {row[0]: self._evaluation(row) for row in rows}

    def evaluation(self, id: str) -> Evaluation:
        """Return the evaluation of a candidate that has one."""
        (row,) = self._base.rows(f"SELECT {EVALUATION} FROM evaluation WHERE id = ?", (id,))
        return self._evaluation(row)

    def sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Return parameters and latent size of every trained candidate; None if not known."""
        rows = self._base.rows("SELECT id, parameters, latent FROM evaluation")
        return {id: (parameters, latent) for id, parameters, latent in rows}

    def repeats(self) -> dict[tuple[str, int], Evaluation]:
        """Return the further trainings by candidate id and number, from 2."""
        rows = self._base.rows(f"SELECT {REPEAT} FROM repeat ORDER BY finished, id, number")
        return {(row[0], row[1]): self._repeat(*row) for row in rows}

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

    def trainings(self) -> list[Training]:
        """Return every training as a flat row, in the order of finishing."""
        return trainings(self._base)

    def tallies(self) -> list[Tally]:
        """Return of every training what `status` counts, in the order of finishing."""
        return tallies(self._base)

    def results(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return what came of candidates after the search, by candidate id and kind."""
        rows = self._base.rows("SELECT id, kind, value FROM result")
        results = {(id, kind): self._base.parsed(value, dict) for id, kind, value in rows}
        for (_, kind), value in results.items():
            if kind.partition(" ")[0] == REFIT:
                try:
                    as_record(Refit, value)
                except ValueError as error:
                    raise self._base.damaged(f"a refit: {error}") from error
        return results

    def generations(self) -> dict[int, Generation]:
        """Return the finished generations by number."""
        return {each.number: each for each in self._generations()}

    def newest_generation(self) -> Generation | None:
        """Return the generation that finished last; None if none has."""
        newest = "WHERE number = (SELECT max(number) FROM generation)"
        return next(iter(self._generations(newest)), None)

    def spares(self) -> dict[str, Evaluation]:
        """Return by key the trainings of generations that are searched again since.

        See `evoae.runs.spare`.
        """
        rows = self._base.rows("SELECT key, value FROM spare ORDER BY key")
        return {key: self._spare(key, self._base.parsed(value, list)) for key, value in rows}

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        id, genome, tokens, generation, position, parents, operator = row
        return Candidate(
            id,
            genome,
            self._base.listed(tokens, int, float),
            generation,
            position,
            self._base.listed(parents, str),
            operator,
        )

    def _evaluation(self, row: tuple[Any, ...]) -> Evaluation:
        id, outcome, fitness, train, validation, parameters, latent, flops, *rest = row
        *seconds, peak_memory, message, traceback, metrics, cost, raced = rest
        return Evaluation(
            id,
            self._outcome(outcome),
            fitness,
            tuple(map(float, self._base.listed(train, float, int))),
            tuple(map(float, self._base.listed(validation, float, int))),
            parameters,
            latent,
            flops,
            Seconds(*seconds),
            peak_memory,
            message,
            traceback,
            self._base.numbers(metrics),
            cost,
            bool(raced),
        )

    def _repeat(
        self,
        id: str,
        number: int,
        outcome: str,
        fitness: float | None,
        cost: int | None,
        seconds: float,
        message: str | None,
    ) -> Evaluation:
        return Evaluation(
            f"{id} {number}",
            self._outcome(outcome),
            fitness,
            seconds=Seconds(total=seconds),
            message=message,
            cost=cost,
        )

    def _outcome(self, word: str) -> Outcome:
        try:
            return Outcome(word)
        except ValueError as error:
            raise self._base.damaged(error) from error

    def _generations(self, where: str = "", values: tuple[object, ...] = ()) -> list[Generation]:
        """Return some finished generations in order, by three queries however many they are."""
        rows = self._base.rows(
            f"SELECT number, stats, seconds FROM generation {where} ORDER BY number", values
        )
        members: dict[str, dict[int, list[str]]] = {}
        for table, order in (("population", "position"), ("hall_of_fame", "rank")):
            ids = members[table] = {number: [] for number, _, _ in rows}
            for number, id in self._base.rows(
                f"SELECT generation, id FROM {table} WHERE generation IN "
                f"(SELECT number FROM generation {where}) ORDER BY generation, {order}",
                values,
            ):
                ids[number].append(id)
        return [
            Generation(
                number,
                tuple(members["population"][number]),
                tuple(members["hall_of_fame"][number]),
                self._base.numbers(stats),
                seconds,
            )
            for number, stats, seconds in rows
        ]

    def _spare(self, key: str, row: list[Any]) -> Evaluation:
        try:
            if " " in key:
                id, number, _, *rest, _ = row
                return self._repeat(id, number, *rest)
            return self._evaluation(tuple(row[:-2]))
        except (TypeError, ValueError) as error:
            raise self._base.damaged(error) from error
