"""All that the store of a run says, read once, for every section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from evoae.errors import UseError
from evoae.evaluation import Evaluation
from evoae.experiments.advice import what_next
from evoae.formatting import command, count, loss, short
from evoae.runs.files import REFIT
from evoae.runs.hall_of_fame import Entry, leading
from evoae.runs.run import Run


class RunSnapshot:
    """A run at one moment.

    Attributes:
        run: open for reading.
        status: where it stands.
        hall: the best models, best first, those that were refitted before the others.
        front: what nobody beats in loss, latent size and parameters at once, best first.
        metadata: what the run knows of itself.
        candidates: by id, in the order of proposal.
        evaluations: by id, in the order of finishing.
        repeats: further trainings.
        scores: what each candidate's trainings earned.
        generations: the finished ones.
        results: what came of candidates after the search, by id and kind.
        advice: what to change next.
        chosen: the models that were asked for, in that order; empty if none were.

    Raises:
        RunError: its database is damaged, or has no such candidate.
        UseError: a candidate was asked for twice, or has no score.
    """

    def __init__(self, run: Run, chosen: Sequence[str] = ()) -> None:
        with run.at_one_moment() as now:
            self.run, self.status = run, run.status()
            self.hall = tuple(leading(run.hall_of_fame()))
            self.front = tuple(run.front(("loss", "latent", "parameters")))
            self.metadata, self.candidates = now.metadata, now.candidates
            self.evaluations, self.repeats = now.evaluations, now.tables.repeats()
            self.generations = tuple(now.generations.values())
            self.scores, self.results = now.scores, now.results
            self.advice, self.chosen = what_next(run), _entries(run, chosen)

    @property
    def best(self) -> Entry | None:
        """The best model; None before the first score."""
        return self.hall[0] if self.hall else None

    @property
    def refit(self) -> Mapping[str, Any] | None:
        """What the best model's refit came to; None before one, or if it failed."""
        refit = {} if self.best is None else self.results.get((self.best.id, REFIT), {})
        return refit if refit.get("test_loss") is not None else None

    @property
    def trainings(self) -> tuple[Evaluation, ...]:
        """All of them, further ones of a candidate last."""
        return (*self.evaluations.values(), *self.repeats.values())

    @property
    def given(self) -> str | None:
        """The one network that the run is about, see `evoae train`; None for a search."""
        return self.metadata.genome

    @property
    def measured(self) -> str:
        """What a loss of this run is, in words."""
        return self.run.config.objective.fitness_in_words(self.run.data_kind().value)

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


def _entries(run: Run, prefixes: Sequence[str]) -> tuple[Entry, ...]:
    """Return the candidates whose ids begin so, or the best one for `best`, in that order."""
    ids = [run.find(prefix).candidate.id for prefix in prefixes]
    scored = {entry.id: entry for entry in run.entries(ids)}
    for id in ids:
        if ids.count(id) > 1:
            raise UseError(f"{run.path} {short(id)}", "named twice", "Name different models.")
        if id not in scored:
            step = f"'{command('hof', run.path)}' lists models."
            raise UseError(f"{run.path} {short(id)}", "has no score", step)
    return tuple(scored[id] for id in ids)
