from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from images_made_up import pictures, write_idx
from numpy.lib import format as npy

from evoae.config.data import DataConfig
from evoae.data.kinds.images import as_images
from evoae.data.sources.files import read_path
from evoae.errors import DataError


def complaint(path: Path) -> DataError:
    with pytest.raises(DataError) as error:
        read_path(path)
    assert error.value.place.startswith(str(path))
    assert "\n" not in str(error.value)
    return error.value


@pytest.fixture
def npy_of(tmp_path: Path) -> Callable[[Any], Path]:
    def write(array: Any) -> Path:
        path = tmp_path / "x.npy"
        np.save(path, array, allow_pickle=True)
        return path

    return write


@pytest.fixture
def npz_of(tmp_path: Path) -> Callable[..., Path]:
    def write(**arrays: Any) -> Path:
        path = tmp_path / "x.npz"
        np.savez_compressed(path, **arrays)
        return path

    return write


def floats(*shape: int) -> Any:
    return np.random.default_rng(0).random(shape)


def test_grey_images_gain_a_channel_axis_and_uint8_stays(npy_of: Callable[[Any], Path]) -> None:
    source = read_path(npy_of(pictures(5)))
    assert source.images.shape == (5, 4, 4, 1)
    assert source.images.dtype == np.uint8
    assert np.array_equal(source.images[..., 0], pictures(5))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_in_zero_to_one_become_float32(npy_of: Callable[[Any], Path], dtype: str) -> None:
    array = floats(5, 4, 6, 3).astype(dtype)
    images = read_path(npy_of(array)).images
    assert images.dtype == np.float32
    assert images.dtype.isnative
    assert np.array_equal(images, array.astype(np.float32))


@pytest.mark.parametrize(
    ("array", "value", "next_step"),
    [
        (
            pictures(5).astype(np.complex64),
            "values are of type complex64",
            "expected uint8, or floats in 0..1",
        ),
        (
            pictures(5).reshape(5, -1).repeat(49, axis=1)[:, :784],
            "shape (5, 784), rows instead of images",
            "save x.reshape(-1, 28, 28), or floats for a table",
        ),
        (
            pictures(5).reshape(5, -1)[:, :10],
            "shape (5, 10), rows instead of images",
            "save x.reshape(-1, height, width), or floats for a table",
        ),
        (
            floats(5),
            "shape (5,)",
            "expected (images, height, width), or with channels at the end, or (rows, columns)",
        ),
        (
            floats(9, 2, 16, 16),
            "shape (9, 2, 16, 16), channels before height and width",
            "save x.transpose(0, 2, 3, 1), with channels at the end",
        ),
        (
            floats(3, 7, 16, 16),
            "shape (3, 7, 16, 16), channels before height and width",
            "save x.transpose(0, 2, 3, 1), with channels at the end",
        ),
        (
            floats(3, 2, 8, 20),
            "shape (3, 2, 8, 20), channels before height and width",
            "save x.transpose(0, 2, 3, 1), with channels at the end",
        ),
        (
            floats(3, 5, 6, 7, 1),
            "shape (3, 5, 6, 7, 1), volumes or films instead of images",
            "save their slices as images: x.reshape(-1, 6, 7, 1)",
        ),
        (
            floats(3, 1, 5, 6, 7),
            "shape (3, 1, 5, 6, 7), volumes or films instead of images",
            "save their slices as images: x.reshape(-1, 6, 7)",
        ),
        (floats(0, 4, 4), "shape (0, 4, 4) holds no images", "save some"),
    ],
)
def test_an_unusable_array_is_told_how_to_become_usable(
    npy_of: Callable[[Any], Path], array: Any, value: str, next_step: str
) -> None:
    error = complaint(npy_of(array))
    assert (error.value, error.next_step) == (value, next_step)


@pytest.mark.parametrize(
    ("array", "value", "next_step"),
    [
        (
            pictures(99).astype(np.int64),
            "values are int64 from 0 to 255",
            "save x.astype('uint8')",
        ),
        (
            np.arange(48).reshape(3, 4, 4),
            "values are int64 from 0 to 47",
            "expected uint8 or floats in 0..1: save (x - x.min()) / (x.max() - x.min())",
        ),
        (
            pictures(99).astype(np.float32),
            "values are float32 from 0 to 255",
            "expected uint8 or floats in 0..1: save x / 255",
        ),
        (
            2 * floats(5, 4, 4).round() - 1,
            "values are float64 from -1 to 1",
            "expected uint8 or floats in 0..1: save (x - x.min()) / (x.max() - x.min())",
        ),
        (pictures(5) > 9, "values are of type bool", "save x.astype('uint8') * 255"),
        (
            (pictures(5) > 9).astype(np.uint8),
            "values are uint8 from 0 to 1, but 255 is white",
            "save x * 255",
        ),
    ],
)
def test_where_nothing_is_scaled_values_out_of_range_are_told_how_to_fit(
    array: Any, value: str, next_step: str
) -> None:
    with pytest.raises(DataError) as error:
        as_images(array, "X")
    assert (error.value.place, error.value.value) == ("X", value)
    assert error.value.next_step == next_step


@pytest.mark.parametrize(
    ("bad", "count", "said"), [(np.nan, 3, "3 NaN values"), (-np.inf, 1, "1 infinite value")]
)
def test_values_that_are_not_finite_are_counted_and_located(
    npy_of: Callable[[Any], Path], bad: float, count: int, said: str
) -> None:
    array = floats(9, 4, 4)
    array[6, 1, :count] = bad
    error = complaint(npy_of(array))
    assert error.value == f"{said}, the first in image 6 (counted from 0)"
    assert error.next_step == "repair or drop these images"


@pytest.mark.parametrize("shape", [(3, 9, 9, 30), (3, 2, 16, 3), (3, 16, 48, 32), (3, 4, 9, 4)])
def test_many_channels_at_the_end_are_read(
    npy_of: Callable[[Any], Path], shape: tuple[int, ...]
) -> None:
    assert read_path(npy_of(floats(*shape))).images.shape == shape


def test_images_of_differing_shapes_are_refused_without_unpickling(
    npy_of: Callable[[Any], Path], npz_of: Callable[..., Path]
) -> None:
    ragged = np.empty(4, object)
    ragged[:] = [np.zeros((side, 4)) for side in (3, 4, 5, 6)]
    for error in (complaint(npy_of(ragged)), complaint(npz_of(x=ragged))):
        assert error.value == (
            "holds Python objects, as NumPy makes of images of differing shapes"
        )
        assert error.next_step == "resize the images to one shape and save a plain array"


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.01, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".idx", ".gz"])
def test_a_truncated_file_is_a_sentence(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"x{suffix}"
    array = pictures(200)
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez_compressed(path, x=array)
    else:
        write_idx(path, array)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    said = complaint(path).value
    assert any(
        word in str(said) for word in ("truncated", "empty", "no known format", "not an idx")
    )


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".idx", ".gz"])
def test_a_flipped_byte_anywhere_is_a_sentence_or_changes_one_value(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"x{suffix}"
    array = pictures(6)
    if suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez_compressed(path, x=array)
    else:
        write_idx(path, array)
    whole = path.read_bytes()
    refused = 0
    for position in range(len(whole)):
        broken = bytearray(whole)
        broken[position] ^= 0x55
        path.write_bytes(broken)
        try:
            images = read_path(path).images
        except DataError:
            refused += 1
        else:
            assert images.size == array.size
    assert refused > 0


def test_a_pickle_is_of_no_known_format(tmp_path: Path) -> None:
    import pickle

    path = tmp_path / "x.npy"
    path.write_bytes(pickle.dumps([1, 2]))
    error = complaint(path)
    assert error.value == "a file of no known format"
    assert error.next_step == (
        "evoae reads: spreadsheets (.xlsx, .xls, .ods), Parquet, Feather, Stata, SAS, SPSS, "
        "MATLAB (.mat), HDF5, .npy, .npz, text tables (.csv, .tsv, .data, .txt), idx, "
        "a folder of idx files, as MNIST has them, or of one with images and one with labels, "
        "a folder of pictures"
    )


def test_a_missing_file_and_a_strange_folder_are_sentences(tmp_path: Path) -> None:
    assert complaint(tmp_path / "no.npy").value == "no such file or folder"
    assert complaint(tmp_path).value == "a folder of no known format: it is empty"
    assert "File name too long" in str(complaint(tmp_path / ("x" * 300)))


def test_an_npy_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        shape = (10**9, 10**4, 10)
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.write(bytes(1000))
    assert str(complaint(path).value).startswith("truncated or damaged")


def test_an_npz_member_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        shape = (10**9, 10**4, 10)
        npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        file.write(bytes(1000))
    assert "more than it can hold" in str(complaint(path).value)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_idx_header_that_promises_too_much_allocates_nothing(
    tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(compress(struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**16, 2**16) + bytes(99)))
    assert "more than it can hold" in str(complaint(path).value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_an_idx_file_that_holds_more_than_it_promises_is_refused(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"x{suffix}"
    content = struct.pack(">HBB3I", 0, 8, 3, 3, 2, 2) + bytes(range(13))
    path.write_bytes(gzip.compress(content) if suffix else content)
    assert str(complaint(path).value).endswith("promises 12 bytes, it holds more)")


@pytest.mark.parametrize(("code", "dtype"), [(0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_floats_are_read_in_their_byte_order(tmp_path: Path, code: int, dtype: str) -> None:
    array = floats(5, 3, 3).astype(dtype)
    (tmp_path / "x").write_bytes(struct.pack(">HBB3I", 0, code, 3, 5, 3, 3) + array.tobytes())
    images = read_path(tmp_path / "x").images
    assert np.array_equal(images[..., 0], array.astype(np.float32))


@pytest.mark.parametrize("name", ["x", "images", "data", "whatever"])
def test_an_npz_with_one_array_or_a_known_name_is_read(
    npz_of: Callable[..., Path], name: str
) -> None:
    extra = {} if name == "whatever" else {"other": floats(3)}
    source = read_path(npz_of(**{name: pictures(5)}, **extra))
    assert np.array_equal(source.images[..., 0], pictures(5))
    assert source.test is None


def test_an_npz_with_train_and_test_keeps_both_and_their_labels(
    npz_of: Callable[..., Path],
) -> None:
    labels = np.arange(5)
    source = read_path(
        npz_of(
            x_train=pictures(5),
            y_train=labels[:, None],
            x_test=pictures(2, 1),
            y_test=labels[:2],
        )
    )
    assert source.test is not None
    assert source.labels is not None
    assert source.test_labels is not None
    assert np.array_equal(source.test[..., 0], pictures(2, 1))
    assert source.labels.tolist() == labels.tolist()
    assert source.test_labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("names", "listed"),
    [(["a", "b"], "'a', 'b'"), (["x", "images"], "'x', 'images'"), ([], "no arrays")],
)
def test_an_ambiguous_npz_is_told_its_arrays(
    npz_of: Callable[..., Path], names: list[str], listed: str
) -> None:
    error = complaint(npz_of(**{name: pictures(5) for name in names}))
    assert error.value == f"which are the images? It holds {listed}"
    assert error.next_step == "name one with data.key, or save them as x, or x_train and x_test"


@pytest.mark.parametrize(
    ("test", "value"),
    [
        (pictures(5, side=5), "training images are 4×4×1, test images 5×5×1"),
        (floats(5, 4, 4), "training images are uint8, test images float32"),
    ],
)
def test_train_and_test_images_must_be_alike(
    npz_of: Callable[..., Path], test: Any, value: str
) -> None:
    assert complaint(npz_of(x_train=pictures(5), x_test=test)).value == value


def test_labels_that_do_not_fit_are_refused(npz_of: Callable[..., Path]) -> None:
    error = complaint(npz_of(x=pictures(5), y=np.arange(4)))
    assert error.value == "labels of shape (4,) for 5 images"


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_of_four_idx_files_is_read(
    tmp_path: Path, write_tiny: Callable[..., Path], tiny_arrays: list[Any], suffix: str
) -> None:
    source = read_path(write_tiny(tmp_path / "set", suffix))
    assert source.test is not None
    assert np.array_equal(source.images[..., 0], tiny_arrays[0])
    assert np.array_equal(source.test[..., 0], tiny_arrays[2])


def test_a_zip_of_something_else_is_no_archive_of_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("train-images-idx3-ubyte", b"0000")
    error = complaint(tmp_path / "x.zip")
    assert "without arrays" in error.value
    assert error.next_step == "unzip it, and give what is in it"


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_labels_beside_the_images_are_found_and_named(tmp_path: Path, suffix: str) -> None:
    images, labels = (
        tmp_path / f"letters-{x}-ubyte{suffix}" for x in ("images-idx3", "labels-idx1")
    )
    write_idx(images, pictures(20))
    assert read_path(images).labels is None
    write_idx(tmp_path / "others", np.arange(7, dtype=np.uint8))
    write_idx(labels, np.arange(20, dtype=np.uint8))
    source = read_path(images)
    assert source.labels.tolist() == list(range(20))
    assert source.remarks == (f"{images.name}: labels are those in {labels.name}",)
    np.save(tmp_path / "own.npy", np.ones(20))
    own = DataConfig(path=str(images), labels=str(tmp_path / "own.npy"))
    assert read_path(images, own).labels.tolist() == [1] * 20
    write_idx(tmp_path / "further", np.zeros(20, np.uint8))  # the name still tells
    assert read_path(images).labels.tolist() == list(range(20))
    labels.rename(tmp_path / "more")  # and now nothing does
    assert read_path(images).labels is None


def test_idx_labels_given_for_images_are_called_so(tmp_path: Path) -> None:
    write_idx(tmp_path / "x", np.arange(20, dtype=np.uint8))
    error = complaint(tmp_path / "x")
    assert error.value == "one number for each of 20 items, labels rather than images"
    assert "give the file of the images" in error.next_step


def test_a_folder_of_one_idx_file_with_images_and_one_with_labels_is_read(tmp_path: Path) -> None:
    write_idx(tmp_path / "a.gz", np.arange(20, dtype=np.uint8))
    write_idx(tmp_path / "b", pictures(20))
    (tmp_path / "README").write_text("letters")
    source = read_path(tmp_path)
    assert np.array_equal(source.images[..., 0], pictures(20))
    assert source.labels.tolist() == list(range(20))
    assert source.remarks[0].endswith("images are those in b, labels in a.gz")
    write_idx(tmp_path / "a.gz", np.arange(19, dtype=np.uint8))
    assert complaint(tmp_path).value.startswith("a folder of no known format: it holds ")
