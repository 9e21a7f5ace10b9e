from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images_made_up import pictures, write_idx

from evoae.config.data import DataConfig
from evoae.data.load import load
from evoae.data.sources.fetchers import FileFetcher
from evoae.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, pictures(20))
    return path


def labelled(images: Path, labels: Path) -> Any:
    data = load(DataConfig(path=str(images), labels=str(labels)), 1)
    return data.train_labels, data.validation_labels, data.test_labels


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt"])
@pytest.mark.parametrize("kind", ["npy", "idx", "npz"])
def test_labels_follow_their_images(images: Path, tmp_path: Path, suffix: str, kind: str) -> None:
    if kind == "idx":
        images = tmp_path / "images-idx3-ubyte"
        write_idx(images, pictures(20))
    elif kind == "npz":
        images = tmp_path / "images.npz"
        np.savez(images, x=pictures(20), y=np.zeros(20))
    file = tmp_path / f"labels{suffix}"
    if suffix == ".npy":
        np.save(file, np.arange(20)[:, None])
    else:
        file.write_text("\n".join(map(str, range(20))) + "\n\n")
    config = DataConfig(path=str(images), labels=str(file))
    data = load(config, 1)
    assert data.train_labels is not None
    assert data.train_labels.dtype == np.int64
    for image, label in zip(data.train, data.train_labels, strict=True):
        assert np.array_equal(image[..., 0], pictures(20)[label])


def test_labels_that_are_not_all_numbers_stay_text(images: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_text("cat\n" * 19 + "7\n")
    assert {one for part in labelled(images, file) for one in part} == {"cat", "7"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"1\n" * 19, "{} holds 19 labels for 20 items; give one for each"),
        (b"label\n" + b"1\n" * 20, "{} holds 21 labels for 20 items; give one for each"),
        (b"", "{} holds 0 labels for 20 items; give one for each"),
        (b"1\n\n" + b"1\n" * 18, "line 2 of {} is empty; give each a label"),
        (b"\xff\xfe", "{} cannot be read (damaged, or no text); expected .npy, or a label a line"),
        (
            b"\x93NUMPY\x01\x00",
            "{} cannot be read (damaged, or no text); expected .npy, or a label a line",
        ),
        (
            None,
            "{} cannot be read (No such file or directory); expected .npy, or a label a line",
        ),
    ],
)
def test_labels_that_do_not_fit_are_one_sentence(
    images: Path, tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "labels"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError) as error:
        labelled(images, file)
    assert str(error.value) == f"data.labels: {sentence.format(file)}"


def test_labels_in_a_table_of_numbers_are_refused(images: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "l.npy", np.zeros((20, 2)))
    with pytest.raises(DataError, match=r"holds shape \(20, 2\) for 20 items"):
        labelled(images, tmp_path / "l.npy")


def test_labels_for_a_set_that_has_its_own_are_refused(tiny: FileFetcher) -> None:
    with pytest.raises(DataError) as error:
        load(DataConfig(name="tiny", labels="x"), 1)
    assert str(error.value) == "data.labels: x says nothing about tiny; remove it"
