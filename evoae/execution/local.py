"""Trainings in worker processes on this machine.

Every worker has a pipe of its own and shares no lock with another. So one that dies, however it
dies and whatever it was doing, takes only its own training with it, and the driver sees it at
once: the pipe and the process' sentinel are waited for together. Pools whose workers share a pipe
and its locks can't promise that; with Pebble 5.2, a worker's exit with code 0 goes unnoticed.
"""

from __future__ import annotations

import atexit
import multiprocessing
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing import connection as connections
from typing import final

from evoae.errors import EvoaeError, SearchError
from evoae.evaluation import Evaluation, Outcome, Seconds, Task
from evoae.execution.deaths import Death, Wave
from evoae.execution.executor import AbstractExecutor, Train
from evoae.execution.process import NAME, Job, Worker, exit_reason
from evoae.execution.worker import EXIT_OUT_OF_MEMORY, Answer, Begun, Ready
from evoae.formatting import figure, mebibytes

_TRIES = 2  # of a training whose worker dies of it
_SPARED = 5  # deaths that a training may be spared, so that none is tried for ever
_STARTS = 3  # in a row that may fail by a signal before trainings cannot run here
_LONGEST_WAIT = 3600.0  # seconds; the system refuses to wait for some weeks at once
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


@final
class LocalExecutor(AbstractExecutor):
    """Runs each training in one of `workers` processes of one thread.

    Args:
        workers: processes.
        train: trains one task; a function of a module, since workers import it.
        prepare: loads what `train` needs, once per process; None for nothing.
        recycle_after: trainings after which a process is replaced; None for never.
        environments: variables of the k-th process (modulo their number) beside the common ones,
            such as a GPU's `CUDA_VISIBLE_DEVICES`.

    Raises:
        SearchError: a worker itself asks for workers.
    """

    def __init__(
        self,
        workers: int,
        *,
        train: Train,
        prepare: Callable[[], None] | None = None,
        recycle_after: int | None = None,
        environments: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        if multiprocessing.current_process().name == NAME:
            raise _unguarded()
        self._train, self._prepare = train, prepare
        self._recycle_after = recycle_after
        self._count = workers
        self._slots: dict[int, Worker] = {}  # those that live, by number from 0
        self._environments = [{**_ENVIRONMENT, **extra} for extra in environments]
        self._waiting: deque[Job] = deque()
        self._done: deque[Evaluation] = deque()
        self._wave = Wave()
        self._failed_starts = 0  # in a row
        # multiprocessing ends what is left with SIGTERM, which workers ignore, and waits for it.
        atexit.register(self.close)

    @property
    def workers(self) -> int:
        """Number of processes."""
        return self._count

    def start(self, task: Task) -> None:
        """Hand a training to an idle process, or queue it."""
        self._waiting.append(Job(task))
        self._dispatch()

    def wait(self) -> Evaluation:
        """Return the evaluation of the next training to finish.

        A training whose process dies of it is tried once more in a new one, and then has crashed.
        """
        while not self._done:
            if not self._under_way():
                raise LookupError("no training is under way")
            self._dispatch()
            self._observe()
            if self._wave.is_over(self._slots.values()):
                self._judge(self._wave.take())
        return self._done.popleft()

    def close(self) -> None:
        """Stop every process."""
        atexit.unregister(self.close)
        self._waiting.clear()
        self._done.clear()
        self._wave.take()
        workers, self._slots = self._slots.values(), {}
        for worker in workers:
            worker.process.kill()  # all of them, before waiting for the first
        for worker in workers:
            worker.reap()

    def _under_way(self) -> bool:
        jobs = [worker.job for worker in self._slots.values()]
        jobs += [death.job for death in self._wave.deaths]
        return bool(self._waiting) or any(jobs)

    def _dispatch(self) -> None:
        """Give every ready worker a job, and start workers for the jobs that are left."""
        for worker in self._slots.values():
            if self._waiting and worker.ready and worker.job is None:
                job = self._waiting.popleft()
                if not worker.take(job):  # it died while idle
                    self._waiting.appendleft(job)
        starting = sum(not worker.ready for worker in self._slots.values())
        for slot in range(self._count):
            if slot not in self._slots and starting < len(self._waiting):
                environment = self._environments[slot % len(self._environments)]
                self._slots[slot] = Worker.start(environment, self._train, self._prepare)
                starting += 1

    def _observe(self) -> None:
        """Wait until some worker speaks, dies or runs out of time; see to it."""
        until = min([self._wave.end, *(worker.deadline for worker in self._slots.values())])
        patience = min(max(0.0, until - time.monotonic()), _LONGEST_WAIT)
        handles: list[connections.Connection | int] = []
        for worker in self._slots.values():
            handles += [worker.connection, worker.process.sentinel]
        ready = set(connections.wait(handles, patience))
        for slot, worker in sorted(self._slots.items()):
            if {worker.connection, worker.process.sentinel} & ready:
                self._receive(slot, worker)
            elif worker.deadline <= time.monotonic():
                self._time_out(slot, worker)

    def _receive(self, slot: int, worker: Worker) -> None:
        """Take what a worker says, or note its death."""
        try:
            answer: Answer | None = worker.connection.recv() if worker.connection.poll() else None
        except (EOFError, OSError):
            answer = None
        if answer is None:
            del self._slots[slot]
            self._handle_exit(worker)
        elif isinstance(answer, Ready):
            worker.ready, self._failed_starts = True, 0
        elif not worker.ready:
            assert isinstance(answer, Exception)
            del self._slots[slot]
            worker.reap(kill=True)
            raise _unable(answer)
        elif isinstance(answer, Begun):
            worker.acknowledged = True
        else:
            worker.finish()
            if self._worn(worker, answer):
                del self._slots[slot]
                worker.reap(kill=True)
            if isinstance(answer, Exception):
                raise answer
            self._done.append(answer)

    def _worn(self, worker: Worker, answer: Answer) -> bool:
        """Whether to replace a worker: it is old, or its memory is not to be trusted any more."""
        old = self._recycle_after is not None and worker.trained >= self._recycle_after
        return old or (isinstance(answer, Evaluation) and answer.outcome is Outcome.OUT_OF_MEMORY)

    def _time_out(self, slot: int, worker: Worker) -> None:
        del self._slots[slot]
        worker.reap(kill=True)
        if worker.job is None:
            raise _unable(f"not ready after {figure(worker.deadline - worker.started)} s")
        limit = figure(worker.job.task.training.time_limit or 0)
        said = f"took more than {limit} s (training.time_limit)"
        self._fail(worker.job, Outcome.TIMED_OUT, said)

    def _handle_exit(self, worker: Worker) -> None:
        """Decide what a worker's death means, or put that off until others are seen to die."""
        code, job = worker.reap(), worker.job
        if job is not None and not worker.acknowledged:  # it was dying when it was handed the job
            self._blame(job, code, spare=True)
            job = None
        if job is not None and code == EXIT_OUT_OF_MEMORY:
            self._out_of_memory(job, fresh=not worker.trained)
            return
        death = Death(code, worker.ready, job)
        if death.by_training:
            self._judge([death])
            return
        earlier = [] if self._wave.may_reach(worker) else self._wave.take()
        self._wave.add(death)
        self._judge(earlier)

    def _judge(self, deaths: Sequence[Death]) -> None:
        """Decide what deaths of one cause mean: several are an event of the machine.

        Raises:
            SearchError: workers cannot start here.
        """
        for death in deaths:
            if death.job is not None:
                self._blame(death.job, death.code, spare=len(deaths) > 1)
        codes = [death.code for death in deaths if not death.ready]
        if codes:
            self._failed_starts += 1
            if codes[0] >= 0 or self._failed_starts >= _STARTS:
                self._failed_starts = 0
                raise _unguarded() if codes[0] > 0 else _unable(exit_reason(codes[0]))

    def _blame(self, job: Job, code: int, *, spare: bool) -> None:
        """Try `job` again after a death, or let it have crashed; `spare`: it is not to blame."""
        job.deaths += 1
        if spare and job.spared < _SPARED:
            job.spared += 1
        if job.deaths - job.spared < _TRIES:
            self._waiting.appendleft(job)
        else:
            said = f"its worker process {exit_reason(code)}, {job.deaths} times"
            self._fail(job, Outcome.CRASHED, said)

    def _out_of_memory(self, job: Job, *, fresh: bool) -> None:
        """Fail a training that took too much memory, once a fresh process has shown that it does.

        In another one, earlier trainings may have left something behind. So whatever ran before,
        the answer is the same.
        """
        if not fresh:
            self._waiting.appendleft(job)
            return
        limit = mebibytes(job.task.memory_limit or 0)
        said = f"took more than {limit} (execution.memory_limit)"
        self._fail(job, Outcome.OUT_OF_MEMORY, said)

    def _fail(self, job: Job, outcome: Outcome, message: str) -> None:
        evaluation = Evaluation.failed(job.task, outcome, message)
        seconds = Seconds(total=time.monotonic() - job.began)
        self._done.append(replace(evaluation, seconds=seconds))


def _unable(why: Exception | str) -> EvoaeError:
    """Return the error for a worker that cannot start."""
    if isinstance(why, EvoaeError):
        return why
    said = why if isinstance(why, str) else f"{type(why).__name__}: {why}"
    error = SearchError("worker process", f"cannot start ({said})", "see 'evoae doctor'")
    error.__cause__ = why if isinstance(why, Exception) else None
    return error


def _unguarded() -> SearchError:
    return SearchError(
        "worker process",
        "ended while it started",
        "See its message above; a script that calls evoae.search needs the guard "
        "if __name__ == '__main__'.",
    )
