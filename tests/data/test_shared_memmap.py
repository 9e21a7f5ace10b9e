from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evoae.config.data import DataConfig, ReduceConfig
from evoae.data import cache
from evoae.data import shared_memmap as module
from evoae.data.cache import cache_root
from evoae.data.dataset import Dataset
from evoae.data.load import load
from evoae.data.shared_memmap import open_shared, share
from evoae.errors import DataError, DiskFullError

DAY = 24 * 3600


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(DataConfig(name="digits"), 7)


def variants(data: Dataset, count: int) -> list[Dataset]:
    return [data.reduced(ReduceConfig(train=5, validation=3), seed) for seed in range(count)]


def age(folder: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(folder, (then, then))


def names(home: Path) -> set[str]:
    return {entry.name for entry in (home / ".cache/evoae/shared").iterdir()}


def test_shared_images_are_mapped_read_only_and_equal(digits: Dataset, home: Path) -> None:
    folder = share(digits)
    assert folder == home / ".cache/evoae/shared" / digits.digest
    shared = open_shared(folder)
    for mapped, images in (
        (shared.train, digits.train),
        (shared.validation, digits.validation),
    ):
        assert isinstance(mapped, np.memmap)
        assert not mapped.flags.writeable
        assert mapped.dtype == images.dtype
        assert np.array_equal(mapped, images)


def test_the_test_split_is_never_written(digits: Dataset) -> None:
    assert sorted(file.name for file in share(digits).iterdir()) == ["train.npy", "validation.npy"]


def test_a_complete_folder_is_used_again(digits: Dataset) -> None:
    file = share(digits) / "train.npy"
    before = file.stat()
    assert share(digits) == file.parent
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", ["truncated", "missing", "empty"])
def test_a_damaged_folder_is_replaced(digits: Dataset, home: Path, damage: str) -> None:
    folder = share(digits)
    file = folder / "validation.npy"
    if damage == "missing":
        file.unlink()
    else:
        os.truncate(file, 0 if damage == "empty" else 1000)
    with pytest.raises(DataError) as error:
        open_shared(folder)
    assert error.value.place == str(folder)
    assert np.array_equal(open_shared(share(digits)).validation, digits.validation)
    assert names(home) == {digits.digest}
    assert sorted(file.name for file in folder.iterdir()) == ["train.npy", "validation.npy"]


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("damage", ["zeros", "one byte"])
def test_a_copy_of_other_contents_is_replaced_and_that_is_said(
    digits: Dataset, home: Path, split: str, damage: str
) -> None:
    folder, lines = share(digits), list[str]()
    held = np.load(folder / f"{split}.npy", mmap_mode="r+")
    if damage == "zeros":
        held[:] = 0
    else:
        held.view(np.uint8).reshape(-1)[-1] ^= 1
    held.flush()
    assert share(digits, lines.append) == folder
    assert np.array_equal(open_shared(folder).train, digits.train)
    assert np.array_equal(open_shared(folder).validation, digits.validation)
    assert lines == [
        f"{folder}: a cached copy of the data was damaged; it is written anew. "
        "Trainings that read it before may be wrong."
    ]
    assert names(home) == {digits.digest}


def test_a_sound_copy_stays_as_it_is_and_nothing_is_said(digits: Dataset) -> None:
    folder, lines = share(digits), list[str]()
    before = {file: file.stat() for file in folder.iterdir()}
    share(digits, lines.append)
    assert {file: file.stat().st_ino for file in folder.iterdir()} == {
        file: status.st_ino for file, status in before.items()
    }
    assert lines == []


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_a_copy_is_compared_to_its_last_byte_though_in_pieces(
    digits: Dataset, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 5 * digits.train[0].nbytes)
    file = share(digits) / "train.npy"
    held = np.load(file, mmap_mode="r+")
    held.view(np.uint8).reshape(-1)[place] ^= 128
    held.flush()
    assert np.array_equal(open_shared(share(digits)).train, digits.train)


def test_values_that_equal_no_number_are_the_same_in_a_copy(digits: Dataset) -> None:
    """A sound copy of rows with NaN in them is no damaged one."""
    rows = np.full((3, 4), np.nan, np.float32)
    data = replace(digits, train=rows, validation=rows)
    file = share(data) / "train.npy"
    before = file.stat().st_ino
    share(data)
    assert file.stat().st_ino == before


def test_drivers_that_share_at_once_all_see_whole_images(digits: Dataset, home: Path) -> None:
    with ThreadPoolExecutor(8) as drivers:
        folders = list(drivers.map(lambda _: share(digits), range(16)))
    assert set(folders) == {home / ".cache/evoae/shared" / digits.digest}
    assert np.array_equal(open_shared(folders[0]).train, digits.train)
    assert names(home) == {digits.digest}


def test_the_cache_drops_the_least_recently_used_beyond_twenty(
    digits: Dataset, home: Path
) -> None:
    folders = [share(data) for data in variants(digits, 23)]
    assert len(names(home)) == 23  # all used today
    for position, folder in enumerate(folders):
        age(folder, 30 - position)
    kept = share(digits)
    assert names(home) == {kept.name, *(folder.name for folder in folders[4:])}


def test_the_cache_is_bounded_in_bytes(
    digits: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, older = (share(data) for data in variants(digits, 2))
    age(old, 2)
    age(older, 3)
    monkeypatch.setattr(cache, "_MOST_BYTES", digits.train.nbytes + 150_000)
    kept = share(digits)
    assert names(home) == {kept.name, old.name, older.name}
    monkeypatch.setattr(cache, "_MOST_BYTES", 1)
    share(digits)
    assert names(home) == {kept.name}


def test_opening_counts_as_use(
    digits: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_MOST_FOLDERS", 1)
    opened, idle = (share(data) for data in variants(digits, 2))
    age(opened, 9)
    age(idle, 9)
    open_shared(opened)
    kept = share(digits)
    assert names(home) == {kept.name, opened.name}


def test_what_a_killed_driver_left_is_swept_after_a_day(digits: Dataset, home: Path) -> None:
    root = home / ".cache/evoae/shared"
    young, old = root / ".new-young", root / ".new-old"
    young.mkdir(parents=True)
    old.mkdir()
    age(old, 2)
    folder = share(digits)
    assert names(home) == {folder.name, ".new-young"}


def test_the_cache_is_where_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_root() == home / ".cache/evoae"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_root() == Path("/xdg/evoae")
    monkeypatch.setenv("EVOAE_CACHE", "~/own")
    assert cache_root() == home / "own"


def test_a_cache_that_cannot_be_written_is_a_sentence(
    digits: Dataset, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("EVOAE_CACHE", str(home / "file"))
    with pytest.raises(DataError) as error:
        share(digits)
    assert error.value.value == "cannot be written (Not a directory)"
    assert error.value.next_step.startswith("set EVOAE_CACHE")


def test_a_disk_too_full_for_the_cache_is_a_failed_run(digits: Dataset, home: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # NumPy sees no difference
    try:
        with pytest.raises(DiskFullError, match=r"requested and .* written") as error:
            share(digits)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "has room" in error.value.next_step
    assert names(home) == set()
