"""The log of a search that was killed says what that of an undisturbed one says."""

import importlib
import json

import pytest

import evoae
from evoae.execution.inline import InlineExecutor
from evoae.runs.event_log import LOG
from tests import faulty
from tests.conftest import TINY, with_changes
from tests.covering import first

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
OF_THE_CLOCK = ("seconds", "finished")
SEARCHES = {
    "generational": {},
    "aging, measured again": {
        "algorithm": "aging",
        "max_in_flight": 3,
        "repeats": 3,
        "repeat_share": 0.3,
    },
}


class PulledPlugError(BaseException):
    pass


def content(run):
    lines = [json.loads(line) for line in (run.path / LOG).read_text().splitlines()]
    return [{key: v for key, v in line.items() if key not in OF_THE_CLOCK} for line in lines]


@pytest.mark.parametrize("name", first(SEARCHES, lambda name: name.startswith("aging")))
def test_a_killed_search_ends_with_the_log_of_an_undisturbed_one(name, tmp_path, monkeypatch):
    config = with_changes(TINY, search={"population": 8, "generations": 3, **SEARCHES[name]})
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    whole = evoae.search(config, run=tmp_path / "whole")
    for killed_after in (0, 5, 17):
        left = [killed_after]

        def fails_late(task, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise PulledPlugError
            return faulty.scored(task)

        executor = InlineExecutor(fails_late)
        monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_, executor=executor: executor)
        run = tmp_path / f"after {killed_after}"
        with pytest.raises(PulledPlugError):
            evoae.search(config, run=run)
        if killed_after:
            (run / LOG).write_bytes((run / LOG).read_bytes()[:-9])  # the crash tore a line
        monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))
        assert content(evoae.resume(run)) == content(whole)
    assert len(content(whole)) == len(whole.evaluations()) + len(whole.generations())
