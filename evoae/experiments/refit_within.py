"""Refitting within a time: candidates compete for it, and the best one gets most of it.

The idea is that of successive rejects (Audibert, Bubeck and Munos, "Best arm identification in
multi-armed bandits", 2010), in two rounds: a third of the time goes to short refits of all
candidates alike, the rest to one long refit of the best one. Between rounds only validation losses
are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evoae.engine.problem import Problem
from evoae.errors import RunError
from evoae.evaluation import TrainingKey, seed_for, trained_as
from evoae.experiments.refit import Refitted, refit, whole_problem, with_settings
from evoae.experiments.refit_records import training_record
from evoae.formatting import loss, plural, short
from evoae.genome.text import parse
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.run import Run
from evoae.runs.store import Store

TRIAL = "refit trial"  # kind of result
_CANDIDATES = 3  # of the hall of fame, unless others are named
_TRIALS = 1 / 3  # share of the time
_LATE = 0.8  # share of a trial's epochs: a best one before it tells that more would not help


def refit_within(
    run: str | Path,
    minutes: float,
    ids: Sequence[str] = (),
    *,
    settings: Mapping[str, object] | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Refitted:
    """Refit the best of some candidates in about so many minutes of training.

    Time becomes epochs before anything is trained, by the pace of the candidates' trainings in the
    search: an estimate, which loading and measuring come on top of. Each training has an epoch at
    least. A trial that was trained before with the same settings is not trained again.

    Args:
        run: a run's folder, or its name under `runs/`.
        minutes: for all trainings together.
        ids: of the candidates, as in `refit`; none for the best three of the hall of fame.
        settings: as in `refit`; the epochs follow from the time.
        overrides: as in `refit`.
        say: is told in a line what is being done.

    Raises:
        EvoaeError: as `refit`; also, all candidates failed in their trials.
    """
    opened = Run.open(run)
    ids = ids or [entry.id for entry in opened.hall_of_fame()[:_CANDIDATES]]
    if not ids:
        raise RunError(str(opened.path), "no candidate has a score yet")
    found = list({each.candidate.id: each for each in map(opened.find, ids)}.values())
    problem = whole_problem(opened, with_settings(opened, settings or {}, overrides))
    seconds = 60 * minutes
    epochs = problem.config.refit.epochs
    if len(found) == 1:
        (best,) = found
        epochs = _epochs(seconds, *_pace(best, problem, opened))
    else:
        best, trial = _best_of(opened, found, problem, seconds * _TRIALS, say)
        history = trial["validation_history"]
        late = 1 + history.index(min(history)) > _LATE * len(history)
        left = seconds - trial["seconds of all"]
        affordable = _epochs(left, trial["seconds"] / len(history), 0.0)
        epochs = affordable if late else min(affordable, max(epochs, len(history)))
    chosen = {**(settings or {}), "epochs": epochs}
    (refitted,) = refit(run, [best.candidate.id], settings=chosen, overrides=overrides, say=say)
    return refitted


def _best_of(
    run: Run,
    found: Sequence[CandidateResult],
    problem: Problem,
    seconds: float,
    say: Callable[[str], None],
) -> tuple[CandidateResult, dict[str, Any]]:
    """Give every candidate a trial; return the one with the lowest validation loss, and its trial.

    Raises:
        RunError: all failed.
    """
    from evoae.data.shared_memmap import share
    from evoae.execution.executor import run_all
    from evoae.execution.factory import executor_for

    shared, tasks = share(problem.dataset), []
    with Store.writer(run.path) as store, executor_for(problem.config.execution) as executor:
        results = store.results()
        for each in found:
            id, genome = each.candidate.id, parse(each.candidate.genome)
            epochs = _epochs(seconds / len(found), *_pace(each, problem, run))
            settings = problem.config.refit.model_copy(update={"epochs": epochs})
            known = results.get((id, TRIAL))
            if known is not None and known["settings"] == settings.model_dump(mode="json"):
                continue
            results[id, TRIAL] = {"settings": settings.model_dump(mode="json")}
            tasks.append(
                replace(
                    problem.task(genome, shared),
                    key=TrainingKey(id, 1),
                    training=trained_as(settings.training, genome),
                    seed=seed_for(problem.config.seed, f"{id} {TRIAL}"),
                )
            )
        if tasks:
            say(f"{plural(len(tasks), 'short refit')}, to see which candidate is worth a long one")
        for evaluation in run_all(executor, tasks):
            id = evaluation.id
            record = training_record(results[id, TRIAL]["settings"], evaluation)
            store.set_result(id, TRIAL, record)
            results[id, TRIAL] = record
            said = (
                loss(record["val_loss"]) if evaluation.fitness is not None else record["message"]
            )
            say(f"{short(id)}: {said} after {plural(len(evaluation.train_loss), 'epoch')}")
    trials = {each.candidate.id: results[each.candidate.id, TRIAL] for each in found}
    scored = [each for each in found if trials[each.candidate.id]["val_loss"] is not None]
    if not scored:
        raise RunError(
            str(run.path),
            f"all {len(found)} candidates failed when they were refitted briefly",
            f"{short(found[0].candidate.id)}: {trials[found[0].candidate.id]['message']}",
        )
    best = min(scored, key=lambda each: float(trials[each.candidate.id]["val_loss"]))
    spent = sum(trial["seconds"] for trial in trials.values())
    return best, {**trials[best.candidate.id], "seconds of all": spent}


def _pace(found: CandidateResult, problem: Problem, run: Run) -> tuple[float, float]:
    """Return the seconds of one of a candidate's epochs on all data, and of its first step.

    Raises:
        RunError: it was never trained.
    """
    evaluation = found.evaluation
    if evaluation is None or not evaluation.validation_loss:
        raise RunError(str(run.path), f"{short(found.candidate.id)} was not trained in the search")
    seconds = evaluation.seconds
    more = len(problem.dataset.train) / max(1, run.metadata().train_images)
    epoch = seconds.epochs / len(evaluation.validation_loss) * more
    return epoch, seconds.total - seconds.epochs


def _epochs(seconds: float, epoch: float, overhead: float) -> int:
    """Return how many epochs a time admits, 1 at least."""
    return int(min(max(1.0, (seconds - overhead) / max(epoch, 1e-6)), 100_000.0))
