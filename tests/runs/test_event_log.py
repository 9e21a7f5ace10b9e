from __future__ import annotations

import dataclasses
import json
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from evoae.errors import RunError
from evoae.runs.event_log import LOG
from evoae.runs.store import Store
from tests.runs.samples import candidate, failed, finished, identity, make_run, scored


def events(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / LOG).read_text().splitlines()]


def told(run: Path) -> list[tuple[object, object, object]]:
    return [
        (each["event"], each["generation"], each.get("id", "")[:4] + str(each.get("repeat", "")))
        for each in events(run)
    ]


def busy_run(path: Path) -> None:
    with make_run(path) as store:
        for number in (1, 2, 3):
            store.add_candidate(candidate(number, generation=1 if number < 3 else 2))
        store.add_evaluation(scored(2, 0.05))
        store.add_evaluation(failed(1))
        store.add_evaluation(scored(3))  # of the next generation, finished before this one ends
        store.add_repeat(scored(2, 0.06, repeat=2), 1)
        store.finish_generation(dataclasses.replace(finished(1), hall_of_fame=(identity(2),)))


IN_ORDER = [
    ("training", 1, "00021"),
    ("training", 1, "00011"),
    ("training", 2, "00031"),
    ("training", 1, "00022"),
    ("generation", 1, ""),
]


def test_each_training_and_generation_is_a_line_as_it_ends(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        assert not (tmp_path / "run" / LOG).exists()
        store.add_candidate(candidate(1))
        store.add_evaluation(failed(1))
        (line,) = events(tmp_path / "run")  # while the driver is at work
        assert (line["event"], line["id"], line["outcome"]) == (
            "training",
            identity(1),
            "diverged",
        )
        assert line["parents"] == [identity(1), identity(2)]
    busy_run(tmp_path / "busy")
    assert told(tmp_path / "busy") == IN_ORDER
    last = events(tmp_path / "busy")[-1]
    assert (last["trained"], last["min"], last["seconds"]) == (2, 0.1, 1.5)
    assert last["hall_of_fame"] == [identity(2)]


def test_a_replayed_generation_is_no_second_line(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        before = told(tmp_path / "run")
        assert not store.finish_generation(finished(1))
        assert told(tmp_path / "run") == before


def test_the_next_driver_mends_whatever_became_of_the_log(tmp_path: Path) -> None:
    run = tmp_path / "run"
    busy_run(run)
    whole = (run / LOG).read_bytes()
    lines = whole.splitlines(keepends=True)
    spoilt = [whole[:size] for size in range(0, len(whole), 97)]  # torn by a crash
    spoilt += [b"".join(lines[:2] + lines[3:]), b"".join(reversed(lines)), whole + b'{"event"']
    for content in spoilt:
        (run / LOG).write_bytes(content)
        Store.writer(run).close()
        assert (run / LOG).read_bytes() == whole
    (run / LOG).unlink()
    Store.writer(run).close()
    assert (run / LOG).read_bytes() == whole


def test_a_sound_log_is_not_written_anew(tmp_path: Path) -> None:
    busy_run(tmp_path / "run")
    before = (tmp_path / "run" / LOG).stat()
    Store.writer(tmp_path / "run").close()
    after = (tmp_path / "run" / LOG).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_log_that_cannot_be_written_is_one_sentence_and_frees_the_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, generations=1).close()
    (run / LOG).unlink()
    (run / LOG).mkdir()
    for _ in range(2):  # the second one does not find the run in use
        with pytest.raises(RunError, match=r"log\.jsonl: is no regular file"):
            Store.writer(run)


def test_a_clock_that_is_set_back_puts_nothing_out_of_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    make_run(run, generations=2).close()

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime(2001, 1, 1, tzinfo=tz)

    monkeypatch.setattr("evoae.runs.store.datetime", Earlier)
    with Store.writer(run) as store:
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(scored(5))
    appended = events(run)
    assert appended[-1]["id"] == identity(5)
    times = [str(event["finished"]) for event in appended]
    assert times == sorted(times)
    (run / LOG).unlink()
    Store.writer(run).close()
    assert events(run) == appended
