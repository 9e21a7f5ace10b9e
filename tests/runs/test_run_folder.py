from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticSerializationError

from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.errors import ConfigError, DiskFullError, RunError, SearchError
from evoae.runs.environment import environment
from evoae.runs.files import model_path, pending_path, promote, translate_os_errors, write_whole
from evoae.runs.folder import CONFIG, create, locate, next_folder
from evoae.runs.lock import Lock, holder
from evoae.runs.run import Run
from evoae.runs.store import DATABASE, Store
from tests.runs.samples import CONFIG as SAMPLE
from tests.runs.samples import METADATA, candidate, identity, make_run, scored

NOBODY = 65534


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def _without_privileges(open_place: Path) -> Iterator[None]:
    """Permissions count, even when the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def test_a_new_run_holds_its_configuration_database_and_place_for_models(tmp_path: Path) -> None:
    create(tmp_path / "deep" / "run", SAMPLE, METADATA)
    assert sorted(file.name for file in (tmp_path / "deep").iterdir()) == ["run"]
    assert sorted(file.name for file in (tmp_path / "deep" / "run").iterdir()) == [
        CONFIG,
        "models",
        DATABASE,
    ]
    assert load_config(tmp_path / "deep" / "run" / CONFIG) == SAMPLE


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_run_never_overwrites_what_is_there(tmp_path: Path, there: str) -> None:
    path = tmp_path / "run"
    kept = path if there == "file" else path / "kept"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(RunError, match=r"run: exists already; choose .*evoae resume .*run"):
        create(path, SAMPLE, METADATA)
    assert kept.read_text() == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_a_run_may_move_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    create(tmp_path / "run", SAMPLE, METADATA)
    assert locate(tmp_path / "run") == tmp_path / "run"


def test_a_run_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PydanticSerializationError):
        create(tmp_path / "run", SAMPLE, replace(METADATA, data=object()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("_without_privileges")
def test_a_folder_that_cannot_be_written_is_one_sentence(open_place: Path) -> None:
    open_place = Path("/")
    with pytest.raises(RunError, match="permission denied; check the folder's permissions"):
        create(open_place / "evoae-run", SAMPLE, METADATA)


@settings(max_examples=25, deadline=None)  # every one makes and flushes a run folder
@given(
    learning_rate=st.floats(1e-12, 1e6),
    limit=st.integers(2**28, 2**40),
    seed=st.integers(0, 2**63 - 1),
    name=st.text(min_size=1).filter(str.isprintable),
)
def test_any_configuration_is_read_back_as_it_was(
    learning_rate: float, limit: int, seed: int, name: str
) -> None:
    config = Config.model_validate(
        {
            "seed": seed,
            "data": {"name": name},
            "training": {"learning_rate": learning_rate, "time_limit": None},
            "execution": {"memory_limit": limit},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        create(Path(folder) / "run", config, METADATA)
        assert load_config(Path(folder) / "run" / CONFIG) == config


def test_a_run_is_found_by_path_or_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/fmnist-3")).close()
    assert locate("fmnist-3") == locate("runs/fmnist-3") == Path("runs/fmnist-3")
    assert locate(tmp_path / "runs" / "fmnist-3") == tmp_path / "runs" / "fmnist-3"


@pytest.mark.parametrize(
    "reference", ["", ".", "..", "../fmnist-3", "fmnist-3/../x", "nothing", "a\x00b", "x" * 5000]
)
def test_anything_else_names_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    make_run(Path("runs/fmnist-3")).close()
    with pytest.raises(RunError):
        locate(reference)


@pytest.mark.usefixtures("_without_privileges")
@pytest.mark.parametrize("crashed", [False, True], ids=["closed", "with a leftover log"])
def test_a_run_in_a_read_only_folder_can_be_read(open_place: Path, crashed: bool) -> None:
    os.seteuid(os.getuid())
    store = make_run(open_place / "run", generations=1)
    store.add_candidate(candidate(9, 2))
    store.add_evaluation(scored(9))
    if crashed:  # what a kill leaves: a log, and no index file that could be used
        (open_place / "left").mkdir()
        for name in (DATABASE, f"{DATABASE}-wal"):
            (open_place / "left" / name).write_bytes((open_place / "run" / name).read_bytes())
    store.close()
    path = open_place / ("left" if crashed else "run")
    path.chmod(0o555)
    if os.getuid() == 0:
        os.seteuid(NOBODY)
    with Store.reader(path) as reader:
        assert len(reader.evaluations()) == 3
    with pytest.raises(RunError, match=r"permission denied|cannot be"):
        Store.writer(path)
    if os.getuid() == 0:
        os.seteuid(0)
    path.chmod(0o755)


def test_a_second_driver_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    with pytest.raises(RunError, match=rf"already running \(pid {os.getpid()}\). Watch it"):
        Lock(tmp_path)
    lock.release()
    assert holder(tmp_path) is None
    Lock(tmp_path).release()


_HOLD = """
import sys, time
from pathlib import Path
from evoae.runs.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_the_lock_of_a_killed_driver_is_taken_over(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "held\n"
        assert holder(tmp_path) == driver.pid
        driver.kill()
    assert (tmp_path / "lock").read_text() == f"{driver.pid}\n"
    assert holder(tmp_path) is None
    lock = Lock(tmp_path)
    assert holder(tmp_path) == os.getpid()
    lock.release()


def test_a_readers_look_at_the_lock_does_not_refuse_a_driver(tmp_path: Path) -> None:
    looks = "from evoae.runs.lock import holder; from pathlib import Path; import sys\n"
    looks += "print('go', flush=True)\nwhile True: holder(Path(sys.argv[1]))"
    Lock(tmp_path).release()
    command = [sys.executable, "-c", looks, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        for _ in range(200):
            Lock(tmp_path).release()
        reader.kill()


def test_a_file_is_replaced_whole_and_leaves_no_temporary(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    write_whole(tmp_path / "a", b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_full_disk_is_one_sentence_for_files_too() -> None:
    with (
        pytest.raises(
            DiskFullError, match="full: no space left on device; free some space, then resume"
        ),
        translate_os_errors(Path("full")),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        full.write(b"x")


def _models(run: Path) -> dict[str, list[str]]:
    return {
        "models": sorted(file.stem for file in (run / "models").glob("*.keras")),
        "pending": sorted(file.name for file in (run / "models" / "pending").iterdir()),
    }


def test_only_the_hall_of_fame_keeps_its_models(tmp_path: Path) -> None:
    left, stays, enters, loses, running = map(identity, range(5))
    (tmp_path / "models" / "pending").mkdir(parents=True)
    model_path(tmp_path, left).write_bytes(b"left the hall of fame")
    model_path(tmp_path, stays).write_bytes(b"stays")
    for name in (enters, loses, running):
        pending_path(tmp_path, name).write_bytes(name.encode())
    pending = tmp_path / "models" / "pending"
    (pending / f".{loses}.77.keras").write_bytes(b"of a killed worker")
    (pending / f".0123abcd.{loses}.keras").write_bytes(b"half copied")
    (pending / f"{loses}.restored.keras").write_bytes(b"never compared")
    for _ in range(2):
        promote(tmp_path, (enters, stays), undecided=(running,))
        kept = {"models": sorted([enters, stays]), "pending": [f"{running}.keras"]}
        assert _models(tmp_path) == kept
    assert model_path(tmp_path, enters).read_bytes() == enters.encode()


def test_what_a_person_puts_among_the_models_stays(tmp_path: Path) -> None:
    models = tmp_path / "models"
    (models / "pending").mkdir(parents=True)
    names = (
        "best.onnx",
        "notes.txt",
        "mine.keras",
        f"{identity(1)}.onnx",
        f"{identity(1)}.keras~",
    )
    for name in names:
        (models / name).write_text("mine")
        (models / "pending" / name).write_text("mine")
    (models / f"{identity(2)}.keras").mkdir()  # a folder is none of evoae's files
    promote(tmp_path, ())
    for folder in (models, models / "pending"):
        assert {name for name in names if (folder / name).read_text() == "mine"} == set(names)


@pytest.mark.parametrize("name", ["models", "models/pending", "refit", "tensorboard"])
def test_no_link_in_a_run_folder_is_followed_for_deleting(tmp_path: Path, name: str) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    make_run(run, generations=1).close()
    elsewhere.mkdir()
    precious = elsewhere / f"{identity(9)}.keras"
    precious.write_bytes(b"mine")
    place = run / name
    if place.exists():
        place.rename(tmp_path / "moved")
    place.symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(RunError, match=r"is a link to .*put what it leads to") as refused:
        Store.writer(run)
    assert refused.value.place == str(place)
    assert precious.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["lock", "log.jsonl", "run.sqlite"])
def test_no_link_in_a_run_folder_is_followed_for_writing(tmp_path: Path, name: str) -> None:
    run, target = tmp_path / "run", tmp_path / "target"
    make_run(run, generations=1).close()
    (run / name).rename(target)
    if name != "run.sqlite":
        target.write_bytes(b"mine")
    before = target.read_bytes()
    (run / name).symlink_to(target)
    with pytest.raises(RunError, match="is a link"):
        Store.writer(run)
    with pytest.raises(RunError):
        Lock(run) if name == "lock" else Store.writer(run)
    assert target.read_bytes() == before


@pytest.mark.parametrize("name", ["lock", "log.jsonl", "models", "models/pending", "tensorboard"])
def test_what_stands_in_the_place_of_a_file_or_folder_is_named(tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    make_run(run, generations=1).close()
    if (run / name).exists():
        (run / name).rename(tmp_path / "moved")
    os.mkfifo(run / name)  # to open it would wait for someone to write to it
    with pytest.raises(RunError, match=r"is no (folder|regular file); move away") as refused:
        Store.writer(run)
    assert refused.value.place == str(run / name)
    assert holder(run) is None


def test_promotion_interrupted_anywhere_is_mended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, old_a, old_b, lost = map(identity, range(5))
    steps = 0
    for stop_at in range(12):
        run = tmp_path / str(stop_at)
        (run / "models" / "pending").mkdir(parents=True)
        for name, old in ((a, old_a), (b, old_b)):
            pending_path(run, name).write_bytes(name.encode())
            model_path(run, old).write_bytes(b"old")
        pending_path(run, lost).write_bytes(b"lost")
        steps = 0

        def step(name: str, stop_at: int = stop_at) -> None:
            original = getattr(Path, name)

            def counted(self: Path, *args: object, **kwargs: object) -> object:
                nonlocal steps
                steps += 1
                if steps > stop_at:
                    raise KeyboardInterrupt
                return original(self, *args, **kwargs)

            patch.setattr(Path, name, counted)

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                step(name)
            try:
                promote(run, (a, b, old_a))
            except KeyboardInterrupt:
                pass
            else:
                assert stop_at >= 4
        promote(run, (a, b, old_a))
        assert _models(run) == {"models": sorted([a, b, old_a]), "pending": []}


def test_a_removed_lock_lets_no_second_driver_in(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with make_run(run) as store:
        (run / "lock").unlink()
        with pytest.raises(RunError, match="already running"):
            Store.writer(run)
        assert holder(run) == 0  # driven, by nobody knows whom
        store.add_candidate(candidate(1))
    with Store.writer(run) as store:
        assert list(store.candidates()) == [identity(1)]


@pytest.mark.parametrize("what", ["folder", "database", "replaced"])
def test_a_run_that_is_removed_beneath_its_driver_is_noticed_at_once(
    tmp_path: Path, what: str
) -> None:
    run = tmp_path / "run"
    with make_run(run) as store:
        store.add_candidate(candidate(1))
        if what == "folder":
            shutil.rmtree(run)
        else:
            (run / DATABASE).unlink()
        if what == "replaced":
            make_run(tmp_path / "other").close()
            shutil.copy(tmp_path / "other" / DATABASE, run / DATABASE)
        with pytest.raises(SearchError, match="was removed or replaced while the search ran"):
            store.add_evaluation(scored(1))


def test_the_environment_names_the_versions_that_results_depend_on() -> None:
    here = environment()
    assert here.python_version == ".".join(map(str, sys.version_info[:3]))
    assert all(map(here.version_of, ("evoae", "tensorflow", "keras", "numpy", "deap")))


def test_a_new_run_takes_the_first_free_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert next_folder("fmnist") == Path("runs/fmnist-1")
    for number in (1, 2, 4):
        Path(f"runs/fmnist-{number}").mkdir(parents=True)
    assert next_folder("fmnist") == Path("runs/fmnist-3")
    assert next_folder("../../etc/x y") == Path("runs/etc-x-y-1")


def test_a_damaged_configuration_is_named_with_its_folder(tmp_path):
    make_run(tmp_path / "run")
    (tmp_path / "run" / CONFIG).write_text("{[")
    with pytest.raises(ConfigError, match=r"run/config\.yaml: line"):
        Run.open(tmp_path / "run")
