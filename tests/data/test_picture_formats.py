"""Whatever Pillow reads is read; what is not is counted and named; links are followed."""

from __future__ import annotations

import os
import struct
import sys
import types
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from evoae.config.data import DataConfig
from evoae.data.kinds.images import ImageSource
from evoae.data.sources import picture_formats
from evoae.data.sources.files import read_path
from evoae.data.sources.folder_contents import entries
from evoae.data.sources.pictures import look
from evoae.errors import DataError

RNG = np.random.default_rng(3)
COLOUR = RNG.integers(0, 256, (6, 16, 16, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 16, 16), np.uint8)


def put(path: Path, image: Any, **saving: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **saving)
    return path


def put_all(folder: Path, images: Any, suffix: str = ".png", **saving: Any) -> Path:
    for i, image in enumerate(images):
        put(folder / f"{i}{suffix}", image, **saving)
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
    return str(error.value)


SUFFIXES = [".bmp", ".tif", ".TIFF", ".ppm", ".tga", ".webp", ".gif", ".ico", ".pcx", ".JPG"]
SUFFIXES += [".avif"] * features.check("avif") + [".jp2"] * features.check("jpg_2000")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_format_that_pillow_reads_is_read(tmp_path: Path, suffix: str) -> None:
    source, said = read(put_all(tmp_path / "x", COLOUR, suffix))
    assert source.images.shape == (6, 16, 16, 3)
    assert said == []
    if suffix in (".bmp", ".tif", ".ppm", ".tga", ".pcx"):
        assert np.array_equal(source.images, COLOUR)


def test_formats_that_run_programs_or_are_no_still_pictures_are_not_read() -> None:
    for suffix in (".eps", ".ps", ".pdf", ".mpg", ".h5", ".grib", ".bufr", ".fits", ".wmf"):
        assert not picture_formats.is_picture(f"x{suffix}"), suffix
        assert {"EPS", "MPEG", "HDF5", "WMF"}.isdisjoint(picture_formats.formats(suffix))
    assert picture_formats.is_picture("x.mpo")  # two pictures of a camera, opened as JPEG


def test_a_suffix_that_is_wrong_does_not_matter(tmp_path: Path) -> None:
    folder = put_all(tmp_path / "x", COLOUR[:3], ".jpg", format="PNG")
    put(folder / "9.png", COLOUR[3], format="BMP")
    assert np.array_equal(read(folder)[0].images, COLOUR[:4])


def test_a_format_without_a_mark_takes_only_files_of_its_own_suffix(tmp_path: Path) -> None:
    folder = put_all(tmp_path / "x", COLOUR, ".tga")
    assert np.array_equal(read(folder)[0].images, COLOUR)
    (folder / "0.tga").rename(folder / "0.png")
    assert "0.png: cannot be decoded (no picture of a known format)" in complaint(folder)


def test_what_is_passed_over_is_counted_by_suffix_with_what_to_do(tmp_path: Path) -> None:
    folder = put_all(tmp_path / "x", COLOUR[:4])
    put(folder / "a.tif", COLOUR[4])
    for name in ("1.HEIC", "2.heic", "a.txt", "b.svg", "LICENSE", ".DS_Store", "Thumbs.db"):
        (folder / name).write_text("?")
    for name in ("desktop.ini", "._0.png", ".git/0.png", "@eaDir/0.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("?")
    (folder / "labels.txt").write_text("a\n" * 5)
    source, said = read(folder, labels=str(folder / "labels.txt"))
    (line,) = said
    start, _, passed = line.partition("; passed over: ")
    assert start == "x: 5 pictures read (4 .png, 1 .tif)"
    assert sorted(passed.split(", ")) == [
        *("1 .svg (save them as .png)", "1 .txt", "1 file without suffix"),
        "2 .heic (pip install pillow-heif)",
    ]
    assert source.origin == ()


def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    (folder / "raw").mkdir(parents=True)
    for name in ("1.heic", "raw/2.heic"):
        (folder / name).write_text("?")
    assert complaint(folder) == (
        f"{folder}: a folder of no known format: it holds 2 .heic (pip install pillow-heif); "
        "give a folder of pictures, such as .png or .jpg"
    )
    (folder / "t.csv").write_text("a,b")
    assert complaint(folder).endswith(f"or one file, such as {folder / 't.csv'}")


def forget() -> None:
    for known in (picture_formats.formats, picture_formats.suffixes, picture_formats._read):
        known.cache_clear()


@pytest.fixture
def fake_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pillow-heif whose HEIC files are PNG files inside."""
    from PIL import PngImagePlugin

    def register_heif_opener() -> None:
        Image.register_open(
            "HEIF", PngImagePlugin.PngImageFile, lambda start: start[:4] == b"\x89PNG"
        )
        Image.register_extensions("HEIF", [".heic", ".heif"])

    module = types.ModuleType("pillow_heif")
    module.register_heif_opener = register_heif_opener  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    ids, known, extensions = list(Image.ID), dict(Image.OPEN), dict(Image.EXTENSION)
    forget()
    yield
    Image.ID[:] = ids
    for table, was in ((Image.OPEN, known), (Image.EXTENSION, extensions)):
        table.clear()
        table.update(was)  # type: ignore[arg-type]
    forget()


@pytest.mark.usefixtures("fake_heif")
def test_heic_is_read_where_pillow_heif_is_installed(tmp_path: Path) -> None:
    source, said = read(put_all(tmp_path / "x", COLOUR, ".HEIC", format="PNG"))
    assert np.array_equal(source.images, COLOUR)
    assert said == []


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".webp", ".png"])
def test_of_several_frames_the_first_is_read_and_it_is_said(tmp_path: Path, suffix: str) -> None:
    lossless = {"lossless": True} if suffix == ".webp" else {}
    for i in range(4):
        more = [Image.fromarray(GREY[-1])] * (i % 3)
        put(tmp_path / f"x/{i}{suffix}", GREY[i], save_all=True, append_images=more, **lossless)
    source, said = read(tmp_path / "x", channels=1)
    assert np.array_equal(source.images[..., 0], GREY[:4])
    assert said == ["x: 2 files of several frames or pages: the first is read"]


# --- links


def test_links_to_folders_and_files_are_followed_and_counted(tmp_path: Path) -> None:
    put_all(tmp_path / "elsewhere/dogs", COLOUR[:3])
    put_all(tmp_path / "x/cats", COLOUR[3:])
    (tmp_path / "x/dogs").symlink_to("../elsewhere/dogs")
    (tmp_path / "x/cats/9.png").symlink_to(tmp_path / "elsewhere/dogs/0.png")
    source, said = read(tmp_path / "x")
    assert source.labels is not None
    assert source.labels.tolist() == ["cats"] * 4 + ["dogs"] * 3
    assert said == ["x: 4 of 7 pictures lie behind links"]
    (tmp_path / "all").mkdir()
    (tmp_path / "all/cats").symlink_to("../x/cats")
    assert read(tmp_path / "all")[1] == ["all: 4 of 4 pictures lie behind links"]


def test_links_back_into_the_folder_end(tmp_path: Path) -> None:
    put_all(tmp_path / "x/a/b", COLOUR)
    for link, target in (("self", "."), ("a/up", ".."), ("a/b/root", "/"), ("0", "a/b")):
        (tmp_path / "x" / link).symlink_to(target)
    source, said = read(tmp_path / "x")
    assert len(source.images) == 6
    assert source.labels is None
    assert said == [
        "x: 6 pictures read (6 .png); passed over: 4 links to a folder that is read anyway"
    ]


def test_broken_links_and_pipes_are_passed_over(tmp_path: Path) -> None:
    put_all(tmp_path / "x", COLOUR)
    (tmp_path / "x/gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "x/pipe.png")  # would make us wait
    assert read(tmp_path / "x")[1] == [
        "x: 6 pictures read (6 .png); passed over: 1 .png, 1 broken link"
    ]


def test_what_cannot_be_opened_is_named_and_refused_or_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(tmp_path / "x", COLOUR)
    put_all(tmp_path / "x/closed", COLOUR)
    scan = os.scandir

    def refusing(path: Any) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root may do anything
    assert complaint(tmp_path / "x").endswith(
        "closed: a folder that cannot be opened; make it readable, or set data.corrupt: skip"
    )
    source, said = read(tmp_path / "x", corrupt="skip")
    assert len(source.images) == 6
    assert "1 folder that cannot be opened (closed)" in said[0]
    monkeypatch.undo()
    assert {entry.found for entry in entries(tmp_path / "x")} == {"picture"}


# --- content


def test_a_palette_of_greys_is_grey_and_one_of_colours_is_not(tmp_path: Path) -> None:
    grey = Image.fromarray(GREY[0] % 4).convert("P")
    grey.putpalette([9, 9, 9, 70, 70, 70, 200, 200, 200, 255, 255, 255, 250, 0, 0])
    assert look(put(tmp_path / "x/0.png", grey)).grey  # red is in it, but is not used
    put_all(tmp_path / "x", [*[grey] * 2, Image.fromarray(GREY[1])], ".gif")
    assert read(tmp_path / "x")[0].images.shape[-1] == 1
    red = grey.copy()
    red.putpixel((3, 3), 4)
    assert not look(put(tmp_path / "x/9.png", red)).grey


def test_grey_pictures_in_colour_are_remarked_on(tmp_path: Path) -> None:
    colour = GREY[..., np.newaxis].repeat(3, -1)
    source, said = read(put_all(tmp_path / "x", colour))
    assert source.images.shape[-1] == 3
    assert said == ["x: all pictures are grey, though stored in colour: data.channels=1 would do"]
    assert read(tmp_path / "x", channels=3)[1] == []
    assert read(put_all(tmp_path / "w", GREY, ".webp"))[1] == [said[0].replace("x:", "w:")]
    put(tmp_path / "x/9.png", COLOUR[0])
    assert read(tmp_path / "x")[1] == []


def deep_png(pixels: Any) -> bytes:
    """Return a PNG of 16 bits a channel, (height, width, 2 to 4)."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def deep_tiff(pixels: Any, order: str) -> bytes:
    """Return a TIFF of 16 bits a channel, uncompressed, (height, width, 3), `<` or `>` ordered."""
    height, width, _ = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    shorts = {258: None, 259: 1, 262: 2, 277: 3}
    numbers = {256: width, 257: height, 273: 128, 278: height, 279: len(data)}
    body = b""
    for tag in sorted(shorts | numbers):
        if tag == 258:
            body += struct.pack(f"{order}HHII", tag, 3, 3, 122)
        elif tag in shorts:
            body += struct.pack(f"{order}HHIHH", tag, 3, 1, shorts[tag], 0)
        else:
            body += struct.pack(f"{order}HHII", tag, 4, 1, numbers[tag])
    start = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, 9)
    whole = start + body + struct.pack(f"{order}I", 0)
    return whole + struct.pack(f"{order}HHH", 16, 16, 16) + data


@pytest.mark.parametrize("form", ["png", "png with alpha", "tiff <", "tiff >"])
def test_colour_of_sixteen_bits_keeps_what_twelve_of_them_hold(tmp_path: Path, form: str) -> None:
    pixels = RNG.integers(0, 4096, (5, 8, 8, 3))
    pixels[0, 0, 0, 0] = 4095
    for i, picture in enumerate(pixels):
        if form.startswith("png"):
            opaque = np.full((8, 8, 1), 65_535)
            held = np.concatenate([picture, opaque], -1) if "alpha" in form else picture
            data = deep_png(held)
        else:
            data = deep_tiff(picture, form[-1])
        path = tmp_path / "x" / f"{i}.{form[:3]}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    source, said = read(tmp_path / "x")
    assert np.array_equal(source.images, (pixels / 4095 * 255).round())
    assert f"values {pixels.min()} to 4095: 4095 is white" in said[0]


def test_grey_of_sixteen_bits_with_alpha_is_read_in_eight_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for i in range(4):
        pixels = RNG.integers(0, 65_536, (8, 8, 2))
        (tmp_path / f"x/{i}.png").write_bytes(deep_png(pixels))
    assert "x: 4 pictures of 16 bits a channel: the upper 8 are read" in read(tmp_path / "x")[1]


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".webp"])
def test_a_turned_picture_has_the_size_that_it_is_shown_in(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    put_all(tmp_path / "x", GREY[:, :, :10], suffix, exif=exif)
    shape = (10, 16) if orientation == 6 else (16, 10)
    assert read(tmp_path / "x", channels=1)[0].images.shape == (6, *shape, 1)


@pytest.mark.parametrize("array", [GREY.astype(np.uint16) * 16, GREY.astype(np.float32)])
def test_a_turned_picture_of_many_bits_is_turned(tmp_path: Path, array: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    put_all(tmp_path / "x", array[:, :, :10], ".tif", exif=exif)
    source, _ = read(tmp_path / "x")
    expected = np.rot90(GREY[:, :, :10], -1, (1, 2))
    assert np.abs(source.images[..., 0].astype(int) - expected).max() <= 1


def test_names_of_any_script_and_pictures_of_one_pixel_are_read(tmp_path: Path) -> None:
    names = ["кошки/1.png", "猫/2.png", "a b/é.png", "naïve.PNG"]
    for i, name in enumerate(names):
        put(tmp_path / "x" / name, COLOUR[i, :1, :1])
    source, said = read(tmp_path / "x")
    assert source.names is not None
    assert sorted(source.names.tolist()) == sorted(names)
    assert (source.images.shape, said) == ((4, 1, 1, 3), [])


def test_a_name_that_is_no_text_can_be_said(tmp_path: Path) -> None:
    put_all(tmp_path / "x", COLOUR)
    bad = os.fsencode(tmp_path / "x") + b"/caf\xe9.png"
    try:
        Path(os.fsdecode(bad)).write_text("no")
    except OSError:
        pytest.skip("the file system takes no such name")
    (line,) = read(tmp_path / "x", corrupt="skip")[1]
    assert "caf\ufffd.png (no picture" in line
    line.encode()
