"""Reading a run: its hall of fame, candidates and status. Reading never changes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Self

from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.config.values import ObjectiveName
from evoae.errors import RunError
from evoae.evaluation import Evaluation
from evoae.formatting import command
from evoae.genome.network_defaults import NetworkDefaults
from evoae.pareto import place, undominated
from evoae.runs.database import damaged
from evoae.runs.files import REFIT, model_path, pending_path
from evoae.runs.folder import CONFIG, locate
from evoae.runs.hall_of_fame import CandidateResult, Entry, leading, share
from evoae.runs.metadata import RunMetadata, in_force
from evoae.runs.records import Baseline, Generation
from evoae.runs.snapshot import Snapshot, snapshot
from evoae.runs.status import Status, read_status
from evoae.runs.store import DATABASE
from evoae.runs.trainings import Training

if TYPE_CHECKING:
    from evoae.data.dataset import AbstractKind


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
        with snapshot(path):
            return cls(path, load_config(path / CONFIG, source=str(path / CONFIG)))

    def at_one_moment(self) -> AbstractContextManager[Snapshot]:
        """Return a context in which everything is read as it is when the context begins.

        Without it each method reads the moment at which it is called.
        """
        return snapshot(self.path)

    def metadata(self) -> RunMetadata:
        """Return what the run knows of itself: data, machine, budget, baselines and more."""
        with self.at_one_moment() as now:
            return now.metadata

    def defaults(self) -> NetworkDefaults:
        """Return what the run's networks share."""
        metadata = self.metadata()
        return NetworkDefaults.of(
            self.config.model, self.config.objective, metadata.input_shape, metadata.output
        )

    def data_kind(self) -> AbstractKind:
        """Return what kind of data the run's networks rebuild, with what was fitted on them.

        Raises:
            DataError: what was fitted is damaged.
        """
        from evoae.data.kinds.registry import restore  # a listing starts faster without arrays

        return restore(self.metadata().kind)

    def item(self) -> str:
        """Return the word for one of the things that the run's networks rebuild: "image"."""
        return self.metadata().kind["item"]

    def generations(self) -> list[Generation]:
        """Return the finished generations in order."""
        with self.at_one_moment() as now:
            return list(now.generations.values())

    def evaluations(self) -> list[Training]:
        """Return every training in the order of finishing, each a flat row.

        `pandas.DataFrame(run.evaluations())` is a table of them.
        """
        with self.at_one_moment() as now:
            return now.tables.trainings()

    def first_evaluations(self) -> list[Evaluation]:
        """Return the evaluation of each candidate's first training, learning curve included.

        In the order of finishing.
        """
        with self.at_one_moment() as now:
            return list(now.evaluations.values())

    def hall_of_fame(self) -> list[Entry]:
        """Return the best models so far, best first; the generation under way included.

        Those of an nsga2 search are its front, see `front`, up to its last finished generation.
        """
        with self.at_one_moment() as now:
            newest = now.tables.newest_generation()
            members = [] if newest is None else list(newest.hall_of_fame)
            if self.config.search.algorithm != "nsga2" or not members:
                done = 0 if newest is None else newest.number
                members += now.tables.proposed_after(done)
            return self._entries(now, members, self.config.search.hof_size)

    def entries(self, ids: Collection[str]) -> list[Entry]:
        """Return candidates as entries of a hall of fame, best first; those without a score not.

        Args:
            ids: whole ids of candidates.
        """
        with self.at_one_moment() as now:
            return self._entries(now, ids)

    def best(self) -> Entry | None:
        """Return the best model: of those that were refitted, or else of the search.

        See `evoae.runs.hall_of_fame.leading`; None before the first score.
        """
        return next(iter(leading(self.hall_of_fame())), None)

    def front(self, objectives: Sequence[ObjectiveName] | None = None) -> list[Entry]:
        """Return every candidate than which no other one is better in all respects, best first.

        Trainings that racing stopped early are left out, here and in the hall of fame.
        Only those of the hall of fame have a model; `refit` trains the others.

        Args:
            objectives: the respects, all to minimise; None for those of `search.objectives`.
        """
        chosen = self.config.search.objectives if objectives is None else objectives
        with self.at_one_moment() as now:
            ranked = _ranked(now, now.scores)
            sizes = [self._size(now, id) for _, id in ranked]
            places = [
                place(fitness, latent, parameters, chosen)
                for (fitness, _), (parameters, latent) in zip(ranked, sizes, strict=True)
            ]
            kept = undominated(places)
            front = [id for (_, id), stays in zip(ranked, kept, strict=True) if stays]
            return self._entries(now, front)

    def best_within(self, latent: int) -> Entry:
        """Return the best candidate whose latent size is at most `latent`.

        Raises:
            RunError: there is none.
        """
        for entry in self.front(("loss", "latent")):
            if entry.latent <= latent:
                return entry
        listing = command("hof", self.path, "--front")
        raise RunError(
            str(self.path),
            f"no candidate has a latent size of {latent} or less",
            f"ask for a larger one; '{listing}' lists those there are",
        )

    def find(self, prefix: str) -> CandidateResult:
        """Return the candidate whose id starts with `prefix`, or the best one for `best`.

        Raises:
            RunError: there is none, or more than one.
        """
        with self.at_one_moment() as now:
            if prefix == "best":
                best = self.best()
                if best is None:
                    raise RunError(str(self.path), "no candidate has a score yet")
                prefix = best.id
            matching = [id for id in now.candidates if id.startswith(prefix.lower())]
            if len(matching) != 1 or not prefix:
                step = f"'{command('evaluations', self.path)}' lists ids"
                seen = f"no candidate begins with '{prefix}'"
                if matching:
                    seen = f"{len(matching)} candidates begin with '{prefix}'"
                    step += "; give more digits of one"
                raise RunError(str(self.path), seen, step)
            (id,) = matching
            scores = now.scores.get(id)  # those of all that were trained
            evaluation = None if scores is None else now.tables.evaluation(id)
            return CandidateResult(now.candidates[id], evaluation, scores or ())

    def refitted(self, id: str) -> dict[str, Any] | None:
        """Return the record of a refit, see `evoae.experiments.refit`; None before one."""
        with self.at_one_moment() as now:
            return now.results.get((id, REFIT))

    def model_of(self, id: str) -> Path | None:
        """Return the file of a candidate's model that the search kept; None if it kept none."""
        return next((entry.model_path for entry in self.hall_of_fame() if entry.id == id), None)

    def failures(self) -> list[CandidateResult]:
        """Return the candidates that earned no fitness, in the order of failing."""
        with self.at_one_moment() as now:
            return [
                CandidateResult(now.candidates[id], evaluation)
                for id, evaluation in now.evaluations.items()
                if evaluation.fitness is None
            ]

    def linear_bound(self) -> tuple[int, float] | None:
        """Return (latent size, validation loss) of PCA at the winner's size; None if unknown."""
        with self.at_one_moment():
            bounds = self.linear_bounds()
            best = self.best() if bounds else None
        if best is None or best.latent not in bounds:
            return None
        return best.latent, bounds[best.latent]

    def linear_bounds(self) -> dict[int, float]:
        """Return PCA's validation loss by latent size, as far as it was measured."""
        return self.metadata().pca

    def baselines(self) -> list[Baseline]:
        """Return what the run was compared with so far, see `report.baselines`."""
        with self.at_one_moment() as now:
            bound, recorded = self.linear_bound(), now.metadata.baselines
        pca = [] if bound is None else [Baseline("pca", "scored", bound[1], bound[0])]
        return pca + [recorded[name] for name in sorted(recorded)]

    def in_force(self) -> Config:
        """Return the configuration with the generations and the budget that resumes have given."""
        metadata, search = self.metadata(), self.config.search
        budget = in_force(metadata.budget, search.budget)
        given = {"generations": metadata.generations, "budget": budget}
        return self.config.model_copy(update={"search": search.model_copy(update=given)})

    def search_on(self) -> str | None:
        """Return the command that lets a search that has ended go on; None if its space is spent.

        Budgets are doubled, or twice what is spent where that is more.
        """
        with self.at_one_moment() as now:
            metadata, status, search = now.metadata, self.status(), self.in_force().search
        if metadata.exhausted:
            return None
        spent = {
            "flops": status.cost or 0,
            "evaluations": status.scored + status.failed + status.repeated,
            "minutes": metadata.seconds / 60,
        }
        budget = search.budget.model_dump(exclude_none=True)
        more: list[str] = []
        for name, value in budget.items():
            doubled = 2 * max(value, spent[name])
            said = str(doubled) if isinstance(value, int) else f"{doubled:g}"
            more += ["--set", f"search.budget.{name}={said}"]
        if metadata.generations is not None and status.finished >= metadata.generations:
            more += ["--generations", "10"]
        return command("resume", self.path, *more)

    def status(self) -> Status:
        """Return the run's status now."""
        with self.at_one_moment() as now:
            hall = self.hall_of_fame()
            best = [(entry.id, entry.val_loss) for entry in hall[:1]]
            budget, answer = self.in_force().search.budget, next(iter(leading(hall)), None)
            first = next(iter(best), None)
            return read_status(self.path, now, budget, first, answer, self.baselines())

    def _entries(
        self, now: Snapshot, ids: Collection[str], most: int | None = None
    ) -> list[Entry]:
        """Return the scored ones of some candidates, best first; at most `most` of them."""
        return [
            self._entry(rank, now, id, fitness)
            for rank, (fitness, id) in enumerate(_ranked(now, ids)[:most], start=1)
        ]

    def _entry(self, rank: int, now: Snapshot, id: str, fitness: float) -> Entry:
        candidate, evaluation = now.tables.candidate(id), now.tables.evaluation(id)
        refitted, scores = now.results.get((id, REFIT), {}), now.scores[id]
        parameters, latent = self._size(now, id)
        # What else is a loss than a squared error, PCA's can't stand beside.
        bounds = refitted if self.config.objective.is_squared_error else {}
        known, variance = now.metadata, bounds.get("variance", {})
        test, validation = refitted.get("test_loss"), refitted.get("val_loss")
        return Entry(
            rank,
            id,
            fitness,
            parameters,
            latent,
            candidate.genome,
            candidate.generation,
            evaluation.seconds.total,
            self._model(id),
            test,
            len(scores),
            stdev(scores) if len(scores) > 1 else None,
            validation,
            known.pca.get(latent),
            bounds.get("pca_validation"),
            bounds.get("pca"),
            share(fitness, known.variance),
            share(validation, variance.get("validation")),
            share(test, variance.get("test")),
        )

    def _size(self, now: Snapshot, id: str) -> tuple[int, int]:
        """Return parameters and latent size of a candidate that has a score."""
        parameters, latent = now.sizes[id]
        if parameters is None or latent is None:
            raise damaged(self.path / DATABASE, f"{id:.12} has a score and no size")
        return parameters, latent

    def _model(self, candidate_id: str) -> Path:
        """Return where a model lies: it waits in a folder of its own for its generation's end."""
        pending = pending_path(self.path, candidate_id)
        return pending if pending.is_file() else model_path(self.path, candidate_id)


def _ranked(now: Snapshot, ids: Collection[str]) -> list[tuple[float, str]]:
    """Return (validation loss, id) of the scored ones of some candidates, best first."""
    return sorted((fmean(now.scores[id]), id) for id in ids if now.scores.get(id))
