"""Values that are neither bytes nor in 0..1 are scaled, as found or as told, and it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoae.config.data import DataConfig
from evoae.data.kinds.images import ImageKind, ImageSource
from evoae.data.kinds.registry import restore
from evoae.data.load import load
from evoae.data.sources.files import read_path
from evoae.errors import DataError

RNG = np.random.default_rng(7)
DEEP = RNG.integers(0, 4081, (12, 8, 8)).astype(np.uint16)


def read_array(path: Path, array: Any, **keys: Any) -> tuple[ImageSource, list[str]]:
    np.save(path / "x.npy", array)
    return read_at(path / "x.npy", **keys)


def read_at(path: Path, **keys: Any) -> tuple[ImageSource, list[str]]:
    said: list[str] = []
    config = DataConfig.model_validate({"path": str(path), **keys})
    source = read_path(path, config, said.append)
    assert isinstance(source, ImageSource)
    return source, said


BYTES = RNG.integers(0, 256, (6, 4, 4))
BYTES[0, 0, :2] = 0, 255
MASK = BYTES > 99


@pytest.mark.parametrize(
    ("array", "scale", "said"),
    [
        (BYTES, (0, 255), "int64 from 0 to 255; 255 is white"),
        (BYTES.astype(np.int16), (0, 255), "int16 from 0 to 255; 255 is white"),
        (BYTES.astype(np.float32), (0, 255), "float32 from 0 to 255; 255 is white"),
        (MASK, (0, 1), "bool from 0 to 1; 1 is white"),
        (MASK.astype(np.uint8), (0, 1), "uint8 from 0 to 1; 1 is white"),
        (MASK.astype(np.int64), (0, 1), "int64 from 0 to 1; 1 is white"),
        (BYTES.astype(np.uint16) * 16, (0, 4095), "uint16 from 0 to 4080; 4095 is white"),
        (BYTES.astype(np.uint16) * 257, (0, 65535), "uint16 from 0 to 65,535; 65,535 is white"),
        (
            BYTES - 128,
            (-128, 127),
            "int64 from -128 to 127; -128 is black and 127 is white",
        ),
        (
            BYTES / 255.0 - 0.5,
            (-0.5, 0.5),
            "float64 from -0.5 to 0.5; -0.5 is black and 0.5 is white",
        ),
        (BYTES / 10.0, (0, 25.5), "float64 from 0 to 25.5; 25.5 is white"),
    ],
    ids=str,
)
def test_arrays_of_another_type_or_range_are_scaled_and_it_is_said(
    tmp_path: Path, array: Any, scale: tuple[float, float], said: str
) -> None:
    source, told = read_array(tmp_path, array)
    assert told == [f"x.npy: values are {said} (data.scale)"]
    assert source.scale == scale
    high = 255 if source.images.dtype == np.uint8 else 1
    share = (array.astype(np.float64) - scale[0]) / (scale[1] - scale[0])
    assert np.allclose(source.images[..., 0] / high, share, atol=1e-6)
    assert (source.images.min(), source.images.max()) == (0, pytest.approx(high * share.max()))


def test_bytes_and_floats_in_range_are_neither_copied_nor_remarked_on(tmp_path: Path) -> None:
    for array in (
        BYTES.astype(np.uint8),
        (BYTES / 255).astype(np.float32),
        MASK.astype(np.float32),
    ):
        source, told = read_array(tmp_path, array)
        assert (told, source.scale) == ([], None)
        assert isinstance(source.images.base, np.memmap)
        assert source.split(DataConfig(path="x", validation=1, test=1), 7).kind == ImageKind()


def test_one_scale_is_chosen_for_both_parts_of_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x_train=DEEP // 16, x_test=DEEP)
    source, told = read_at(tmp_path / "x.npz")
    assert source.scale == (0, 4095)
    assert source.images.max() < 0.07
    assert len(told) == 1


def test_a_scale_that_is_given_holds_and_clipping_is_counted(tmp_path: Path) -> None:
    source, told = read_array(tmp_path, DEEP, scale=[80, 2000])
    assert np.allclose(source.images[..., 0], ((DEEP - 80.0) / 1920).clip(0, 1))
    assert told == ["x.npy: 12 images have values outside 80 to 2000: clipped"]
    dark = (BYTES % 17).astype(np.uint8)
    source, told = read_array(tmp_path, dark, scale=16)
    assert (source.images.dtype, told) == (np.uint8, [])
    assert np.array_equal(source.images[..., 0], (dark / 16 * 255).round())
    _, told = read_array(tmp_path, dark, scale=4095)
    assert told == ["x.npy: data.scale is not used: values are bytes, 255 is white"]


def test_values_that_are_not_finite_stay_an_error_under_any_scale(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 NaN value"):
        read_array(tmp_path, np.where(np.arange(16).reshape(1, 4, 4) == 3, np.nan, 9), scale=9)


def test_the_scale_comes_back_from_json_and_runs_without_one_are_read() -> None:
    stored = json.loads(json.dumps(ImageKind((0.0, 4095.0)).to_json()))
    assert restore(stored) == ImageKind((0.0, 4095.0))
    assert restore({"name": "images", "fitted": {}}) == ImageKind()


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.full((20, 4, 4), 9, np.uint8), "all 20 images are alike, of one value; check that"),
        (np.stack([BYTES[0]] * 20).astype(np.uint8), "all 20 images are alike; check that"),
        (
            np.full((20, 4, 4), 9, np.uint16),
            "all 20 images are alike, of one value; 255 is white (data.scale): set it to values",
        ),
    ],
)
def test_images_that_are_all_alike_are_refused(tmp_path: Path, images: Any, said: str) -> None:
    np.save(tmp_path / "x.npy", images)
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(tmp_path / "x.npy")), 7)
    assert str(error.value).startswith(f"x.npy: {said}")
    images[-1, 0, 0] += 1
    np.save(tmp_path / "x.npy", images)
    load(DataConfig(path=str(tmp_path / "x.npy")), 7)
