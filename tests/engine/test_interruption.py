"""A search in its own terminal, with worker processes: Ctrl-C, and an end without warning."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import yaml

import evoae
from tests.conftest import TINY, history, with_changes

LOCAL = with_changes(TINY, execution={"kind": "local", "workers": 2})
IN_THIS_PROCESS = ["execution.kind=inline"]  # where TensorFlow is loaded already
PATIENCE = 120  # seconds until a search that trains nothing is given up


def begin(folder, *arguments):
    """Start `evoae` as a shell would, the leader of its own process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "evoae.cli.main", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_training(run, *, more_than):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if run.is_dir() and len(evoae.Run.open(run).first_evaluations()) > more_than:
            return
        time.sleep(0.05)
    pytest.fail("no training finished")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(LOCAL))
    return tmp_path


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_saves_says_how_to_go_on_and_loses_nothing(folder, tiny_run):
    process = begin(folder, "search", "--config", "tiny.yaml", "--run", "run")
    wait_for_training(folder / "run", more_than=0)
    os.killpg(process.pid, signal.SIGINT)  # a terminal tells every process of the group
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Stopping: finishing" in said
    assert "Go on with:  evoae resume run" in said
    assert "Traceback" not in said
    kept = evoae.Run.open(folder / "run").first_evaluations()
    assert f"Saved: {len(kept)} training" in said
    assert {evaluation.outcome for evaluation in kept} == {evoae.Outcome.SCORED}
    resumed = evoae.resume(folder / "run", overrides=IN_THIS_PROCESS)
    assert history(resumed) == history(tiny_run)
    assert resumed.first_evaluations()[: len(kept)] == kept  # none was trained again


@pytest.mark.slow
@pytest.mark.parametrize("trained", [0, 4])
def test_a_killed_driver_takes_its_workers_along_and_its_run_resumes(trained, folder, tiny_run):
    process = begin(folder, "search", "--config", "tiny.yaml", "--run", "run")
    wait_for_training(folder / "run", more_than=trained)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=PATIENCE)
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not alive
    kept = evoae.Run.open(folder / "run").first_evaluations()
    assert evoae.Run.open(folder / "run").status().state == "interrupted"
    resumed = evoae.resume(folder / "run", overrides=IN_THIS_PROCESS)
    assert history(resumed) == history(tiny_run)
    assert resumed.first_evaluations()[: len(kept)] == kept


@pytest.mark.slow
def test_a_second_driver_is_refused_with_the_pid_of_the_first(folder):
    endless = ["--set", "execution.kind=inline", "--set", "search.generations=50"]
    process = begin(folder, "search", "--config", "tiny.yaml", "--run", "run", *endless)
    wait_for_training(folder / "run", more_than=0)
    try:
        assert evoae.Run.open(folder / "run").status().pid == process.pid
        second = begin(folder, "resume", "run")
        _, said = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert f"run: already running (pid {process.pid})" in said
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
