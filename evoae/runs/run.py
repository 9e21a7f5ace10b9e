"""A run, read: its hall of fame, its candidates, where it stands. Reading never changes it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.config.values import ObjectiveName
from evoae.errors import RunError
from evoae.evaluation import Evaluation
from evoae.front import place, undominated
from evoae.genome.frame import Frame
from evoae.runs.database import damaged
from evoae.runs.files import REFIT, disk_bytes, model_path, pending_path
from evoae.runs.folder import CONFIG, locate
from evoae.runs.lock import holder
from evoae.runs.records import Baseline, Candidate, Generation
from evoae.runs.store import DATABASE, Store

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
        val_loss: its fitness, the mean over its trainings.
        measures: trainings with a seed each that did not fail.
        deviation: standard deviation of their losses; None for one.
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
    measures: int = 1
    deviation: float | None = None

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
                "raced": len(evaluation.validation_loss) if evaluation.raced else None,
            }
        return told


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands.

    Attributes:
        run: the folder.
        state: `running`, `finished`, `interrupted`, or `failed` if it stopped because of `why`.
        why: a failed run stopped; None for others.
        pid: of the driver; None unless running, 0 if it cannot be told.
        workers: of the latest driver; None if none has begun.
        generation: the one under way, from 1; the last one once finished.
        generations: how many were asked for; None if only a budget ends the search.
        scored, failed: trainings by outcome.
        raced: of those with a score, the ones that racing stopped early.
        reused: proposals in finished generations that were known and cost no training.
        repeated: further trainings of known candidates, with other seeds.
        borrowed: trainings taken over from other runs.
        cost: FLOPs of all trainings, see `evoae.evaluation.cost`; None in runs of older versions.
        noise: relative standard deviation of a loss between seeds; None where it was not measured.
        best: id and validation loss; None before the first score.
        eta_seconds: forecast of what is left, from the trainings so far; 0 once finished, None
            before the first training.
        disk_bytes: size of the folder.
        baselines: what the result was compared with so far.
    """

    run: str
    state: str
    why: str | None
    pid: int | None
    workers: int | None
    generation: int
    generations: int | None
    scored: int
    raced: int
    failed: int
    reused: int
    repeated: int
    borrowed: int
    cost: int | None
    noise: float | None
    best: tuple[str, float] | None
    eta_seconds: float | None
    disk_bytes: int
    baselines: tuple[Baseline, ...] = ()

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
        """Return the best models so far, best first; the generation under way included.

        Those of an nsga2 search are its front, see `front`, up to its last finished generation.
        """
        read = _Read(self.path)
        generations = read.generations
        members = list(generations[max(generations)].hall_of_fame) if generations else []
        if self.config.search.algorithm != "nsga2" or not members:
            done = len(generations)
            members += [id for id in read.scores if read.candidates[id].generation > done]
        return self._entries(read, members)[: self.config.search.hof_size]

    def front(self, objectives: Sequence[ObjectiveName] | None = None) -> list[Entry]:
        """Return every candidate than which no other one is better in all respects, best first.

        Trainings that racing stopped early are left out, here and in the hall of fame.
        Only those of the hall of fame have a model; `refit` trains the others.

        Args:
            objectives: the respects, all to minimise; None for those of `search.objectives`.
        """
        read = _Read(self.path)
        entries = self._entries(read, list(read.scores))
        chosen = self.config.search.objectives if objectives is None else objectives
        places = [place(e.val_loss, e.latent, e.parameters, chosen) for e in entries]
        front = [e for e, stays in zip(entries, undominated(places), strict=True) if stays]
        return [replace(entry, rank=rank) for rank, entry in enumerate(front, start=1)]

    def best_within(self, latent: int) -> Entry:
        """Return the best candidate whose latent size is at most `latent`.

        Raises:
            RunError: there is none.
        """
        for entry in self.front(("loss", "latent")):
            if entry.latent <= latent:
                return entry
        raise RunError(
            str(self.path),
            f"no candidate has a latent size of {latent} or less",
            "ask for a larger one; 'evoae hof --front' lists those there are",
        )

    def find(self, prefix: str) -> Found:
        """Return the candidate whose id starts with `prefix`, or the best one for `best`.

        Raises:
            RunError: there is none, or more than one.
        """
        with Store.reader(self.path) as store:
            candidates, evaluations = store.candidates(), store.evaluations()
            scores = store.scores()
        if prefix == "best":
            best = _best(scores)
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

    def linear_bounds(self) -> dict[int, float]:
        """Return PCA's validation loss by latent size; of an nsga2 search, at all of its front."""
        match self.facts().get("pca"):
            case {"curve": [*pairs]}:
                return {int(latent): float(value) for latent, value in pairs}
        bound = self.linear_bound()
        return {} if bound is None else dict([bound])

    def baselines(self) -> list[Baseline]:
        """Return what the run was compared with so far, see `report.baselines`.

        Raises:
            RunError: what is recorded of it is damaged.
        """
        bound, recorded = self.linear_bound(), self.facts().get("baselines", {})
        found = [] if bound is None else [Baseline("pca", "scored", bound[1], bound[0])]
        try:
            return found + [Baseline(**recorded[name]) for name in sorted(recorded)]
        except TypeError as error:
            raise damaged(self.path / DATABASE, error) from error

    def status(self) -> Status:
        """Return where the run stands now."""
        pid = holder(self.path)
        with Store.reader(self.path) as store:
            facts, generations = store.facts(), store.generations()
            target = facts.get("generations")
            evaluations, borrowed = store.evaluations(), store.borrowed()
            repeats, scores = store.repeats(), store.scores()
        trainings = [*evaluations.values(), *repeats.values()]
        scored = sum(evaluation.fitness is not None for evaluation in evaluations.values())
        done = len(generations)
        ended = facts.get("ended") or (target is not None and done >= target)
        state = "running" if pid is not None else "finished" if ended else "interrupted"
        why = facts.get("stopped") if state == "interrupted" else None
        last = max(generations.values(), key=lambda each: each.number, default=None)
        costs = [evaluation.cost for evaluation in trainings]
        settled = len(trainings) + sum(
            int(each.stats.get("reused") or 0) for each in generations.values()
        )
        return Status(
            run=str(self.path),
            state=state if why is None else "failed",
            why=why,
            pid=pid,
            workers=facts.get("workers"),
            generation=done if ended else done + 1 if target is None else min(done + 1, target),
            generations=target,
            scored=scored,
            raced=sum(evaluation.raced for evaluation in evaluations.values()),
            failed=len(evaluations) - scored,
            reused=settled - len(trainings),
            repeated=len(repeats),
            borrowed=borrowed,
            cost=sum(cost for cost in costs if cost is not None) if None not in costs else None,
            noise=None if last is None else last.stats.get("noise"),
            best=_best(scores),
            eta_seconds=0.0
            if state == "finished"
            else _eta(facts.get("planned"), settled, trainings, facts.get("workers") or 1),
            disk_bytes=disk_bytes(self.path),
            baselines=tuple(self.baselines()),
        )

    def _entries(self, read: _Read, ids: Collection[str]) -> list[Entry]:
        """Return the scored ones of some candidates, best first."""
        ranked = sorted((fmean(read.scores[id]), id) for id in ids if read.scores.get(id))
        return [
            self._entry(rank, read, id, fitness)
            for rank, (fitness, id) in enumerate(ranked, start=1)
        ]

    def _entry(self, rank: int, read: _Read, id: str, fitness: float) -> Entry:
        candidate, evaluation = read.candidates[id], read.evaluations[id]
        refitted, scores = read.results.get((id, REFIT)), read.scores[id]
        if evaluation.parameters is None or evaluation.latent is None:
            raise RunError(str(self.path), f"hall of fame: {id} has no size")
        return Entry(
            rank,
            id,
            fitness,
            evaluation.parameters,
            evaluation.latent,
            candidate.genome,
            candidate.generation,
            evaluation.seconds.total,
            self._model(id),
            None if refitted is None else refitted.get("test_loss"),
            len(scores),
            stdev(scores) if len(scores) > 1 else None,
        )

    def _model(self, candidate_id: str) -> Path:
        """Return where a model lies: it waits in a folder of its own for its generation's end."""
        pending = pending_path(self.path, candidate_id)
        return pending if pending.is_file() else model_path(self.path, candidate_id)


class _Read:
    """The tables that a ranking needs, read at one moment."""

    def __init__(self, path: Path) -> None:
        with Store.reader(path) as store:
            self.generations, self.evaluations = store.generations(), store.evaluations()
            self.candidates, self.results = store.candidates(), store.results()
            self.scores = store.scores()


def _best(scores: Mapping[str, Sequence[float]]) -> tuple[str, float] | None:
    """Return the candidate with the least mean, and that mean."""
    ranked = [(fmean(each), id) for id, each in scores.items() if each]
    if not ranked:
        return None
    fitness, id = min(ranked)
    return id, fitness


def _eta(
    planned: int | None, settled: int, trainings: Sequence[Evaluation], workers: int
) -> float | None:
    """Return seconds left: what is still planned, at the mean cost of the trainings so far."""
    if planned is None or not trainings:
        return None
    mean = fmean(each.seconds.total for each in trainings)
    return max(0, planned - settled) * mean / workers
