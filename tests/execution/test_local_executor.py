from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from evoae.engine.session import search
from evoae.errors import DataError, DiskFullError, SearchError
from evoae.evaluation import Outcome
from evoae.execution import process
from evoae.execution.local import LocalExecutor
from tests.covering import first, first_cells
from tests.execution import trainers
from tests.execution.helpers import PATIENCE, run, until
from tests.execution.trainers import task


@pytest.mark.parametrize(
    ("number", "said"),
    first_cells(
        [
            (0, "was ended by SIGKILL (perhaps by the kernel, for want of memory), 2 times"),
            (1, "was ended by SIGABRT, 2 times"),
            (2, "was ended by SIGSEGV, 2 times"),
            (3, "ended with exit code 0, 2 times"),
            (6, "ended with exit code 3, 2 times"),
        ],
        lambda way: way[0] in (0, 6),
    ),
)
def test_a_training_that_ends_its_process_has_crashed_and_the_others_go_on(
    number: int, said: str
) -> None:
    with LocalExecutor(2, train=trainers.die) as executor:
        done = run(executor, task(100), task(number), task(101), task(102))
        assert done.pop(number).message == f"its worker process {said}"
        assert all(evaluation.outcome is Outcome.SCORED for evaluation in done.values())
        assert len(done) == 3


def test_a_training_whose_process_is_killed_once_is_tried_again(tmp_path: Path) -> None:
    with LocalExecutor(1, train=trainers.die_the_first_time) as executor:
        assert run(executor, task(5, data=tmp_path))[5] == trainers.quick(task(5))


def test_a_process_killed_from_outside_while_training_costs_one_try(tmp_path: Path) -> None:
    with LocalExecutor(1, train=trainers.report_and_sleep) as executor:
        executor.start(task(1, data=tmp_path))
        # `start` only begins the process: two deaths are waited for, one by one, from outside
        killer = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import os, pathlib, sys, time\nseen = set()\n"
                "while len(seen) < 2:\n"
                "    for file in pathlib.Path(sys.argv[1]).iterdir():\n"
                "        if file.name not in seen:\n"
                "            seen.add(file.name); os.kill(int(file.name), 9)\n"
                "    time.sleep(0.01)",
                str(tmp_path),
            ]
        )
        assert executor.wait().outcome is Outcome.CRASHED
        assert killer.wait() == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_process_killed_while_idle_costs_nothing() -> None:
    with LocalExecutor(1, train=trainers.process_id) as executor:
        first = run(executor, task(1))[1].fitness
        assert first is not None
        victim = psutil.Process(int(first))
        victim.kill()
        until(lambda: victim.status() == psutil.STATUS_ZOMBIE)
        second = run(executor, task(2))[2].fitness
        assert second is not None
        assert second != first


def test_a_training_that_takes_too_long_is_ended() -> None:
    with LocalExecutor(2, train=trainers.hang) as executor:
        done = run(executor, task(0, time_limit=0.3), task(1), task(2))
        assert done[0].outcome is Outcome.TIMED_OUT
        assert done[0].message == "took more than 0.3 s (training.time_limit)"
        assert done[0].seconds.total >= 0.3
        assert done[1].outcome is done[2].outcome is Outcome.SCORED


def test_a_time_limit_may_be_longer_than_the_system_can_wait_at_once() -> None:
    longer = task(1).training.model_copy(update={"time_limit": 1e9})  # than a configuration admits
    with LocalExecutor(1, train=trainers.slow) as executor:
        assert run(executor, replace(task(1), training=longer))[1].outcome is Outcome.SCORED


def test_the_clock_starts_when_the_worker_is_ready() -> None:
    with LocalExecutor(1, train=trainers.quick, prepare=sleep_a_second) as executor:
        assert run(executor, task(1, time_limit=0.5))[1].outcome is Outcome.SCORED


def sleep_a_second() -> None:
    time.sleep(1)


def test_a_training_that_takes_too_much_memory_is_ended() -> None:
    limit = 200 * 2**20
    with LocalExecutor(1, train=trainers.allocate) as executor:
        done = run(executor, task(2_000, memory_limit=limit), task(1, memory_limit=limit))
        assert done[2_000].outcome is Outcome.OUT_OF_MEMORY
        assert done[2_000].message == "took more than 200 MiB (execution.memory_limit)"
        assert done[1].outcome is Outcome.SCORED


def test_what_earlier_trainings_left_in_memory_is_not_held_against_a_later_one() -> None:
    limit = 200 * 2**20
    with LocalExecutor(1, train=trainers.allocate) as executor:
        done = run(executor, *(task(number, memory_limit=limit) for number in (70, 71, 72, 73)))
        assert {evaluation.outcome for evaluation in done.values()} == {Outcome.SCORED}


def test_a_process_that_ran_out_of_memory_is_replaced() -> None:
    with LocalExecutor(1, train=trainers.out_of_memory) as executor:
        before = run(executor, task(1))[1].fitness
        assert run(executor, task(0))[0].outcome is Outcome.OUT_OF_MEMORY
        assert run(executor, task(2))[2].fitness != before


def test_a_process_is_replaced_after_so_many_trainings() -> None:
    with LocalExecutor(1, train=trainers.process_id, recycle_after=2) as executor:
        pids = [run(executor, task(number))[number].fitness for number in range(6)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4] == pids[5]
    assert not any(psutil.pid_exists(int(pid or 0)) for pid in pids)


def test_without_recycling_a_process_is_used_on_and_on() -> None:
    with LocalExecutor(1, train=trainers.process_id) as executor:
        assert len({run(executor, task(number))[number].fitness for number in range(6)}) == 1


def test_a_raised_error_carries_the_workers_traceback() -> None:
    with LocalExecutor(1, train=trainers.fail) as executor:
        executor.start(task(0))
        with pytest.raises(ValueError, match="a bug of ours") as caught:
            executor.wait()
        assert 'raise ValueError("a bug of ours")' in caught.value.__notes__[0]


def test_a_full_disk_is_known_as_one_when_it_comes_from_a_worker(tmp_path: Path) -> None:
    with LocalExecutor(1, train=trainers.disk_full) as executor:
        executor.start(task(1, data=tmp_path))
        with pytest.raises(DiskFullError) as caught:
            executor.wait()
    assert caught.value.place == str(tmp_path / "model.keras")


def test_an_error_that_cannot_be_sent_is_told_in_words() -> None:
    with LocalExecutor(1, train=trainers.fail) as executor:
        executor.start(task(2))
        with pytest.raises(RuntimeError, match="UntransportableError: odd"):
            executor.wait()
        assert run(executor, task(9))[9] == trainers.quick(task(9))


@pytest.mark.parametrize(
    ("prepare", "kind", "said"),
    [
        (trainers.cannot_prepare, SearchError, "cannot start (ImportError: libcudart.so.12"),
        (trainers.no_data, DataError, "digits: gone; put it back"),
        (trainers.killed_while_preparing, SearchError, "cannot start (was ended by SIGKILL"),
        (sys.exit, SearchError, "cannot start (ended with exit code 0)"),
    ],
)
def test_workers_that_cannot_start_end_the_search(
    prepare: Callable[[], None], kind: type[Exception], said: str
) -> None:
    with LocalExecutor(2, train=trainers.quick, prepare=prepare) as executor:
        executor.start(task(1))
        with pytest.raises(kind, match=re.escape(said)):
            executor.wait()


def test_a_worker_that_never_gets_ready_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START_SECONDS", 0.5)
    prepare = trainers.hang_from_the_start
    with LocalExecutor(1, train=trainers.quick, prepare=prepare) as executor:
        executor.start(task(1))
        with pytest.raises(SearchError, match=r"cannot start \(not ready after 0.5 s\)"):
            executor.wait()


_UNGUARDED = """
from evoae.execution.local import LocalExecutor
from tests.execution import trainers
with LocalExecutor(1, train=trainers.quick) as executor:
    executor.start(trainers.task(1))
    executor.wait()
"""


def test_a_script_without_the_main_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "search_script.py"
    script.write_text(_UNGUARDED)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=PATIENCE
    )
    last = done.stderr.splitlines()[-1]
    assert "SearchError: worker process: ended while it started" in last
    assert "needs the guard if __name__ == '__main__'" in last


@pytest.mark.parametrize("of", ["stdin", "daemon"])
def test_a_process_that_can_have_no_workers_is_told_so_and_makes_no_folder(
    of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if of == "stdin":
        monkeypatch.setattr(sys.modules["__main__"], "__file__", "<stdin>", raising=False)
    else:
        process = SimpleNamespace(daemon=True, name="made up")
        monkeypatch.setattr(multiprocessing, "current_process", lambda: process)
    with pytest.raises(SearchError, match=r"set execution\.kind: inline"):
        search({"data": {"name": "digits"}}, run="mine")
    assert list(tmp_path.iterdir()) == []


def test_each_worker_gets_one_thread_and_its_own_environment() -> None:
    before = dict(os.environ)
    gpus = [{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]
    with LocalExecutor(2, train=trainers.environment, environments=gpus) as executor:
        done = run(executor, task(1), task(2))
    assert {evaluation.message for evaluation in done.values()} == {"1 1 0", "1 1 1"}
    assert dict(os.environ) == before


def test_workers_start_with_the_drivers_signals_blocked_and_it_keeps_its_own() -> None:
    with LocalExecutor(2, train=trainers.interrupts, recycle_after=1) as executor:
        done = run(executor, *map(task, range(6)))
    assert {evaluation.fitness for evaluation in done.values()} == {1.0}
    assert not {signal.SIGINT, signal.SIGTERM} & signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_what_a_library_prints_in_a_worker_stays_off_stdout(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with LocalExecutor(1, train=trainers.talkative) as executor:
        run(executor, task(1))
    assert "from a library" not in capfd.readouterr().out


def test_closing_ends_busy_processes_at_once(tmp_path: Path) -> None:
    executor = LocalExecutor(1, train=trainers.report_and_sleep)
    run(executor, task(0))  # its process is ready now
    for number in (1, 2):
        executor.start(task(number, data=tmp_path))
    until(lambda: list(tmp_path.iterdir()))
    executor.close()
    (busy,) = tmp_path.iterdir()
    assert not psutil.pid_exists(int(busy.name))


_DRIVER = """
import signal, sys
from pathlib import Path
from types import SimpleNamespace
from evoae.execution.local import LocalExecutor
from tests.execution import trainers

interrupts = []
if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupts.append(1))
    train = getattr(trainers, sys.argv[1])
    tasks = [trainers.task(number, data=Path(sys.argv[2])) for number in range(1, 9)]
    print("go", flush=True)
    with LocalExecutor(2, train=train, recycle_after=2) as executor:
        for task in tasks:
            executor.start(task)
        for _ in tasks:
            evaluation = executor.wait()
            print(int(evaluation.id, 16), evaluation.outcome.value, evaluation.fitness, flush=True)
    print("interrupts", len(interrupts))
    print("tensorflow" in sys.modules)
"""


@contextmanager
def driver(train: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A driver in a process group of its own."""
    script = folder / "driver.py"
    script.write_text(_DRIVER)
    data = folder / "data"
    data.mkdir()
    command = [sys.executable, script, train, data]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        yield process


@pytest.mark.parametrize(
    "number", first([signal.SIGINT, signal.SIGTERM], lambda number: number == signal.SIGINT)
)
def test_signals_to_the_whole_group_kill_no_worker_at_any_moment(
    tmp_path: Path, number: signal.Signals
) -> None:
    with driver("slow", tmp_path) as process:
        assert process.stdout is not None
        sent = 0
        while process.poll() is None and sent < 150:  # through starts, trainings and recycling
            os.killpg(process.pid, number)
            sent += 1
            time.sleep(0.02)
        lines = process.stdout.read().splitlines()
    assert sorted(lines[:8]) == [f"{number} scored {number / 7}" for number in range(1, 9)]
    assert lines[8].startswith("interrupts ")
    assert int(lines[8].split()[1]) > 20
    assert lines[9] == "False"  # the driver never loads TensorFlow


def test_the_very_first_worker_of_a_process_starts_with_them_blocked(tmp_path: Path) -> None:
    with driver("interrupts", tmp_path) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert sorted(lines[:8]) == [f"{number} scored 1.0" for number in range(1, 9)]


_UNCLOSED = """
from evoae.execution.local import LocalExecutor
from tests.execution import trainers
if __name__ == "__main__":
    executor = LocalExecutor(1, train=trainers.hang)
    executor.start(trainers.task(1))
    executor.wait()
    executor.start(trainers.task(0))
"""


def test_a_script_that_forgets_to_close_its_executor_ends_all_the_same(tmp_path: Path) -> None:
    script = tmp_path / "forgetful.py"
    script.write_text(_UNCLOSED)
    assert subprocess.run([sys.executable, script], timeout=PATIENCE).returncode == 0


def test_workers_die_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    with driver("report_and_sleep", tmp_path) as process:
        data = tmp_path / "data"
        until(lambda: len(list(data.iterdir())) == 2)
        process.kill()
        pids = [int(file.name) for file in data.iterdir()]
    until(lambda: not any(map(_runs, pids)))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
