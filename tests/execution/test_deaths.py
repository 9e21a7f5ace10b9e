"""Which deaths of worker processes are held against the trainings that they interrupt."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evoae.evaluation import Outcome
from evoae.execution.local import LocalExecutor
from tests.execution import trainers
from tests.execution.helpers import run, until
from tests.execution.trainers import task

WORKERS = 2


def pids(folder: Path) -> set[int]:
    return {int(file.name) for file in folder.iterdir() if file.name != "go"}


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do `work` in a thread beside the block."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join()


@contextmanager
def killed(folder: Path, number: signal.Signals, rounds: int, at_once: int) -> Iterator[None]:
    """Send a signal to each `at_once` workers that report in `folder`; then let them go on."""

    def kill() -> None:
        seen: set[int] = set()
        for reported in range(at_once, (rounds + 1) * at_once, at_once):
            until(lambda reported=reported: len(pids(folder)) == reported)
            for pid in pids(folder) - seen:
                seen.add(pid)
                os.kill(pid, number)
        (folder / "go").touch()

    with meanwhile(kill):
        yield


def make_all_idle(executor: LocalExecutor, folder: Path) -> None:
    """Have every worker started, ready and without a training."""
    folder.mkdir()
    harmless = signal.SIGCONT
    with killed(folder, harmless, rounds=1, at_once=WORKERS):
        run(executor, *(task(number, data=folder) for number in range(1, WORKERS + 1)))


def test_a_termination_sent_to_all_workers_disturbs_no_training(tmp_path: Path) -> None:
    tasks = [task(number, data=tmp_path) for number in (1, 2)]
    with (
        LocalExecutor(WORKERS, train=trainers.report_and_wait) as executor,
        killed(tmp_path, signal.SIGTERM, rounds=1, at_once=WORKERS),
    ):
        done = run(executor, *tasks)
    assert done == {number: trainers.quick(task(number)) for number in (1, 2)}
    assert len(pids(tmp_path)) == WORKERS  # none was started a second time


@pytest.fixture
def _heard() -> Iterator[None]:
    """Let SIGHUP end processes, as it does unless they were started to outlive a terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_workers_killed_together_cost_their_trainings_no_try(
    tmp_path: Path, number: signal.Signals
) -> None:
    tasks = [task(number, data=tmp_path) for number in (1, 2)]
    with (
        LocalExecutor(WORKERS, train=trainers.report_and_wait) as executor,
        killed(tmp_path, number, rounds=2, at_once=WORKERS),
    ):
        done = run(executor, *tasks)
    assert done == {number: trainers.quick(task(number)) for number in (1, 2)}


def test_a_worker_killed_together_with_an_idle_one_costs_its_training_no_try(
    tmp_path: Path,
) -> None:
    busy = tmp_path / "busy"
    busy.mkdir()

    def kill_both_then_the_next() -> None:
        until(lambda: len(pids(busy)) == 1)
        for worker in multiprocessing.active_children():
            worker.kill()
        until(lambda: len(pids(busy)) == 2)
        os.kill((pids(busy) - before).pop(), signal.SIGKILL)
        (busy / "go").touch()

    with LocalExecutor(WORKERS, train=trainers.report_and_wait) as executor:
        make_all_idle(executor, tmp_path / "idle")
        before = pids(tmp_path / "idle")
        with meanwhile(kill_both_then_the_next):
            assert run(executor, task(3, data=busy))[3] == trainers.quick(task(3))


@pytest.mark.parametrize("handed", [False, True])
def test_workers_killed_while_idle_or_just_handed_a_training_cost_nothing(
    tmp_path: Path, handed: bool
) -> None:
    with LocalExecutor(WORKERS, train=trainers.report_and_wait) as executor:
        for trial in range(4):
            make_all_idle(executor, tmp_path / str(trial))
            workers = multiprocessing.active_children()
            assert len(workers) == WORKERS
            tasks = [task(number, data=tmp_path / str(trial)) for number in (3, 4)]
            for each in tasks[: WORKERS * handed]:
                executor.start(each)
            for worker in workers:
                worker.kill()
            for each in tasks[WORKERS * handed :]:
                executor.start(each)
            done = [executor.wait() for _ in tasks]
            assert {evaluation.outcome for evaluation in done} == {Outcome.SCORED}


def test_a_worker_that_dies_before_it_begins_a_training_costs_it_no_try(tmp_path: Path) -> None:
    with LocalExecutor(1, train=trainers.die_the_first_time) as executor:
        run(executor, task(1, data=tmp_path))
        (worker,) = multiprocessing.active_children()
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGSTOP)  # it can be sent a training, but cannot take it
        executor.start(task(2, data=tmp_path))
        worker.kill()
        assert executor.wait() == trainers.quick(task(2))  # though it died once of itself


@pytest.mark.slow
def test_trainings_that_break_their_processes_together_have_crashed_after_two_tries() -> None:
    with LocalExecutor(WORKERS, train=trainers.die) as executor:
        for number in (1, 2, 3, 6):  # SIGABRT, SIGSEGV, exit codes 0 and 3
            for each in [task(number)] * WORKERS:
                executor.start(each)
            for _ in range(WORKERS):
                evaluation = executor.wait()
                assert evaluation.outcome is Outcome.CRASHED
                assert evaluation.message is not None
                assert evaluation.message.endswith(", 2 times")


@pytest.mark.slow
def test_trainings_that_are_killed_together_again_and_again_have_crashed(tmp_path: Path) -> None:
    tasks = [task(number, data=tmp_path) for number in (1, 2)]
    with (
        LocalExecutor(WORKERS, train=trainers.report_and_wait) as executor,
        killed(tmp_path, signal.SIGKILL, rounds=7, at_once=WORKERS),
    ):
        done = run(executor, *tasks)
    killed_by = r"was ended by SIGKILL \(.*\), 7 times"
    for evaluation in done.values():
        assert evaluation.outcome is Outcome.CRASHED
        assert re.search(killed_by, evaluation.message or "")


class _Deadly(type(Path())):  # type: ignore[misc]
    """Ends the process that receives it."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)


@pytest.mark.slow
def test_a_task_that_no_worker_survives_receiving_has_crashed() -> None:
    with LocalExecutor(1, train=trainers.quick) as executor:
        evaluation = run(executor, task(1, data=_Deadly()))[1]
        assert evaluation.message == "its worker process ended with exit code 3, 7 times"
        assert run(executor, task(2))[2] == trainers.quick(task(2))


def test_all_workers_killed_while_they_start_is_one_failed_start(tmp_path: Path) -> None:
    prepare = trainers.report_and_wait_from_the_start
    folder = {"EVOAE_TEST_FOLDER": str(tmp_path)}
    tasks = [task(number) for number in range(1, 5)]
    with (
        LocalExecutor(4, train=trainers.quick, prepare=prepare, environments=[folder]) as executor,
        killed(tmp_path, signal.SIGKILL, rounds=2, at_once=4),
    ):
        done = run(executor, *tasks)
    assert {evaluation.outcome for evaluation in done.values()} == {Outcome.SCORED}
