"""A run, read: its hall of fame, its candidates, where it stands. Reading never changes it."""

from __future__ import annotations

import os
import statistics
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.errors import RunError
from evoae.evaluation import Evaluation
from evoae.genome.frame import Frame
from evoae.runs.files import REFIT, disk_bytes, model_path, pending_path
from evoae.runs.folder import CONFIG, locate
from evoae.runs.lock import holder
from evoae.runs.records import Candidate, Generation
from evoae.runs.store import Store

if TYPE_CHECKING:
    import keras

_Kind = TypeVar("_Kind")


def load_model(path: Path) -> keras.Model:
    """Load a trained model from a run, with sub-models named `encoder` and `decoder`.

    Raises:
        RunError: the file is missing or damaged.
    """
    restore = "restore it from a copy of the run"
    if not path.is_file():
        raise RunError(str(path), "missing", restore)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its start is nobody's business
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        said = (str(error).splitlines() or [repr(error)])[0]
        raise RunError(str(path), f"cannot be loaded ({said})", restore) from error


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of the hall of fame.

    Attributes:
        rank: from 1, the best.
        id: candidate id.
        val_loss: its fitness.
        parameters, latent: the network's size.
        genome: one-line text.
        generation: the one that proposed it first.
        seconds: that its training took.
        model_path: its trained model.
        test_loss: its fitness figure on the test set after `refit`; None before.
    """

    rank: int
    id: str
    val_loss: float
    parameters: int
    latent: int
    genome: str
    generation: int
    seconds: float
    model_path: Path
    test_loss: float | None = None

    def load(self) -> keras.Model:
        """Load the trained model, with sub-models named `encoder` and `decoder`.

        Raises:
            RunError: the file is missing or damaged.
        """
        return load_model(self.model_path)

    def summary(self) -> dict[str, object]:
        """Return what `hof --json` says of it."""
        values = asdict(self)
        return {**values, "model_path": str(values["model_path"])}


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate and, if it was trained, what it earned."""

    candidate: Candidate
    evaluation: Evaluation | None

    @property
    def kind(self) -> str:
        """How its training ended; `waiting` before that."""
        return "waiting" if self.evaluation is None else self.evaluation.outcome.value

    @property
    def message(self) -> str:
        """Why it failed; "" if it did not."""
        return "" if self.evaluation is None else self.evaluation.message or ""

    @property
    def traceback(self) -> str | None:
        """Of its failure; None if there is none."""
        return None if self.evaluation is None else self.evaluation.traceback

    def summary(self) -> dict[str, object]:
        """Return the plain figures that `show --json` says of it."""
        candidate, evaluation = self.candidate, self.evaluation
        told: dict[str, object] = {
            "id": candidate.id,
            "genome": candidate.genome,
            "generation": candidate.generation,
            "parents": list(candidate.parents),
            "operator": candidate.operator,
        }
        if evaluation is not None:
            told |= {
                "outcome": evaluation.outcome.value,
                "val_loss": evaluation.fitness,
                "parameters": evaluation.parameters,
                "latent": evaluation.latent,
                "flops": evaluation.flops,
                "seconds": asdict(evaluation.seconds),
                "peak_memory": evaluation.peak_memory,
                "figures": dict(evaluation.figures),
                "message": evaluation.message,
            }
        return told


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Attributes:
        run: the folder.
        state: `running`, `finished` or `interrupted`.
        pid: of the driver; None unless running, 0 if it cannot be told.
        workers: of the latest driver; None if none has begun.
        generation: the one under way, from 1; the last one once finished.
        generations: how many were asked for.
        scored, failed: trainings by outcome.
        reused: proposals in finished generations that were known and cost no training.
        borrowed: trainings taken over from other runs.
        best: id and validation loss; None before the first score.
        eta_seconds: forecast of what is left, from the trainings so far; 0 once finished, None
            before the first training.
        disk_bytes: size of the folder.
    """

    run: str
    state: str
    pid: int | None
    workers: int | None
    generation: int
    generations: int
    scored: int
    failed: int
    reused: int
    borrowed: int
    best: tuple[str, float] | None
    eta_seconds: float | None
    disk_bytes: int

    def summary(self) -> dict[str, object]:
        """Return what `status --json` says."""
        best = self.best
        told = asdict(self)
        told["best"] = None if best is None else {"id": best[0], "val_loss": best[1]}
        return told


class Run:
    """A run folder, open for reading.

    Attributes:
        path: the folder.
        config: the configuration that it was made with.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, config

    @classmethod
    def open(cls, run: str | Path) -> Self:
        """Open a run by its folder's path, or its name under `runs/`.

        Raises:
            RunError: there is no run, or a newer evoae wrote it.
        """
        path = locate(run)
        with Store.reader(path):
            return cls(path, load_config(path / CONFIG))

    def facts(self) -> dict[str, Any]:
        """Return what is recorded about data, machine and baselines."""
        with Store.reader(self.path) as store:
            return store.facts()

    def fact(self, key: str, kind: type[_Kind]) -> _Kind:
        """Return one recorded fact.

        Raises:
            RunError: the run lacks it.
        """
        with Store.reader(self.path) as store:
            return store.fact(key, kind)

    def frame(self) -> Frame:
        """Return what the run's networks share.

        Raises:
            RunError: the run lacks what was recorded about its data.
        """
        shape, output = tuple(self.fact("input_shape", list)), self.fact("output", str)
        if output not in ("sigmoid", "linear"):
            raise RunError(str(self.path), f"its output is {output!r}", "restore it from a copy")
        head: Literal["sigmoid", "linear"] = "sigmoid" if output == "sigmoid" else "linear"
        return Frame.of(self.config.model, self.config.objective, shape, head)

    def generations(self) -> list[Generation]:
        """Return the finished generations in order."""
        with Store.reader(self.path) as store:
            return list(store.generations().values())

    def evaluations(self) -> list[Evaluation]:
        """Return all evaluations in the order of finishing."""
        with Store.reader(self.path) as store:
            return list(store.evaluations().values())

    def hall_of_fame(self) -> list[Entry]:
        """Return the best models so far, best first; the generation under way included."""
        with Store.reader(self.path) as store:
            generations, evaluations = store.generations(), store.evaluations()
            candidates, results = store.candidates(), store.results()
        members = list(generations[max(generations)].hall_of_fame) if generations else []
        members += [id for id in evaluations if candidates[id].generation > len(generations)]
        scored = [(e.fitness, id) for id in members if (e := evaluations[id]).fitness is not None]
        return [
            self._entry(rank, candidates[id], evaluations[id], results.get((id, REFIT)))
            for rank, (_, id) in enumerate(sorted(scored)[: self.config.search.hof_size], start=1)
        ]

    def find(self, prefix: str) -> Found:
        """Return the candidate whose id starts with `prefix`, or the best one for `best`.

        Raises:
            RunError: there is none, or more than one.
        """
        with Store.reader(self.path) as store:
            candidates, evaluations = store.candidates(), store.evaluations()
        if prefix == "best":
            best = _best(evaluations)
            if best is None:
                raise RunError(str(self.path), "no candidate has a score yet")
            return Found(candidates[best[0]], evaluations[best[0]])
        found = [id for id in candidates if id.startswith(prefix.lower())]
        if len(found) != 1 or not prefix:
            if not found:
                seen, step = f"no candidate begins with '{prefix}'", "'evoae hof' lists ids"
            else:
                seen = f"{len(found)} candidates begin with '{prefix}'"
                step = "'evoae hof' lists ids; give more digits of one"
            raise RunError(str(self.path), seen, step)
        return Found(candidates[found[0]], evaluations.get(found[0]))

    def refitted(self, id: str) -> dict[str, Any] | None:
        """Return the record of a candidate's refit, see `evoae.use.refit`; None before one."""
        with Store.reader(self.path) as store:
            return store.results().get((id, REFIT))

    def failures(self) -> list[Found]:
        """Return the candidates that earned no fitness, in the order of failing."""
        with Store.reader(self.path) as store:
            candidates, evaluations = store.candidates(), store.evaluations()
        return [
            Found(candidates[id], evaluation)
            for id, evaluation in evaluations.items()
            if evaluation.fitness is None
        ]

    def linear_bound(self) -> tuple[int, float] | None:
        """Return (latent size, validation loss) of PCA at the winner's size; None if unknown."""
        match self.facts().get("pca"):
            case {"latent": int(latent), "val_loss": float(value)}:
                return latent, value
        return None

    def status(self) -> Status:
        """Return where the run stands now."""
        pid = holder(self.path)
        with Store.reader(self.path) as store:
            facts, generations = store.facts(), store.generations()
            target = store.fact("generations", int)
            evaluations, borrowed = store.evaluations(), store.borrowed()
        scored = sum(evaluation.fitness is not None for evaluation in evaluations.values())
        done = len(generations)
        state = "running" if pid is not None else "finished" if done >= target else "interrupted"
        reused = sum(int(g.stats.get("reused") or 0) for g in generations.values())
        workers = facts.get("workers")
        return Status(
            str(self.path),
            state,
            pid,
            workers,
            min(done + 1, target),
            target,
            scored,
            len(evaluations) - scored,
            reused,
            borrowed,
            _best(evaluations),
            _eta(facts.get("planned"), len(evaluations) + reused, evaluations, workers or 1)
            if state != "finished"
            else 0.0,
            disk_bytes(self.path),
        )

    def _entry(
        self,
        rank: int,
        candidate: Candidate,
        evaluation: Evaluation,
        refitted: Mapping[str, Any] | None,
    ) -> Entry:
        if (
            evaluation.fitness is None
            or evaluation.parameters is None
            or evaluation.latent is None
        ):
            raise RunError(str(self.path), f"hall of fame: {candidate.id} has no score")
        return Entry(
            rank,
            candidate.id,
            evaluation.fitness,
            evaluation.parameters,
            evaluation.latent,
            candidate.genome,
            candidate.generation,
            evaluation.seconds.total,
            self._model(candidate.id),
            None if refitted is None else refitted.get("test_loss"),
        )

    def _model(self, candidate_id: str) -> Path:
        """Return where a model lies: it waits in a folder of its own for its generation's end."""
        pending = pending_path(self.path, candidate_id)
        return pending if pending.is_file() else model_path(self.path, candidate_id)


def _best(evaluations: Mapping[str, Evaluation]) -> tuple[str, float] | None:
    scored = [(e.fitness, id) for id, e in evaluations.items() if e.fitness is not None]
    if not scored:
        return None
    fitness, id = min(scored)
    return id, fitness


def _eta(
    planned: int | None, settled: int, evaluations: Mapping[str, Evaluation], workers: int
) -> float | None:
    """Return seconds left: what is still planned, at the mean cost of the trainings so far."""
    if planned is None or not evaluations:
        return None
    mean = statistics.fmean(e.seconds.total for e in evaluations.values())
    return max(0, planned - settled) * mean / workers
