"""How well a search's short trainings rank its candidates: a sample of them is trained longer."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import Config
from evoae.engine.problem import Problem
from evoae.errors import RunError
from evoae.evaluation import seed_for, trained_as
from evoae.evolution.noise import deviation
from evoae.evolution.state import Individual
from evoae.experiments.refit import whole_problem, with_settings
from evoae.experiments.refit_records import training_record
from evoae.formatting import command, figure, plural
from evoae.genome.text import parse
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
        known, scores = store.candidates(), store.scores()
        sample = _sample(opened, scores, max(candidates, FEWEST))
        genomes = {id: known[id].genome for _, id, _ in sample}
        _train(store, problem, epochs, genomes, say)
        results = store.results()
    trained = []
    for place, id, loss in sample:
        result = results[id, _kind(epochs)]
        ended = result["outcome"], result["message"], result["seconds"]
        trained.append(Trained(id, genomes[id], place, loss, result["val_loss"], None, *ended))
    noise, freedom = deviation(
        Individual(id, parse(known[id].genome), losses) for id, losses in scores.items()
    )
    scored = sum(map(bool, scores.values()))
    return conclude(opened, epochs, scored, trained, noise if freedom else None)


def conclude(
    run: Run, epochs: int, scored: int, candidates: Sequence[Trained], noise: float | None
) -> Fidelity:
    """Return what a sample says, see `Fidelity`; the `ranks` of its candidates are found here."""
    from scipy.stats import rankdata

    both = [(sampled, sampled.loss) for sampled in candidates if sampled.loss is not None]
    losses = np.array([(sampled.search_loss, loss) for sampled, loss in both]).reshape(-1, 2)
    pairs = rankdata(losses, "min", axis=0).astype(int).tolist()
    ranks = {sampled.id: (a, b) for (sampled, _), (a, b) in zip(both, pairs, strict=True)}
    winner = ranks.get(candidates[0].id)
    best = min((loss for _, loss in both), default=0.0)
    good = [sampled.place for sampled, loss in both if loss <= best + _CLOSE * abs(best)]
    result = Fidelity(
        run=str(run.path),
        epochs=epochs,
        scored=scored,
        candidates=tuple(replace(sampled, ranks=ranks.get(sampled.id)) for sampled in candidates),
        spearman=_correlation("spearman", losses, run.config.seed),
        kendall=_correlation("kendall", losses, run.config.seed),
        winner_rank=None if winner is None else winner[1],
        needed=min(good, default=None),
        noise=noise,
        advice="",
    )
    return replace(result, advice=_advice(run, result))


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


def _sample(
    run: Run, scores: Mapping[str, Sequence[float]], count: int
) -> list[tuple[int, str, float]]:
    """Return the sample: rank in the search from 1, candidate, loss there.

    Raises:
        RunError: too few candidates have a score.
    """
    ranked = sorted((fmean(losses), id) for id, losses in scores.items() if losses)
    if len(ranked) < FEWEST:
        known = f"{len(ranked)} candidates with a score"
        raise RunError(str(run.path), known, f"ranks can be compared from {FEWEST} on")
    best_first = [(place, id, loss) for place, (loss, id) in enumerate(ranked, 1)]
    return [best_first[place - 1] for place in strata(len(ranked), min(count, len(ranked)))]


def strata(total: int, count: int) -> list[int]:
    """Return `count` of the ranks 1..total: the best three, and the middle of each stratum below.

    Args:
        total: at least `count`.
        count: at least 3; the other strata are equal but for rounding.
    """
    edges = np.linspace(BEST, total, count - BEST + 1).round().astype(int).tolist()
    return [*range(1, BEST + 1), *((low + 1 + high) // 2 for low, high in pairwise(edges))]


def _train(
    store: Store,
    problem: Problem,
    epochs: int,
    genomes: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Train candidates that have no record of a training with these settings, and record it.

    Args:
        store: of the run.
        problem: of the run, on all of its data.
        epochs: of each training.
        genomes: one-line texts, by candidate id.
        say: is told in a line what is being done.
    """
    from evoae.data.shared_memmap import share
    from evoae.execution.executor import run_all
    from evoae.execution.factory import executor_for

    refit = problem.config.refit.model_copy(update={"epochs": epochs, "patience": None})
    settings, kind = refit.training.model_dump(mode="json"), _kind(epochs)
    results = store.results()
    due = [id for id in genomes if results.get((id, kind), {}).get("settings") != settings]
    if not due:
        return
    shared, images = share(problem.dataset), len(problem.dataset.train)
    say(f"{plural(len(due), 'training')} of {epochs} epochs, {images:,} for training")
    tasks = [
        replace(
            problem.task(genome, shared),
            training=trained_as(refit.training, genome),
            seed=seed_for(problem.config.seed, f"{id} {_FIDELITY}"),
        )
        for id in due
        for genome in [parse(genomes[id])]
    ]
    with executor_for(problem.config.execution) as executor:
        for number, evaluation in enumerate(run_all(executor, tasks), 1):
            store.set_result(evaluation.id, kind, training_record(settings, evaluation))
            loss = evaluation.fitness
            ended = f"{evaluation.message}" if loss is None else figure(loss, 4)
            say(
                f"{number} of {len(tasks)}: {evaluation.id[:6]} {evaluation.outcome}, "
                f"{ended}, {evaluation.seconds.total:.0f} s"
            )


def _kind(epochs: int) -> str:
    """Return the name of the results of trainings of so many epochs."""
    return f"{_FIDELITY} {epochs}"


def _correlation(name: str, losses: NDArray[np.float64], seed: int) -> Correlation | None:
    """Return a rank correlation, with the percentile interval of a bootstrap over candidates.

    B. Efron, Bootstrap methods: another look at the jackknife, 1979. A resample without two
    different losses has no correlation and is left out.

    Args:
        name: `spearman` or `kendall`.
        losses: (n, 2), of the search and after longer training.
        seed: of the resamples.
    """
    from scipy.stats import kendalltau, spearmanr

    if len(losses) < FEWEST:
        return None
    measure = {"spearman": spearmanr, "kendall": kendalltau}[name]
    # Not scipy.stats.bootstrap, which has no interval where a resample has no correlation.
    chosen = np.random.default_rng(seed).integers(len(losses), size=(_RESAMPLES, len(losses)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # equal losses alone; what it returns, NaN
        value = float(measure(*losses.T).statistic)
        resampled = [measure(*losses[rows].T).statistic for rows in chosen]
    if math.isnan(value):
        return None
    low, high = np.nanquantile(resampled, (0.05, 0.95))
    return Correlation(value, float(low), float(high))


def _advice(run: Run, result: Fidelity) -> str:
    """Return what to do, one sentence."""
    config, correlation = run.config, result.spearman
    if correlation is None or result.needed is None:
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
    if correlation.low < _OPEN and len(result.candidates) < result.scored:
        more = min(result.scored, 2 * len(result.candidates))
        return (
            f"The ranks seem to agree, but {len(result.candidates)} candidates leave it open: "
            f"ask again with --candidates {more}."
        )
    if result.needed == 1:
        return f"Trust the ranks: '{command('refit', run.path, 'best')}' trains the right network."
    if result.needed <= config.search.hof_size and config.search.algorithm != "nsga2":
        return (
            "Trust the ranks broadly, but not which one is first: "
            f"'{command('refit', run.path, '--top', result.needed)}' trains the best one among "
            "others."
        )
    best = next(each for each in result.candidates if each.place == result.needed)
    return (
        f"Trust the ranks broadly, but the best one has rank {result.needed}, beyond the hall of "
        f"fame: '{command('refit', run.path, best.id[:6])}' trains it."
    )
