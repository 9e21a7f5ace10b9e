"""How a run is followed: `status --watch`, and the line that a search draws."""

import dataclasses
import io
import json
import os
import pty
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from evoae import formatting
from evoae.cli.live import RefitLine
from evoae.cli.main import cli
from evoae.config.search import BudgetConfig
from evoae.engine.budget import Budget
from evoae.engine.console import line
from evoae.engine.progress import Progress
from evoae.runs.refitting import RefitProgress
from evoae.runs.run import Run
from tests.runs.samples import candidate, failed, make_run, scored


def watched(path, monkeypatch, statuses, *options):
    """Watch a run whose status is one of these after the other."""
    left = iter(statuses)

    def next_status(_):
        status = next(left)
        if status is None:
            raise KeyboardInterrupt
        return status

    monkeypatch.setattr(Run, "status", next_status)
    arguments = ["status", str(path), "--watch", "--interval", "0.1", *options]
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def course(tmp_path):
    """A run's path and its statuses: begun, unchanged but for the clock, further, ended."""
    with make_run(tmp_path / "run", generations=1) as store:
        begun = Run.open(tmp_path / "run").status()
        store.add_candidate(candidate(3, 2))
        store.add_evaluation(scored(3, 0.01))
        further = Run.open(tmp_path / "run").status()
    ended = Run.open(tmp_path / "run").status()
    later = dataclasses.replace(begun, disk_bytes=1, memory=2, eta_low=3)
    return tmp_path / "run", [begun, later, further, ended]


def test_on_a_pipe_a_line_is_added_when_something_has_changed(course, monkeypatch):
    done = watched(*course[:1], monkeypatch, course[1])
    begun, further, ended = done.stdout.splitlines()
    assert "running" in begun
    assert "best .10000  000100" in begun
    assert "best .01000  000300" in further
    assert "interrupted" in ended
    assert done.exit_code == 0
    assert done.stderr == f"Go on with:  evoae resume {course[0]}\n"


def test_json_of_a_watched_run_is_one_line_a_change(course, monkeypatch):
    done = watched(course[0], monkeypatch, course[1], "--json")
    states = [json.loads(each)["state"] for each in done.stdout.splitlines()]
    assert states == ["running", "running", "interrupted"]


def test_ctrl_c_ends_watching_and_nothing_else(course, monkeypatch):
    done = watched(course[0], monkeypatch, [course[1][0], None])
    assert (done.exit_code, done.stderr) == (0, "")


def test_on_a_terminal_the_lines_are_drawn_anew_until_the_run_ends(tmp_path):
    store = make_run(tmp_path / "run", generations=1)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "evoae.cli.main", "status", str(tmp_path / "run")]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    with subprocess.Popen(
        [*command, "--watch", "--interval", "0.1"], stdout=theirs, env=environment
    ) as callback:
        os.close(theirs)
        seen = ""
        for wanted, then in (
            (
                "trained 1",
                lambda: (store.add_candidate(candidate(3)), store.add_evaluation(scored(3))),
            ),
            ("trained 2", store.close),
            ("interrupted", lambda: None),
        ):
            deadline = time.monotonic() + 120
            while wanted not in seen and time.monotonic() < deadline:
                seen += os.read(ours, 4096).decode()
            assert wanted in seen
            then()
        assert callback.wait() == 0
    os.close(ours)
    assert "\x1b[1A" in seen  # the cursor goes up, so that the lines do not pile up


def progress(**counts):
    settled = sum(counts.get(name, 0) for name in ("scored", "failed", "duplicates"))
    return Progress(5, 60, Budget(BudgetConfig()), settled=settled, **counts)


def test_the_progress_line_counts_only_what_was_trained_as_trained():
    said = line(progress(scored=26, failed=1, duplicates=4, best=(0.01821, "9f3ac1", 1)))
    assert said == "26/60 trained · best .01821 (gen 1) · 1 failed, 4 duplicates"


def test_the_progress_line_ends_with_pace_forecast_and_memory():
    # Ten trainings in ten minutes: fifty minutes are left, more or less.
    ends = [50.0, 120.0, 170.0, 240.0, 290.0, 360.0, 410.0, 480.0, 530.0, 600.0]
    begun = progress(scored=10, times=[50.0, 70.0] * 5, ends=ends)
    *_, pace, left, memory = line(begun, 1_100_000_000).split(" · ")
    assert (pace, memory) == ("1.0/min", "1.1 GB")
    assert left == "about 46–54 min left"
    begun.times, begun.ends = [60.0] * 10, [60.0 * number for number in range(1, 11)]
    assert "about 50 min left" in line(begun)
    assert "left" not in line(progress(scored=60, times=[1.0] * 60, ends=[1.0] * 60))


def test_the_progress_line_and_status_forecast_the_same(tmp_path):
    with make_run(tmp_path / "run", generations=1) as store:
        store.update(planned=60)
    run = Run.open(tmp_path / "run")
    trained = run.evaluations()
    ends = [datetime.fromisoformat(each.finished).timestamp() for each in trained]
    known = progress(
        scored=1, failed=1, duplicates=1, times=[each.seconds for each in trained], ends=ends
    )
    told = run.status()
    assert (told.eta_seconds, told.eta_high) == (known.left.seconds, known.left.high)
    assert told.per_minute == 60 * known.rate


def test_what_is_known_already_is_no_training_to_come():
    ends = [60.0 * number for number in range(1, 11)]
    half_known = progress(scored=10, duplicates=10, times=[60.0] * 10, ends=ends)
    assert half_known.left.seconds == pytest.approx(20 * 60)


def test_a_failed_training_is_trained_no_more_than_a_reused_one(tmp_path):
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        store.add_evaluation(failed(1))
        told = CliRunner().invoke(cli, ["status", str(tmp_path / "run")]).stdout
    assert "trained 0 · duplicates 0 · failed 1" in told


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (3, 59, "under a minute"),
        (10, 200, "up to 3 min"),
        (170, 190, "about 3 min"),
        (170, 310, "about 3–5 min"),
        (4000, 7000, "about 67 min to 2 h"),
        (7000, 20_000, "about 2–6 h"),
    ],
)
def test_a_forecast_is_worded_no_finer_than_it_deserves(low, high, said):
    assert formatting.about(low, high) == said


def test_commands_to_type_quote_what_a_shell_would_split():
    assert formatting.command("refit", Path("my runs/a"), "best") == "evoae refit 'my runs/a' best"
    assert formatting.command("hof", "runs/a") == "evoae hof runs/a"


class Terminal(io.StringIO):
    """What looks like a terminal."""

    def isatty(self) -> bool:
        return True


def refit_progress(epoch, left):
    return RefitProgress(1, 3, epoch, 120, 0.11022, "validation", (120 + epoch) / 360, left)


def test_a_refit_on_a_terminal_has_a_line_that_ends_without_a_trace(monkeypatch):
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    with RefitLine() as line:
        hooks = line.hooks
        hooks["show"](refit_progress(84, 42.0))
        hooks["say"]("a23f43 seed 1: scored after 120 epochs, 60 s")
        hooks["show"](refit_progress(85, 41.0))
    drawn = screen.getvalue()
    assert "refit ▕" in drawn
    assert "▏ 2 of 3 · epoch 84/120 · validation .11022 · about 40 s left" in drawn
    assert "a23f43 seed 1: scored after 120 epochs, 60 s\n" in drawn


def test_a_refit_in_a_pipe_has_plain_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", pipe := io.StringIO())
    with RefitLine() as line:
        assert line.hooks["show"] is None
        line.hooks["say"]("2 trainings of up to 3 epochs")
    assert pipe.getvalue() == "2 trainings of up to 3 epochs\n"
