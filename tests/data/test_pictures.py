from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from evoae.config.data import DataConfig
from evoae.data.arrays import order, release, take
from evoae.data.kinds.images import ImageSource
from evoae.data.load import load
from evoae.data.shared_memmap import open_shared, share
from evoae.data.sources import picture_folder
from evoae.data.sources.files import read_path
from evoae.data.sources.pictures import CorruptError, Look, Picture, decode, look
from evoae.errors import DataError

GRADIENT = np.arange(0, 240, 20, np.uint8).reshape(3, 4)  # height 3, width 4


def pixels(seed: int = 0, side: int = 8, channels: int = 3) -> Any:
    shape = (side, side, channels) if channels > 1 else (side, side)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def put(path: Path, array: Any, **saving: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (array if isinstance(array, Image.Image) else Image.fromarray(array)).save(path, **saving)
    return path


def decoded(path: Path, height: int, width: int, channels: int) -> Any:
    return decode(path, Look(height, width, channels)).pixels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten colour PNGs of 8×8 in sub-folders `cat` and `dog/small`, and what is not a picture."""
    folder = tmp_path / "pets"
    for i in range(10):
        put(folder / ("cat" if i < 6 else "dog/small") / f"{i}.PNG", pixels(i))
    (folder / "README.md").write_text("pets")
    put(folder / "cat/.hidden.png", pixels(99, side=5))
    put(folder / ".thumbs/0.png", pixels(98, side=5))
    return folder


def read(path: Path, **keys: Any) -> tuple[ImageSource, list[str]]:
    said: list[str] = []
    config = DataConfig.model_validate({"path": str(path), **keys})
    source = read_path(path, config, said.append)
    assert isinstance(source, ImageSource)
    return source, [*said, *source.remarks]


def complaint(path: Path, **keys: Any) -> str:
    with pytest.raises(DataError) as error:
        read(path, **keys)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(path), "pets")


def test_pictures_are_read_in_the_order_of_their_names_with_folders_as_labels(
    folder: Path,
) -> None:
    source, said = read(folder)
    assert np.array_equal(source.images, np.stack([pixels(i) for i in range(10)]))
    assert source.labels is not None
    assert source.labels.tolist() == ["cat"] * 6 + ["dog/small"] * 4
    assert source.names is not None
    assert source.names.tolist()[5:7] == ["cat/5.PNG", "dog/small/6.PNG"]
    assert (source.name, source.origin) == ("pets", ())
    assert said == [
        "pets: 10 pictures read (10 .png); passed over: 1 .md, 1 hidden folder, 1 hidden picture"
    ]


def test_a_flat_folder_has_no_labels(folder: Path) -> None:
    assert read(folder / "cat")[0].labels is None


def test_labels_may_come_from_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("".join(f"{i % 3}\n" for i in range(10)))
    labels = read(folder, labels=str(file))[0].labels
    assert labels is not None
    assert labels.tolist() == [i % 3 for i in range(10)]
    assert labels.dtype == np.int64
    file.write_text("a\nb\n")
    assert complaint(folder, labels=str(file)) == (
        f"data.labels: {file} holds 2 labels for 10 items; give one for each"
    )


def test_the_digest_is_that_of_the_same_pixels_in_a_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "same.npy"
    np.save(file, np.stack([pixels(i) for i in range(10)]))
    from_file, from_folder = (load(DataConfig(path=str(x)), 3) for x in (file, folder))
    assert from_folder.digest == from_file.digest
    assert from_folder.input_shape == (8, 8, 3)
    assert not isinstance(from_folder.train, np.memmap)
    shared = open_shared(share(from_folder))
    assert np.array_equal(shared.train, from_file.train)


def test_pictures_are_decoded_once_and_mapped(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = read(folder)
    monkeypatch.setattr(picture_folder, "decode", None)
    monkeypatch.setattr(picture_folder, "look", None)
    again, _ = read(folder)
    assert isinstance(again.images, np.memmap)
    assert not again.images.flags.writeable
    assert np.array_equal(first.images, again.images)
    (kept,) = (home / ".cache/evoae/pictures").iterdir()
    assert sorted(file.name for file in kept.iterdir()) == ["decoded.json", "images.npy"]


@pytest.mark.parametrize("change", ["touched", "another", "renamed", "setting", "damaged"])
def test_what_changes_the_pictures_or_their_decoding_decodes_them_again(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    read(folder)
    keys: dict[str, Any] = {}
    if change == "touched":
        os.utime(folder / "cat/0.PNG", (1, 1))
    elif change == "another":
        put(folder / "cat/x.png", pixels(50))
    elif change == "renamed":
        (folder / "cat/0.PNG").rename(folder / "cat/z.PNG")
    elif change == "setting":
        keys["channels"] = 1
    else:
        (file,) = (home / ".cache/evoae/pictures").glob("*/images.npy")
        os.truncate(file, 400)
    done: list[Path] = []

    def counted(path: Path, wanted: Look) -> Picture:
        done.append(path)
        return decode(path, wanted)

    monkeypatch.setattr(picture_folder, "decode", counted)
    source, _ = read(folder, **keys)
    assert len(done) == len(source.images)


def test_an_interrupted_decoding_leaves_nothing(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(picture_folder, "decode", stop)
    with pytest.raises(KeyboardInterrupt):
        read(folder)
    assert [*(home / ".cache/evoae/pictures").iterdir()] == []


def test_mixed_sizes_are_named_and_a_size_is_proposed(folder: Path) -> None:
    put(folder / "cat/large.png", pixels(side=20))
    assert complaint(folder) == (
        "pets: pictures of 2 sizes, height×width: 8×8 (10), 20×20 (1); "
        "set data.size=8, or another one"
    )
    assert read(folder, size=6)[0].images.shape == (11, 6, 6, 3)
    assert read(folder, size=[4, 6])[0].images.shape == (11, 4, 6, 3)
    for i in range(5):
        put(folder / f"wide{i}.png", np.zeros((400 + i, 600, 3), np.uint8))
        put(folder / f"{i}/wide.png", np.zeros((300, 500, 3), np.uint8))
        put(folder / f"{i}/wider.png", np.zeros((300, 500, 3), np.uint8))
    assert complaint(folder).endswith(
        "300×500 (10), 8×8 (10), 20×20 (1) and 5 more; set data.size=64, or another one"
    )


def test_another_aspect_ratio_is_cropped_around_the_centre_and_not_distorted(
    tmp_path: Path,
) -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200  # only the middle third survives
    square = decoded(put(tmp_path / "x.png", wide), 5, 5, 1)
    assert (np.abs(square.astype(int) - 200) < 12).all()  # the filter reaches over the edge


def test_resizing_has_antialiasing(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    small = decoded(put(tmp_path / "x.png", stripes), 8, 8, 1)
    assert np.abs(small.astype(int) - 127).max() <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_orientation_says(
    tmp_path: Path, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = put(tmp_path / "x.png", GRADIENT, exif=exif)
    transposed = orientation >= 5
    header = look(file)
    assert (header.height, header.width) == ((4, 3) if transposed else (3, 4))
    expected = {
        1: GRADIENT,
        2: GRADIENT[:, ::-1],
        3: GRADIENT[::-1, ::-1],
        4: GRADIENT[::-1],
        5: GRADIENT.T,
        6: np.rot90(GRADIENT, -1),
        7: GRADIENT[::-1, ::-1].T,
        8: np.rot90(GRADIENT),
    }[orientation]
    assert np.array_equal(decoded(file, header.height, header.width, 1)[..., 0], expected)


def test_a_large_jpeg_is_much_the_same_decoded_small(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 800).astype(np.uint8)
    picture = Image.fromarray(np.stack(np.broadcast_arrays(ramp, ramp[:, None], np.uint8(99)), -1))
    small = decoded(put(tmp_path / "x.jpg", picture, quality=95), 10, 10, 3)
    exact = np.asarray(ImageOps.fit(picture, (10, 10), Image.Resampling.LANCZOS))
    assert np.abs(small.astype(int) - exact).max() <= 4


def palette(transparent: bool) -> tuple[Image.Image, dict[str, Any]]:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([9, 9, 9, 250, 0, 0])
    return image, {"transparency": 1} if transparent else {}


@pytest.mark.parametrize(
    ("image", "saving", "suffix", "colour"),
    [
        (Image.new("RGBA", (8, 8), (250, 0, 0, 0)), {}, ".png", (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (250, 0, 0, 255)), {}, ".png", (250, 0, 0)),
        (Image.new("LA", (8, 8), (0, 51)), {}, ".png", (204, 204, 204)),
        (*palette(False), ".png", (250, 0, 0)),
        (*palette(True), ".png", (255, 255, 255)),
        (Image.fromarray(np.full((8, 8), 51 * 257, np.uint16)), {}, ".png", (51, 51, 51)),
        (Image.new("1", (8, 8), 1), {}, ".png", (255, 255, 255)),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), {}, ".jpg", (254, 0, 0)),
        (Image.new("L", (8, 8), 77), {}, ".jpeg", (77, 77, 77)),
    ],
    ids=["clear", "opaque", "grey-alpha", "palette", "hole", "16-bit", "bits", "cmyk", "grey"],
)
def test_every_kind_of_picture_becomes_eight_bit_colour(
    tmp_path: Path, image: Image.Image, saving: Any, suffix: str, colour: tuple[int, int, int]
) -> None:
    file = put(tmp_path / f"x{suffix}", image, **saving)
    shown = decoded(file, 8, 8, 3)
    assert shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - colour).max() <= 2
    assert decoded(file, 8, 8, 1).shape == (8, 8, 1)


def test_pictures_are_grey_only_if_all_are_or_if_told(tmp_path: Path) -> None:
    for i in range(4):
        put(tmp_path / "g" / f"{i}.png", pixels(i, channels=1))
    assert read(tmp_path / "g")[0].images.shape == (4, 8, 8, 1)
    assert read(tmp_path / "g", channels=3)[0].images.shape == (4, 8, 8, 3)
    put(tmp_path / "g" / "colour.png", pixels())
    assert read(tmp_path / "g")[0].images.shape == (5, 8, 8, 3)
    assert read(tmp_path / "g", channels=1)[0].images.shape == (5, 8, 8, 1)


def renamed_text(folder: Path) -> None:
    (folder / "cat/notes.jpg").write_text("Buy milk.")


def truncated(folder: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(pixels(7)).save(whole, "JPEG")
    (folder / "cat/notes.jpg").write_bytes(whole.getvalue()[:-40])


def empty(folder: Path) -> None:
    (folder / "cat/notes.jpg").write_bytes(b"")


def other_format(folder: Path) -> None:
    (folder / "cat/notes.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")


def nowhere(folder: Path) -> None:
    (folder / "cat/notes.jpg").symlink_to(folder / "moved away.jpg")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (renamed_text, "no picture of a known format"),
        (truncated, "image file is truncated"),
        (empty, "an empty file"),
        (other_format, "no picture of a known format"),
        (nowhere, "No such file or directory"),
    ],
)
def test_a_corrupt_picture_is_named_and_refused_or_skipped_as_told(
    folder: Path, home: Path, spoil: Callable[[Path], None], why: str
) -> None:
    spoil(folder)
    said = complaint(folder)
    assert said.startswith(f"pets/cat/notes.jpg: cannot be decoded ({why}")
    assert said.endswith("; replace or remove it, or set data.corrupt: skip")
    assert [*(home / ".cache/evoae/pictures").iterdir()] == []
    for _ in ("decoded", "from the cache"):
        source, told = read(folder, corrupt="skip")
        assert np.array_equal(source.images, np.stack([pixels(i) for i in range(10)]))
        assert source.labels is not None
        assert source.labels.tolist() == ["cat"] * 6 + ["dog/small"] * 4
        assert source.origin == ("skipped 1 of 11 pictures that cannot be decoded",)
        line = told[-1]
        assert line.startswith(f"pets: {source.origin[0]}: cat/notes.jpg ({why}")
    assert load(DataConfig(path=str(folder), corrupt="skip"), 3).origin[0] == source.origin[0]


def test_labels_from_a_file_count_skipped_pictures(folder: Path, tmp_path: Path) -> None:
    (folder / "cat/1.PNG").write_text("no")
    file = tmp_path / "labels.npy"
    np.save(file, np.arange(10))
    labels = read(folder, corrupt="skip", labels=str(file))[0].labels
    assert labels is not None
    assert labels.tolist() == [0, 2, 3, 4, 5, 6, 7, 8, 9]


def test_many_skipped_pictures_are_counted_and_some_named(folder: Path) -> None:
    for i in range(7):
        (folder / f"cat/bad{i}.jpg").write_text("no")
    line = read(folder, corrupt="skip")[1][-1]
    assert line.startswith("pets: skipped 7 of 17 pictures that cannot be decoded: cat/bad0.jpg (")
    assert line.endswith("cat/bad4.jpg (no picture of a known format) and 2 more")


def test_too_few_pictures_and_none_at_all_are_sentences(tmp_path: Path) -> None:
    put(tmp_path / "a/x.png", pixels())
    (tmp_path / "a/y.png").write_text("")
    with pytest.raises(DataError, match=r"1 image.* need 3 or more"):
        load(DataConfig(path=str(tmp_path / "a"), corrupt="skip"), 3)
    (tmp_path / "a/x.png").write_text("")
    assert "none of its pictures" in complaint(tmp_path / "a", corrupt="skip")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.txt").write_text("")
    assert "a folder of no known format" in complaint(tmp_path / "b")


def test_pictures_that_no_memory_holds_are_refused_before_they_are_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_folder, "LARGEST", 1000)
    monkeypatch.setattr(picture_folder, "decode", None)
    assert "10 pictures of 8×8×3 take 1.9 KB; set data.size" in complaint(folder)


def test_a_cache_that_cannot_be_written_is_a_sentence(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("EVOAE_CACHE", str(home / "file"))
    assert "set EVOAE_CACHE to a folder that can be written" in complaint(folder)


def test_random_damage_is_decoded_or_a_corrupt_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    file, corrupt = tmp_path / "x.jpg", 0
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG"):
        whole = io.BytesIO()
        Image.fromarray(pixels(3, side=24)).save(whole, kind, exif=exif)
        for _ in range(150):
            damaged = bytearray(whole.getvalue())
            for _ in range(3):
                damaged[rng.integers(len(damaged) if rng.random() < 0.5 else 80)] ^= 0x55
            file.write_bytes(damaged)
            try:
                look(file)
                assert decoded(file, 8, 8, 3).shape == (8, 8, 3)
            except CorruptError:
                corrupt += 1
    assert corrupt > 50


def test_taking_from_a_mapped_file_leaves_none_of_it_in_memory(tmp_path: Path) -> None:
    smaps = Path("/proc/self/smaps")
    if not smaps.exists():
        pytest.skip("needs Linux")
    file = tmp_path / "large.npy"
    np.save(file, np.ones((600, 100, 1000), np.uint8))  # 60 MB

    def resident() -> int:
        """Kilobytes of the file in this process."""
        lines = smaps.read_text().splitlines()
        at = next(i for i, line in enumerate(lines) if line.endswith(str(file)))
        return next(int(line.split()[1]) for line in lines[at:] if line.startswith("Rss:"))

    mapped = np.load(file, mmap_mode="r")
    assert int(mapped.sum()) == 60_000_000
    assert resident() > 50_000
    release(mapped[1:, :, np.newaxis])
    assert resident() < 1000
    taken = take(mapped, order(600, 1, "x")[:500])
    assert taken.shape == (500, 100, 1000)
    assert int(taken.sum()) == 50_000_000
    assert resident() < 1000
