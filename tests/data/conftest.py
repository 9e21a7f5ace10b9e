"""A machine of its own for every test: an empty home, no data anywhere, no network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from images_made_up import pictures, write_idx
from numpy.typing import NDArray

from evoae.data.sources import download, fetchers, named
from evoae.data.sources.fetchers import FileFetcher
from evoae.data.sources.idx import PARTS, idx_digest
from evoae.data.sources.mnist import FASHION_MNIST, layouts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("EVOAE_DATA", "EVOAE_CACHE", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fetchers, "SYSTEM", tmp_path / "system")
    return home


@pytest.fixture
def tiny_arrays() -> list[NDArray[np.uint8]]:
    """Train images, train labels, test images, test labels of the set `tiny`."""
    labels = np.arange(20, dtype=np.uint8)
    return [pictures(20, 1), labels, pictures(5, 2), labels[:5]]


@pytest.fixture
def write_tiny(tiny_arrays: list[NDArray[np.uint8]]) -> Callable[..., Path]:
    """A function that writes the set `tiny` to a folder as four idx files."""

    def write(folder: Path, suffix: str = ".gz", level: int = 6) -> Path:
        for part, array in zip(PARTS, tiny_arrays, strict=True):
            write_idx(folder / f"{part}{suffix}", array, level)
        return folder

    return write


@pytest.fixture
def tiny(tiny_arrays: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> FileFetcher:
    """The set `tiny`, known by name, that nothing on this machine and no network has."""
    fetcher = replace(
        FASHION_MNIST,
        name="tiny",
        folders=("tiny", "ti-ny"),
        layouts=layouts("tiny"),
        digests=tuple(idx_digest(array) for array in tiny_arrays),
        home="ti-ny",
        size="1 MB",
        remedy="Install the package dataset-tiny, or set data.path.",
        package="dataset-tiny",
    )
    entry = named.NamedSet("tiny", (4, 4, 1), 20, 5, "MIT", "nowhere", fetcher)
    monkeypatch.setitem(named.NAMED, "tiny", entry)
    monkeypatch.setattr(download, "download", _no_network)
    monkeypatch.setattr(download, "unpack_debian", _no_debian)
    return fetcher


def _no_network(url: str, target: Path) -> None:
    raise download.DownloadError("no network")


def _no_debian(package: str, folder: Path) -> None:
    raise download.DownloadError("not a Debian system")
