"""A machine of its own for every test: an empty home, no data anywhere, no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from images_made_up import pictures, write_idx
from numpy.typing import NDArray

from evoae.data.sources import fetch, named, stores
from evoae.data.sources.idx import PARTS, idx_digest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("EVOAE_DATA", "EVOAE_CACHE", "KERAS_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(stores, "SYSTEM", tmp_path / "system")
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
def tiny(tiny_arrays: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch) -> stores.IdxStore:
    """The set `tiny`, known by name, that nothing on this machine and no network has."""
    a, b, c, d = (idx_digest(array) for array in tiny_arrays)
    files = tuple(f"{part}.gz" for part in PARTS)
    store = stores.IdxStore("tiny", ("tiny", "ti-ny"), (a, b, c, d), files, "dataset-tiny", 1)
    entry = named.NamedSet("tiny", (4, 4, 1), 20, 5, "MIT", "nowhere", store)
    monkeypatch.setitem(named.NAMED, "tiny", entry)
    monkeypatch.setattr(fetch, "download", _no_network)
    monkeypatch.setattr(fetch, "unpack_debian", _no_debian)
    return store


def _no_network(url: str, target: Path) -> None:
    raise fetch.FetchError("no network")


def _no_debian(package: str, folder: Path) -> None:
    raise fetch.FetchError("not a Debian system")
