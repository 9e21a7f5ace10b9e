"""Queries of a run's database, and the records made of their rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any

from evoae.evaluation import Evaluation, Outcome, Seconds, TrainingKey
from evoae.runs.database import Database, Numbers
from evoae.runs.files import REFIT
from evoae.runs.metadata import Refit, RunMetadata
from evoae.runs.records import Candidate, Generation
from evoae.runs.trainings import Tally, Training, tallies, trainings

_Curve = tuple[float, ...]
# The columns of a training that make up its evaluation; see `row_of`.
TRAINING = (
    "id, repeat, outcome, fitness, train_loss, validation_loss, parameters, latent, flops, "
    "build_seconds, compile_seconds, epochs_seconds, total_seconds, "
    "peak_memory, message, traceback, metrics, cost, raced"
)


def row_of(evaluation: Evaluation) -> tuple[object, ...]:
    """Return the columns `TRAINING` of a training.

    NaN and infinity in a learning curve are written as Python's JSON has them.
    """
    curves = evaluation.train_loss, evaluation.validation_loss
    return (
        *(*astuple(evaluation.key), evaluation.outcome.value, evaluation.fitness),
        *map(json.dumps, curves),
        *(evaluation.parameters, evaluation.latent, evaluation.flops),
        *(getattr(evaluation.seconds, field.name) for field in fields(Seconds)),
        *(evaluation.peak_memory, evaluation.message, evaluation.traceback),
        *(json.dumps(dict(evaluation.metrics)), evaluation.cost, evaluation.raced),
    )


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
        values = {key: self._base.parsed(value, Any) for key, value in rows}
        return self._base.parsed(json.dumps(values), RunMetadata)

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
        """Return every candidate's first evaluation by its id, in the order of finishing."""
        return {each.id: each for each in self._evaluations("repeat = 1")}

    def evaluation(self, id: str) -> Evaluation:
        """Return the first evaluation of a candidate that has one."""
        (evaluation,) = self._evaluations("repeat = 1 AND id = ?", (id,))
        return evaluation

    def sizes(self) -> dict[str, tuple[int | None, int | None]]:
        """Return parameters and latent size of every trained candidate; None if not known."""
        rows = self._base.rows("SELECT id, parameters, latent FROM training WHERE repeat = 1")
        return {id: (parameters, latent) for id, parameters, latent in rows}

    def repeats(self) -> dict[TrainingKey, Evaluation]:
        """Return the further trainings by key, in the order of finishing."""
        return {evaluation.key: evaluation for evaluation in self._evaluations("repeat > 1")}

    def scores(self) -> dict[str, tuple[float, ...]]:
        """Return what each candidate's trainings earned, in their order.

        Those that failed or that racing stopped earned nothing; a candidate whose first training
        ended so has no further one.
        """
        scores: dict[str, tuple[float, ...]] = {}
        for id, fitness in self._base.rows(
            "SELECT id, iif(raced, NULL, fitness) FROM training ORDER BY repeat"
        ):
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
        return {(id, kind): self._base.parsed(value, _kind_of(kind)) for id, kind, value in rows}

    def generations(self) -> dict[int, Generation]:
        """Return the finished generations by number."""
        return {each.number: each for each in self._generations()}

    def newest_generation(self) -> Generation | None:
        """Return the generation that finished last; None if none has."""
        newest = "WHERE number = (SELECT max(number) FROM generation)"
        return next(iter(self._generations(newest)), None)

    def spares(self) -> dict[TrainingKey, Evaluation]:
        """Return by key the trainings of generations that are searched again since.

        See `evoae.runs.spare`.
        """
        rows = self._base.rows("SELECT value FROM spare ORDER BY key")
        spares = [self._evaluation(self._base.parsed(value, list)) for (value,) in rows]
        return {evaluation.key: evaluation for evaluation in spares}

    def _candidate(self, row: tuple[Any, ...]) -> Candidate:
        id, genome, tokens, generation, position, parents, operator = row
        sequence = self._base.parsed(tokens, tuple[int | float, ...])
        ids = self._base.parsed(parents, tuple[str, ...])
        return Candidate(id, genome, sequence, generation, position, ids, operator)

    def _evaluations(self, where: str, values: tuple[object, ...] = ()) -> list[Evaluation]:
        """Return some trainings' evaluations in the order of finishing."""
        rows = self._base.rows(
            f"SELECT {TRAINING} FROM training WHERE {where} ORDER BY number", values
        )
        return [self._evaluation(row) for row in rows]

    def _evaluation(self, row: Sequence[Any]) -> Evaluation:
        try:
            id, repeat, outcome, fitness, train, validation, parameters, latent, flops = row[:9]
            *seconds, peak_memory, message, traceback, metrics, cost, raced = row[9:]
            return Evaluation(
                TrainingKey(id, repeat),
                Outcome(outcome),
                fitness,
                self._base.parsed(train, _Curve),
                self._base.parsed(validation, _Curve),
                parameters,
                latent,
                flops,
                Seconds(*seconds),
                peak_memory,
                message,
                traceback,
                self._base.parsed(metrics, dict[str, float]),
                cost,
                bool(raced),
            )
        except (TypeError, ValueError) as error:
            raise self._base.damaged(error) from error

    def _generations(self, where: str = "", values: tuple[object, ...] = ()) -> list[Generation]:
        """Return some finished generations in order, by three queries however many they are."""
        rows = self._base.rows(
            f"SELECT number, stats, seconds FROM generation {where} ORDER BY number", values
        )
        members: dict[str, dict[int, list[str]]] = {}
        for table in ("population", "hall_of_fame"):
            ids = members[table] = {number: [] for number, _, _ in rows}
            for number, id in self._base.rows(
                f"SELECT generation, id FROM {table} WHERE generation IN "
                f"(SELECT number FROM generation {where}) ORDER BY generation, position",
                values,
            ):
                ids[number].append(id)
        return [
            Generation(
                number,
                tuple(members["population"][number]),
                tuple(members["hall_of_fame"][number]),
                self._base.parsed(stats, Numbers),
                seconds,
            )
            for number, stats, seconds in rows
        ]


def _kind_of(result: str) -> Any:
    """Return the type of a result by its kind."""
    return Refit if result.split()[0] == REFIT else dict[str, Any]
