"""How far a refit is, by the curves that its trainings write."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.runs.files import REFIT
from evoae.runs.metadata import Refitting
from evoae.runs.refitting import Curve, progress
from evoae.runs.run import Run
from evoae.runs.store import now
from tests.runs.samples import make_run


def curve(path: Path, *losses: float, torn: str = "") -> Curve:
    rows = [{"epoch": n, "train": 1.0, "validation": x} for n, x in enumerate(losses, start=1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + torn)
    return Curve(path, 10)


def test_a_refit_says_which_training_is_how_far_and_for_how_long(tmp_path: Path) -> None:
    first = curve(tmp_path / "a.1.jsonl", *[0.2] * 6)  # ended before its last epoch
    second = curve(tmp_path / "a.2.jsonl", 0.4, 0.11022, 0.3, torn='{"epoch": 4, "tra')
    third = Curve(tmp_path / "a.3.jsonl", 10)
    reached = progress([second, third], [first], of="validation", seconds=26.0)
    assert (reached.finished, reached.trainings, reached.share) == (1, 3, 13 / 30)
    assert reached.left == pytest.approx(34.0)
    said = "2 of 3 · epoch 3/10 · validation .11022 · about 35 s left"
    assert reached.in_words == said
    assert progress([third], [], of="validation", seconds=9.0).in_words == "1 of 1"
    assert "training 1" in progress([second], [], of="train", seconds=9.0).in_words


@pytest.mark.parametrize(
    ("seconds", "said"), [(43, "45 s"), (1, "5 s"), (200, "3 min 30 s"), (4000, "1 h 7 min")]
)
def test_a_forecast_is_no_finer_than_it_deserves(
    seconds: float, said: str, tmp_path: Path
) -> None:
    half = curve(tmp_path / "a.jsonl", *[0.2] * 5)
    words = progress([half], [], of="validation", seconds=seconds).in_words
    assert words.endswith(f" · about {said} left")


def test_status_during_a_refit_speaks_of_it(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with make_run(path, generations=1) as store:
        store.update(ended=True)
        (path / REFIT).mkdir(exist_ok=True)
        curve(path / REFIT / "x.2.jsonl", 0.4, 0.3)
        names = {"left": ("x.2.jsonl",), "finished": ("x.1.jsonl",)}
        store.update(refitting=Refitting(os.getpid(), now(), "validation", 10, **names))
        status = Run.open(path).status()
        assert (status.state, status.refit.finished, status.refit.epoch) == ("finished", 1, 2)
        first, second, _ = CliRunner().invoke(cli, ["status", str(path)]).stdout.splitlines()
        assert f"finished, being refitted (pid {os.getpid()})" in first
        assert second.startswith("refit 2 of 2 · epoch 2/10 · validation .30000")
        told = json.loads(CliRunner().invoke(cli, ["status", str(path), "--json"]).stdout)
        assert told["refit"]["share"] == 12 / 20
        store.update(refitting=Refitting(1, now(), "validation", 10, **names))
        assert Run.open(path).status().refit is None  # of a driver that was killed
    assert Run.open(path).status().refit is None
