"""Every training of a run as one flat row, for tables, data frames and the log."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
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
        cost: FLOPs, see `evoae.evaluation.cost`; None if unknown.
        seconds: wall time of the training.
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
        """Return its JSON object in `evaluations --json` and in the log."""
        return {**asdict(self), "parents": list(self.parents)}


@dataclass(frozen=True, slots=True)
class Tally:
    """The part of a training that `status` counts; fields as in `Training`.

    Attributes:
        reused: whether it was reused from another run.
    """

    repeat: int
    val_loss: float | None
    cost: int | None
    seconds: float
    finished: str
    raced: bool
    reused: bool


# In the order of the fields of `Training`. What a repeat does not tell itself, the first training
# of its candidate does.
_TRAININGS = """
    SELECT t.id, t.repeat, c.generation, t.outcome, t.fitness, t.raced, f.parameters, f.latent,
    f.flops, t.cost, t.total_seconds, iif(t.repeat = 1, t.validation_loss, NULL), c.operator,
    c.parents, c.genome, t.message, t.finished, t.source
    FROM training t JOIN training f ON f.id = t.id AND f.repeat = 1
    JOIN candidate c ON c.id = t.id"""


def tallies(base: Database) -> list[Tally]:
    """Return the tally of every training in the order of finishing.

    Raises:
        RunError: the database cannot be read.
    """
    rows = base.rows(
        "SELECT repeat, fitness, cost, total_seconds, finished, raced, source IS NOT NULL "
        "FROM training ORDER BY number"
    )
    for *_, finished, _, _ in rows:
        base.moment(finished)  # whoever reads it may rely on what it is
    return [Tally(*row[:5], *map(bool, row[5:])) for row in rows]


def trainings(base: Database) -> list[Training]:
    """Return every training in the order of finishing.

    Raises:
        RunError: the database cannot be read, or is damaged.
    """
    return [_training(base, row) for row in base.rows(f"{_TRAININGS} ORDER BY t.number")]


def training(base: Database, id: str, repeat: int) -> Training:
    """Return one training that is recorded.

    Raises:
        RunError: the database cannot be read, or is damaged.
    """
    (row,) = base.rows(f"{_TRAININGS} WHERE t.id = ? AND t.repeat = ?", (id, repeat))
    return _training(base, row)


def _training(base: Database, row: tuple[Any, ...]) -> Training:
    """Return the record of a row of `_TRAININGS`."""
    values = dict(zip((field.name for field in fields(Training)), row, strict=True))
    values["raced"] = bool(values["raced"])
    if (curve := values["epochs"]) is not None:
        values["epochs"] = len(base.parsed(curve, list))
    values["parents"] = base.parsed(values["parents"], tuple[str, ...])
    base.moment(values["finished"])  # whoever reads it may rely on what it is
    return Training(**values)
