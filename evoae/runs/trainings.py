"""Every training of a run as one flat row, for tables, data frames and the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from evoae.runs.database import Database


@dataclass(frozen=True, slots=True)
class Training:
    """One training that has ended; a list of them is what `pandas.DataFrame` takes.

    Attributes:
        id: candidate id.
        repeat: 1 for its first training; 2 and more for further ones with other seeds.
        generation: the one that proposed the candidate first, from 1.
        outcome: `scored`, or how it failed, see `evoae.Outcome`.
        val_loss: its validation figure, which the search minimises; None if it failed.
        raced: whether racing stopped it early, so that `val_loss` is no more than a bound.
        parameters, latent: the network's size; None if it was never built.
        flops: of one image's forward pass; None if it was never built.
        cost: FLOPs, see `evoae.evaluation.cost`; None in runs of older versions.
        seconds: wall time of its process.
        epochs: that it finished; None for further trainings, of which no curve is kept.
        operator: what made the candidate, such as `sample` or `swap_blocks+scale_filters`.
        parents: candidate ids; none for a random one.
        genome: one-line text.
        message: why it failed; None if it did not.
        finished: when, in UTC, as ISO 8601 has it.
        source: the run that it was reused from; None if it was trained for this one.
    """

    id: str
    repeat: int
    generation: int
    outcome: str
    val_loss: float | None
    raced: bool
    parameters: int | None
    latent: int | None
    flops: int | None
    cost: int | None
    seconds: float
    epochs: int | None
    operator: str
    parents: tuple[str, ...]
    genome: str
    message: str | None
    finished: str
    source: str | None

    def summary(self) -> dict[str, object]:
        """Return what `evaluations --json` and the log say of it."""
        return {**asdict(self), "parents": list(self.parents)}


@dataclass(frozen=True, slots=True)
class Tally:
    """What `status` counts of one training; fields as in `Training`.

    Attributes:
        reused: whether it was reused from another run.
    """

    repeat: int
    val_loss: float | None
    raced: bool
    cost: int | None
    seconds: float
    finished: str
    reused: bool


_OF_CANDIDATE = "c.operator, c.parents, c.genome"
_FIRST = f"""
    SELECT e.id, 1, c.generation, e.outcome, e.fitness, e.raced, e.parameters, e.latent, e.flops,
    e.cost, e.total_seconds, e.validation_loss, {_OF_CANDIDATE}, e.message, e.finished, e.source,
    e.number AS place FROM evaluation e JOIN candidate c USING (id)"""
_FURTHER = f"""
    SELECT r.id, r.number, c.generation, r.outcome, r.fitness, 0, e.parameters, e.latent, e.flops,
    r.cost, r.seconds, NULL, {_OF_CANDIDATE}, r.message, r.finished, NULL, NULL AS place
    FROM repeat r JOIN evaluation e USING (id) JOIN candidate c USING (id)"""


def tallies(base: Database) -> list[Tally]:
    """Return the tally of every training in the order of finishing.

    Raises:
        RunError: the database cannot be read.
    """
    rows = base.rows(
        "SELECT 1, fitness, raced, cost, total_seconds, finished, source FROM evaluation "
        "UNION ALL SELECT number, fitness, 0, cost, seconds, finished, NULL FROM repeat "
        "ORDER BY finished"
    )
    return [
        Tally(
            repeat, loss, bool(raced), cost, seconds, _moment(base, finished), source is not None
        )
        for repeat, loss, raced, cost, seconds, finished, source in rows
    ]


def trainings(base: Database) -> list[Training]:
    """Return every training in the order of finishing.

    Raises:
        RunError: the database cannot be read, or is damaged.
    """
    sql = f"{_FIRST} UNION ALL {_FURTHER} ORDER BY finished, place, 1, 2"
    return [_training(base, row) for row in base.rows(sql)]


def training(base: Database, id: str, repeat: int) -> Training:
    """Return one training that is recorded.

    Raises:
        RunError: the database cannot be read, or is damaged.
    """
    if repeat == 1:
        (row,) = base.rows(f"{_FIRST} WHERE e.id = ?", (id,))
    else:
        (row,) = base.rows(f"{_FURTHER} WHERE r.id = ? AND r.number = ?", (id, repeat))
    return _training(base, row)


def _training(base: Database, row: tuple[Any, ...]) -> Training:
    """Return the record of a row of `_FIRST` or `_FURTHER`, whose last column only orders it."""
    id, repeat, generation, outcome, val_loss, raced, *size, cost, seconds, curve = row[:12]
    parameters, latent, flops = size
    operator, parents, genome, message, finished, source, _ = row[12:]
    return Training(
        id,
        repeat,
        generation,
        outcome,
        val_loss,
        bool(raced),
        parameters,
        latent,
        flops,
        cost,
        seconds,
        None if curve is None else len(base.parsed(curve, list)),
        operator,
        tuple(base.parsed(parents, list)),
        genome,
        message,
        _moment(base, finished),
        source,
    )


def _moment(base: Database, finished: str) -> str:
    """Return when a training ended, as it is recorded."""
    base.moment(finished)  # whoever reads it may rely on what it is
    return finished
