"""How well a search's cheap trainings rank: a sample of its candidates, trained longer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from evoae.config.schema import Config
from evoae.engine.problem import Problem
from evoae.errors import RunError
from evoae.evaluation import Evaluation, Task, seed_for, trained_as
from evoae.evolution.noise import deviation
from evoae.evolution.state import Individual
from evoae.experiments.refit import whole_problem, with_settings
from evoae.formatting import command, figure
from evoae.genome.text import parse
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.run import Run
from evoae.runs.store import Store

_FIDELITY = "fidelity"  # the kind of its results
FEWEST = 4  # candidates whose ranks can be compared at all
BEST = 3  # of the search that are always among the sample
LONGER = 3  # times the optimiser steps of the search, at least
_CLOSE = 0.01  # share of the best loss by which another one is as good
_AGREE = 0.7  # rank correlation from which on the ranks are believed
_OPEN = 0.3  # the lower end of its interval below which it is not
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Trained:
    """One candidate of the sample.

    Attributes:
        id: candidate id.
        genome: one-line text.
        place: rank among all candidates that the search has scored, from 1.
        search_loss: what the search knows of it, the mean over its trainings.
        loss: its validation loss after the longer training; None if that failed.
        ranks: by `search_loss` and by `loss`, from 1, among those of the sample that have both;
            None if it has not.
        outcome: how the longer training ended.
        message: why it failed; None if it did not.
        seconds: that it took.
    """

    id: str
    genome: str
    place: int
    search_loss: float
    loss: float | None
    ranks: tuple[int, int] | None
    outcome: str
    message: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rank correlation and the interval in which it lies with a confidence of 90%."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far the ranks of a search can be trusted.

    Attributes:
        run: the folder.
        epochs: of the longer trainings, on all training data.
        scored: candidates of the search that have a score.
        candidates: the sample, in the order of the search's ranks.
        spearman, kendall: rank correlations of search and longer training over the sample; None
            if fewer than four of the longer trainings have a score, or all scores are equal.
        winner_rank: of the search's best candidate after longer training; None if that failed.
        needed: how many of the search's best have to be trained longer to get one that is within
            1% of the sample's best; None if no longer training has a score.
        noise: relative standard deviation of the search's scores between seeds; None where the
            search has trained nothing twice.
        advice: what to do about it, one sentence.
    """

    run: str
    epochs: int
    scored: int
    candidates: tuple[Trained, ...]
    spearman: Correlation | None
    kendall: Correlation | None
    winner_rank: int | None
    needed: int | None
    noise: float | None
    advice: str


def fidelity(
    run: str | Path,
    *,
    candidates: int = 12,
    epochs: int | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Fidelity:
    """Compare the ranks of a search with those after longer trainings of some of its candidates.

    The sample is the search's three best, and of the others one from the middle of each of as many
    equal strata of ranks as are wanted. They are trained from scratch with a seed of their own on
    all training data, by the run's `refit` settings, but without patience; only the validation
    split is read. A training that finished is recorded in the run and not repeated.

    Args:
        run: a run's folder, or its name under `runs/`.
        candidates: how many, at least four; fewer if the search has fewer.
        epochs: of the longer trainings; None for a third of `refit.epochs`, but no fewer than make
            three times the optimiser steps of a training of the search.
        overrides: of the refit settings, as in `refit`.
        say: is told in a line what is being done.

    Raises:
        EvoaeError: no such run, too few candidates, a driver is at work on it, or its data are
            gone.
    """
    opened = Run.open(run)
    problem = whole_problem(opened, with_settings(opened, {}, overrides))
    if epochs is None:
        epochs = _epochs(opened.config, opened.metadata().train_images, len(problem.dataset.train))
    with Store.writer(opened.path) as store:
        sample = _sample(opened, store, max(candidates, FEWEST))
        _Trainer(store, problem, epochs, say).train([found for _, found, _ in sample])
        recorded, scores, known = store.results(), store.scores(), store.candidates()
    told = [
        _read(place, found, loss, recorded[found.candidate.id, _kind(epochs)])
        for place, found, loss in sample
    ]
    noise, freedom = deviation(
        Individual(id, parse(known[id].genome), each) for id, each in scores.items()
    )
    scored = sum(bool(each) for each in scores.values())
    return conclude(opened, epochs, scored, told, noise if freedom else None)


def conclude(
    run: Run, epochs: int, scored: int, candidates: Sequence[Trained], noise: float | None
) -> Fidelity:
    """Return what a sample says, see `Fidelity`; the `ranks` of its candidates are found here."""
    both = [each for each in candidates if each.loss is not None]
    before = _ranks([each.search_loss for each in both])
    after = _ranks([each.loss or 0.0 for each in both])
    ranks = {each.id: pair for each, *pair in zip(both, before, after, strict=True)}
    told = tuple(
        replace(each, ranks=(ranks[each.id][0], ranks[each.id][1])) if each.id in ranks else each
        for each in candidates
    )
    winner = ranks.get(candidates[0].id)
    best = min((each.loss or 0.0 for each in both), default=None)
    found = Fidelity(
        run=str(run.path),
        epochs=epochs,
        scored=scored,
        candidates=told,
        spearman=_correlation("spearman", both, run.config.seed),
        kendall=_correlation("kendall", both, run.config.seed),
        winner_rank=None if winner is None else winner[1],
        needed=None
        if best is None
        else min(each.place for each in both if (each.loss or 0.0) <= best + _CLOSE * abs(best)),
        noise=noise,
        advice="",
    )
    return replace(found, advice=_advice(run, found))


def _epochs(config: Config, images: int, all_images: int) -> int:
    """Return how long to train: a third of a refit, and at least three times the search's steps.

    Args:
        config: of the run.
        images: that a candidate of the search is trained on.
        all_images: that a longer training uses.
    """
    steps = LONGER * config.training.epochs * math.ceil(images / config.training.batch_size)
    least = math.ceil(steps / math.ceil(all_images / config.refit.batch_size))
    return max(least, math.ceil(config.refit.epochs / 3))


def _sample(run: Run, store: Store, count: int) -> list[tuple[int, CandidateResult, float]]:
    """Return the sample: rank in the search from 1, candidate, loss there.

    Raises:
        RunError: too few candidates have a score.
    """
    candidates, scores = store.candidates(), store.scores()
    ranked = sorted((fmean(each), id) for id, each in scores.items() if each)
    if len(ranked) < FEWEST:
        raise RunError(
            str(run.path),
            f"{len(ranked)} candidates with a score",
            f"ranks can be compared from {FEWEST} on",
        )
    places = strata(len(ranked), min(count, len(ranked)))
    return [
        (place, CandidateResult(candidates[ranked[place - 1][1]], None), ranked[place - 1][0])
        for place in places
    ]


def strata(total: int, count: int) -> list[int]:
    """Return `count` of the ranks 1..total: the best three, and the middle of each stratum below.

    Args:
        total: at least `count`.
        count: at least 3; the other strata are equal but for rounding.
    """
    edges = np.linspace(BEST, total, count - BEST + 1).round().astype(int).tolist()
    return [*range(1, BEST + 1), *((low + 1 + high) // 2 for low, high in pairwise(edges))]


class _Trainer:
    """The longer trainings of one call."""

    def __init__(
        self, store: Store, problem: Problem, epochs: int, say: Callable[[str], None]
    ) -> None:
        self._store, self._problem, self._say = store, problem, say
        refit = problem.config.refit.model_copy(update={"epochs": epochs, "patience": None})
        self._training = refit.training
        self._settings = self._training.model_dump(mode="json")
        self._kind = _kind(epochs)

    def train(self, sample: Sequence[CandidateResult]) -> None:
        """Train those that have no record of a training with these settings."""
        from evoae.data.shared_memmap import share
        from evoae.execution.executor import run_all
        from evoae.execution.factory import executor_for

        results = self._store.results()
        due = [
            found
            for found in sample
            if results.get((found.candidate.id, self._kind), {}).get("settings") != self._settings
        ]
        if not due:
            return
        shared, images = share(self._problem.dataset), len(self._problem.dataset.train)
        count = f"{len(due)} training" + "s" * (len(due) != 1)
        self._say(f"{count} of {self._training.epochs} epochs, {images:,} for training")
        tasks = [self._task(found, shared) for found in due]
        with executor_for(self._problem.config.execution) as executor:
            for number, evaluation in enumerate(run_all(executor, tasks), 1):
                self._note(evaluation)
                said = evaluation.message if evaluation.fitness is None else evaluation.fitness
                shown = figure(said, 4) if isinstance(said, float) else f"{said}"
                self._say(
                    f"{number} of {len(tasks)}: {evaluation.id[:6]} {evaluation.outcome}, "
                    f"{shown}, {evaluation.seconds.total:.0f} s"
                )

    def _task(self, found: CandidateResult, shared: Path) -> Task:
        id, genome = found.candidate.id, parse(found.candidate.genome)
        return replace(
            self._problem.task(genome, shared),
            training=trained_as(self._training, genome),
            seed=seed_for(self._problem.config.seed, f"{id} {_FIDELITY}"),
        )

    def _note(self, evaluation: Evaluation) -> None:
        """Record a training that has ended."""
        value = {
            "settings": self._settings,
            "outcome": evaluation.outcome.value,
            "message": evaluation.message,
            "val_loss": evaluation.fitness,
            "validation_history": list(evaluation.validation_loss),
            "cost": evaluation.cost,
            "seconds": evaluation.seconds.total,
        }
        self._store.set_result(evaluation.id, self._kind, value)


def _kind(epochs: int) -> str:
    """Return the name of the results of trainings of so many epochs."""
    return f"{_FIDELITY} {epochs}"


def _read(place: int, found: CandidateResult, loss: float, result: Mapping[str, Any]) -> Trained:
    candidate = found.candidate
    return Trained(
        id=candidate.id,
        genome=candidate.genome,
        place=place,
        search_loss=loss,
        loss=result["val_loss"],
        ranks=None,
        outcome=result["outcome"],
        message=result["message"],
        seconds=result["seconds"],
    )


def _ranks(losses: Sequence[float]) -> list[int]:
    """Return the rank of each loss from 1; equal ones share the better rank."""
    ordered = sorted(losses)
    return [1 + ordered.index(loss) for loss in losses]


def _correlation(name: str, both: Sequence[Trained], seed: int) -> Correlation | None:
    """Return a rank correlation, with the percentile interval of a bootstrap over candidates.

    B. Efron, Bootstrap methods: another look at the jackknife, 1979. A resample without two
    different losses has no correlation and is left out.
    """
    from scipy.stats import kendalltau, spearmanr

    if len(both) < FEWEST:
        return None
    measure = {"spearman": spearmanr, "kendall": kendalltau}[name]
    pairs = np.array([(each.search_loss, each.loss) for each in both])
    chosen = np.random.default_rng(seed).integers(len(both), size=(_RESAMPLES, len(both)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # equal losses alone; what it returns, NaN
        value = float(measure(*pairs.T).statistic)
        resampled = np.array([measure(*pairs[rows].T).statistic for rows in chosen])
    if math.isnan(value):
        return None
    low, high = np.nanquantile(resampled, (0.05, 0.95))
    return Correlation(value, float(low), float(high))


def _advice(run: Run, found: Fidelity) -> str:
    """Return what to do, one sentence."""
    config, correlation = run.config, found.spearman
    if correlation is None or found.needed is None:
        return (
            "Too few of the longer trainings have different scores to compare ranks: "
            "look at what failed, or sample more with --candidates."
        )
    images = run.metadata().train_images
    batch, epochs = config.training.batch_size, config.training.epochs
    steps = epochs * math.ceil(images / batch)
    if correlation.value < _AGREE:
        ways = "raise training.epochs or lower training.batch_size"
        if config.data.reduce.train is not None:
            ways += ", or train on more images (data.reduce.train)"
        return (
            f"Don't trust the ranks: the search's trainings of {steps:,} optimiser steps are too "
            f"short for them, so search again and {ways}."
        )
    if correlation.low < _OPEN and len(found.candidates) < found.scored:
        more = min(found.scored, 2 * len(found.candidates))
        return (
            f"The ranks seem to agree, but {len(found.candidates)} candidates leave it open: "
            f"ask again with --candidates {more}."
        )
    if found.needed == 1:
        return f"Trust the ranks: '{command('refit', run.path, 'best')}' trains the right network."
    if found.needed <= config.search.hof_size and config.search.algorithm != "nsga2":
        return (
            "Trust the ranks broadly, but not which one is first: "
            f"'{command('refit', run.path, '--top', found.needed)}' trains the best one among "
            "others."
        )
    best = next(each for each in found.candidates if each.place == found.needed)
    return (
        f"Trust the ranks broadly, but the best one has rank {found.needed}, beyond the hall of "
        f"fame: '{command('refit', run.path, best.id[:6])}' trains it."
    )
