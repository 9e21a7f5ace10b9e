from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoae.data.sources import download, fetchers
from evoae.data.sources.fetchers import FileFetcher
from evoae.data.sources.idx import PARTS, find_part
from evoae.data.sources.named import NAMED, find_set
from evoae.errors import DataError, DiskFullError

Write = Callable[..., Path]


def read(fetcher: FileFetcher, path: Path | None = None) -> tuple[Any, list[str]]:
    """Read the set; return it and what was said."""
    said: list[str] = []
    return fetcher.read(path, said.append), said


def left_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_places_are_searched_in_the_order_of_the_design(
    tiny: FileFetcher,
    write_tiny: Write,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, environment = tmp_path / "given", tmp_path / "environment"
    monkeypatch.setenv("EVOAE_DATA", str(environment))
    order = [
        given / "ti-ny",
        given,
        environment / "tiny",
        environment / "ti-ny",
        environment,
        home / ".keras/datasets/ti-ny",
        tmp_path / "system/ti-ny",
    ]
    for folder in order:
        write_tiny(folder)
    for folder in order:
        assert tiny.find(given) == str(folder)
        assert read(tiny, given)[1] == []
        for part in PARTS:
            (folder / f"{part}.gz").unlink()
    assert tiny.find(given) is None


def test_keras_home_moves_the_keras_cache(
    tiny: FileFetcher, write_tiny: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    folder = write_tiny(tmp_path / "k" / "datasets" / "ti-ny")
    assert tiny.find(None) == str(folder)


@pytest.mark.parametrize(("suffix", "level"), [("", 0), (".gz", 1), (".gz", 9)])
def test_the_digest_holds_for_every_way_of_compressing(
    tiny: FileFetcher, write_tiny: Write, tmp_path: Path, suffix: str, level: int, tiny_arrays: Any
) -> None:
    source, _ = read(tiny, write_tiny(tmp_path / "x", suffix, level))
    for held, array in zip((source.images[..., 0], source.labels), tiny_arrays, strict=False):
        assert np.array_equal(held, array)


@pytest.mark.parametrize("as_file", [True, False])
def test_the_npz_file_of_keras_is_verified_by_the_same_digests(
    tiny: FileFetcher, tiny_arrays: Any, tmp_path: Path, as_file: bool
) -> None:
    file = tmp_path / "x" / "tiny.npz"
    file.parent.mkdir()
    np.savez(
        file, **dict(zip(("x_train", "y_train", "x_test", "y_test"), tiny_arrays, strict=True))
    )
    source, _ = read(tiny, file if as_file else file.parent)
    assert np.array_equal(source.images[..., 0], tiny_arrays[0])
    changed = tiny_arrays[2] ^ np.uint8(1)
    np.savez(
        file, x_train=tiny_arrays[0], y_train=tiny_arrays[1], x_test=changed, y_test=tiny_arrays[3]
    )
    with pytest.raises(DataError) as error:
        read(tiny, file)
    assert error.value.place == f"{file} (x_test)"


def test_one_changed_pixel_is_refused_with_both_digests(
    tiny: FileFetcher, write_tiny: Write, tmp_path: Path
) -> None:
    folder = write_tiny(tmp_path / "x", "")
    file = folder / PARTS[2]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        read(tiny, folder)
    assert error.value.place == str(file)
    assert f"expected {tiny.digests[2][:12]}…" in str(error.value)
    assert error.value.next_step == "put the original there, or take the file away"


def test_a_truncated_file_of_a_named_set_is_refused(
    tiny: FileFetcher, write_tiny: Write, home: Path
) -> None:
    folder = write_tiny(home / ".keras/datasets/tiny")
    file = folder / f"{PARTS[0]}.gz"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError) as error:
        read(tiny)
    assert error.value.place == str(file)
    assert "truncated" in str(error.value)
    assert error.value.next_step == "get the file again, or take it away"


def test_three_of_four_files_are_not_a_copy(
    tiny: FileFetcher, write_tiny: Write, tmp_path: Path
) -> None:
    folder = write_tiny(tmp_path / "x")
    (folder / f"{PARTS[3]}.gz").unlink()
    assert tiny.find(folder) is None


def test_not_found_says_what_was_tried_in_order_and_the_two_ways_to_provide_it(
    tiny: FileFetcher, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetchers, "SYSTEM", Path("/usr/share/datasets-of-nobody"))
    with pytest.raises(DataError) as error:
        read(tiny)
    assert str(error.value) == (
        "tiny: not found in data.path, EVOAE_DATA, ~/.keras/datasets or "
        "/usr/share/datasets-of-nobody, and downloading failed (no network; not a Debian system). "
        "Install the package dataset-tiny, or set data.path."
    )
    monkeypatch.setenv("EVOAE_DATA", "/of/mine")
    with pytest.raises(DataError) as error:
        read(tiny, Path("/some/where"))
    assert "not found in data.path (/some/where), EVOAE_DATA (/of/mine), ~/" in str(error.value)
    assert left_in(home) == []


def test_a_folder_that_cannot_be_looked_into_is_a_sentence(
    tiny: FileFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVOAE_DATA", "x" * 300)
    with pytest.raises(DataError) as error:
        read(tiny)
    assert "cannot be read (File name too long)" in str(error.value)


def test_a_download_is_kept_where_keras_finds_it_and_used_again(
    tiny: FileFetcher,
    write_tiny: Write,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remote = write_tiny(tmp_path / "remote")
    asked: list[str] = []

    def copied(url: str, target: Path) -> None:
        asked.append(url)
        shutil.copy(remote / target.name, target)

    monkeypatch.setattr(download, "download", copied)
    source, said = read(tiny)
    assert said == ["tiny: not on this machine yet; getting 1 MB, once"]
    assert asked == [
        f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{part}.gz" for part in PARTS
    ]
    assert left_in(home) == sorted(f".keras/datasets/ti-ny/{part}.gz" for part in PARTS)
    again, said = read(tiny)
    assert said == []
    assert len(asked) == 4
    assert np.array_equal(again.images, source.images)


def test_without_network_the_debian_package_is_unpacked_into_the_keras_cache(
    tiny: FileFetcher, write_tiny: Write, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(package: str, folder: Path) -> None:
        assert package == "dataset-tiny"
        write_tiny(folder / "usr/share/datasets/ti-ny")

    monkeypatch.setattr(download, "unpack_debian", unpack)
    read(tiny)
    assert left_in(home) == sorted(f".keras/datasets/ti-ny/{part}.gz" for part in PARTS)


def test_a_download_that_breaks_off_leaves_nothing_behind(
    tiny: FileFetcher,
    write_tiny: Write,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remote = write_tiny(tmp_path / "remote")

    def copied(url: str, target: Path) -> None:
        target.write_bytes((remote / target.name).read_bytes()[:30])
        if target.name.startswith(PARTS[1]):
            raise download.DownloadError("broke off")

    monkeypatch.setattr(download, "download", copied)
    with pytest.raises(DataError) as error:
        read(tiny)
    assert "downloading failed (broke off; not a Debian system)" in str(error.value)
    assert left_in(home) == []


def test_processes_that_download_at_once_do_not_disturb_one_another(
    tiny: FileFetcher,
    write_tiny: Write,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remote, both = write_tiny(tmp_path / "remote"), threading.Barrier(2, timeout=10)

    def copied(url: str, target: Path) -> None:
        shutil.copy(remote / target.name, target)
        both.wait()  # no copy is kept before the other is on its way, and both are staged at once

    monkeypatch.setattr(download, "download", copied)
    with ThreadPoolExecutor(2) as processes:
        first, second = processes.map(lambda _: read(tiny)[0], range(2))
    assert np.array_equal(first.images, second.images)
    assert left_in(home) == sorted(f".keras/datasets/ti-ny/{part}.gz" for part in PARTS)


def test_a_download_of_something_else_is_not_kept_and_the_next_source_is_asked(
    tiny: FileFetcher, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "download", lambda _, target: target.write_text("<html>Log in"))
    with pytest.raises(DataError) as error:
        read(tiny)
    assert "(what arrived is not an idx file; not a Debian system)" in str(error.value)
    assert left_in(home) == []


def test_a_keras_cache_that_cannot_be_written_is_a_sentence(
    tiny: FileFetcher, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(home / "file"))
    with pytest.raises(DataError) as error:
        read(tiny)
    assert error.value.value == "tiny cannot be kept there (Not a directory)"
    assert error.value.next_step == "set KERAS_HOME to a folder that can be written and has room"


def test_a_disk_too_full_for_a_download_is_a_failed_run(
    tiny: FileFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(download, "download", full)
    with pytest.raises(DiskFullError, match="cannot be kept there") as error:
        read(tiny)
    assert "has room" in error.value.next_step


def test_every_named_set_describes_itself_truly() -> None:
    digits = find_set("digits")
    source = digits.fetcher.read(None, print)
    assert source.images.shape == (digits.train, *digits.shape)
    assert source.test is None
    assert digits.test is None
    for name, known in NAMED.items():
        assert known.name == name


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's package mirror")
def test_fashion_mnist_arrives_on_a_machine_that_has_nothing(home: Path) -> None:
    fashion = find_set("fashion_mnist")
    said: list[str] = []
    source = fashion.fetcher.read(None, said.append)
    assert said == ["fashion_mnist: not on this machine yet; getting 31 MB, once"]
    assert source.images.shape == (fashion.train, *fashion.shape)
    assert source.test is not None
    assert source.test.shape == (fashion.test, *fashion.shape)
    assert find_part(home / ".keras/datasets/fashion-mnist", PARTS[0]) is not None
    assert fashion.fetcher.find(None) == str(home / ".keras/datasets/fashion-mnist")
