"""The loop of a search: propose, train, record, in the order of proposal.

It ends with the last generation, with the budget, when the space holds nothing new, when too much
failed, or when it is asked to stop.

`proposer`, `ledger` and `recorder` decide what is proposed, paid for and recorded; an executor
trains.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from evoae.data.shared_memmap import share
from evoae.engine.budget import Budget, BudgetStops
from evoae.engine.ledger import Ledger
from evoae.engine.problem import Problem
from evoae.engine.progress import Callback, Interrupted, Progress
from evoae.engine.proposer import Batch, Proposer
from evoae.engine.recorder import Recorder
from evoae.evaluation import Evaluation, Task, TrainingKey, seed_for
from evoae.evolution.state import Individual, Proposal
from evoae.execution.executor import AbstractExecutor, StopRequest
from evoae.genome.text import parse
from evoae.runs.files import pending_path
from evoae.runs.reuse import ReusableRun
from evoae.runs.store import Store
from evoae.runs.tensorboard import candidate_folder


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
        self._store, self._problem, self._callback = store, problem, callback
        self.shared = share(problem.dataset, callback.said)
        metadata = store.metadata()
        seeds = [parse(text) for text in metadata.seeds]
        self._proposer = Proposer(problem, seeds, metadata.generations)
        begun = [each.generation for each in store.candidates().values()]
        last = max([*begun, *store.generations()], default=0)
        self._ledger = Ledger(
            Budget(problem.config.search.budget, metadata.seconds),
            BudgetStops(metadata.budget_stops, last),
        )
        self._recorder = Recorder(store, problem, reusable)
        self._under_way: deque[Batch] = deque()
        self._waiting: list[tuple[int, int, Task]] = []
        self.progress = Progress(
            self._proposer.target, self._proposer.planned, self._ledger.budget
        )
        self.stop = StopRequest()

    def run(self, executor: AbstractExecutor) -> None:
        """Breed, train and record up to the run's target, or the end of its budget.

        Raises:
            SearchError: too many trainings failed, or the budget does not pay a single one.
            Interrupted: `stop` was made before the end.
        """
        self._recorder.keep_models()
        while True:
            self._admit()
            while len(self._under_way) < self._proposer.max_in_flight and self._ask():
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
        if self._recorder.generation_is_open:
            self._close_generation()
        self._recorder.save_clock(self._ledger.budget.seconds)

    @property
    def hall(self) -> tuple[Individual, ...]:
        """The hall of fame of all that was told so far, best first."""
        return self._proposer.hall

    def recorded(self, id: str) -> float | None:
        """Return what the first training of a candidate earned; None if it failed."""
        return self._recorder.settled[TrainingKey(id)].fitness

    def interrupted(self) -> Interrupted:
        """Return what to raise when `stop` was made and something is left to do."""
        trained = len(self._store.evaluations())
        self._recorder.save_clock(self._ledger.budget.seconds)
        return Interrupted(
            self._store.folder, trained, self.progress.generation, self._proposer.target
        )

    @property
    def _done(self) -> bool:
        """Whether no further batch is to come."""
        return self._ledger.ended or self._proposer.done

    # -- asking

    def _ask(self) -> bool:
        """Ask for the next batch; return False if none is to come."""
        if self._done or self.stop.made:
            return False
        pending = {key for batch in self._under_way for key in batch.pending}
        batch = self._proposer.ask(pending)
        self.progress.generation = batch.generation
        self._under_way.append(batch)
        self._admit()
        if self._proposer.ends_generation(batch) and self._ledger.ends_with(batch.generation):
            self._ledger.ended = True
        return True

    def _admit(self) -> None:
        """Take what was asked for in its order, until the budget does not pay one: the end.

        What is under way may cost less than was set aside for it. So one that is not paid for now
        waits until all before it have ended: whether it is taken depends on what they cost, not on
        when they end.
        """
        for batch in self._under_way:
            while batch.undecided:
                if not self._decide(batch, *batch.undecided[0]):
                    if not any(each.open for each in self._under_way):
                        self._end()
                    return
                batch.undecided.popleft()

    def _end(self) -> None:
        """Train nothing further than what was admitted."""
        self._ledger.ended = True
        for batch in self._under_way:
            batch.undecided.clear()

    def _decide(self, batch: Batch, place: int, proposal: Proposal) -> bool:
        """Admit a proposal to its batch or leave it out; False if it waits for the budget."""
        key, task = proposal.key, self._task(proposal, batch)
        if not self._ledger.has_place(batch.generation, key, task.cost):
            batch.left_out.add(key)
            return True
        if key in self._recorder.settled or any(key in each.new for each in self._under_way):
            self.progress.duplicates += 1
            self.progress.settled += 1
            batch.proposals.append(proposal)
            return True
        evaluation = self._recorder.finished(key)
        if not self._ledger.reserve(key, task.cost, trained=evaluation is not None):
            return False
        batch.proposals.append(proposal)
        batch.new.add(key)
        if proposal.number == 1:
            self._recorder.add_candidate(proposal, batch.generation, place)
        if evaluation is None:
            evaluation = self._recorder.reclaim(task, batch.generation)
        if evaluation is None and proposal.number == 1:
            evaluation = self._recorder.reuse(task)
        if evaluation is not None:
            self._settle(evaluation)
        else:
            batch.open.add(key)
            # The longest of a batch first, so that none is left to the end.
            self._waiting.append((-batch.number, task.flops, task))
        return True

    def _task(self, proposal: Proposal, batch: Batch) -> Task:
        """Return the training of a proposal; a further one of a candidate goes to the end."""
        task = self._problem.task(proposal.genome, self.shared)
        if proposal.number > 1:
            seed = seed_for(self._problem.config.seed, proposal.key)
            return replace(task, key=proposal.key, seed=seed)
        run = self._store.folder.absolute()
        return replace(
            task,
            keep=pending_path(run, proposal.id),
            keep_below=self._recorder.worst_kept,
            pictures=candidate_folder(run, proposal.id),
            thresholds=batch.racing,
        )

    # -- training

    def _start(self, executor: AbstractExecutor) -> None:
        """Begin trainings until every worker is busy."""
        undecided = any(batch.undecided for batch in self._under_way)
        if (self._waiting or undecided) and self._ledger.budget.out_of_time:
            self._end()
            for _, _, task in self._waiting:
                self._ledger.budget.forget(task.key)
                for batch in self._under_way:
                    batch.drop(task.key)
            self._waiting = []
        self._waiting.sort(key=lambda each: each[:2])
        room = executor.workers - self.stop.under_way
        while self._waiting and room > 0 and not self.stop.made:
            executor.start(self._waiting.pop()[2])
            self.stop.under_way += 1
            room -= 1

    def _receive(self, evaluation: Evaluation) -> None:
        """Record a training that has ended."""
        self.stop.under_way -= 1
        key = evaluation.key
        batch = next(batch for batch in self._under_way if key in batch.open)
        self._recorder.add(evaluation, batch.generation)
        self.progress.finished(evaluation.seconds.total)
        batch.open.discard(key)
        self._settle(evaluation)

    def _settle(self, evaluation: Evaluation) -> None:
        """Count a training that has ended, by whichever driver."""
        self._recorder.settled[evaluation.key] = evaluation
        if evaluation.cost is not None:
            self._ledger.budget.reserve(evaluation.key, evaluation.cost)
        self.progress.settle(evaluation)
        self._callback.progressed(self.progress)

    # -- telling

    def _tell(self, batch: Batch) -> None:
        """Hand a batch whose trainings have ended to the algorithm, and book what they cost."""
        settled, unpaid = self._recorder.settled, set(batch.new)
        for proposal in batch.proposals:
            if proposal.key in unpaid:  # a small space may have given one of them twice
                unpaid.discard(proposal.key)
                paid = settled[proposal.key].cost
                cost = self._task(proposal, batch).cost if paid is None else paid
                self._ledger.budget.commit(proposal.key, cost)
        self._proposer.tell(batch, settled)
        self._recorder.add_batch(batch)
        if self._proposer.ends_generation(batch) and self._recorder.generation_is_open:
            self._close_generation()
        if self._proposer.exhausted:
            self._recorder.note_exhaustion()
            if self._proposer.target is None:
                self._ledger.ended = True  # what is known costs nothing: no budget would end this

    def _close_generation(self) -> None:
        """Record a generation whose trainings have ended, and say so."""
        row, best = self._recorder.close_generation(self._proposer, self._ledger)
        if best is not None:
            self.progress.best = best
        self._callback.generation_done(self.progress, row)
        self._recorder.check_failures()
