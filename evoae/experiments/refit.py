"""Training winners properly, and opening the test set for them, once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from evoae.config.data import ReduceConfig
from evoae.config.schema import Config
from evoae.data.load import load, of_run
from evoae.data.pca import LARGEST, pca_error
from evoae.data.summary import mean_item_error
from evoae.engine.problem import Problem
from evoae.errors import RunError
from evoae.evaluation import (
    Evaluation,
    Task,
    TrainingKey,
    seed_for,
    trained_as,
)
from evoae.experiments.refit_records import (
    best_epoch,
    deviation_of,
    is_scored,
    judged_by,
    training_record,
)
from evoae.experiments.training_progress import Loss, Show, followed
from evoae.formatting import plural
from evoae.genome.text import parse
from evoae.runs.compatibility import check_unchanged
from evoae.runs.files import REFIT, refit_path
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.metadata import Refitting
from evoae.runs.model_file import load_model
from evoae.runs.run import Run
from evoae.runs.store import Store, now


@dataclass(frozen=True, slots=True)
class Refitted:
    """What a candidate reached when it was trained properly.

    Attributes:
        id: candidate id.
        genome: one-line text.
        settings: of the training, see `RefitConfig`.
        trained: how many trainings earned a figure; 0 if all failed.
        message: why the last failed one failed; None if none did.
        seconds: of all trainings together.
        epochs: of the refit's best training, and its best one; 0 is before the first, of a
            network that starts from PCA.
        handed_over: which model the other commands use from now on: that of the `refit`, or the
            `search`'s own, where that one is better by validation.
        val_losses: of those that were compared, on the same items; empty if all trainings failed,
            or were trained on the validation split as well: then the best by training is kept.
        val_loss: of the model handed over; None where `val_losses` is empty.
        test_loss: its fitness figure on the test set.
        test: all its metrics on the test set, by name.
        deviation: standard deviation of each test figure over the trainings; empty for one, or
            where the search's model is handed over.
        pca: mean squared error on the test set of PCA of the same size, fitted on what the
            model was trained on; None where it would be too large, or the code is as large as the
            input.
        pca_validation: the same on the validation split; None where that was trained on, too.
        variance: mean squared error of always answering the mean training item, by split: what
            can be explained of `validation`, unless that was trained on, and of `test`.
    """

    id: str
    genome: str
    settings: Mapping[str, Any]
    trained: int
    message: str | None
    seconds: float
    epochs: tuple[int, int] | None = None
    handed_over: Literal["refit", "search"] = "refit"
    val_losses: Mapping[str, float] = field(default_factory=dict)
    val_loss: float | None = None
    test_loss: float | None = None
    test: Mapping[str, float] = field(default_factory=dict)
    deviation: Mapping[str, float] = field(default_factory=dict)
    pca: float | None = None
    pca_validation: float | None = None
    variance: Mapping[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, object]:
        """Return what `refit --json` says, and what the run folder records."""
        return asdict(self)


def refit(
    run: str | Path,
    ids: Sequence[str] = ("best",),
    *,
    top: int | None = None,
    settings: Mapping[str, object] | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> list[Refitted]:
    """Train candidates of a run from scratch on all its training data; then measure them.

    The validation split decides which epoch and which training is kept, and whether the search's
    own model stays, because none is better; unless it is trained on (`refit.with_validation`).
    Then the test set is opened for each candidate. A training that
    finished is not repeated after an interruption, nor a refit with the same settings.

    Args:
        run: a run's folder, or its name under `runs/`.
        ids: unambiguous prefixes of candidate ids, or `best`.
        top: the best so many of the hall of fame instead.
        settings: of `RefitConfig`, in place of the run's own.
        overrides: `KEY=VALUE` each, of any settings that change no search, such as
            `refit.optimizer=adam`; after `settings`.
        say: is told in a line what is being done.
        show: draws how far the trainings are, see `followed`; None to have `say` hear it.

    Returns:
        one record for each candidate, in the order of `ids`, one that is named twice only once;
        the run folder has them as well.

    Raises:
        EvoaeError: no such run or candidate, a driver is at work on it, its data are gone, or an
            override would change the search.
    """
    opened = Run.open(run)
    if top is not None:
        ids = [entry.id for entry in opened.hall_of_fame()[:top]]
        if not ids:
            raise RunError(str(opened.path), "no candidate has a score yet")
    found = list({found.candidate.id: found for found in map(opened.find, ids)}.values())
    problem = whole_problem(opened, with_settings(opened, settings or {}, overrides))
    with Store.writer(opened.path) as store:
        return _Refit(opened, store, problem, say, show).of(found)


class _Refit:
    """The refits of one call."""

    def __init__(
        self,
        run: Run,
        store: Store,
        problem: Problem,
        say: Callable[[str], None],
        show: Show | None = None,
    ) -> None:
        self.refit = problem.config.refit
        if self.refit.with_validation:
            problem = replace(problem, dataset=problem.dataset.joined())
        self.run, self.store, self.problem = run, store, problem
        self.say, self.show = say, show
        self.settings = self.refit.model_dump(mode="json")
        self.results = store.results()

    def of(self, candidates: Sequence[CandidateResult]) -> list[Refitted]:
        """Return the record of each candidate, trained for as far as it has none."""
        from evoae.data.shared_memmap import share
        from evoae.execution.executor import run_all
        from evoae.execution.factory import executor_for

        open_ones = [found for found in candidates if self._recorded(found) is None]
        if open_ones:
            shared = share(self.problem.dataset)
            with executor_for(self.problem.config.execution) as executor:
                tasks = [task for found in open_ones for task in self._tasks(found, shared)]
                self._announce(tasks)
                loss: Loss = "training" if self.refit.with_validation else "validation"
                with (
                    self._under_way(tasks) as finished,
                    followed(tasks, self.say, loss, self.show) as over,
                ):
                    for evaluation in run_all(executor, tasks):
                        over(evaluation.key)
                        self._note(evaluation)
                        finished(evaluation.key)
        for found in open_ones:
            self._conclude(found)
        return [_read(self._recorded(found) or {}) for found in candidates]

    @contextmanager
    def _under_way(self, tasks: Sequence[Task]) -> Iterator[Callable[[TrainingKey], None]]:
        """Have the run say that it is refitted; yield what notes that a training is over."""
        names = {task.key: task.curve.name for task in tasks if task.curve is not None}
        of: Literal["validation", "train"] = "validation"
        if self.refit.with_validation:
            of = "train"
        left = tuple(names.values())
        self.store.update(refitting=Refitting(os.getpid(), now(), of, self.refit.epochs, left))

        def finished(key: TrainingKey) -> None:
            known = self.store.metadata().refitting
            if known is not None and names[key] in known.left:
                still = tuple(name for name in known.left if name != names[key])
                over = (*known.finished, names[key])
                self.store.update(refitting=replace(known, left=still, finished=over))

        try:
            yield finished
        finally:
            self.store.update(refitting=None)

    def _recorded(self, found: CandidateResult) -> dict[str, Any] | None:
        """Return the record of a refit with these settings, whose model is still there."""
        id = found.candidate.id
        result = self.results.get((id, REFIT))
        if result is None or result["settings"] != self.settings:
            return None
        kept = refit_path(self.run.path, id).is_file() or not result["trained"]
        return result if kept else None

    def _tasks(self, found: CandidateResult, shared: Path) -> Iterator[Task]:
        """Yield the trainings of a candidate that are not done yet."""
        id, genome = found.candidate.id, parse(found.candidate.genome)
        for number in range(1, self.refit.seeds + 1):
            done = self.results.get((id, f"{REFIT} {number}"), {})
            keep = self._model(id, number)
            if done.get("settings") == self.settings and (keep.is_file() or not is_scored(done)):
                continue
            curve = keep.absolute().with_suffix(".jsonl")
            curve.parent.mkdir(exist_ok=True)
            curve.unlink(missing_ok=True)
            yield replace(
                self.problem.task(genome, shared),
                key=TrainingKey(id, number),
                curve=curve,
                training=trained_as(self.refit.training, genome),
                seed=seed_for(self.problem.config.seed, f"{id} {REFIT} {number}"),
                keep=keep.absolute(),
            )

    def _announce(self, tasks: Sequence[Task]) -> None:
        from evoae.execution.bfloat16 import note_on

        if not tasks:
            return
        images = f"{len(self.problem.dataset.train):,} for training"
        if slow := note_on(self.refit.precision):
            self.say(slow)
        self.say(f"{plural(len(tasks), 'training')} of up to {self.refit.epochs} epochs, {images}")

    def _note(self, evaluation: Evaluation) -> None:
        """Record a training that has ended."""
        id, number = evaluation.id, evaluation.key.repeat
        record = training_record(self.settings, evaluation)
        if self.refit.with_validation:  # a loss of what was trained on is no validation loss
            record |= {"val_loss": None, "validation_history": [], "metrics": {}}
        self._record(id, f"{REFIT} {number}", record)
        epochs = len(evaluation.train_loss)
        ended = f"{evaluation.outcome} after {epochs} epochs, {evaluation.seconds.total:.0f} s"
        self.say(f"{id[:6]} seed {number}: {ended}")

    def _record(self, id: str, kind: str, value: dict[str, Any]) -> None:
        self.store.set_result(id, kind, value)
        self.results[id, kind] = value

    def _conclude(self, found: CandidateResult) -> None:
        """Open the test set for a candidate's models; keep the best one by validation."""
        id = found.candidate.id
        numbers = range(1, self.refit.seeds + 1)
        results = {number: self.results[id, f"{REFIT} {number}"] for number in numbers}
        scored = [n for n in numbers if is_scored(results[n])]
        failed = [result["message"] for result in results.values() if not is_scored(result)]
        refitted = Refitted(
            id=id,
            genome=found.candidate.genome,
            settings=self.settings,
            trained=len(scored),
            message=failed[-1] if failed else None,
            seconds=sum(result["seconds"] for result in results.values()),
        )
        if scored:
            best = min(scored, key=lambda number: judged_by(results[number])[-1])
            epochs = len(results[best]["train_history"])
            refitted = replace(
                refitted,
                epochs=(epochs, best_epoch(results[best])),
                **self._bounds(parse(found.candidate.genome)),
                **self._handed_over(id, best, results[best]["val_loss"], scored),
            )
        # A kill at any instant leaves no record beside a model of other settings; if the model is
        # missing then, the next call makes up for it, since the trainings are still there.
        kept = refit_path(self.run.path, id)
        kept.unlink(missing_ok=True)
        self._record(id, REFIT, refitted.summary())
        if scored:
            self._model(id, best).replace(kept)
        # Also those of more seeds, or half written.
        for left in (*kept.parent.glob(f"*{id}.*.keras"), *kept.parent.glob(f"{id}.*.jsonl")):
            left.unlink()

    def _handed_over(
        self, id: str, best: int, val_loss: float | None, scored: Sequence[int]
    ) -> dict[str, Any]:
        """Put the better model in the place of training number `best`; return its figures.

        Args:
            id: of the candidate.
            best: number of its best training.
            val_loss: of that; None if it was trained on the validation split.
            scored: numbers of all trainings with a figure.
        """
        test = [self.problem.dataset.test]
        losses: dict[str, float] = {} if val_loss is None else {"refit": val_loss}
        searched = self._searched(id) if losses else None
        if searched is not None:
            losses["search"] = searched[1]
        if searched is not None and searched[1] < losses["refit"]:
            shutil.copyfile(searched[0], self._model(id, best))
            metrics, test_loss = self._measured(searched[0], test)
            deviation, handed_over = {}, "search"
        else:
            tests = {number: self._measured(self._model(id, number), test) for number in scored}
            metrics, test_loss = tests[best]
            deviation = deviation_of([metrics for metrics, _ in tests.values()])
            handed_over = "refit"
        return {
            "handed_over": handed_over,
            "val_losses": losses,
            "val_loss": losses.get(handed_over),
            "test_loss": test_loss,
            "test": metrics,
            "deviation": deviation,
        }

    def _searched(self, id: str) -> tuple[Path, float] | None:
        """Return the search's model of a candidate and its loss; None if there is none to read."""
        path = self.run.model_of(id)
        if path is None:
            return None
        try:
            return path, self._measured(path, [self.problem.dataset.validation])[1]
        except RunError as why:
            self.say(f"{id[:6]}: not compared with the search's model: {why}")
            return None

    def _measured(
        self, path: Path, items: Sequence[NDArray[Any]]
    ) -> tuple[dict[str, float], float]:
        """Return a model's metrics on items in these parts, and the one that counts."""
        from evoae.models.objectives.base import objective_for
        from evoae.training.measure import measured
        from evoae.training.setup import load_quietly

        load_quietly()  # and no more: this process may have used TensorFlow in its own way before
        config = self.problem.config
        data = self.problem.dataset
        objective = objective_for(config.objective, config.seed % 2**31, bounded=data.kind.bounded)
        metrics = measured(load_model(path), objective, items, data.kind)
        return metrics, metrics[objective.fitness]

    def _bounds(self, genome: Any) -> dict[str, Any]:
        """Return what PCA of a network's size and the mean item reach, on the same items."""
        data, size = self.problem.dataset, self.problem.space.measure(genome)
        splits = {"test": data.test}
        if not self.refit.with_validation:
            splits["validation"] = data.validation
        variance = {name: mean_item_error(data.train, items) for name, items in splits.items()}
        pca: dict[str, float] = {}
        if data.train[0].size <= LARGEST and size.latent < data.train[0].size:
            for name, items in splits.items():
                pca[name] = pca_error(data.train, items, size.latent)
        return {
            "pca": pca.get("test"),
            "pca_validation": pca.get("validation"),
            "variance": variance,
        }

    def _model(self, id: str, number: int) -> Path:
        """Return where one training leaves its model until the best is known."""
        path = refit_path(self.run.path, id)
        return path.with_name(f"{id}.{number}.keras")


def with_settings(
    run: Run, settings: Mapping[str, object], overrides: Sequence[str] = ()
) -> Config:
    """Return a run's configuration with some of its settings replaced, as in `refit`.

    Raises:
        ConfigError: a setting is wrong.
        RunError: it would change the search.
    """
    from evoae.config.load import make_config

    recorded = run.config.model_dump(mode="json")
    raw = {**recorded, "refit": {**recorded["refit"], **settings}}
    changed = make_config(raw, source="refit", overrides=overrides)
    check_unchanged(run.path, recorded, changed.model_dump(mode="json"))
    return changed


def whole_problem(run: Run, config: Config) -> Problem:
    """Return the problem of a run on all of its data.

    Raises:
        RunError: the data are not those that the run began with.
    """
    with of_run(run.path):
        source = load(config.data, config.seed)
        now = source.reduced(config.data.reduce, config.seed).digest
    recorded = run.metadata().data_digest
    if recorded != now:
        raise RunError(
            str(run.path),
            f"its data had digest {recorded[:12]}, now {now[:12]}",
            "Restore the data that the run began with.",
        )
    data = config.data.model_copy(update={"reduce": ReduceConfig()})
    return Problem.of(config.model_copy(update={"data": data}), source)


def _read(result: Mapping[str, Any]) -> Refitted:
    epochs = result["epochs"]
    return Refitted(**{**result, "epochs": None if epochs is None else tuple(epochs)})
