"""Values that are neither bytes nor in 0..1 are scaled, as found or as told, and it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evoae.config.data import DataConfig
from evoae.data.kinds.images import ImageKind, ImageSource
from evoae.data.kinds.registry import restore
from evoae.data.load import load, read
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
    return source, [*said, *source.remarks]


def put_all(folder: Path, arrays: Any, suffix: str = ".png") -> Path:
    folder.mkdir(exist_ok=True)
    for i, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{i:02}{suffix}")
    return folder


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


def test_a_scale_says_nothing_about_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    np.save(tmp_path / "t.npy", np.zeros((4, 3)))
    for path in ("t.csv", "t.npy"):
        for key, value in (("scale", 3), ("background", "red")):
            with pytest.raises(DataError, match=f"data.{key}: .* says nothing about"):
                read_path(tmp_path / path, DataConfig.model_validate({"path": "x", key: value}))


def test_pictures_of_twelve_bits_are_scaled_by_twelve(tmp_path: Path) -> None:
    source, told = read_at(put_all(tmp_path / "x", DEEP))
    assert np.array_equal(source.images[..., 0], (DEEP / 4095 * 255).round())
    assert told == [
        f"x: 12 pictures of more than 8 bits, values {DEEP.min()} to {DEEP.max()}: "
        "4095 is white (data.scale)"
    ]
    again, told_again = read_at(tmp_path / "x")  # from the cache
    assert (again.scale, told_again) == ((0, 4095), told)


def test_pictures_of_eight_bits_beside_them_stay_as_they_are(tmp_path: Path) -> None:
    folder = put_all(
        tmp_path / "x", [*DEEP[:3], *BYTES.astype(np.uint8).repeat(2, 1).repeat(2, 2)]
    )
    source, _ = read_at(folder)
    assert np.array_equal(source.images[3:, ::2, ::2, 0], BYTES)
    told_so, _ = read_at(folder, scale=2000)
    assert np.array_equal(told_so.images[3:], source.images[3:])


@pytest.mark.parametrize(
    ("array", "scale"),
    [
        (RNG.random((6, 8, 8)), (0, 1)),
        (RNG.random((6, 8, 8)) * 3000 - 9, None),
        (RNG.random((6, 8, 8)) * 255, (0, 255)),
    ],
    ids=["0..1", "any", "0..255"],
)
def test_pictures_of_floats_are_scaled_by_the_range_of_them_all(
    tmp_path: Path, array: Any, scale: tuple[float, float] | None
) -> None:
    floats = array.astype(np.float32)
    source, told = read_at(put_all(tmp_path / "x", floats, ".tif"))
    black, white = scale or (floats.min(), floats.max())
    assert np.array_equal(
        source.images[..., 0], ((floats - np.float64(black)) / (white - black) * 255).round()
    )
    assert "6 pictures of more than 8 bits" in told[0]


def test_floats_that_are_not_finite_are_corrupt(tmp_path: Path) -> None:
    floats = RNG.random((6, 8, 8)).astype(np.float32)
    floats[2, 1, 1] = np.inf
    folder = put_all(tmp_path / "x", floats, ".tif")
    with pytest.raises(DataError, match=r"02.tif: cannot be decoded \(holds values that are NaN"):
        read_at(folder)
    assert len(read_at(folder, corrupt="skip")[0].images) == 5


def test_dark_pictures_of_eight_bits_are_scaled_as_told(tmp_path: Path) -> None:
    mask = MASK.astype(np.uint8)
    clear = np.stack([mask, np.full_like(mask, 255)], -1)
    for name, arrays in (("mask", mask), ("clear", clear)):
        source, _ = read_at(put_all(tmp_path / name, arrays), scale=1)
        assert np.array_equal(source.images[..., 0], mask * 255)
        assert source.split(DataConfig(path="x", validation=1, test=1), 7).kind == ImageKind(
            (0, 1)
        )


def test_the_scale_comes_back_from_json_and_runs_without_one_are_read() -> None:
    stored = json.loads(json.dumps(ImageKind((0.0, 4095.0)).to_json()))
    assert restore(stored) == ImageKind((0.0, 4095.0))
    assert restore({"name": "images", "fitted": {}}) == ImageKind()


def test_new_items_are_read_by_the_scale_of_the_model(tmp_path: Path) -> None:
    fitted = ImageKind((0.0, 4095.0))
    np.save(tmp_path / "x.npy", DEEP[:3] // 16)
    put_all(tmp_path / "x", DEEP[:3] // 16)
    put_all(tmp_path / "brighter", DEEP[:3] + 40)
    for path, unit in ((tmp_path / "x.npy", 1), (tmp_path / "x", 255)):
        (images,), _ = fitted.inputs(read(DataConfig(path=str(path)), fitted=fitted))
        assert np.allclose(images[..., 0], DEEP[:3] // 16 / 4095 * unit, atol=unit / 500)
    brighter = read(DataConfig(path=str(tmp_path / "brighter")), fitted=fitted)
    assert brighter.remarks[-1].endswith("with values outside data.scale: clipped")
    np.save(tmp_path / "y.npy", np.zeros((9, 8, 8, 3), np.uint8))
    assert read(DataConfig(path=str(tmp_path / "y.npy")), fitted=fitted).images.dtype == np.uint8


@pytest.mark.parametrize("form", ["array", "folder"])
def test_a_model_of_bytes_takes_no_values_whose_white_is_a_guess(
    tmp_path: Path, form: str
) -> None:
    np.save(tmp_path / "x.npy", DEEP)
    path = tmp_path / "x.npy" if form == "array" else put_all(tmp_path / "x", DEEP)
    source = read(DataConfig(path=str(path)), fitted=ImageKind())
    with pytest.raises(DataError, match="values are 0 to 4095, where those that the model was"):
        ImageKind().inputs(source)
    np.save(tmp_path / "x.npy", BYTES)
    ImageKind().inputs(read(DataConfig(path=str(tmp_path / "x.npy")), fitted=ImageKind()))


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


def test_white_drawings_on_nothing_are_refused_on_white_and_read_on_black(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    for i, alpha in enumerate(RNG.integers(0, 256, (6, 5, 5), np.uint8)):
        white = np.full((5, 5, 4), 255, np.uint8)
        white[..., 3] = alpha
        Image.fromarray(white).save(folder / f"{i}.png")
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(folder), test=1, validation=1), 7)
    assert str(error.value) == (
        "x: all 6 images are alike, of one value, once their transparency is laid on white; "
        "set data.background=black, or another colour that they don't have"
    )
    said: list[str] = []
    config = DataConfig(path=str(folder), background="black", test=1, validation=1)
    assert load(config, 7, said.append).train.max() > 99
    assert said[0] == "x: 6 pictures with transparency, laid on black (data.background)"
    told = read_path(folder, DataConfig(path="x", background="#ff0080"))
    assert told.images[0, ..., 0].min() == 255  # red, or white
