"""The original archive is 170 MB; a made-up one of the same layout stands in for it."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoae.config.data import DataConfig
from evoae.data.load import load
from evoae.data.sources import named
from evoae.data.sources.cifar import CIFAR10, read_cifar
from evoae.errors import DataError

BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
Batch = dict[bytes, Any]
Write = Callable[..., Path]


def batch(number: int, count: int = 4) -> Batch:
    rows = np.random.default_rng(number).integers(0, 256, (count, 3072), np.uint8)
    return {
        b"batch_label": b"some of them",
        b"labels": [(number + i) % 10 for i in range(count)],
        b"data": rows,
        b"filenames": [b"x.png"] * count,
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A function that writes an archive, some of its batches replaced by raw bytes."""

    def write(name: str = "cifar-10-python.tar.gz", **replaced: bytes | None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz") as archive:
            for number, member in enumerate(BATCHES):
                content = replaced.get(member, pickle.dumps(batch(number), protocol=2))
                if content is not None:
                    info = tarfile.TarInfo(f"cifar-10-batches-py/{member}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
        return path

    return write


def test_pixels_lie_in_planes_of_red_green_and_blue_row_by_row(write: Write) -> None:
    source = read_cifar(write())
    assert source.images.shape == (20, 32, 32, 3)
    assert source.images.flags.c_contiguous
    assert source.test is not None
    assert source.test.shape == (4, 32, 32, 3)
    first = batch(0)[b"data"][0]
    assert source.images[0, 0, 0].tolist() == [first[0], first[1024], first[2048]]
    assert source.images[0, 2, 5, 1] == first[1024 + 2 * 32 + 5]
    assert source.labels is not None
    assert source.labels.tolist() == [(n + i) % 10 for n in range(5) for i in range(4)]
    assert source.test_labels is not None
    assert source.test_labels.tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("protocol", [0, 2])
def test_arrays_pickled_by_an_old_numpy_are_read(write: Write, protocol: int) -> None:
    content = pickle.dumps(batch(0), protocol=protocol)
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != content
    assert np.array_equal(read_cifar(write(data_batch_1=old)).images, read_cifar(write()).images)


@dataclass
class Evil:
    target: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


def test_a_pickle_that_wants_more_than_arrays_is_refused_and_does_nothing(
    write: Write, tmp_path: Path
) -> None:
    evil = Evil(tmp_path / "touched")
    pickle.loads(pickle.dumps(evil))
    assert evil.target.exists()
    evil.target.unlink()
    for thing in (evil, {b"data": evil}, print):
        with pytest.raises(DataError) as error:
            read_cifar(write(data_batch_3=pickle.dumps(thing)))
        assert "truncated or damaged (it asks for " in str(error.value)
    assert not evil.target.exists()


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        pickle.dumps({}),
        pickle.dumps([1]),
        pickle.dumps({b"data": np.zeros((4, 3072)), b"labels": [1] * 4}),
        pickle.dumps({b"data": np.zeros((4, 3071), np.uint8), b"labels": [1] * 4}),
        pickle.dumps({b"data": np.zeros((4, 3072), np.uint8), b"labels": [1] * 3}),
    ],
    ids=["missing", "empty", "no-keys", "a-list", "floats", "short", "labels"],
)
def test_an_archive_of_something_else_is_one_sentence(write: Write, content: bytes | None) -> None:
    with pytest.raises(DataError) as error:
        read_cifar(write(test_batch=content))
    assert "truncated or damaged (" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_truncated_archive_is_one_sentence(write: Write) -> None:
    path = write()
    whole = path.read_bytes()
    for kept in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:kept])
        with pytest.raises(DataError, match="truncated or damaged"):
            read_cifar(path)


@pytest.mark.parametrize(
    "place",
    [
        "given/cifar-10-python.tar.gz",
        "given/cifar10/cifar-10-batches-py.tar.gz",
        "home/.keras/datasets/cifar-10-batches-py-target_archive",
    ],
)
def test_cifar10_is_found_verified_and_split(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    path = write(place)
    with pytest.raises(DataError, match="not the original of cifar10"):
        load(DataConfig(name="cifar10", path=str(tmp_path / "given")), 1)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    fetcher = replace(CIFAR10, digests=(digest,))
    monkeypatch.setitem(named.NAMED, "cifar10", replace(named.NAMED["cifar10"], fetcher=fetcher))
    data = load(DataConfig(name="cifar10", path=str(tmp_path / "given")), 1)
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 4)


def test_the_digest_is_the_one_that_keras_pins() -> None:
    import importlib.util

    found = importlib.util.find_spec("keras")
    assert found is not None
    assert found.origin is not None
    pinned = Path(found.origin).parent / "src/datasets/cifar10.py"
    assert CIFAR10.digests[0] in pinned.read_text()
    assert next(iter(CIFAR10.urls.values())) in pinned.read_text()
