"""Data that nobody tuned evoae on: pictures and tables of many sizes, in two halves.

The sets come with scikit-learn, or lie in a folder as their authors give them: MNIST's four idx
files (`mnist/`), the Sign Language Digits (`signs/`), grey photographs (`photos/train400/`),
tables of ADBench (`outliers/`, whose labels are not used), the Cleveland heart disease data
(`heart/`) and time series in sktime's format (`series/`), whose windows are taken as wide rows.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COIN = 20_261_130  # of the halves; thrown before anything was run

Arrays = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ForeignSet:
    """One set.

    Attributes:
        name: of it.
        read: from the folder of the data to its items, (n, ...): pictures are uint8 of (height,
            width) or (height, width, channels), rows are float32. A path is a CSV file.
        latents: the two latent sizes that it is searched with.
    """

    name: str
    read: Callable[[Path], Arrays | Path]
    latents: tuple[int, int]

    def file(self, folder: Path, made: Path) -> Path:
        """Return a file that evoae reads, made in `made` from what lies in `folder`."""
        made.mkdir(parents=True, exist_ok=True)
        found = self.read(folder)
        if isinstance(found, Path):
            file = made / f"{self.name}.csv"
            shutil.copyfile(found, file)
        else:
            file = made / f"{self.name}.npy"
            np.save(file, found)
        return file


def _sklearn(name: str) -> Callable[[Path], Arrays]:
    def read(_: Path) -> Arrays:
        from sklearn import datasets

        rows: Arrays = getattr(datasets, f"load_{name}")().data.astype(np.float32)
        return rows

    return read


def _digits(_: Path) -> Arrays:
    from sklearn.datasets import load_digits

    return np.round(load_digits().images * 255 / 16).astype(np.uint8)


def _mnist(count: int) -> Callable[[Path], Arrays]:
    def read(folder: Path) -> Arrays:
        from evoae.data.sources.idx import read_idx

        (file,) = sorted((folder / "mnist").glob("train-images*"))
        return _drawn(read_idx(file), count)

    return read


def _signs(side: int, *, grey: bool = False) -> Callable[[Path], Arrays]:
    def read(folder: Path) -> Arrays:
        from PIL import Image

        pictures = []
        for file in sorted((folder / "signs").glob("[0-9]/*.JPG")):
            with Image.open(file) as picture:
                mode = picture.convert("L" if grey else "RGB")
                pictures.append(np.asarray(mode.resize((side, side), Image.Resampling.BOX)))
        return np.stack(pictures)

    return read


def _patches(side: int, count: int) -> Callable[[Path], Arrays]:
    def read(folder: Path) -> Arrays:
        from PIL import Image

        files = sorted((folder / "photos" / "train400").iterdir())
        return _cut([np.asarray(Image.open(file).convert("L")) for file in files], side, count)

    return read


def _colour_patches(_: Path) -> Arrays:
    from sklearn.datasets import load_sample_images

    return _cut(load_sample_images().images, 16, 4000)


def _outliers(name: str) -> Callable[[Path], Arrays]:
    def read(folder: Path) -> Arrays:
        with np.load(folder / "outliers" / f"{name}.npz", allow_pickle=False) as table:
            rows: Arrays = table["X"].astype(np.float32)
        return rows

    return read


def _series(name: str, steps: int) -> Callable[[Path], Arrays]:
    """Return the reader of series' first `steps` steps, all channels side by side as one row."""

    def read(folder: Path) -> Arrays:
        rows = []
        for part in ("TRAIN", "TEST"):
            text = (folder / "series" / f"{name}_{part}.ts").read_text()
            for line in text[re.search(r"(?im)^@data\s*$", text).end() :].split():  # type: ignore[union-attr]
                channels = [part.split(",")[:steps] for part in line.split(":")[:-1]]
                if all(len(channel) == steps for channel in channels):
                    rows.append(np.array(channels, np.float32).ravel())
        return np.stack(rows)

    return read


def _heart(folder: Path) -> Path:
    return folder / "heart" / "processed.cleveland.data"


def _drawn(items: Arrays, count: int) -> Arrays:
    chosen = np.random.default_rng(0).choice(len(items), count, replace=False)
    return items[np.sort(chosen)]


def _cut(pictures: list[Arrays], side: int, count: int) -> Arrays:
    """Cut `count` squares out of pictures, each at a random place of a random one."""
    rng = np.random.default_rng(0)
    squares = []
    for _ in range(count):
        picture = pictures[rng.integers(len(pictures))]
        top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
        squares.append(picture[top : top + side, left : left + side])
    return np.stack(squares)


SETS = {
    each.name: each
    for each in (
        ForeignSet("digits", _digits, (4, 16)),  # 1,797 of 8×8
        ForeignSet("mnist_2000", _mnist(2_000), (8, 32)),
        ForeignSet("mnist_20000", _mnist(20_000), (8, 32)),
        ForeignSet("signs_32", _signs(32), (16, 64)),  # 2,062, colour
        ForeignSet("signs_100", _signs(100, grey=True), (16, 64)),
        ForeignSet("patches_28", _patches(28, 8_000), (16, 64)),
        ForeignSet("patches_128", _patches(128, 1_600), (16, 64)),
        ForeignSet("colour_patches_16", _colour_patches, (16, 64)),  # 4,000
        ForeignSet("iris", _sklearn("iris"), (1, 2)),  # 150 × 4
        ForeignSet("wine", _sklearn("wine"), (2, 5)),  # 178 × 13
        ForeignSet("diabetes", _sklearn("diabetes"), (2, 5)),  # 442 × 10
        ForeignSet("breast_cancer", _sklearn("breast_cancer"), (4, 10)),  # 569 × 30
        ForeignSet("heart", _heart, (3, 6)),  # 303 × 14, numbers and categories, gaps
        ForeignSet("ionosphere", _outliers("Ionosphere"), (4, 10)),  # 351 × 33
        ForeignSet("vowels", _outliers("vowels"), (2, 4)),  # 1,456 × 12
        ForeignSet("letter", _outliers("letter"), (4, 10)),  # 1,600 × 32
        ForeignSet("cardio", _outliers("cardio"), (3, 7)),  # 1,831 × 21
        ForeignSet("optdigits", _outliers("optdigits"), (8, 21)),  # 5,216 × 64
        ForeignSet("satellite", _outliers("satellite"), (4, 12)),  # 6,435 × 36
        ForeignSet("pendigits", _outliers("pendigits"), (2, 5)),  # 6,870 × 16
        ForeignSet("annthyroid", _outliers("annthyroid"), (2, 3)),  # 7,200 × 6
        ForeignSet("magic", _outliers("magic.gamma"), (2, 4)),  # 19,020 × 10
        ForeignSet("japanese_vowels", _series("JapaneseVowels", 7), (8, 20)),  # wide: 84 columns
        ForeignSet("gun_point", _series("GunPoint", 150), (4, 12)),  # 200 × 150
    )
}


def halves() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the sets that settings are chosen on, and of those held out."""
    names = sorted(SETS)
    thrown = np.random.default_rng(COIN).permutation(len(names))
    chosen = frozenset(names[place] for place in thrown[: len(names) // 2])
    return chosen, frozenset(names) - chosen
