"""What people take out of a run into their own tools."""

import csv
import dataclasses
import importlib
import io
import json

import pytest
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.execution.inline import InlineExecutor
from evoae.formatting import loss
from evoae.runs.hall_of_fame import Entry
from evoae.runs.run import Run
from evoae.runs.trainings import Training
from tests import faulty
from tests.conftest import TINY, with_changes
from tests.runs.samples import candidate, identity, make_run, scored


@pytest.fixture
def run(tmp_path):
    with make_run(tmp_path / "run", generations=2) as store:
        store.add_repeat(dataclasses.replace(scored(1, 0.125, repeat=2), cost=3 * 10**9), 1)
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(dataclasses.replace(scored(5), raced=True))
    return Run.open(tmp_path / "run")


def said(*arguments):
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def test_show_says_the_mean_of_all_trainings_as_hof_does(tmp_path, monkeypatch):
    conductor = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
    monkeypatch.setattr(conductor, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    search = {"repeats": 3, "repeat_share": 0.5, "population": 8, "generations": 4}
    levers = {**search, "racing": {"keep": 0.3, "after": 4}}
    run = evoae.search(with_changes(TINY, search=levers), run=tmp_path / "run")
    entry = next(each for each in run.hall_of_fame() if each.trainings > 1)
    shown = said("show", run.path, entry.id).stdout.splitlines()[1]
    figures = f"{loss(entry.val_loss)} ± {loss(entry.deviation)} ({entry.trainings} seeds)"
    assert shown.startswith(f"loss {figures} · ")
    told = json.loads(said("show", run.path, entry.id, "--json").stdout)
    found = told["val_loss"], told["trainings"], told["deviation"]
    assert found == (entry.val_loss, entry.trainings, entry.deviation)
    (raced, *_) = (each for each in run.first_evaluations() if each.raced)
    assert f"loss {loss(raced.fitness)}, stopped early" in said("show", run.path, raced.id).stdout


def test_csv_json_and_python_list_the_same_trainings(run):
    rows = list(csv.DictReader(io.StringIO(said("evaluations", run.path, "--csv").stdout)))
    told = json.loads(said("evaluations", run.path, "--json").stdout)
    assert told == [json.loads(json.dumps(each.summary())) for each in run.evaluations()]
    assert list(rows[0]) == list(told[0]) == [each.name for each in dataclasses.fields(Training)]
    assert len(rows) == len(told) == 6
    assert [float(row["val_loss"] or "nan") for row in rows] == pytest.approx(
        [each["val_loss"] or float("nan") for each in told], nan_ok=True
    )
    assert rows[0]["parents"] == f"{identity(1)} {identity(2)}"
    assert rows[0]["genome"] == candidate(1).genome  # its commas are no columns


def test_the_table_says_how_a_training_failed_and_which_was_a_further_one(run):
    done = said("evaluations", run.path)
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + 6
    assert lines[2].split()[:3] == ["1", "000200", "diverged"]
    assert [line.split()[1:3] for line in lines if "(2)" in line] == [["000100", "(2)"]]
    assert "stopped early" in done.stderr


def test_the_hall_of_fame_is_csv_too(run):
    done = said("hof", run.path, "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert list(rows[0]) == [field.name for field in dataclasses.fields(Entry)]
    assert [row["id"] for row in rows] == [entry.id for entry in run.hall_of_fame()]
    assert rows[0]["test_loss"] == ""


@pytest.mark.parametrize("command", ["hof", "evaluations"])
def test_a_run_without_a_training_is_an_empty_table(command, tmp_path):
    make_run(tmp_path / "run").close()
    assert said(command, tmp_path / "run").stdout == ""
    assert len(said(command, tmp_path / "run", "--csv").stdout.splitlines()) == 1
    assert said(command, tmp_path / "run", "--json").stdout == "[]\n"


@pytest.mark.parametrize("command", ["hof", "evaluations"])
def test_one_form_at_a_time(command, run):
    done = CliRunner().invoke(cli, [command, str(run.path), "--csv", "--json"])
    assert (done.exit_code, done.stdout) == (2, "")
