"""For people who write their own evolutionary loop: evoae's parts as a toolbox of DEAP."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deap import base

from evoae.config.load import load_config, make_config
from evoae.config.schema import Config
from evoae.config.shipped import find_config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, Task
from evoae.evolution.algorithm import batch_rng
from evoae.evolution.toolbox import EvoaeIndividual, public_toolbox
from evoae.execution.executor import run_all
from evoae.execution.factory import executor_for
from evoae.genome.genome import Genome

if TYPE_CHECKING:
    from evoae.execution.executor import AbstractExecutor

FAILED = (math.inf,)  # NaN would win tournaments, and an empty fitness breaks DEAP's statistics


def deap_toolbox(
    config: Config | Mapping[str, object] | str | Path, *, keep: str | Path | None = None
) -> base.Toolbox:
    """Return a DEAP toolbox of everything a loop needs, for the search that `config` describes.

    `individual`, `population`, `mate`, `mutate`, `select` and `clone` are those of
    `evoae.evolution.toolbox.public_toolbox`; besides them there are

    - `evaluate(individual)`: trains it and returns the fitness, a 1-tuple to minimise. A training
      that fails has fitness (inf,): valid for DEAP and worse than every score, so it wins a
      tournament only against its like. It enters a hall of fame that has room, and makes a mean
      infinite.
    - `map(function, individuals)`: Python's, but for `evaluate`: then all trainings that are due
      run at once in the workers of `config.execution`. DEAP's own loops use it.
    - `evaluation(individual)`: the whole record of its training, made now if there is none: why
      it failed, its curves and figures.

    The individuals' types are also `deap.creator.EvoaeIndividual` and `deap.creator.EvoaeFitness`.

    Each network is trained once in a toolbox: results are kept in memory by candidate id, and are
    those that `evoae.search` would find with this configuration. All else that `search` does is
    the loop's own affair: there is no run folder, no resume, no elitism, no mutation of offspring
    that are known, and the search section's population, generations, cxpb and mutpb mean nothing.

    The toolbox draws from one generator made from `config.seed`. DEAP's loops draw from Python's
    global `random` beside it: call `random.seed` to repeat one of them.

    Args:
        config: as `evoae.search` takes it.
        keep: folder in which every trained model is saved, as `ID.keras`; None to save none.

    Raises:
        EvoaeError: the configuration or the data cannot be used.
    """
    if isinstance(config, (str, Path)):
        config = load_config(find_config(config))
    problem = Problem.make(make_config(config))
    trainer = _Trainer(problem, None if keep is None else Path(keep).absolute())
    words = public_toolbox(batch_rng(problem.config.seed, 0), problem.config.search, problem.space)
    words.register("evaluate", trainer)
    words.register("evaluation", trainer.evaluation)
    words.register("map", trainer.map)
    return words


class _Trainer:
    """Trains individuals, each network once.

    Args:
        problem: of all trainings.
        keep: folder for the models; None to keep none.
    """

    def __init__(self, problem: Problem, keep: Path | None) -> None:
        self._problem, self._keep = problem, keep
        self._shared = share(problem.dataset)
        self._finished: dict[str, Evaluation] = {}
        self._executor: AbstractExecutor | None = None

    def __call__(self, individual: EvoaeIndividual) -> tuple[float]:
        """Return the fitness, to minimise; (inf,) if the training failed."""
        fitness = self.evaluation(individual).fitness
        return FAILED if fitness is None else (fitness,)

    def evaluation(self, individual: EvoaeIndividual) -> Evaluation:
        """Return the record of an individual's training."""
        self._train([individual])
        return self._finished[individual.id]

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> list[Any]:
        """Apply `function` to each, in order; the trainings of `evaluate` run together."""
        if getattr(function, "func", None) is self and len(iterables) == 1:
            individuals = list(iterables[0])
            self._train(individuals)
            return [self(individual) for individual in individuals]
        return list(map(function, *iterables))

    def _train(self, individuals: Iterable[EvoaeIndividual]) -> None:
        """Train what was not trained before."""
        due = {each.id: each.genome for each in individuals if each.id not in self._finished}
        if not due:
            return
        executor = self._running()
        try:
            for evaluation in run_all(executor, map(self._task, due.values())):
                self._finished[evaluation.id] = evaluation
        except BaseException:  # what is under way must not answer for what comes next
            self._executor = None
            executor.close()
            raise

    def _task(self, genome: Genome) -> Task:
        task = self._problem.task(genome, self._shared)
        return replace(task, keep=self._keep / f"{task.id}.keras") if self._keep else task

    def _running(self) -> AbstractExecutor:
        """Return the executor, which ends with this object."""
        if self._executor is None:
            self._executor = executor_for(self._problem.config.execution)
            weakref.finalize(self, self._executor.close)
        return self._executor
