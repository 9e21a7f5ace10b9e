"""What a search is compared with: PCA, plain networks trained as its candidates, random search.

All of it is measured on the validation split. Nothing here enters the hall of fame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from evoae.config.schema import ReportConfig
from evoae.config.search import BudgetConfig
from evoae.data.summary import mean_item_error
from evoae.engine.loop import Loop
from evoae.engine.problem import Problem
from evoae.engine.progress import Callback, Progress, SearchInfo
from evoae.evaluation import Evaluation, Task
from evoae.execution.executor import AbstractExecutor, run_all
from evoae.formatting import flops as worded
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse, render
from evoae.models.plan import measure
from evoae.runs.records import Baseline
from evoae.runs.run import Run
from evoae.runs.store import Store

RANDOM = "random"  # the random search's folder in the run's
_SIZES = 256  # latent sizes of which PCA is measured at each


def record_linear_bounds(store: Store, problem: Problem) -> None:
    """Record what PCA reaches on the same images, where it compares, at each admitted latent size.

    Of very many sizes, or of feature maps, only at those of the winner and the front so far. Also
    what the mean image reaches: the variance of which any model explains a share.
    """
    from evoae.data.pca import LARGEST, pca_errors

    run, config, data = Run.open(store.folder), problem.config, problem.dataset
    if config.objective.is_squared_error and store.metadata().variance is None:
        store.update(variance=mean_item_error(data.train, data.validation))
    wanted = "pca" in config.report.baselines and config.objective.is_squared_error
    if not wanted or data.train[0].size > LARGEST:
        return
    model, known = problem.config.model, run.linear_bounds()
    sizes = range(model.min_latent, (model.max_latent or model.min_latent) + 1)
    if model.latent == "spatial" or len(sizes) > _SIZES:
        found = {entry.latent for entry in (*run.hall_of_fame()[:1], *run.front())}
    else:
        found = set(sizes)
    if new := found - known.keys():
        errors = known | pca_errors(data.train, data.validation, new)
        store.update(pca=dict(sorted(errors.items())))


def train_networks(store: Store, problem: Problem, executor: AbstractExecutor, loop: Loop) -> None:
    """Train the plain networks that are asked for, each once, and record what they earned.

    One that the search has trained itself is not trained again: it would come out the same.

    Raises:
        Interrupted: the search was asked to stop before all were trained.
    """
    known, due = store.evaluations(), {}
    for name, task in _networks(store, problem, loop.shared):
        same = known.get(task.id) if task.defaults == problem.defaults else None
        if same is not None and not same.raced:
            _note(store, name, task, same)
        else:
            due[task.id] = name, task
    for evaluation in run_all(executor, [task for _, task in due.values()], loop.stop):
        _note(store, *due.pop(evaluation.id), evaluation)
    if due:
        raise loop.interrupted()


def at_random(store: Store, problem: Problem, flops: int) -> Problem | None:
    """Return the problem of random search at the cost of this search; None if it is not due.

    Random search is not compared with itself. It has the same space, data, seed and training, is
    equally careful about noise, and stops trainings that fall behind where this search does.

    Args:
        store: of this search's run.
        problem: this search's.
        flops: that this search has spent.
    """
    config = problem.config
    recorded = store.metadata().baselines.get(RANDOM)
    if RANDOM not in config.report.baselines or config.search.algorithm == "random":
        return None
    if recorded is not None and recorded.budget == flops and recorded.val_loss is not None:
        return None
    search = {
        "algorithm": "random",
        "generations": None,
        "budget": BudgetConfig(flops=flops),
        "surrogate": 1,
        "seed_genomes": None,
    }
    changed = config.model_copy(
        update={
            "search": config.search.model_copy(update=search),
            "report": ReportConfig(baselines=()),
        }
    )
    return replace(problem, config=changed)


def record_random(store: Store, flops: int, run: Run | None, message: str | None = None) -> None:
    """Record what random search came to.

    Args:
        store: of the run that is compared.
        flops: its budget.
        run: its own; None if it did not come to an end.
        message: why it did not.
    """
    best = None if run is None else next(iter(run.hall_of_fame()), None)
    if run is None or best is None:
        message = message or "none of its trainings has a score"
        _record(store, Baseline(RANDOM, "failed", None, budget=flops, message=message))
        return
    status = run.status()
    found = Baseline(
        RANDOM,
        "scored",
        best.val_loss,
        best.latent,
        best.parameters,
        best.genome,
        int(run.generations()[-1].stats["cost"] or 0),
        status.scored + status.failed + status.repeated,
        flops,
    )
    _record(store, found)


def forget(store: Store, names: Collection[str]) -> None:
    """Forget what was recorded of some baselines, so that they are trained again."""
    kept = {name: found for name, found in store.metadata().baselines.items() if name not in names}
    store.update(baselines=kept)


class RelayCallback(Callback):
    """A callback of the random search that lets the main search's one hear how it goes."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback

    def said(self, line: str) -> None:
        """Pass it on."""
        self._callback.said(line)

    def started(self, info: SearchInfo) -> None:
        """Say what is done now."""
        flops = info.config.search.budget.flops or 0.0
        self._callback.said(
            f"Random search for comparison: {worded(flops)}, run folder {info.run}"
        )

    def progressed(self, progress: Progress) -> None:
        """Pass it on."""
        self._callback.progressed(progress)

    def generation_done(self, progress: Progress, row: Mapping[str, object]) -> None:
        """Pass it on."""
        self._callback.generation_done(progress, row)

    def stopping(self, in_flight: int) -> None:
        """Pass it on."""
        self._callback.stopping(in_flight)


def _networks(store: Store, problem: Problem, shared: Path) -> Iterator[tuple[str, Task]]:
    """Yield the trainings of the networks that are asked for, apply, and have no record yet."""
    best = Run.open(store.folder).hall_of_fame()[:1]
    if not best:
        return
    asked = problem.config.report.baselines
    defaults, recorded = problem.defaults, store.metadata().baselines
    kind = problem.dataset.kind
    plain = parse(kind.plain.format(latent=best[0].latent))
    networks: list[tuple[str, Genome, NetworkDefaults]] = [("plain", plain, defaults)]
    # A posterior needs a latent vector, which the hand-made network lacks.
    if kind.handmade is not None and defaults.posterior is None:
        own = replace(
            defaults, min_side=3, activation="relu", downsampling="max", upsampling="upsample"
        )
        networks.append(("handmade", parse(kind.handmade), own))
    for name, genome, its in networks:
        known = recorded.get(name)
        if name in asked and (known is None or known.genome != render(genome)):
            flops = measure(its)(genome).flops
            yield name, replace(problem.task(genome, shared), defaults=its, flops=flops)


def _note(store: Store, name: str, task: Task, evaluation: Evaluation) -> None:
    """Record a network's training."""
    found = Baseline(
        name,
        evaluation.outcome.value,
        evaluation.fitness,
        evaluation.latent,
        evaluation.parameters,
        render(task.genome),
        task.cost if evaluation.cost is None else evaluation.cost,
        1,
        message=evaluation.message,
    )
    _record(store, found)


def _record(store: Store, found: Baseline) -> None:
    store.update(baselines=store.metadata().baselines | {found.name: found})
