"""A wrong request gets one sentence and exit code 2; nothing is written."""

import importlib
import pickle

import pytest
import yaml
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.errors import DiskFullError, RunError
from evoae.evaluation import Evaluation, Outcome
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from tests.conftest import TINY, with_changes
from tests.execution import trainers


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(TINY))
    wrong = with_changes(TINY, search={"generatons": 5})
    (tmp_path / "typo.yaml").write_text(yaml.safe_dump(wrong))
    (tmp_path / "cut.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00")
    cut = with_changes(TINY, data={"name": None, "path": "cut.npy", "reduce": {}})
    (tmp_path / "cut.yaml").write_text(yaml.safe_dump(cut))
    tight = with_changes(TINY, model={"max_parameters": 100})
    (tmp_path / "tight.yaml").write_text(yaml.safe_dump(tight))
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "config.yaml").write_text(yaml.safe_dump(TINY))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("search --config typo.yaml", "typo.yaml: search.generatons: unknown; did you mean"),
        ("search --config cut.yaml", "cut.npy"),
        ("search --config tight.yaml", "model.max_parameters: 100 admits no network for 8×8×1"),
        ("search --config missing.yaml", "missing.yaml: no such file"),
        ("search --config good.yaml --set search.population=-3", "--set search.population: -3"),
        ("hof missing", "missing: no such run"),
        ("status .", "not a run folder"),
        ("resume lost", "lost: not a run folder: run.sqlite, the record of a run, is missing"),
        ("resume missing", "missing: no such run"),
        ("space check --config good.yaml conv(0,3x3)", "gene 1"),
        ("space check --config good.yaml --shape 8x8", "--shape: 8x8; expected height"),
        ("data get nothing", "nothing"),
    ],
)
def test_a_wrong_request_gets_a_sentence(arguments, said, place):
    before = sorted(place.rglob("*"))
    done = CliRunner().invoke(cli, arguments.split())
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert sorted(place.rglob("*")) == before


def test_debug_shows_where_an_error_comes_from(place, monkeypatch):
    monkeypatch.setattr("sys.argv", ["evoae", "hof", "missing", "--debug"])
    done = CliRunner().invoke(cli, ["hof", "missing", "--debug"])
    assert done.exit_code == 2
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("why", "code"),
    [(DiskFullError("runs/a", "full"), 1), (RunError("runs/a", "full"), 2)],
)
def test_a_full_disk_is_a_failed_run_and_no_wrong_request(why, code, monkeypatch):
    def refuse(_run):
        raise pickle.loads(pickle.dumps(why))  # as from a worker, which cannot send its cause

    monkeypatch.setattr("evoae.runs.run.Run.open", refuse)
    done = CliRunner().invoke(cli, ["hof", "runs/a"])
    assert (done.exit_code, done.stderr) == (code, "Error: runs/a: full\n")


def test_a_disk_that_is_full_for_a_worker_ends_the_command_as_a_failed_run(place, monkeypatch):
    conductor = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
    executor = LocalExecutor(1, train=trainers.disk_full)
    monkeypatch.setattr(conductor, "executor_for", lambda *_: executor)
    done = CliRunner().invoke(cli, ["search", "--config", "good.yaml", "--run", "run"])
    assert done.exit_code == 1
    assert "the model cannot be saved (No space left on device); free some space" in done.stderr


def test_a_search_in_which_nothing_scored_has_failed(place, monkeypatch):
    def failing(task):
        return Evaluation.failed(task, Outcome.DIVERGED, "the loss is no longer finite")

    conductor = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
    monkeypatch.setattr(conductor, "executor_for", lambda *_: InlineExecutor(failing))
    arguments = "search --config good.yaml --run run --set search.max_failure_share=1"
    done = CliRunner().invoke(cli, arguments.split())
    assert done.exit_code == 1
    assert "evoae failures run" in done.stderr
    assert "refit" not in done.stderr


def test_a_place_that_cannot_be_written_is_named_and_no_other(place):
    (place / "file").write_text("")
    done = CliRunner().invoke(cli, ["init", "file/mine.yaml", "--data", "digits"])
    assert done.exit_code == 2
    assert "file/mine.yaml" in done.stderr
