"""Refitting within a time: the best candidates compete for it.

They are narrowed down as by successive rejects (Audibert, Bubeck and Munos, "Best arm
identification in multi-armed bandits", 2010): where the time admits short refits that are longer
than the trainings of the search, a quarter of it goes to those, for four candidates; the two best
share what is left. Only validation losses are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from evoae.engine.problem import Problem
from evoae.errors import RunError
from evoae.evaluation import TrainingKey, seed_for, trained_as
from evoae.experiments.refit import Refitted, refit, whole_problem, with_settings
from evoae.experiments.refit_records import training_record
from evoae.experiments.training_progress import Show, followed
from evoae.formatting import loss, plural, short
from evoae.genome.gene_kind import GlobalGene
from evoae.genome.genes import Linear
from evoae.genome.text import parse
from evoae.runs.files import refit_path
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.run import Run
from evoae.runs.store import Store

TRIAL = "refit trial"  # kind of result
_CANDIDATES = 4  # of the hall of fame, unless others are named
_FINALISTS = 2
_TRIALS = 1 / 4  # share of the time
# Passes that each finalist shall have; with one alone, the better has all the time. On 20,000
# images that took 9, 7 and 0% (Fashion-MNIST) and 8% (MNIST) off the loss, and added 8% once
# (MNIST, a code of 32). With more passes it is no rule: -13% and +37% (pictures of signs), where
# the one that short trainings rank second was the better in the end.
_FEWEST_EPOCHS = 2
_LONGER = 1.2  # times the items of the search's training that a trial sees at least, to tell more
# More passes and steps than both of these overfit: time is better spent on other start weights.
_EPOCHS_THAT_OVERFIT = 200
_STEPS_THAT_OVERFIT = 8_000
_MOST_SEEDS = 5


def refit_within(
    run: str | Path,
    minutes: float,
    ids: Sequence[str] = (),
    *,
    settings: Mapping[str, object] | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
    show: Show | None = None,
) -> list[Refitted]:
    """Refit the two best of some candidates in about so many minutes of training.

    Time becomes epochs before anything is trained, by the pace of the candidates' earlier
    trainings: an estimate, which loading and measuring come on top of. Both get the same number;
    where that were one epoch, the better one has all the time. More than 200 epochs or 8,000
    steps go to up to five trainings from other start weights, of which the best is kept. A trial
    that was trained before with the same settings is not trained again.

    Args:
        run: a run's folder, or its name under `runs/`.
        minutes: of wall time, for all trainings together; as many run at once as in the search.
        ids: of the candidates, as in `refit`; none for the best of the hall of fame, among them
            one with another linear path, if there is any: short trainings overrate networks that
            begin at PCA.
        settings: as in `refit`; the epochs follow from the time.
        overrides: as in `refit`.
        say: is told in a line what is being done.
        show: draws how far the trainings are, see `refit`.

    Returns:
        their records, the one with the lowest validation loss first

    Raises:
        EvoaeError: as `refit`; also, all candidates failed in their trials.
    """
    from evoae.execution.factory import workers_for

    opened = Run.open(run)
    named = [each.candidate.id for each in map(opened.find, ids)]
    problem = whole_problem(opened, with_settings(opened, settings or {}, overrides))
    left, workers = 60 * minutes, workers_for(problem.config.execution)
    found = _contenders(opened, named, _CANDIDATES)
    each_trial = left * _TRIALS / math.ceil(len(found) / workers)
    if len(found) > _FINALISTS and _tells_more(opened, found, problem, each_trial):
        trials = _tried(opened, found, problem, each_trial, say, show)
        spent = sum(trial["seconds"] for trial in trials.values())
        left -= spent / min(workers, len(found))
        found = [each for each in found if trials[each.candidate.id]["val_loss"] is not None]
        found.sort(key=lambda each: float(trials[each.candidate.id]["val_loss"]))
        found = found[:_FINALISTS]
        paces = [_pace_of(trials[each.candidate.id]) for each in found]
    else:
        found = _contenders(opened, named, _FINALISTS)
        paces = [_pace(each, problem, opened) for each in found]
    most = max(_EPOCHS_THAT_OVERFIT, _STEPS_THAT_OVERFIT // _steps(problem))
    epochs, whole = _shared_epochs(left, workers, paces)
    if epochs < _FEWEST_EPOCHS:
        found = found[:1]
        epochs, whole = _shared_epochs(left, workers, paces[:1])
    epochs = min(most, epochs)
    seeds = min(_MOST_SEEDS, _seeds(workers * left, epochs, *whole))
    chosen = {
        **(settings or {}),
        "epochs": epochs,
        "seeds": max(problem.config.refit.seeds, seeds),
    }
    named = [each.candidate.id for each in found]
    done = refit(run, named, settings=chosen, overrides=overrides, say=say, show=show)
    return sorted(done, key=lambda one: math.inf if one.val_loss is None else one.val_loss)


def _shared_epochs(
    seconds: float, workers: int, paces: Sequence[tuple[float, float]]
) -> tuple[int, tuple[float, float]]:
    """Return the epochs that networks of these paces all get in a time, and their joint pace."""
    whole = sum(epoch for epoch, _ in paces), sum(overhead for _, overhead in paces)
    alone = (_epochs(seconds, *pace) for pace in paces)
    return min(_epochs(workers * seconds, *whole), *alone), whole


def _contenders(run: Run, ids: Sequence[str], most: int) -> list[CandidateResult]:
    """Return the best candidates, of the hall of fame if none are named, best first.

    Where all of them have the same linear path, the last one gives way to the best with another.

    Raises:
        RunError: no candidate has a score, or one was never trained.
    """
    scored: dict[str, tuple[float, CandidateResult]] = {}
    for id in ids or [entry.id for entry in run.hall_of_fame()]:
        found = run.find(id)
        if found.evaluation is None or found.evaluation.fitness is None:
            raise RunError(str(run.path), f"{short(id)} has no score of the search")
        scored[id] = found.evaluation.fitness, found
    if not scored:
        raise RunError(str(run.path), "no candidate has a score yet")
    ranked = [found for _, found in sorted(scored.values(), key=itemgetter(0))]
    chosen, others = ranked[:most], ranked[most:]
    paths = {_linear_path(each) for each in chosen}
    other = [each for each in others if _linear_path(each) not in paths][:1]
    if len(paths) == 1 and len(chosen) > 1:
        chosen = [*chosen[: most - len(other)], *other]
    return chosen


def _linear_path(found: CandidateResult) -> GlobalGene | None:
    genes = parse(found.candidate.genome).global_genes
    return next((gene for gene in genes if isinstance(gene, Linear)), None)


def _steps(problem: Problem) -> int:
    """Return the optimiser's steps in an epoch of the refit."""
    return -(-len(problem.dataset.train) // problem.config.refit.batch_size)


def _tells_more(
    run: Run, found: Sequence[CandidateResult], problem: Problem, seconds: float
) -> bool:
    """Tell whether a trial in so much time would be longer than the trainings of the search."""
    searched, whole = run.metadata().train_images, len(problem.dataset.train)
    return any(
        _affordable(seconds, *_pace(each, problem, run)) * whole
        > _LONGER * len(each.evaluation.validation_loss) * searched
        for each in found
        if each.evaluation is not None
    )


def _tried(
    run: Run,
    found: Sequence[CandidateResult],
    problem: Problem,
    seconds: float,
    say: Callable[[str], None],
    show: Show | None,
) -> dict[str, dict[str, Any]]:
    """Give every candidate a trial of so many seconds; return what is recorded of them, by id.

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
            epochs = _epochs(seconds, *_pace(each, problem, run))
            settings = problem.config.refit.model_copy(update={"epochs": epochs})
            known = results.get((id, TRIAL))
            if known is not None and known["settings"] == settings.model_dump(mode="json"):
                continue
            results[id, TRIAL] = {"settings": settings.model_dump(mode="json")}
            tasks.append(
                replace(
                    problem.task(genome, shared),
                    key=TrainingKey(id, 1),
                    curve=_curve(run, id),
                    training=trained_as(settings.training, genome),
                    seed=seed_for(problem.config.seed, f"{id} {TRIAL}"),
                )
            )
        if tasks:
            say(f"{plural(len(tasks), 'short refit')}, to see which candidate is worth a long one")
        with followed(tasks, say, show=show) as over:
            for evaluation in run_all(executor, tasks):
                over(evaluation.key)
                id, failed = evaluation.id, evaluation.fitness is None
                record = training_record(results[id, TRIAL]["settings"], evaluation)
                store.set_result(id, TRIAL, record)
                results[id, TRIAL] = record
                said = record["message"] if failed else loss(record["val_loss"])
                say(f"{short(id)}: {said} after {plural(len(evaluation.train_loss), 'epoch')}")
        for task in tasks:
            if task.curve is not None:
                task.curve.unlink(missing_ok=True)
    trials = {each.candidate.id: results[each.candidate.id, TRIAL] for each in found}
    if all(trial["val_loss"] is None for trial in trials.values()):
        raise RunError(
            str(run.path),
            f"all {len(found)} candidates failed when they were refitted briefly",
            f"{short(found[0].candidate.id)}: {trials[found[0].candidate.id]['message']}",
        )
    return trials


def _curve(run: Run, id: str) -> Path:
    """Return where a trial writes its learning curve, and nothing is yet."""
    path = refit_path(run.path, id).with_name(f"{id}.0.jsonl").absolute()
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def _pace_of(trial: Mapping[str, Any]) -> tuple[float, float]:
    """Return the seconds of an epoch of a recorded training, and of all else that it took."""
    epoch = trial["epoch_seconds"]
    return epoch, trial["seconds"] - epoch * len(trial["train_history"])


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


def _affordable(seconds: float, epoch: float, overhead: float) -> float:
    """Return how many epochs a time admits."""
    return max(0.0, seconds - overhead) / max(epoch, 1e-6)


def _seeds(seconds: float, epochs: int, epoch: float, overhead: float) -> int:
    """Return how many trainings of each network, with so many epochs, a time admits.

    Measuring a trained model takes about as long as making it.
    """
    return int(seconds / max(epochs * epoch + 2 * overhead, 1e-6))


def _epochs(seconds: float, epoch: float, overhead: float) -> int:
    """Return how many epochs a training gets in a time, 1 at least; 3/4 of one count."""
    return int(min(max(1.0, _affordable(seconds, epoch, overhead) + 0.25), 100_000.0))
