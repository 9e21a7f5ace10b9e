"""What every executor promises, as tests. To enrol one: a subclass with `kind` and `make`.

    class TestMyExecutor(ExecutorContract):
        kind = MyExecutor

        def make(self, train):
            return MyExecutor(train)

`train` is always a function of `tests.execution.trainers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from evoae.evaluation import Outcome
from evoae.execution.executor import AbstractExecutor, StopRequest, Train, run_all
from tests.execution import trainers

TASKS = [trainers.task(number) for number in range(1, 8)]


class ExecutorContract:
    """The kit."""

    kind: ClassVar[type[AbstractExecutor]]

    def make(self, train: Train) -> AbstractExecutor:
        raise NotImplementedError

    @pytest.fixture
    def executor(self) -> Iterator[AbstractExecutor]:
        with self.make(trainers.quick) as executor:
            yield executor

    def test_it_is_final(self) -> None:
        assert getattr(self.kind, "__final__", False)

    def test_every_task_comes_back_exactly_once(self, executor: AbstractExecutor) -> None:
        for task in TASKS:
            executor.start(task)
        done = [executor.wait() for _ in TASKS]
        assert sorted(e.id for e in done) == sorted(task.id for task in TASKS)
        with pytest.raises(LookupError):
            executor.wait()

    def test_run_all_yields_every_evaluation_once(self, executor: AbstractExecutor) -> None:
        done = [evaluation.id for evaluation in run_all(executor, TASKS)]
        assert sorted(done) == sorted(task.id for task in TASKS)

    def test_run_all_starts_the_longest_first_and_nothing_once_it_is_to_stop(
        self, executor: AbstractExecutor
    ) -> None:
        sized = [replace(task, flops=flops) for flops, task in enumerate(TASKS)]
        stop = StopRequest()
        seen = run_all(executor, sized, stop)
        done = [next(seen).id]
        assert stop.under_way == executor.workers - 1
        stop.made = True
        done += [evaluation.id for evaluation in seen]
        assert stop.under_way == 0
        longest = [task.id for task in reversed(TASKS)][: executor.workers]
        assert sorted(done) == sorted(longest)

    def test_results_are_those_of_calling_train_directly(self, executor: AbstractExecutor) -> None:
        done = {evaluation.id: evaluation for evaluation in run_all(executor, TASKS)}
        assert done == {task.id: trainers.quick(task) for task in TASKS}

    def test_trainings_may_be_started_between_waits(self, executor: AbstractExecutor) -> None:
        seen = []
        executor.start(TASKS[0])
        for task in TASKS[1:]:
            executor.start(task)
            seen.append(executor.wait().id)
        seen.append(executor.wait().id)
        assert sorted(seen) == sorted(task.id for task in TASKS)

    def test_the_same_task_may_be_trained_twice(self, executor: AbstractExecutor) -> None:
        for _ in range(2):
            executor.start(TASKS[0])
        assert executor.wait() == executor.wait() == trainers.quick(TASKS[0])

    def test_it_runs_at_least_one_training_at_a_time(self, executor: AbstractExecutor) -> None:
        assert executor.workers >= 1

    def test_waiting_with_nothing_under_way_is_an_error(self, executor: AbstractExecutor) -> None:
        with pytest.raises(LookupError, match="no training is under way"):
            executor.wait()

    def test_closing_twice_does_nothing(self, executor: AbstractExecutor) -> None:
        executor.start(TASKS[0])
        executor.close()
        executor.close()
        with pytest.raises(LookupError):
            executor.wait()

    @pytest.mark.parametrize(("number", "kind"), [(0, ValueError), (1, Exception)])
    def test_a_fault_of_ours_is_raised_unchanged_and_the_others_go_on(
        self, number: int, kind: type[Exception]
    ) -> None:
        faulty, sound = trainers.task(number), trainers.task(100)
        with pytest.raises(kind) as direct:
            trainers.fail(faulty)
        with self.make(trainers.fail) as executor:
            executor.start(faulty)
            with pytest.raises(kind) as caught:
                executor.wait()
            assert (type(caught.value), caught.value.args) == (
                type(direct.value),
                direct.value.args,
            )
            executor.start(sound)
            assert executor.wait() == trainers.quick(sound)

    def test_out_of_memory_is_the_candidates_failure(self) -> None:
        with self.make(trainers.out_of_memory) as executor:
            executor.start(trainers.task(0))
            evaluation = executor.wait()
        assert evaluation.outcome is Outcome.OUT_OF_MEMORY
        assert evaluation.message == "cannot allocate 3 TiB"
        assert "MemoryError" in (evaluation.traceback or "")
