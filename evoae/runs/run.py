"""The read side of a run folder: where it stands, its best models, any of its candidates.

Nothing here writes, blocks the driver or loads TensorFlow (but for `Entry.load`).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, final

from evoae.config.schema import Config
from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome
from evoae.runs.files import disk_bytes, model_file
from evoae.runs.folder import locate, read_config
from evoae.runs.lock import holder
from evoae.runs.records import Candidate, Generation
from evoae.runs.store import Store

State = Literal["running", "finished", "interrupted"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the hall of fame.

    Attributes:
        rank: 1 for the best.
        val_loss: its fitness.
        parameters, latent: the network's size; None if that wasn't measured.
        generation: in which it was found.
        seconds: that its training took.
        model_path: its Keras file.
    """

    rank: int
    id: str
    val_loss: float
    parameters: int | None
    latent: int | None
    genome: str
    generation: int
    seconds: float
    model_path: Path

    def load(self) -> Any:
        """Return the trained Keras model; loading it runs no code from the file.

        Raises:
            RunError: the file is missing or damaged.
        """
        if not self.model_path.is_file():
            raise RunError(
                str(self.model_path), "no such model file", "train it again with 'evoae refit'"
            )
        import keras

        try:
            return keras.saving.load_model(self.model_path, compile=False, safe_mode=True)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(
                str(self.model_path),
                f"cannot be loaded ({str(error).splitlines()[0] if str(error) else error!r})",
                "train it again with 'evoae refit'",
            ) from error


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Attributes:
        pid: of the living driver; None if there is none, 0 if it cannot be told.
        workers: of the newest session.
        generation: the one being worked on, from 1; the last one once finished.
        generations: asked for.
        scored, failed: trainings by their end.
        reused: trainings saved because the candidate was known.
        best, best_loss: id and fitness of the best so far; None before the first.
        eta_seconds: until the target, from the median training; None if unknown or not running.
        started: ISO 8601 in UTC; None before the first session.
        elapsed: wall seconds of all sessions.
    """

    run: Path
    state: State
    pid: int | None
    workers: int
    generation: int
    generations: int
    scored: int
    failed: int
    reused: int
    best: str | None
    best_loss: float | None
    eta_seconds: float | None
    disk_bytes: int
    started: str | None
    elapsed: float


@final
class Run:
    """A run folder, opened to read. Every call reads what is committed at that moment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, run: str | Path) -> Self:
        """Open the run that a folder's path, or its name under `runs/`, means.

        Raises:
            RunError: there is none, it is no run folder, damaged, or of a newer version.
        """
        path = locate(run)
        Store(path, read_only=True).close()
        return cls(path)

    @cached_property
    def config(self) -> Config:
        """The configuration that the run was made with."""
        return read_config(self.path)

    def store(self) -> Store:
        """Open the database to read; the caller closes it."""
        return Store(self.path, read_only=True)

    def evaluations(self) -> tuple[Evaluation, ...]:
        """Return all evaluations in the order of finishing."""
        with self.store() as store:
            return store.evaluations()

    def hall_of_fame(self) -> list[Entry]:
        """Return the newest generation's hall of fame, the best first."""
        with self.store() as store, store.snapshot():
            return [
                self._entry(rank, store.candidate(identity), store.evaluation(identity))
                for rank, identity in enumerate(store.hall_of_fame(), start=1)
            ]

    def find(self, reference: str) -> tuple[Candidate, Evaluation | None]:
        """Return the candidate that an id's unambiguous prefix, or `best`, means.

        Returns:
            The candidate and what it earned; None if that isn't decided.

        Raises:
            RunError: no candidate, or several ones.
        """
        with self.store() as store, store.snapshot():
            identity = self._identity(store, reference)
            candidate = store.candidate(identity)
            assert candidate is not None
            return candidate, store.evaluation(identity)

    def status(self) -> Status:
        """Return where the run stands."""
        pid = holder(self.path)  # before the store: a run seen idle is then seen finished or not
        with self.store() as store, store.snapshot():
            target, progress = store.target(), store.progress()
            generations, evaluations = store.generations(), store.evaluations()
            candidates = {candidate.id: candidate for candidate in store.candidates()}
        best = _best(candidates, evaluations)
        state: State = "interrupted" if pid is None else "running"
        if len(generations) >= target:
            state = "finished"
        eta = None
        if state == "running" and evaluations and progress.workers:
            left = _trainings_left(
                self.config.search.population, target, generations, candidates, evaluations
            )
            typical = statistics.median(evaluation.seconds.total for evaluation in evaluations)
            eta = left * typical / progress.workers
        scored = sum(evaluation.outcome is Outcome.SCORED for evaluation in evaluations)
        return Status(
            run=self.path,
            state=state,
            pid=pid,
            workers=progress.workers,
            generation=min(len(generations) + 1, target),
            generations=target,
            scored=scored,
            failed=len(evaluations) - scored,
            reused=sum(int(generation.stats.get("reused") or 0) for generation in generations),
            best=best.id if best else None,
            best_loss=best.fitness if best else None,
            eta_seconds=eta,
            disk_bytes=disk_bytes(self.path),
            started=progress.started,
            elapsed=progress.elapsed,
        )

    def _identity(self, store: Store, reference: str) -> str:
        place = f"{self.path}: '{reference}'"
        if reference == "best":
            best = _best({c.id: c for c in store.candidates()}, store.evaluations())
            if best is None:
                raise RunError(place, "no candidate is scored yet", "see 'evoae status'")
            return best.id
        ids = store.starting_with(reference) if reference else ()
        if not ids:
            raise RunError(place, "no candidate has an id that starts so", "see 'evoae hof'")
        if len(ids) > 1 and reference not in ids:
            shown = ", ".join(identity[:12] for identity in ids[:3])
            raise RunError(
                place,
                f"{len(ids)} candidates start so ({shown}{', …' if len(ids) > 3 else ''})",
                "give more characters",
            )
        return reference if reference in ids else ids[0]

    def _entry(
        self, rank: int, candidate: Candidate | None, evaluation: Evaluation | None
    ) -> Entry:
        if candidate is None or evaluation is None or evaluation.fitness is None:
            raise RunError(
                str(self.path), f"damaged (rank {rank} has no score)", "restore it from a copy"
            )
        return Entry(
            rank=rank,
            id=candidate.id,
            val_loss=evaluation.fitness,
            parameters=evaluation.parameters,
            latent=evaluation.latent,
            genome=candidate.genome,
            generation=candidate.generation,
            seconds=evaluation.seconds.total,
            model_path=model_file(self.path, candidate.id),
        )


def _best(
    candidates: Mapping[str, Candidate], evaluations: Sequence[Evaluation]
) -> Evaluation | None:
    """Return the lowest fitness, of equals the one asked for first; None if none is scored."""
    scored = [
        (evaluation.fitness, candidates[evaluation.id].generation, position, evaluation)
        for evaluation in evaluations
        if evaluation.fitness is not None
        for position in [candidates[evaluation.id].position]
    ]
    return min(scored, key=lambda row: row[:3])[3] if scored else None


def _trainings_left(
    population: int,
    target: int,
    generations: Sequence[Generation],
    candidates: Mapping[str, Candidate],
    evaluations: Sequence[Evaluation],
) -> float:
    """Return how many trainings the target still takes, by the finished generations' mean."""
    done = len(generations)
    of_finished = sum(candidates[e.id].generation <= done for e in evaluations)
    expected = of_finished / done if done else float(population)
    return max(0.0, expected * (target - done) - (len(evaluations) - of_finished))
