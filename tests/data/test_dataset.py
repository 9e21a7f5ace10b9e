from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evoae.config.data import DataConfig, ReduceConfig
from evoae.data.arrays import order
from evoae.data.dataset import Dataset
from evoae.data.kinds.images import ImageSource
from evoae.data.kinds.tables import Rows
from evoae.data.load import load
from evoae.data.pca import pca_error
from evoae.data.shared_memmap import open_shared, share
from evoae.data.summary import summarise
from evoae.errors import DataError

DIGITS = DataConfig(name="digits")


@pytest.fixture(scope="module")
def numbered() -> Dataset:
    """100 images, each of which holds its own number, which is its label as well."""
    images = np.arange(100, dtype=np.uint8)[:, None, None, None].repeat(4, axis=1)
    source = ImageSource("numbered", images, np.arange(100))
    return source.split(DataConfig(path="numbered.npy", validation=20, test=0.1), seed=3)


def members(*splits: np.ndarray) -> list[int]:
    return sorted(int(number) for split in splits for number in split[:, 0, 0, 0])


def test_splits_are_disjoint_and_together_hold_every_image(numbered: Dataset) -> None:
    assert members(numbered.train, numbered.validation, numbered.test) == list(range(100))
    counts = len(numbered.train), len(numbered.validation), len(numbered.test)
    assert counts == (70, 20, 10)


def test_labels_follow_their_images_through_split_and_reduction(numbered: Dataset) -> None:
    for data in (numbered, numbered.reduced(ReduceConfig(train=9, validation=5), 1)):
        for images, labels in (
            (data.train, data.train_labels),
            (data.validation, data.validation_labels),
            (data.test, data.test_labels),
        ):
            assert labels is not None
            assert images[:, 0, 0, 0].tolist() == labels.tolist()


def test_the_order_of_a_seed_is_pinned_for_ever() -> None:
    assert order(8, 7, "test").tolist() == [3, 1, 6, 4, 0, 5, 2, 7]


def test_the_digest_of_digits_is_the_same_on_any_machine() -> None:
    digest = load(DIGITS, 7).digest
    assert digest == "112ea8ba84140358fe4c6f1be672e3878fef1613cb9a11f71feaba9342490aee"


def test_the_digest_depends_on_seed_sizes_reduction_and_pixels_but_not_on_the_name() -> None:
    base = load(DIGITS, 7)
    others = [
        load(DIGITS, 8),
        load(DataConfig(name="digits", validation=100), 7),
        base.reduced(ReduceConfig(train=100), 7),
        base.reduced(ReduceConfig(train=100), 8),
        base.reduced(ReduceConfig(validation=100), 7),
    ]
    assert len({data.digest for data in (base, *others)}) == 6
    renamed = Dataset("other", base.train, base.validation, base.test, base.origin, base.kind)
    assert renamed.digest == base.digest
    touched = base.train.copy()
    touched[0, 0, 0, 0] += 0.5
    changed = Dataset("digits", touched, base.validation, base.test, base.origin, base.kind)
    assert changed.digest != base.digest


def test_a_reduction_is_a_seeded_subset_that_leaves_the_test_split_whole(
    numbered: Dataset,
) -> None:
    reduced = numbered.reduced(ReduceConfig(train=30, validation=7), 5)
    assert (len(reduced.train), len(reduced.validation)) == (30, 7)
    assert set(members(reduced.train)) < set(members(numbered.train))
    assert set(members(reduced.validation)) < set(members(numbered.validation))
    assert members(reduced.test) == members(numbered.test)
    again = numbered.reduced(ReduceConfig(train=30, validation=7), 5)
    assert again.digest == reduced.digest


def test_a_smaller_reduction_is_part_of_a_larger_one(numbered: Dataset) -> None:
    small = numbered.reduced(ReduceConfig(train=10), 5)
    large = numbered.reduced(ReduceConfig(train=40), 5)
    assert set(members(small.train)) < set(members(large.train))


def test_no_reduction_changes_nothing(numbered: Dataset) -> None:
    assert numbered.reduced(ReduceConfig(), 5) is numbered


@pytest.mark.parametrize(("key", "held"), [("train", 70), ("validation", 20)])
def test_reducing_to_more_than_there_is_says_how_many_there_are(
    numbered: Dataset, key: str, held: int
) -> None:
    with pytest.raises(DataError) as error:
        numbered.reduced(ReduceConfig.model_validate({key: 1000}), 5)
    assert str(error.value) == (
        f"data.reduce.{key}: 1,000 images, but the {key} split has {held}; "
        "lower it, or set it to null for all"
    )


def test_digits_are_floats_in_zero_to_one_with_a_sigmoid_head() -> None:
    data = load(DIGITS, 7)
    assert data.train.dtype == np.float32
    assert (data.train.min(), data.train.max()) == (0, 1)
    assert data.input_shape == (8, 8, 1)
    assert data.kind.output == "sigmoid"


def test_rows_go_every_way_that_images_go() -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 5)))
    source = Rows("rows", "rows", rows.add_prefix("x"))
    data = source.split(DataConfig(path="rows", validation=5, test=5), seed=3)
    assert data.input_shape == (5,)
    assert np.array_equal(open_shared(share(data)).validation, data.validation)
    touched = replace(data, train=data.train + 1)
    assert touched.digest != data.digest
    summary = summarise(data)
    assert summary.input_shape == (5,)
    mean = data.train.mean(axis=0)
    expected = ((data.test - mean) ** 2).mean()
    assert summary.mean_image_mse_test == pytest.approx(expected, rel=1e-5)
    assert pca_error(data.train, data.test, 5) == pytest.approx(0, abs=1e-10)
    assert 0 < pca_error(data.train, data.test, 2) < summary.mean_image_mse_test
