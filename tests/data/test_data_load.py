from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from images_made_up import pictures
from numpy.typing import NDArray

from evoae.config.data import DataConfig
from evoae.data.load import load
from evoae.data.sources.fetchers import FileFetcher
from evoae.errors import DataError


@pytest.fixture
def images(tmp_path: Path) -> str:
    path = tmp_path / "images.npy"
    np.save(path, pictures(50))
    return str(path)


def test_a_set_with_its_own_test_part_keeps_it_and_gives_validation_from_training(
    tiny: FileFetcher, write_tiny: Callable[..., Path], tiny_arrays: list[NDArray[np.uint8]],
    tmp_path: Path,
) -> None:  # fmt: skip
    config = DataConfig(name="tiny", path=str(write_tiny(tmp_path / "x")), validation=6, test=9)
    data = load(config, 1)
    assert np.array_equal(data.test[..., 0], tiny_arrays[2])
    assert (len(data.train), len(data.validation)) == (14, 6)
    drawn = np.concatenate([data.train, data.validation])[..., 0]
    assert {image.tobytes() for image in drawn} == {image.tobytes() for image in tiny_arrays[0]}


def test_a_file_is_split_by_shares_of_what_remains(images: str) -> None:
    data = load(DataConfig(path=images, test=0.2, validation=0.25), 1)
    assert (len(data.train), len(data.validation), len(data.test)) == (30, 10, 10)
    assert data.name == "images.npy"


def test_the_seed_alone_decides_the_split(images: str) -> None:
    first, again, other = (load(DataConfig(path=images), seed) for seed in (1, 1, 2))
    assert first.digest == again.digest
    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_the_same_images_give_the_same_digest_from_another_folder(
    images: str, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / "renamed.npz"
    copy.parent.mkdir()
    np.savez_compressed(copy, x=np.load(images))
    assert load(DataConfig(path=str(copy)), 1).digest == load(DataConfig(path=images), 1).digest


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ({"test": 50}, "data.test: 50 takes all of the 50 images to train on; lower it"),
        ({"test": 0.999}, "data.test: 0.999 takes all of the 50 images to train on; lower it"),
        ({"test": 0.001}, "data.test: 0.001 of 50 images is none; raise it"),
        (
            {"test": 10, "validation": 40},
            "data.validation: 40 takes all of the 40 images to train on; lower it",
        ),
        (
            {"test": 10, "validation": 0.01},
            "data.validation: 0.01 of 40 images is none; raise it",
        ),
    ],
)
def test_a_split_without_room_is_a_sentence(
    images: str, sizes: dict[str, float], sentence: str
) -> None:
    with pytest.raises(DataError) as error:
        load(DataConfig.model_validate({"path": images, **sizes}), 1)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fashion-mnist", "did you mean 'fashion_mnist'?"),
        ("qqq", "known are fashion_mnist, mnist, cifar10, digits, heart"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name: str, hint: str) -> None:
    with pytest.raises(DataError) as error:
        load(DataConfig(name=name), 1)
    assert str(error.value) == f"data.name: no set is called '{name}'; {hint}"


def test_a_path_for_digits_is_refused() -> None:
    with pytest.raises(DataError) as error:
        load(DataConfig(name="digits", path="x"), 1)
    assert str(error.value) == "data.path: x is not used by digits; remove it"
