"""Every reader, again and again, beside a search that runs."""

import importlib
import itertools
import multiprocessing

import pytest
from click.testing import CliRunner

import evoae
from evoae.analysis.comparison import course
from evoae.analysis.lineage import lineage
from evoae.cli.main import cli
from evoae.execution.inline import InlineExecutor
from evoae.report.run_snapshot import RunSnapshot
from tests import faulty
from tests.conftest import TINY, with_changes

BUSY = with_changes(
    TINY,
    search={
        "algorithm": "aging",
        "population": 6,
        "generations": 50,
        "surrogate": 1,
        "repeats": 3,
        "repeat_share": 0.3,
    },
)
READERS = {
    "status": lambda run: run.status().summary(),
    "hall of fame": lambda run: [entry.summary() for entry in run.hall_of_fame()],
    "front": lambda run: run.front(("loss", "latent", "parameters")),
    "evaluations": lambda run: run.evaluations(),
    "first evaluations": lambda run: run.first_evaluations(),
    "failures": lambda run: run.failures(),
    "find": lambda run: run.find("best").summary(),
    "generations": lambda run: run.generations(),
    "baselines": lambda run: run.baselines(),
    "search on": lambda run: run.search_on(),
    "lineage": lambda run: lineage(run).summary(),
    "comparison": course,
    "report": lambda run: described(RunSnapshot(run)),
}
COMMANDS = ("hof", "status", "evaluations", "failures", "show", "lineage")


def described(record):
    return [record.described(id) for id in record.scores]


def drive(folder):
    conductor = importlib.import_module("evoae.engine.session")
    conductor.executor_for = lambda *_: InlineExecutor(faulty.scored)
    evoae.search(BUSY, run=folder)


@pytest.fixture
def driver(tmp_path):
    """A process that searches in `run`, and has trained something."""
    process = multiprocessing.get_context("spawn").Process(target=drive, args=(tmp_path / "run",))
    process.start()
    while not ((tmp_path / "run").is_dir() and evoae.Run.open(tmp_path / "run").evaluations()):
        assert process.is_alive()
    yield process
    process.kill()
    process.join()


@pytest.mark.slow
def test_no_reader_fails_beside_a_running_search(driver, tmp_path):
    run = evoae.Run.open(tmp_path / "run")
    runner, calls = CliRunner(), 0
    commands = itertools.cycle(COMMANDS)
    while driver.is_alive():
        for read in READERS.values():
            read(run)
        done = runner.invoke(cli, [next(commands), str(run.path), "--json"])
        assert done.exit_code == 0, done.output
        calls += 1 + len(READERS)
    assert driver.exitcode == 0
    assert calls > 100
    assert run.status().state == "finished"
