from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evoae.config.search import BudgetConfig
from evoae.errors import RunError
from evoae.runs.files import model_path
from evoae.runs.hall_of_fame import CandidateResult
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests.runs.samples import CONFIG, candidate, identity, make_run, scored


def test_the_hall_of_fame_lists_the_newest_generations_best(tmp_path: Path) -> None:
    make_run(tmp_path / "run", generations=3).close()
    run = Run.open(tmp_path / "run")
    first, second = run.hall_of_fame()
    assert (first.rank, first.id, first.generation) == (1, identity(5), 3)
    assert (first.val_loss, first.parameters, first.latent) == (0.1 / 3, 25_529, 8)
    assert (first.genome, first.seconds) == (candidate(5).genome, 4.0)
    assert first.model_path == model_path(tmp_path / "run", identity(5))
    assert (second.rank, second.id) == (2, identity(3))
    assert run.config == CONFIG
    assert len(run.first_evaluations()) == 6


def test_a_missing_or_damaged_model_is_one_sentence(tmp_path: Path) -> None:
    make_run(tmp_path / "run", generations=1).close()
    (entry,) = Run.open(tmp_path / "run").hall_of_fame()
    with pytest.raises(RunError, match=r"missing; 'evoae resume .*' trains it again"):
        entry.load()
    entry.model_path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(RunError, match="cannot be loaded"):
        entry.load()


def test_status_tells_running_interrupted_and_finished_apart(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        store.update(workers=2, planned=6)
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(scored(5, 0.01))
        run = Run.open(tmp_path / "run")
        running = run.status()
        assert (running.state, running.pid, running.workers) == ("running", os.getpid(), 2)
        assert (running.generation, running.generations) == (3, 3)
        assert (running.scored, running.failed, running.duplicates) == (3, 2, 2)
        assert running.best == (identity(5), 0.01)
        assert running.disk_bytes > 10_000
    interrupted = run.status()
    assert (interrupted.state, interrupted.pid) == ("interrupted", None)
    with Store.writer(tmp_path / "run") as store:
        store.update(ended=True)
    finished = run.status()
    assert (finished.state, finished.eta_seconds) == ("finished", 0.0)


def test_a_new_run_has_a_status_before_its_first_evaluation(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    status = Run.open(tmp_path / "run").status()
    assert (status.generation, status.scored, status.best) == (1, 0, None)
    assert status.eta_seconds is None


def test_a_candidate_is_found_by_an_unambiguous_prefix_or_as_best(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        store.add_candidate(candidate(0x0F00, 3))
    run = Run.open(tmp_path / "run")
    assert run.find("0003").candidate.id == identity(3)
    assert run.find("best") == CandidateResult(candidate(3, 2), scored(3, 0.05), (0.05,))
    assert run.find("0f") == CandidateResult(candidate(0x0F00, 3), None)
    assert run.find(identity(1)).candidate == candidate(1, 1)
    for reference, found in (("00", 4), ("", 5)):
        with pytest.raises(RunError, match=f"{found} candidates begin with '{reference}'; .*give"):
            run.find(reference)
    for reference in ("ff", "%"):
        with pytest.raises(RunError, match=f"no candidate begins with '{reference}'"):
            run.find(reference)


def test_best_of_a_run_without_scores_is_one_sentence(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    with pytest.raises(RunError, match="no candidate has a score yet"):
        Run.open(tmp_path / "run").find("best")


def test_the_read_side_loads_no_heavy_library() -> None:
    code = "import sys, evoae.runs.run, evoae.runs.folder, evoae.runs.environment\n"
    code += "print(sorted({'tensorflow', 'keras', 'numpy', 'deap'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


_WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from evoae.runs.store import Store
from tests.runs.samples import candidate, scored
number = int(sys.argv[2])
with Store.writer(Path(sys.argv[1])) as store:
    print("open", flush=True)
    while True:
        store.add_candidate(candidate(number))
        store.add_evaluation(scored(number))
        print(number, flush=True)  # said only after the commit
        number += 1
"""


def test_a_writer_killed_at_any_instant_loses_nothing_that_it_committed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    make_run(path).close()
    stored = 0
    for lines in (1, 2, 5, 9, 14, 30):  # the kill falls somewhere in the commits after so many
        command = [sys.executable, "-c", _WRITER, str(path), str(stored + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(lines):
                writer.stdout.readline()
            writer.kill()
            said = [int(line) for line in writer.stdout.read().split()]
        with Store.reader(path) as reader:  # before any driver has mended anything
            seen = len(reader.evaluations())
        with Store.writer(path) as store:
            evaluations = list(store.evaluations().values())
        assert len(evaluations) == seen
        assert seen >= max(said, default=stored)
        assert evaluations == [scored(number + 1) for number in range(seen)]
        stored = seen
    assert stored >= 50


def test_a_running_run_forecasts_its_end_with_a_range(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        store.update(workers=2, planned=13)
        run = Run.open(tmp_path / "run")
        steady = run.status()  # two trainings in four seconds, and one duplicate
        assert steady.per_minute == pytest.approx(60 * 2 / 4.0, rel=0.1)
        assert steady.eta_seconds == pytest.approx(10 * (2 / 3) * 2.0, rel=0.1)
        assert 0 == steady.eta_low < steady.eta_seconds < (steady.eta_high or 0)
        assert (steady.memory or 0) > 10 * 2**20
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(scored(5), tmp_path / "lender")  # cost this run no time
        assert run.status().per_minute == steady.per_minute
        store.update(began="9999-01-01T00:00:00.000000+00:00")  # a driver that has just begun
        assert (run.status().per_minute, run.status().eta_seconds) == (None, None)
    assert run.status().memory is None


def test_a_budget_alone_forecasts_the_end_as_well(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        store.add_candidate(candidate(5, 2))
        store.add_evaluation(dataclasses.replace(scored(5), cost=25))
        run = Run.open(tmp_path / "run")
        assert run.status().eta_seconds is None
        search = run.config.search.model_copy(update={"budget": BudgetConfig(evaluations=12)})
        limited = Run(run.path, run.config.model_copy(update={"search": search}))
        assert limited.status().eta_seconds == pytest.approx(9 * 4.0 / 3, rel=0.1)
        search = run.config.search.model_copy(update={"budget": BudgetConfig(minutes=10)})
        timed = Run(run.path, run.config.model_copy(update={"search": search}))
        store.update(seconds=480.0)
        assert timed.status().eta_seconds == pytest.approx(3 / 4 * 4.0 / 3, rel=0.1)


def test_the_time_of_a_running_driver_counts_once(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        began, saved = (datetime.now(UTC) - timedelta(minutes=m) for m in (8, 1))
        # A driver that began eight minutes ago and saved the first seven of them a minute ago.
        store.update(began=began.isoformat(), seconds=420.0, seconds_at=saved.isoformat())
        run = Run.open(tmp_path / "run")
        search = run.config.search.model_copy(update={"budget": BudgetConfig(minutes=16)})
        timed = Run(run.path, run.config.model_copy(update={"search": search}))
        # Two trainings of four seconds took half of the budget, and so will the other half.
        assert timed.status().eta_seconds == pytest.approx(4.0, rel=0.1)
        assert timed.metadata().seconds == 420.0
    assert timed.status().state == "interrupted"
