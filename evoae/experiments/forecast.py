"""What a search would do and cost, before it does it.

A few networks of the space are trained for one epoch or a few, as the search would train them.
That gives the pace of this machine, and a first idea of which networks do well; with losses that
follow from that idea the search is rehearsed. So what evolves, towards small networks or large
ones, is part of the forecast, and so are budget, racing and repeated proposals.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from evoae.config.schema import Config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.errors import SearchError
from evoae.evaluation import Evaluation, Outcome, Task, failures_worded
from evoae.evolution.algorithm import batch_rng
from evoae.execution.executor import AbstractExecutor, run_all
from evoae.execution.factory import executor_for
from evoae.experiments.config_warnings import config_warnings
from evoae.experiments.simulation import Rehearsal, rehearse
from evoae.experiments.throughput import Pace, makespan
from evoae.formatting import plural
from evoae.genome.genes import Dropout
from evoae.genome.genome import Genome
from evoae.genome.sampling import sample
from evoae.runs.environment import cores

_Array = NDArray[np.float64]
_BUSY = 40.0  # per cent of the processors from which on a forecast is too long
_WATCHED = 0.5  # seconds for which the processors are watched
# A first epoch traces, and says little of further ones: every second network gets more of them, as
# many as are worth these seconds.
_FEW, _WORTH = 3, 4.0
_DRAWN = 64  # networks among which the trained ones are spread, by FLOPs
_RESAMPLES = 200  # of the bootstrap
_INTERVAL = (0.05, 0.95)
_ADVICE = {  # by how all trainings failed
    Outcome.DIVERGED: "lower training.learning_rate, and look at the values with 'evoae data "
    "describe'",
    Outcome.OVER_LIMIT: "raise execution.memory_limit, or lower training.batch_size or "
    "model.max_activation_bytes",
    Outcome.OUT_OF_MEMORY: "lower training.batch_size, execution.workers or "
    "model.max_activation_bytes",
    Outcome.TIMED_OUT: "raise training.time_limit, or lower data.reduce.train or model.max_flops",
    Outcome.CRASHED: "see what 'evoae doctor' says of this machine",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a search is expected to do.

    Attributes:
        candidates: different networks that it tries.
        trainings: that it makes, further ones of a candidate included.
        workers: trainings at a time.
        flops: of all trainings, see `evoae.evaluation.cost`.
        seconds: of wall time.
        low, high: seconds between which the sampled trainings put that, with a confidence of 90%,
            whether or not the networks grow as they did in the rehearsal.
        training_seconds: of one training, the mean.
        memory_bytes: of all workers together, by the largest of the sample; None if unknown.
        disk_bytes: of the run folder.
        sampled: networks that were trained for this.
        failed: what became of those of them that failed, a sentence each.
        warnings: what may be wrong with the configuration, a sentence each.
    """

    candidates: int
    trainings: int
    workers: int
    flops: float
    seconds: float
    low: float
    high: float
    training_seconds: float
    memory_bytes: int | None
    disk_bytes: int
    sampled: int
    failed: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Networks that were trained for a few epochs.

    Attributes:
        tasks, evaluations: in one order, those with a score.
        failed: what became of the others.
        workers: that trained them.
        start: seconds until the workers were ready.
    """

    tasks: tuple[Task, ...]
    evaluations: tuple[Evaluation, ...]
    failed: tuple[str, ...]
    workers: int
    start: float


def forecast(
    config: Config, *, networks: int = 8, say: Callable[[str], None] = lambda _: None
) -> Forecast:
    """Forecast the search that `config` describes. Nothing is recorded.

    Args:
        config: of the search.
        networks: to train for an epoch or a few, at least one.
        say: hears what is being done.

    Raises:
        EvoaeError: the search could not begin: its data or its space cannot be used.
        SearchError: none of the networks could be trained.
    """
    problem, busy = Problem.make(config, say), _busy()
    say(f"training {plural(networks, 'network')} of the space for a few epochs")
    tried = _trained(problem, networks)
    say("rehearsing the search with made-up losses")
    rehearsal = rehearse(problem, _likely(problem, tried))
    pace, workers = Pace.of(tried.evaluations), tried.workers
    minutes = config.search.budget.minutes
    limit = math.inf if minutes is None else 60 * minutes
    seconds = rehearsal.seconds(pace, workers)
    if not rehearsal.ends:  # only the minutes end it
        rehearsal = replace(rehearsal, scale=limit / seconds)
        seconds = limit
    share = min(1.0, limit / seconds)
    times = share * rehearsal.scale
    low, high = _interval(rehearsal, tried)
    peaks = [each.peak_memory for each in tried.evaluations if each.peak_memory is not None]
    return Forecast(
        candidates=round(times * rehearsal.candidates),
        trainings=round(times * len(rehearsal.steps)),
        workers=workers,
        flops=share * rehearsal.flops,
        seconds=tried.start + share * seconds,
        low=tried.start + min(low, limit),
        high=tried.start + min(high, limit),
        training_seconds=fmean(pace.seconds(each.flops, each.epochs) for each in rehearsal.steps),
        memory_bytes=max(peaks) * workers if peaks else None,
        disk_bytes=rehearsal.disk,
        sampled=len(tried.evaluations) + len(tried.failed),
        failed=tried.failed,
        warnings=(*busy, *config_warnings(problem)),
    )


def _busy() -> tuple[str, ...]:
    """Return what to think of a machine that has other work, if this one does."""
    import psutil

    share = psutil.cpu_percent(_WATCHED)
    if share < _BUSY:
        return ()
    return (
        f"The machine has other work ({share:.0f}% of {plural(cores(), 'core')}): once that is "
        "done, the search is faster than forecast.",
    )


def _trained(problem: Problem, networks: int) -> _Sample:
    """Train networks for a few epochs.

    Raises:
        SearchError: all of them failed.
    """
    tasks = _tasks(problem, networks)
    with executor_for(problem.config.execution) as executor:
        began = time.monotonic()
        found = _each(executor, tasks[::2], 1)
        longest = max((each.seconds.epochs for each in found), default=_WORTH)
        epochs = max(_FEW, round(_WORTH / max(longest, 1e-3)))
        further = _each(executor, tasks[1::2], min(epochs, problem.config.training.epochs))
        wall, workers = time.monotonic() - began, executor.workers
    for group in (found, further):
        wall -= makespan((each.seconds.total for each in group), workers)
    found += further
    scored = tuple(each for each in found if each.fitness is not None)
    lost = [each for each in found if each.fitness is None]
    if not scored:
        ((kind, _),) = Counter(each.outcome for each in lost).most_common(1)
        raise SearchError(
            "plan",
            f"all {plural(len(lost), 'training')} failed ({failures_worded(lost)})",
            f"A search would fare no better: {_ADVICE[kind]}.",
        )
    failed = tuple(f"{each.outcome}: {each.message}" for each in lost)
    by_id = {task.id: task for task in tasks}
    return _Sample(
        tuple(by_id[each.id] for each in scored), scored, failed, workers, max(0.0, wall)
    )


def _each(executor: AbstractExecutor, tasks: Sequence[Task], epochs: int) -> list[Evaluation]:
    """Train each for so many epochs."""
    changes = {"epochs": epochs, "patience": None}
    short = [replace(each, training=each.training.model_copy(update=changes)) for each in tasks]
    return list(run_all(executor, short))


def _tasks(problem: Problem, networks: int) -> list[Task]:
    """Return trainings of networks of the space, from small to large."""
    rng, shared = batch_rng(problem.config.seed, 0), share(problem.dataset)
    drawn = [problem.task(sample(rng, problem.space), shared) for _ in range(_DRAWN)]
    by_flops = sorted({task.id: task for task in drawn}.values(), key=lambda each: each.flops)
    places = np.linspace(0, len(by_flops) - 1, min(networks, len(by_flops)))
    chosen = [by_flops[round(place)] for place in places]
    return [replace(task, keep=None) for task in chosen]


def _likely(problem: Problem, tried: _Sample) -> Callable[[Genome], float]:
    """Return what the sample says of any network's loss: linear in a few figures of it."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def figures(genome: Genome) -> list[float]:
        size = problem.space.measure(genome)
        dropout = sum(gene.rate for gene in genome.genes if isinstance(gene, Dropout))
        return [math.log(size.latent), math.log(size.parameters), math.log(size.flops), dropout]

    model = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    losses = [max(each.validation_loss[0], 1e-12) for each in tried.evaluations]
    model.fit([figures(task.genome) for task in tried.tasks], np.log(losses))

    def loss(genome: Genome) -> float:
        return math.exp(model.predict([figures(genome)])[0])

    return loss


def _interval(rehearsal: Rehearsal, tried: _Sample) -> tuple[float, float]:
    """Return the seconds between which the trainings lie, by bootstrap over the sample.

    Once as rehearsed and once with networks that stay as they are in the first generation.
    """
    rng, found = np.random.default_rng(0), list[float]()
    lengths = [len(each.validation_loss) for each in tried.evaluations]
    # Within each length: of one alone nothing would tell a first epoch from the others.
    strata = [np.flatnonzero(np.array(lengths) == length) for length in sorted(set(lengths))]
    for _ in range(_RESAMPLES):
        picks = np.concatenate([rng.choice(places, len(places)) for places in strata])
        pace = Pace.of([tried.evaluations[place] for place in picks])
        found += [each.seconds(pace, tried.workers) for each in (rehearsal, rehearsal.unchanged)]
    low, high = np.quantile(found, _INTERVAL)
    return float(low), float(high)
