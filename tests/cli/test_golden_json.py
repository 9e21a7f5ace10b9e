"""What programs read of a run: a changed key, type or value has to be meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden_json import COMMANDS, FOLDER, golden_text, make_golden_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_golden_run()


def types(told: object) -> object:
    """Return the shape of JSON: its keys, and the types of its values."""
    if isinstance(told, dict):
        return {key: types(value) for key, value in told.items()}
    return [types(value) for value in told] if isinstance(told, list) else type(told)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_json_of_a_run_is_that_of_the_golden_file(command: str, run: None) -> None:
    pinned, told = (FOLDER / f"{command}.json").read_text(encoding="utf-8"), golden_text(command)
    assert types(json.loads(told)) == types(json.loads(pinned))
    assert told == pinned, "if it is meant: make golden, and review the diff"
