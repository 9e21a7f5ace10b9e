"""What is recorded of a search: its candidates, trainings and generations, models, and its clock.

Every training that has ended is in the run folder before anything follows from it. So a resume is
a replay: what is finished is read here, and only the rest is trained. A search in which too much
failed is stopped here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from evoae.engine.ledger import Ledger
from evoae.engine.problem import Problem
from evoae.engine.proposer import Batch, Proposer
from evoae.errors import SearchError
from evoae.evaluation import Evaluation, Task, TrainingKey, failures_worded
from evoae.evolution.logbook import Records, Row
from evoae.evolution.noise import deviation
from evoae.evolution.state import Proposal, complete, scored
from evoae.formatting import command
from evoae.genome.codec import encode
from evoae.genome.text import render
from evoae.runs.records import Candidate, Generation
from evoae.runs.reuse import ReusableRun, ends_alike
from evoae.runs.store import Store, now


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
    new: set[TrainingKey] = field(default_factory=set)


class Recorder:
    """One driver's record of one run.

    Args:
        store: of the run.
        problem: of the search.
        reusable: other runs whose trainings it may take over.

    Attributes:
        settled: by key, the trainings that have ended as far as this driver, or its replay of
            earlier ones, has come.
        worst_kept: fitness that a training must stay below for its model to be kept; None to keep
            every model.
    """

    def __init__(self, store: Store, problem: Problem, reusable: Sequence[ReusableRun]) -> None:
        self._store, self._config, self._reusable = store, problem.config, reusable
        ended = (*store.evaluations().values(), *store.repeats().values())
        self._finished = {each.key: each for each in ended}  # by whichever driver
        self._spares = store.spares()
        self.settled: dict[TrainingKey, Evaluation] = {}
        self._proposed_in: dict[str, int] = {}  # generation by candidate id
        self._records = Records()
        self._generation = _Generation(1, time.monotonic())
        self.worst_kept: float | None = None

    # -- trainings

    def finished(self, key: TrainingKey) -> Evaluation | None:
        """Return what a training has earned under an earlier driver; None if it has not ended."""
        return self._finished.get(key)

    def add_candidate(self, proposal: Proposal, generation: int, place: int) -> None:
        """Record a candidate.

        Args:
            proposal: of its first training.
            generation: that proposes it, from 1.
            place: among the proposals of that generation, from 0.
        """
        candidate = Candidate(
            proposal.id,
            render(proposal.genome),
            tuple(encode(proposal.genome)),
            generation,
            place,
            proposal.parents,
            proposal.operator,
        )
        self._store.add_candidate(candidate)
        self._proposed_in[proposal.id] = generation

    def reclaim(self, task: Task, generation: int) -> Evaluation | None:
        """Take a training that was set aside when the run went back; None if there is none."""
        evaluation = self._spares.pop(task.key, None)
        if evaluation is None or not ends_alike(evaluation, task, self._config.training.fitness):
            return None
        self._store.reclaim(task.key, generation)
        return evaluation

    def reuse(self, task: Task) -> Evaluation | None:
        """Take a first training over from another run; None if no run has it."""
        for run in self._reusable:
            evaluation = run.evaluation(task)
            if evaluation is not None:
                self._store.add_evaluation(evaluation, run.path)
                return evaluation
        return None

    def add(self, evaluation: Evaluation, generation: int) -> None:
        """Record a training that has ended, durably before this returns.

        Args:
            evaluation: what it earned.
            generation: that asked for it.
        """
        if evaluation.key.repeat == 1:
            self._store.add_evaluation(evaluation)
        else:
            self._store.add_repeat(evaluation, generation)

    # -- generations

    @property
    def generation_is_open(self) -> bool:
        """Whether batches were told since the last generation ended."""
        return bool(self._generation.proposals)

    def add_batch(self, batch: Batch) -> None:
        """Note a batch that was told; its generation is recorded when that ends."""
        self._generation.proposals += batch.proposals
        self._generation.new |= batch.new

    def close_generation(
        self, proposer: Proposer, ledger: Ledger
    ) -> tuple[Row, tuple[float, str, int] | None]:
        """Record a generation whose trainings have ended, and keep the models that it needs.

        Returns:
            its line of the logbook; and the best candidate so far: fitness, id, and the generation
            that proposed it. None before the first score.
        """
        ended = self._generation
        self._generation = _Generation(ended.number + 1, time.monotonic())
        if ledger.ended:
            keys = [each.key for each in ended.proposals]
            self._store.update(budget_stops=ledger.stopped_at(ended.number, keys))
        search, hall = self._config.search, proposer.hall
        full = len(hall) == search.hof_size and search.algorithm != "nsga2"
        self.worst_kept = hall[-1].fitness if full else None
        whole = scored(complete(proposer.state.history.values()))
        best = min(whole, key=lambda pair: pair[0], default=None)
        row = self._enter(ended, proposer, ledger, None if best is None else best[0])
        generation = Generation(
            ended.number,
            proposer.state.population,
            tuple(each.id for each in hall),
            row,
            time.monotonic() - ended.began,
        )
        if self._store.finish_generation(generation):
            self._store.keep_models()
            self.save_clock(ledger.budget.seconds)
        if best is None:
            return row, None
        return row, (best[0], best[1].id, self._proposed_in[best[1].id])

    def _enter(
        self, ended: _Generation, proposer: Proposer, ledger: Ledger, best: float | None
    ) -> Row:
        """Enter a generation in the logbook; return its line."""
        history, new = proposer.state.history, ended.new
        noise, freedom = deviation(history.values())
        first = {each.id: history[each.id] for each in ended.proposals if each.number == 1}
        self._records.update(
            ended.number,
            tuple(first.values()),
            trained=len(new),
            duplicates=len(ended.proposals) - len(new),
            failed=sum(self.settled[key].fitness is None for key in new),
            repeated=sum(key.repeat > 1 for key in new),
            raced=sum(self.settled[key].raced for key in new),
            best=best,
            cost=ledger.budget.flops,
            noise=noise if freedom else None,
            **proposer.metrics,
        )
        return self._records.rows[-1]

    # -- the run

    def keep_models(self) -> None:
        """Keep the models of the hall of fame; a driver that died may not have come to it."""
        self._store.keep_models()

    def save_clock(self, seconds: float) -> None:
        """Record the seconds that all drivers spent, and up to when."""
        self._store.update(seconds=seconds, seconds_at=now())

    def note_exhaustion(self) -> None:
        """Record that the space seems to hold nothing new."""
        self._store.update(exhausted=True)

    def check_failures(self) -> None:
        """Stop a search in which too many trainings fail to learn anything from the rest.

        Raises:
            SearchError: says what failed most, and how to look at it.
        """
        failed = [each for each in self.settled.values() if each.fitness is None]
        allowed = self._config.search.max_failure_share
        if len(failed) <= allowed * len(self.settled):
            return
        run = self._store.folder
        raise SearchError(
            str(run),
            f"{len(failed)} of {len(self.settled)} trainings failed ({failures_worded(failed)})",
            f"Look at them with '{command('failures', run)}'; to go on all the same, "
            f"'{command('resume', run, '--set', 'search.max_failure_share=1')}'.",
        )
