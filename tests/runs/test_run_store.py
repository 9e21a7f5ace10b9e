from __future__ import annotations

import dataclasses
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evoae.errors import RunError
from evoae.evaluation import Outcome
from evoae.runs import database, migrations
from evoae.runs.files import DATABASE
from evoae.runs.records import Generation
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests.runs.samples import FACTS, candidate, failed, finished, identity, make_run, scored


def test_a_store_gives_back_every_field_that_it_was_given(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        everything = [candidate(1), candidate(2, position=1), candidate(3, 2)]
        for one in everything:
            store.add_candidate(one)
        store.add_evaluation(scored(2))
        store.add_evaluation(failed(1))
    with Store(tmp_path / "run", read_only=True) as again:
        assert again.candidates() == tuple(everything)
        assert again.evaluations() == (scored(2), failed(1))
        assert again.evaluation(identity(2)) == scored(2)
        assert again.evaluation(identity(3)) is None
        assert again.candidate(identity(3)) == candidate(3, 2)
        assert again.candidate(identity(4)) is None
        assert again.facts() == FACTS
        assert again.undecided() == tuple(one.id for one in everything)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SCORED])
def test_every_kind_of_failure_is_kept_with_message_and_traceback(
    tmp_path: Path, outcome: Outcome
) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        store.add_evaluation(failed(1, outcome))
        assert store.evaluation(identity(1)) == failed(1, outcome)


def test_a_candidate_stays_as_it_was_first_seen(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1, generation=1))
        store.add_candidate(candidate(1, generation=2, position=5))
        assert store.candidates() == (candidate(1, generation=1),)


def test_an_evaluation_is_stored_once_and_only_for_a_known_candidate(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        store.add_evaluation(scored(1))
        with pytest.raises(ValueError, match="UNIQUE"):
            store.add_evaluation(scored(1, 0.5))
        with pytest.raises(ValueError, match="FOREIGN KEY"):
            store.add_evaluation(scored(2))
        assert store.evaluations() == (scored(1),)


@pytest.mark.parametrize("fitness", [float("nan"), float("inf"), float("-inf")])
def test_a_fitness_that_is_not_finite_cannot_be_stored(tmp_path: Path, fitness: float) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        with pytest.raises(ValueError, match="CHECK"):
            store.add_evaluation(scored(1, fitness))
        assert store.evaluations() == ()


def test_finished_generations_come_back_in_order(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=3) as store:
        assert store.generations() == (finished(1), finished(2), finished(3))
        assert store.hall_of_fame() == (identity(5), identity(3))
        assert store.undecided() == ()


def test_an_individual_may_stand_in_a_population_twice(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        twice = dataclasses.replace(finished(1), number=2, population=(identity(1),) * 2)
        assert store.finish_generation(twice)
        assert store.generations()[1].population == (identity(1), identity(1))


def test_a_replayed_generation_changes_nothing(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        assert not store.finish_generation(dataclasses.replace(finished(1), seconds=0.0))
        assert store.generations() == (finished(1), finished(2))


@pytest.mark.parametrize(
    ("field", "said"), [("population", "population"), ("hall_of_fame", "hall of fame")]
)
def test_a_replay_that_comes_out_differently_is_refused(
    tmp_path: Path, field: str, said: str
) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        other = dataclasses.replace(finished(1), **{field: (identity(2),)})
        with pytest.raises(RunError, match=f"generation 1: .*cannot be replayed: the {said}"):
            store.finish_generation(other)
        assert store.generations()[0] == finished(1)


def test_a_generation_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        with pytest.raises(ValueError, match="FOREIGN KEY"):
            store.finish_generation(Generation(1, (identity(1), identity(9)), ()))
        with pytest.raises(ValueError, match="FOREIGN KEY"):  # nobody famous without evaluation
            store.finish_generation(Generation(1, (identity(1),), (identity(1),)))
        with pytest.raises(ValueError, match="generation 2 after 0"):
            store.finish_generation(Generation(2, (identity(1),), ()))
        assert store.generations() == ()


def test_the_target_starts_as_configured_and_can_be_extended(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        assert store.target() == 3
        store.set_target(10)
    with Store(tmp_path / "run") as store:
        assert store.target() == 10


def test_elapsed_time_adds_up_over_sessions(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        assert store.progress().started is None
        store.begin_session(workers=2)
    with Store(tmp_path / "run") as store:
        first = store.progress()
        store.begin_session(workers=4)
        store.add_candidate(candidate(1))
        second = store.progress()
    assert 0 < first.elapsed < second.elapsed
    assert (second.started, second.workers) == (first.started, 4)


def test_results_of_a_refit_are_kept_by_name(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        store.add_result(identity(1), "test_loss", 0.5)
        store.add_result(identity(1), "test_loss", 0.25)
        store.add_result(identity(1), "seeds", [1, 2])
        assert store.results(identity(1)) == {"seeds": [1, 2], "test_loss": 0.25}


def test_a_reader_sees_what_is_committed_and_never_blocks_the_driver(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store, Store(tmp_path / "run", read_only=True) as reader:
        store.add_candidate(candidate(1))
        with reader.snapshot():
            before = reader.evaluations()
            store.add_evaluation(scored(1))
            assert reader.evaluations() == before == ()
        assert reader.evaluations() == (scored(1),)


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with (
        make_run(tmp_path / "run"),
        Store(tmp_path / "run", read_only=True) as reader,
        pytest.raises(RunError, match="cannot be written"),
    ):
        reader.set_target(9)


def test_a_newer_schema_is_refused_for_readers_and_the_driver(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE)) as raw:
        raw.execute("PRAGMA user_version = 99")
    for read_only in (False, True):
        with pytest.raises(RunError, match=r"newer evoae \(schema 99, this one knows 1\)"):
            Store(tmp_path / "run", read_only=read_only)


_NEXT = ("ALTER TABLE candidate ADD COLUMN note TEXT NOT NULL DEFAULT 'old'",)


def test_an_older_schema_is_migrated_by_the_driver_and_read_from_a_copy_by_readers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        before = store.evaluations()
    monkeypatch.setattr(migrations.migrate, "__defaults__", ((*migrations.MIGRATIONS, _NEXT),))
    monkeypatch.setattr(database, "MIGRATIONS", (*migrations.MIGRATIONS, _NEXT))
    for read_only, version in ((True, 1), (False, 2)):
        with Store(tmp_path / "run", read_only=read_only) as store:
            assert store.evaluations() == before
        with closing(sqlite3.connect(tmp_path / "run" / DATABASE)) as raw:
            assert migrations.version_of(raw) == version


def test_a_migration_that_fails_leaves_the_old_schema(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    broken = (*_NEXT, "ALTER TABLE nowhere ADD COLUMN x")
    file = tmp_path / "run" / DATABASE
    with closing(database.connect(file, "rw")) as raw:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrations.migrate(raw, (*migrations.MIGRATIONS, broken))
        assert migrations.version_of(raw) == 1
        columns = [row[1] for row in raw.execute("PRAGMA table_info(candidate)")]
    assert "note" not in columns


@pytest.mark.parametrize(
    "content", [b"", b"not a database, but long enough to look like one" * 50], ids=["empty", "text"]
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_foreign_file_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, read_only: bool
) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(RunError, match=r"not written by evoae|damaged"):
        Store(tmp_path, read_only=read_only)


def _read_all(run: Path) -> None:
    with Store(run, read_only=True) as store:
        for read in (store.facts, store.target, store.progress, store.undecided):
            read()
        store.candidates(), store.evaluations(), store.generations(), store.results(identity(1))
    Run.open(run).status()
    Run.open(run).hall_of_fame()
    Store(run).close()


def test_damage_anywhere_in_the_file_raises_only_run_errors(tmp_path: Path) -> None:
    make_run(tmp_path / "run", generations=3).close()
    file = tmp_path / "run" / DATABASE
    sound = file.read_bytes()
    rng = random.Random(7)
    torn = [sound[:at] + b"\xa5" * 256 + sound[at + 256 :] for at in range(0, len(sound), 512)]
    cut = [sound[: rng.randrange(len(sound))] for _ in range(20)]
    flipped = []
    used = [at for at, byte in enumerate(sound) if byte]
    for _ in range(300):
        changed = bytearray(sound)
        for _ in range(3):
            changed[rng.choice(used)] = rng.randrange(256)
        flipped.append(bytes(changed))
    refused = 0
    for content in torn + cut + flipped:
        file.write_bytes(content)
        try:
            _read_all(tmp_path / "run")
        except RunError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_a_full_disk_is_one_sentence_and_keeps_what_was_stored(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(RunError, match="no space left on the disk; free some"):
            for number in range(100, 1000):
                store.add_candidate(candidate(number))
        assert store.evaluation(identity(1)) == scored(1, 0.1)
    with Store(tmp_path / "run") as store:
        assert store.generations() == (finished(1),)
