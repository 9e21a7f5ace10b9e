from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pydantic_core import PydanticSerializationError

from evoae.config.search import BudgetConfig
from evoae.errors import DiskFullError, RunError
from evoae.evaluation import Outcome
from evoae.runs.files import pending_path
from evoae.runs.metadata import Refitting, Restored, Resumed, RunMetadata
from evoae.runs.records import Baseline, Generation
from evoae.runs.run import Run
from evoae.runs.store import DATABASE, Store
from tests.runs.samples import METADATA, candidate, failed, finished, identity, make_run, scored


def test_a_store_gives_back_every_field_that_it_was_given(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        everything = [candidate(1), candidate(2, position=1), candidate(3, 2)]
        raced = dataclasses.replace(scored(3), raced=True)
        for one in everything:
            store.add_candidate(one)
        store.add_evaluation(scored(2))
        store.add_evaluation(failed(1))
        store.add_evaluation(raced)
    with Store.reader(tmp_path / "run") as again:
        assert list(again.candidates().values()) == everything
        assert list(again.evaluations().values()) == [scored(2), failed(1), raced]
        assert again.scores() == {identity(2): (0.02,), identity(1): (), identity(3): ()}
        assert again.metadata() == dataclasses.replace(METADATA, generations=3)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.SCORED])
def test_every_kind_of_failure_is_kept_with_message_and_traceback(
    tmp_path: Path, outcome: Outcome
) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        store.add_evaluation(failed(1, outcome))
        assert store.evaluations() == {identity(1): failed(1, outcome)}


def test_a_candidate_that_was_trained_stays_as_it_was_first_seen(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1, generation=1))
        store.add_candidate(candidate(1, generation=2, position=5))
        store.add_evaluation(scored(1))
        store.add_candidate(candidate(1, generation=3))
        assert store.candidates() == {identity(1): candidate(1, generation=2, position=5)}


def test_an_evaluation_is_stored_once_and_only_for_a_known_candidate(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        store.add_evaluation(scored(1))
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            store.add_evaluation(scored(1, 0.5))
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            store.add_evaluation(scored(2))
        store.add_candidate(candidate(3))
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):  # nor a repeat before it
            store.add_repeat(scored(3, repeat=2), 1)
        assert list(store.evaluations().values()) == [scored(1)]


@pytest.mark.parametrize("fitness", [float("nan"), float("inf"), float("-inf")])
def test_a_fitness_that_is_not_finite_cannot_be_stored(tmp_path: Path, fitness: float) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            store.add_evaluation(scored(1, fitness))
        assert store.evaluations() == {}


def test_finished_generations_come_back_in_order(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=3) as store:
        assert list(store.generations().values()) == [finished(1), finished(2), finished(3)]


def test_an_individual_may_stand_in_a_population_twice(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        twice = dataclasses.replace(finished(1), number=2, population=(identity(1),) * 2)
        assert store.finish_generation(twice)
        assert store.generations()[2].population == (identity(1), identity(1))


def test_a_replayed_generation_changes_nothing(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        assert not store.finish_generation(dataclasses.replace(finished(1), seconds=0.0))
        assert store.generations() == {1: finished(1), 2: finished(2)}


@pytest.mark.parametrize("field", ["population", "hall_of_fame"])
def test_a_replay_that_comes_out_differently_is_refused(tmp_path: Path, field: str) -> None:
    with make_run(tmp_path / "run", generations=2) as store:
        other = dataclasses.replace(finished(1), **{field: (identity(2),)})
        with pytest.raises(RunError, match="generation 1 comes out differently"):
            store.finish_generation(other)
        assert store.generations()[1] == finished(1)


def test_a_generation_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            store.finish_generation(Generation(1, (identity(1), identity(9)), (), {}, 0.0))
        with pytest.raises(
            sqlite3.IntegrityError, match="FOREIGN KEY"
        ):  # nobody famous without evaluation
            store.finish_generation(Generation(1, (identity(1),), (identity(1),), {}, 0.0))
        assert store.generations() == {}


def test_a_field_of_the_metadata_can_be_updated_and_the_others_stay(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.update(generations=10, workers=2)
    with Store.reader(tmp_path / "run") as again:
        assert again.metadata() == dataclasses.replace(METADATA, generations=10, workers=2)


def test_every_field_of_the_metadata_comes_back_as_it_was_recorded(tmp_path: Path) -> None:
    moment = "2026-01-01T00:00:00.000000+00:00"
    given = {
        "kind": {"name": "rows", "item": "row", "fitted": {"columns": [{"mean": 0.1}]}},
        "genome": "latent(4)",
        "seeds": ("latent(2)", "latent(3)"),
        "generations": None,
        "planned": 12,
        "workers": 2,
        "began": moment,
        "seconds": 1 / 3,
        "seconds_at": moment,
        "ended": True,
        "exhausted": True,
        "stopped": "too many failures",
        "budget": Resumed(BudgetConfig(flops=1e12), BudgetConfig(minutes=1.5)),
        "budget_stops": {"3": ["a", "b 2"]},
        "limits": Resumed({"training.time_limit": None}, {"training.time_limit": 9.5}),
        "restored": {identity(1): Restored(0.1, None)},
        "pca": {2: 0.25, 8: 1 / 3},
        "variance": 1 / 7,
        "refitting": Refitting(7, moment, "train", 9, ("a.1.jsonl",)),
        "baselines": {"plain": Baseline("plain", "scored", 0.1, genome="latent(4)", cost=10**15)},
    }
    with make_run(tmp_path / "run") as store:
        store.update(**given)
        assert store.metadata() == dataclasses.replace(METADATA, **given)
    required = {"data", "data_digest", "input_shape", "output", "config", "environment"}
    required |= {"train_images", "validation_images", "source_images"}
    assert given.keys() | required == {field.name for field in dataclasses.fields(RunMetadata)}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"secnods": 1.0}, TypeError),
        ({"seconds": "long"}, PydanticSerializationError),
        ({"baselines": {"plain": {"outcome": "scored"}}}, PydanticSerializationError),
    ],
)
def test_an_update_of_no_field_or_another_type_changes_nothing(
    tmp_path: Path, changes: dict[str, object], error: type[Exception]
) -> None:
    with make_run(tmp_path / "run") as store:
        before = store.metadata()
        with pytest.raises(error):
            store.update(workers=7, **changes)
        assert store.metadata() == before


def test_a_row_that_is_no_field_is_left_alone(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    _tampered(tmp_path / "run", "INSERT INTO run VALUES ('weather', '\"fine\"')")
    with Store.writer(tmp_path / "run") as store:
        store.update(workers=2)
        assert store.metadata().workers == 2
    with sqlite3.connect(tmp_path / "run" / DATABASE) as connection:
        rows = connection.execute("SELECT value FROM run WHERE key = 'weather'").fetchall()
    assert rows == [('"fine"',)]


def test_metadata_that_lack_a_field_are_refused_by_its_name(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    _tampered(tmp_path / "run", "DELETE FROM run WHERE key = 'data_digest'")
    with pytest.raises(RunError, match=r"damaged \(data_digest: Field required\)"):
        Run.open(tmp_path / "run").status()


def test_a_reader_reads_one_moment_and_never_blocks_the_driver(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        store.add_candidate(candidate(1))
        with Store.reader(tmp_path / "run") as reader:
            store.add_evaluation(scored(1))
            store.finish_generation(Generation(1, (identity(1),), (identity(1),), {}, 0.0))
            assert (reader.evaluations(), reader.scores(), reader.generations()) == ({}, {}, {})
            assert list(reader.candidates()) == [identity(1)]
        with Store.reader(tmp_path / "run") as reader:
            assert list(reader.evaluations().values()) == [scored(1)]
            assert list(reader.generations()) == [1]


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    with (
        make_run(tmp_path / "run"),
        Store.reader(tmp_path / "run") as reader,
        pytest.raises(RunError, match="cannot be written"),
    ):
        reader.add_candidate(candidate(1))


def test_another_schema_is_refused_for_readers_and_the_driver(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    with closing(sqlite3.connect(tmp_path / "run" / DATABASE)) as raw:
        raw.execute("PRAGMA user_version = 99")
    for open_store in (Store.writer, Store.reader):
        with pytest.raises(RunError, match=r"another version of evoae \(schema 99, this one"):
            open_store(tmp_path / "run")


def _tampered(run: Path, *statements: str) -> None:
    """Change a database as somebody might who knows SQLite."""
    with closing(sqlite3.connect(run / DATABASE, isolation_level=None)) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            raw.execute(statement)


_ENDLESS = (
    "DROP TABLE population",
    "CREATE VIEW population AS WITH RECURSIVE n (generation) AS (SELECT 1 UNION ALL SELECT "
    "generation FROM n) SELECT generation, 0 AS position, '' AS id FROM n",
)


@pytest.mark.parametrize(
    "statements",
    [
        _ENDLESS,
        ("CREATE TRIGGER t AFTER INSERT ON training BEGIN DELETE FROM run; END",),
        ("UPDATE training SET parameters = -5",),
        ("UPDATE training SET latent = -1",),
        ("UPDATE training SET latent = 0",),
        ("UPDATE training SET finished = 'yesterday'",),
        ("UPDATE training SET total_seconds = 9e999",),
        ("UPDATE training SET outcome = 'lost', fitness = NULL",),
        ("UPDATE training SET validation_loss = '{}'",),
        ("UPDATE training SET validation_loss = '[\"a\"]'",),
        ("UPDATE training SET metrics = '[1]'",),
        ('UPDATE training SET metrics = \'{"mse": "low"}\'',),
        ("UPDATE candidate SET tokens = '[[1]]'",),
        ("UPDATE candidate SET parents = '[1, 2]'",),
        ("UPDATE candidate SET generation = -3",),
        (
            "CREATE TABLE loose AS SELECT * FROM generation",
            "DROP TABLE generation",
            "ALTER TABLE loose RENAME TO generation",
            "UPDATE generation SET number = 'first' WHERE number = 1",
        ),
        ('UPDATE generation SET stats = \'{"trained": "many"}\'',),
        (f"UPDATE generation SET stats = '{'[' * 5000}'",),
        ("UPDATE training SET outcome = 'lost', fitness = NULL WHERE repeat = 2",),
        ("INSERT OR REPLACE INTO run VALUES ('seconds', '\"long\"')",),
        ("INSERT OR REPLACE INTO run VALUES ('seconds', '-1')",),
        ("INSERT OR REPLACE INTO run VALUES ('seconds_at', '\"yesterday\"')",),
        ("INSERT OR REPLACE INTO run VALUES ('began', '\"2026-01-01\"')",),
        ("INSERT OR REPLACE INTO run VALUES ('planned', '[]')",),
        ("INSERT OR REPLACE INTO run VALUES ('ended', '1')",),
        ("INSERT OR REPLACE INTO run VALUES ('baselines', '[]')",),
        ("INSERT OR REPLACE INTO run VALUES ('pca', '{\"curve\": [[1]]}')",),
        ("INSERT OR REPLACE INTO run VALUES ('budget', '{}')",),
        ("UPDATE run SET value = '[0, 8, 1]' WHERE key = 'input_shape'",),
        ("INSERT INTO result SELECT id, 'refit', '{\"test_loss\": []}' FROM candidate LIMIT 1",),
    ],
    ids=lambda statements: statements[-1][:48],
)
def test_a_tampered_database_is_one_sentence(tmp_path: Path, statements: tuple[str, ...]) -> None:
    run = tmp_path / "run"
    with make_run(run, generations=2) as store:
        store.add_repeat(scored(1, 0.03, repeat=2), 2)
    _tampered(run, *statements)
    with pytest.raises(RunError, match="damaged") as refused:
        _read_all(run)
    assert "\n" not in str(refused.value)
    assert DATABASE in refused.value.place


@pytest.mark.parametrize(
    "content",
    [b"", b"not a database, but long enough to look like one" * 50],
    ids=["empty", "text"],
)
@pytest.mark.parametrize("open_store", [Store.writer, Store.reader], ids=["writer", "reader"])
def test_a_foreign_file_is_refused_in_one_sentence_and_left_alone(
    tmp_path: Path, content: bytes, open_store: Callable[[Path], Store]
) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(RunError, match=r"not a run of evoae|damaged"):
        open_store(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == content


def _read_all(run: Path) -> None:
    with Store.reader(run) as store:
        store.metadata(), store.candidates(), store.evaluations(), store.generations()
        store.repeats(), store.results(), store.spares(), store.trainings()
    Run.open(run).status()
    Run.open(run).hall_of_fame()
    Store.writer(run).close()


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
    sentences = []
    for content in torn + cut + flipped:
        file.write_bytes(content)
        try:
            _read_all(tmp_path / "run")
        except RunError as error:
            sentences.append(str(error))
    assert len(sentences) > 100
    assert not any("\n" in sentence for sentence in sentences)


def test_a_full_disk_is_one_sentence_and_keeps_what_was_stored(tmp_path: Path) -> None:
    with make_run(tmp_path / "run", generations=1) as store:
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        large = dataclasses.replace(candidate(9), tokens=(0.1,) * 10_000)
        with pytest.raises(DiskFullError, match="no space left on the disk; free some"):
            store.add_candidate(large)
        assert store.evaluations()[identity(1)] == scored(1, 0.1)
    with Store.writer(tmp_path / "run") as store:
        assert store.generations() == {1: finished(1)}


def _models(run: Path) -> tuple[set[str], set[str]]:
    folder = run / "models"
    return (
        {file.stem for file in folder.glob("*.keras")},
        {file.stem for file in (folder / "pending").glob("*.keras")},
    )


def test_a_replay_keeps_the_models_of_later_generations(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with make_run(run) as store:
        for number in (1, 2):
            for each in (2 * number - 1, 2 * number):
                store.add_candidate(candidate(each, number))
                store.add_evaluation(scored(each, 0.1 / each))
                pending_path(run, identity(each)).write_bytes(b"model")
            store.finish_generation(finished(number))
            store.keep_models()
        store.add_candidate(candidate(5, 3))  # trained, but its generation isn't over
        store.add_evaluation(scored(5))
        pending_path(run, identity(5)).write_bytes(b"model")
    with Store.writer(run) as store:
        for number in (1, 2):
            assert not store.finish_generation(finished(number))
            store.keep_models()
            assert _models(run) == ({identity(3), identity(1)}, {identity(5)})
