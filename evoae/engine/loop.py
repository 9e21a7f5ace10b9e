"""The loop of a search: ask, train, tell, in the order of proposal, until target or budget.

Randomness comes from (seed, batch) alone and every finished training is in the run folder, so a
resume is a replay: each batch is bred again, what is finished is read, the rest is trained.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evoae.data.shared_memmap import share
from evoae.engine.budget import Budget, BudgetStops
from evoae.engine.problem import Problem
from evoae.engine.progress import Callback, Interrupted, Progress
from evoae.errors import SearchError
from evoae.evaluation import Evaluation, Task, Thresholds, failures_worded, seed_for, so_far
from evoae.evolution.algorithm import AbstractAlgorithm, tell
from evoae.evolution.batch import next_batch
from evoae.evolution.factory import algorithm_for
from evoae.evolution.logbook import Records
from evoae.evolution.noise import deviation
from evoae.evolution.racing import thresholds
from evoae.evolution.state import Curve, Individual, Measured, Proposal, State, complete, scored
from evoae.evolution.surrogate import Surrogate
from evoae.execution.executor import AbstractExecutor, StopRequest
from evoae.formatting import command, flops
from evoae.genome.codec import encode
from evoae.genome.text import parse, render
from evoae.runs.files import pending_path
from evoae.runs.records import Candidate, Generation
from evoae.runs.reuse import ReusableRun, ends_alike
from evoae.runs.store import Store, now
from evoae.runs.tensorboard import candidate_folder

_BARREN = 10  # generations without anything new, after which only a budget would end a search


@dataclass(slots=True)
class _Batch:
    """A batch under way.

    Attributes:
        number: from 1.
        racing: thresholds of its trainings, but for further ones of known candidates.
        proposals: those of it that are trained, or known already, in their order.
        new: keys of those that are not known already.
        open: keys of those whose evaluation is still missing.
        left_out: keys of those for which the budget had no place when this batch was new.
    """

    number: int
    racing: Thresholds
    proposals: list[Proposal] = field(default_factory=list)
    new: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Generation:
    """What the batches of a generation told so far.

    Attributes:
        number: from 1.
        began: monotonic clock.
        proposals: in their order.
        new: keys of those that were not known before.
    """

    number: int
    began: float
    proposals: list[Proposal] = field(default_factory=list)
    new: set[str] = field(default_factory=set)


class Loop:
    """One driver's work on one run.

    Attributes:
        progress: where it stands.
        shared: folder of the images that trainings read.
        stop: made from a signal handler.
    """

    def __init__(
        self, store: Store, problem: Problem, reusable: Sequence[ReusableRun], callback: Callback
    ) -> None:
        search = problem.config.search
        self._store, self._problem, self._reusable, self._callback = (
            store,
            problem,
            reusable,
            callback,
        )
        self._run = store.folder.absolute()
        self._algorithm: AbstractAlgorithm = algorithm_for(search, problem.space)
        self._surrogate = Surrogate(problem.space)
        self._records = Records()
        self.shared = share(problem.dataset, callback.said)
        metadata = store.metadata()
        self._seeds = [parse(text) for text in metadata.get("seeds", [])]
        self._budget = Budget(search.budget, metadata.get("seconds", 0.0))
        # By whichever driver, by key; then as far as this replay has come.
        self._finished = store.evaluations()
        self._finished |= {each.id: each for each in store.repeats().values()}
        self._spares = store.spares()
        begun = [each.generation for each in store.candidates().values()]
        self._stops = BudgetStops(
            metadata.get("budget_stops", {}), max([*begun, *store.generations()], default=0)
        )
        self._settled: dict[str, Evaluation] = {}
        self._state = State()
        self._asked = 0
        self._born: dict[str, int] = {}  # generation by candidate id
        self._under_way: deque[_Batch] = deque()
        # Of the last batches under way: what the budget may pay yet, see `_admit`.
        self._held: deque[tuple[_Batch, Proposal, tuple[int, int]]] = deque()
        self._waiting: list[tuple[int, int, Task]] = []
        self._ended = False  # the budget is spent, or the space
        self._barren = 0  # batches in a row that brought nothing new
        self._generation = _Generation(1, time.monotonic())
        self._worst_kept: float | None = None
        self._target: int | None = metadata.get("generations")
        self.progress = Progress(self._target, self._planned(), self._budget)
        self.stop = StopRequest()

    def run(self, executor: AbstractExecutor) -> None:
        """Breed, train and record up to the run's target, or the end of its budget.

        Raises:
            SearchError: too many trainings failed, or the budget does not pay a single one.
            Interrupted: `stop` was made before the end.
        """
        self._store.keep_models()  # a driver that died may not have come to it
        while True:
            self._admit()
            while len(self._under_way) < self._algorithm.max_in_flight and self._ask():
                pass
            self._start(executor)
            if not self._under_way:
                if self.stop.made and not self._done:
                    raise self.interrupted()
                break
            if self._under_way[0].open:
                if not self.stop.under_way:  # nothing new was begun
                    raise self.interrupted()
                self._receive(executor.wait())
            else:
                self._tell(self._under_way.popleft())
        if self._generation.proposals:
            self._close_generation()
        self.save_clock()

    @property
    def hall(self) -> tuple[Individual, ...]:
        """The hall of fame of all that was told so far, best first."""
        return self._algorithm.hall(self._state, self._problem.config.search.hof_size)

    def recorded(self, id: str) -> float | None:
        """Return what the first training of a candidate earned; None if it failed."""
        return self._settled[id].fitness

    def save_clock(self) -> None:
        """Record the time that was spent, and up to when."""
        self._store.set({"seconds": self._budget.seconds, "seconds_at": now()})

    def _generation_of(self, batch: int) -> int:
        return 1 + (batch - 1) // self._algorithm.batches_per_generation

    def _planned(self) -> int | None:
        """Return the proposals of all generations; None if only the budget ends them."""
        if self._target is None:
            return None
        batches = self._target * self._algorithm.batches_per_generation
        return sum(self._algorithm.size(batch) for batch in range(1, batches + 1))

    # -- asking

    @property
    def _done(self) -> bool:
        """Whether no further batch is to come."""
        target = self._target
        return self._ended or (
            target is not None and self._asked >= target * self._algorithm.batches_per_generation
        )

    def _ask(self) -> bool:
        """Ask for the next batch; return False if none is to come."""
        if self._done or self.stop.made:
            return False
        self._asked += 1
        generation = self._generation_of(self._asked)
        self.progress.generation = generation
        pending = {each.key for batch in self._under_way for each in batch.proposals}
        pending |= {proposal.key for _, proposal, _ in self._held}
        # They were pending when the batches behind theirs were bred, and so they are in a replay.
        pending |= {key for batch in self._under_way for key in batch.left_out}
        config = self._problem.config
        told_so_far, epochs = self._state.history.values(), config.training.epochs
        batch = _Batch(self._asked, thresholds(told_so_far, config.search.racing, epochs))
        proposals = next_batch(
            self._algorithm,
            config.search,
            self._surrogate,
            self._state,
            self._asked,
            config.seed,
            pending,
            self._seeds,
        )
        for place, proposal in enumerate(proposals):
            self._held.append((batch, proposal, (generation, place)))
        self._under_way.append(batch)
        self._admit()
        if self._asked % self._algorithm.batches_per_generation == 0 and self._stops.ends(
            generation
        ):
            self._ended = True
        return True

    def _admit(self) -> None:
        """Take what was asked for in its order, until the budget does not pay one: the end.

        What is under way may cost less than was set aside for it. So one that is not paid for now
        waits until all before it have ended: whether it is taken depends on what they cost, not on
        when they end.
        """
        while self._held:
            if not self._take(*self._held[0]):
                if not any(batch.open for batch in self._under_way):
                    self._ended = True
                    self._held.clear()
                return
            self._held.popleft()

    def _take(self, batch: _Batch, proposal: Proposal, where: tuple[int, int]) -> bool:
        """Add a proposal to a batch; return False if the budget does not pay it, for now."""
        key = proposal.key
        task = self._task(proposal, batch)
        if not self._stops.admits(where[0], key, lambda: self._budget.can_start(task.cost)):
            batch.left_out.add(key)
            return True
        if key in self._settled or any(key in each.new for each in self._under_way):
            self.progress.duplicates += 1
            self.progress.settled += 1
            batch.proposals.append(proposal)
            return True
        finished = self._finished.get(key)
        if finished is None and not self._budget.affords(task.cost):
            if not self._settled and not any(each.proposals for each in self._under_way):
                raise SearchError(
                    "search.budget",
                    f"{flops(self._problem.config.search.budget.flops or 0)} do not pay the first "
                    f"training, of {flops(task.cost)}",
                    "raise it, or make trainings cheaper: fewer epochs or images",
                )
            return False
        self._budget.reserve(key, task.cost)
        batch.proposals.append(proposal)
        batch.new.add(key)
        if proposal.number == 1:
            generation, place = where
            at = place + (batch.number - 1) % self._algorithm.batches_per_generation
            self._store.add_candidate(_candidate(proposal, generation, at))
            self._born[proposal.id] = generation
        if finished is not None:
            self._count(proposal.key, finished)
        elif not (self._reclaim(task, where[0]) or self._reuse(task)):
            batch.open.add(key)
            # The longest of a batch first, so that none is left to the end.
            self._waiting.append((-batch.number, task.flops, task))
        return True

    def _task(self, proposal: Proposal, batch: _Batch) -> Task:
        """Return the training of a proposal; a further one of a candidate goes to the end."""
        task = self._problem.task(proposal.genome, self.shared)
        if proposal.number > 1:
            return replace(
                task, id=proposal.key, seed=seed_for(self._problem.config.seed, proposal.key)
            )
        keep = pending_path(self._run, proposal.id)
        return replace(
            task,
            keep=keep,
            keep_below=self._worst_kept,
            pictures=candidate_folder(self._run, proposal.id),
            thresholds=batch.racing,
        )

    def _reclaim(self, task: Task, generation: int) -> bool:
        """Take a training that was set aside when the run went back; False if there is none."""
        evaluation = self._spares.pop(task.id, None)
        fitness = self._problem.config.training.fitness
        if evaluation is None or not ends_alike(evaluation, task, fitness):
            return False
        self._store.reclaim(task.id, generation)
        self._count(task.id, evaluation)
        return True

    def _reuse(self, task: Task) -> bool:
        """Take a training over from another run; False if none has it."""
        if task.keep is None:
            return False
        for run in self._reusable:
            evaluation = run.evaluation(task)
            if evaluation is not None:
                self._store.add_evaluation(evaluation, run.path)
                self._count(task.id, evaluation)
                return True
        return False

    # -- training

    def _start(self, executor: AbstractExecutor) -> None:
        """Begin trainings until every worker is busy."""
        if (self._waiting or self._held) and self._budget.out_of_time:
            self._ended = True
            self._held.clear()
            for _, _, task in self._waiting:
                self._drop(task.id)
            self._waiting = []
        self._waiting.sort(key=lambda each: each[:2])
        while self._waiting and not self.stop.made and self.stop.under_way < executor.workers:
            executor.start(self._waiting.pop()[2])
            self.stop.under_way += 1

    def _drop(self, key: str) -> None:
        """Take back a training that has no place in the budget."""
        for batch in self._under_way:
            batch.open.discard(key)
            batch.new.discard(key)
            batch.proposals = [each for each in batch.proposals if each.key != key]
        self._budget.forget(key)

    def _receive(self, evaluation: Evaluation) -> None:
        """Record a training that has ended."""
        self.stop.under_way -= 1
        key = evaluation.id
        _, _, number = key.partition(" ")
        batch = next(batch for batch in self._under_way if key in batch.open)
        if number:
            self._store.add_repeat(evaluation, int(number), self._generation_of(batch.number))
        else:
            self._store.add_evaluation(evaluation)
        self.progress.finished(evaluation.seconds.total)
        for batch in self._under_way:
            batch.open.discard(key)
        self._count(key, evaluation)

    def _count(self, key: str, evaluation: Evaluation) -> None:
        self._settled[key] = evaluation
        if evaluation.cost is not None:
            self._budget.reserve(key, evaluation.cost)
        progress = self.progress
        progress.settled += 1
        if evaluation.fitness is None:
            progress.failed += 1
        else:
            progress.scored += 1
            progress.raced += evaluation.raced
            believed = " " not in key and not evaluation.raced
            if believed and (progress.best is None or evaluation.fitness < progress.best[0]):
                progress.best = (evaluation.fitness, key, progress.generation)
        self._callback.progressed(progress)

    def interrupted(self) -> Interrupted:
        """Return what to raise when `stop` was made and something is left to do."""
        progress, trained = self.progress, len(self._store.evaluations())
        self.save_clock()
        return Interrupted(self._store.folder, trained, progress.generation, self._target)

    # -- telling

    def _tell(self, batch: _Batch) -> None:
        """Hand a batch whose trainings have ended to the algorithm."""
        measured: list[Measured] = []
        unpaid = set(batch.new)  # a small space may have given one of them twice
        for proposal in batch.proposals:
            evaluation = self._settled[proposal.key]
            measured.append((proposal, self._earned(evaluation)))
            if proposal.key in unpaid:
                unpaid.discard(proposal.key)
                paid = evaluation.cost
                cost = self._task(proposal, batch).cost if paid is None else paid
                self._budget.commit(proposal.key, cost)
        self._state = tell(self._algorithm, self._state, measured)
        self._generation.proposals += batch.proposals
        self._generation.new |= batch.new
        if (
            batch.number % self._algorithm.batches_per_generation == 0
            and self._generation.proposals
        ):
            self._close_generation()
        self._barren = 0 if batch.new else self._barren + 1
        if self._barren >= _BARREN * self._algorithm.batches_per_generation:
            self._store.set({"exhausted": True})
            if self._target is None:
                self._ended = True  # what is known costs nothing: no budget would ever end this

    def _earned(self, evaluation: Evaluation) -> Curve | float | None:
        """Return what the algorithm is told of a training."""
        if evaluation.fitness is None or not evaluation.validation_loss:
            return evaluation.fitness  # a further training, or a failed one
        fitness = so_far(evaluation.validation_loss, self._problem.config.training.fitness)
        return Curve(fitness, evaluation.raced)

    def _close_generation(self) -> None:
        """Record a generation whose trainings have ended."""
        ended, search = self._generation, self._problem.config.search
        self._generation = _Generation(ended.number + 1, time.monotonic())
        keys = [each.key for each in ended.proposals]
        if self._ended:
            self._store.set({"budget_stops": self._stops.added(ended.number, keys)})
        history = self._state.history
        hall = self.hall
        full = len(hall) == search.hof_size and search.algorithm != "nsga2"
        self._worst_kept = hall[-1].fitness if full else None
        noise, freedom = deviation(history.values())
        whole = scored(complete(history.values()))
        first = {each.id: history[each.id] for each in ended.proposals if each.number == 1}
        self._records.update(
            ended.number,
            tuple(first.values()),
            trained=len(ended.new),
            duplicates=len(keys) - len(ended.new),
            failed=sum(self._settled[key].fitness is None for key in ended.new),
            repeated=sum(" " in key for key in ended.new),
            raced=sum(self._settled[key].raced for key in ended.new),
            best=min((fitness for fitness, _ in whole), default=None),
            cost=self._budget.flops,
            noise=noise if freedom else None,
            **self._algorithm.metrics(self._state),
        )
        row = self._records.rows[-1]
        population = self._state.population
        seconds = time.monotonic() - ended.began
        recorded = Generation(
            ended.number, population, tuple(each.id for each in hall), row, seconds
        )
        if self._store.finish_generation(recorded):
            self._store.keep_models()
            self.save_clock()
        best = min(whole, key=lambda pair: pair[0], default=None)
        if best is not None:
            self.progress.best = (best[0], best[1].id, self._born[best[1].id])
        self._callback.generation_done(self.progress, row)
        self._check_failures()

    def _check_failures(self) -> None:
        """Stop a search in which too many trainings fail to learn anything from the rest.

        Raises:
            SearchError: says what failed most, and how to look at it.
        """
        failed = [each for each in self._settled.values() if each.fitness is None]
        allowed = self._problem.config.search.max_failure_share
        if len(failed) <= allowed * len(self._settled):
            return
        run = self._store.folder
        raise SearchError(
            str(run),
            f"{len(failed)} of {len(self._settled)} trainings failed ({failures_worded(failed)})",
            f"Look at them with '{command('failures', run)}'; to go on all the same, "
            f"'{command('resume', run, '--set', 'search.max_failure_share=1')}'.",
        )


def _candidate(proposal: Proposal, generation: int, position: int) -> Candidate:
    return Candidate(
        proposal.id,
        render(proposal.genome),
        tuple(encode(proposal.genome)),
        generation,
        position,
        proposal.parents,
        proposal.operator,
    )
