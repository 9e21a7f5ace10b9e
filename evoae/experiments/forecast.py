"""What a search would do and cost, before it does it.

A few networks of the space are trained for one epoch or a few, as the search would train them.
That gives the throughput of this machine, and a first idea of which networks do well; with losses
that follow from that idea the search is simulated. So what evolves, towards small networks or
large ones, is part of the forecast, and so are budget, racing and repeated proposals.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from evoae.config.schema import Config
from evoae.data.findings import findings
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.errors import SearchError
from evoae.evaluation import Evaluation, Outcome, Task, failures_worded
from evoae.evolution.algorithm import batch_rng
from evoae.execution.executor import AbstractExecutor, run_all
from evoae.execution.factory import executor_for
from evoae.experiments.config_warnings import config_warnings
from evoae.experiments.simulation import Simulation, simulate
from evoae.experiments.throughput import Throughput, makespan
from evoae.formatting import plural
from evoae.genome.features import total
from evoae.genome.genes import GENES, Dropout
from evoae.genome.genome import Genome
from evoae.genome.sampling import sample
from evoae.runs.environment import cores

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
            whether or not the networks grow as they did in the simulation.
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
        genomes, evaluations: in one order, of those with a score.
        failed: what became of the others.
        workers: that trained them.
        start: seconds until the workers were ready.
    """

    genomes: tuple[Genome, ...]
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
    say("simulating the search with made-up losses")
    simulation = simulate(problem, _likely(problem, tried))
    throughput, workers = Throughput.of(tried.evaluations), tried.workers
    minutes = config.search.budget.minutes
    limit = math.inf if minutes is None else 60 * minutes
    seconds = simulation.seconds(throughput, workers)
    if not simulation.ends:  # only the minutes end it
        simulation = replace(simulation, scale=limit / seconds)
        seconds = limit
    share = min(1.0, limit / seconds)
    times = share * simulation.scale
    low, high = _interval(simulation, tried)
    peaks = [e.peak_memory for e in tried.evaluations if e.peak_memory is not None]
    return Forecast(
        candidates=round(times * simulation.candidates),
        trainings=round(times * len(simulation.steps)),
        workers=workers,
        flops=share * simulation.flops,
        seconds=tried.start + share * seconds,
        low=tried.start + min(low, limit),
        high=tried.start + min(high, limit),
        training_seconds=fmean(throughput.seconds(*step) for step in simulation.steps),
        memory_bytes=max(peaks) * workers if peaks else None,
        disk_bytes=simulation.disk,
        sampled=len(tried.evaluations) + len(tried.failed),
        failed=tried.failed,
        warnings=(
            *busy,
            *problem.dataset.notes,
            *findings(problem.dataset),
            *config_warnings(problem),
        ),
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
        brief = _each(executor, tasks[::2], 1)
        longest = max((evaluation.seconds.epochs for evaluation in brief), default=_WORTH)
        epochs = max(_FEW, round(_WORTH / max(longest, 1e-3)))
        longer = _each(executor, tasks[1::2], min(epochs, problem.config.training.epochs))
        wall, workers = time.monotonic() - began, executor.workers
    for group in (brief, longer):
        wall -= makespan((evaluation.seconds.total for evaluation in group), workers)
    scored = tuple(e for e in (*brief, *longer) if e.fitness is not None)
    lost = [e for e in (*brief, *longer) if e.fitness is None]
    if not scored:
        ((kind, _),) = Counter(e.outcome for e in lost).most_common(1)
        raise SearchError(
            "plan",
            f"all {plural(len(lost), 'training')} failed ({failures_worded(lost)})",
            f"A search would fare no better: {_ADVICE[kind]}.",
        )
    failed = tuple(f"{e.outcome}: {e.message}" for e in lost)
    genomes = {task.id: task.genome for task in tasks}
    trained = tuple(genomes[e.id] for e in scored)
    return _Sample(trained, scored, failed, workers, max(0.0, wall))


def _each(executor: AbstractExecutor, tasks: Sequence[Task], epochs: int) -> list[Evaluation]:
    """Train each for so many epochs."""
    changes = {"epochs": epochs, "patience": None}
    short = [replace(each, training=each.training.model_copy(update=changes)) for each in tasks]
    return list(run_all(executor, short))


def _tasks(problem: Problem, networks: int) -> list[Task]:
    """Return trainings of networks of the space, from small to large."""
    rng, shared = batch_rng(problem.config.seed, 0), share(problem.dataset)
    drawn = [problem.task(sample(rng, problem.space), shared) for _ in range(_DRAWN)]
    by_flops = sorted({task.id: task for task in drawn}.values(), key=lambda task: task.flops)
    ranks = np.linspace(0, len(by_flops) - 1, min(networks, len(by_flops)))
    return [replace(by_flops[round(rank)], keep=None) for rank in ranks]


def _likely(problem: Problem, tried: _Sample) -> Callable[[Genome], float]:
    """Return what the sample says of any network's loss: linear in a few figures of it."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def measures(genome: Genome) -> list[float]:
        size = problem.space.measure(genome)
        dropout = total(genome.genes, GENES[Dropout])
        return [math.log(size.latent), math.log(size.parameters), math.log(size.flops), dropout]

    model = make_pipeline(StandardScaler(), Ridge(alpha=1.0))
    losses = [max(e.validation_loss[0], 1e-12) for e in tried.evaluations]
    model.fit([measures(genome) for genome in tried.genomes], np.log(losses))

    def loss(genome: Genome) -> float:
        return math.exp(model.predict([measures(genome)])[0])

    return loss


def _interval(simulation: Simulation, tried: _Sample) -> tuple[float, float]:
    """Return the seconds between which the trainings lie, by bootstrap over the sample.

    Once as simulated and once with networks that stay as they are in the first generation.
    """
    from sklearn.utils import resample

    # Within each length: of one alone nothing would tell a first epoch from the others.
    lengths = [len(evaluation.validation_loss) for evaluation in tried.evaluations]
    versions = (simulation, simulation.unchanged)
    seconds: list[float] = []
    for seed in range(_RESAMPLES):
        drawn = resample(tried.evaluations, stratify=lengths, random_state=seed)
        throughput = Throughput.of(drawn)
        seconds += [s.seconds(throughput, tried.workers) for s in versions]
    low, high = np.quantile(seconds, _INTERVAL)
    return float(low), float(high)
