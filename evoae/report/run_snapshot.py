"""All that the store of a run says, read once, for every section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Self

from evoae.data.kinds.base import AbstractKind
from evoae.data.kinds.registry import restore
from evoae.evaluation import Evaluation
from evoae.formatting import count, loss, short
from evoae.runs.files import REFIT
from evoae.runs.hall_of_fame import Entry
from evoae.runs.metadata import RunMetadata
from evoae.runs.records import Baseline, Candidate, Generation
from evoae.runs.run import Run
from evoae.runs.status import Status


@dataclass(frozen=True, eq=False)
class RunSnapshot:
    """A run at one moment.

    Attributes:
        run: open for reading.
        status: where it stands.
        hall: the best models, best first.
        front: what nobody beats in loss, latent size and parameters at once, best first.
        metadata: what the run knows of itself.
        candidates: by id, in the order of proposal.
        evaluations: by id, in the order of finishing.
        repeats: further trainings, by id and number.
        scores: what each candidate's trainings earned.
        generations: the finished ones.
        results: what came of candidates after the search, by id and kind.
    """

    run: Run
    status: Status
    hall: tuple[Entry, ...]
    front: tuple[Entry, ...]
    metadata: RunMetadata
    candidates: Mapping[str, Candidate]
    evaluations: Mapping[str, Evaluation]
    repeats: Mapping[tuple[str, int], Evaluation]
    scores: Mapping[str, tuple[float, ...]]
    generations: tuple[Generation, ...]
    results: Mapping[tuple[str, str], Mapping[str, Any]]

    @classmethod
    def read(cls, run: Run) -> Self:
        """Read a run.

        Raises:
            RunError: its database is damaged.
        """
        with run.at_one_moment() as now:
            return cls(
                run,
                run.status(),
                tuple(run.hall_of_fame()),
                tuple(run.front(("loss", "latent", "parameters"))),
                now.metadata,
                now.candidates,
                now.evaluations,
                now.tables.repeats(),
                now.scores,
                tuple(now.generations.values()),
                now.results,
            )

    @property
    def best(self) -> Entry | None:
        """The best model; None before the first score."""
        return self.hall[0] if self.hall else None

    @property
    def refit(self) -> Mapping[str, Any] | None:
        """What the best model's refit came to; None before one, or if it failed."""
        found = None if self.best is None else self.results.get((self.best.id, REFIT))
        return found if found is not None and found.get("test_loss") is not None else None

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """What the run was compared with."""
        return self.status.baselines

    @property
    def trainings(self) -> tuple[Evaluation, ...]:
        """All of them, further ones of a candidate last."""
        return (*self.evaluations.values(), *self.repeats.values())

    @property
    def data(self) -> str:
        """The data set's name."""
        return self.metadata.data

    @property
    def kind(self) -> AbstractKind:
        """What the data set consists of."""
        return restore(self.metadata.kind)

    @property
    def given(self) -> str | None:
        """The one network that the run is about, see `evoae train`; None for a search."""
        return self.metadata.genome

    @property
    def measured(self) -> str:
        """What a loss of this run is, in words."""
        return self.run.config.objective.fitness_in_words(self.kind.value)

    def loss_of(self, id: str) -> float | None:
        """Return a candidate's loss, the mean over its trainings.

        Of a training that racing stopped, what it had when it was stopped; None for a failure.
        """
        evaluation = self.evaluations.get(id)
        if evaluation is None or evaluation.fitness is None:
            return None
        return evaluation.fitness if evaluation.raced else fmean(self.scores[id])

    def described(self, id: str) -> str:
        """Describe a candidate in a line, as it shows where one points at it."""
        candidate, evaluation = self.candidates[id], self.evaluations[id]
        value = self.loss_of(id)
        parts = [
            short(id),
            f"loss {loss(value)}" if value is not None else evaluation.outcome.value,
            f"generation {candidate.generation}",
        ]
        if evaluation.raced:
            parts[1] += f" (stopped after epoch {len(evaluation.validation_loss)})"
        if evaluation.latent is not None:
            parts.append(f"latent {count(evaluation.latent)}")
        if evaluation.parameters is not None:
            parts.append(f"{count(evaluation.parameters)} parameters")
        return " · ".join([*parts, candidate.genome])
