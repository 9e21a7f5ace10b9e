"""Where a named set may lie on this machine, where it is fetched from, and how it is verified.

A further kind of set is one more `Store`. Files are looked for in `data.path`, the folder in
EVOAE_DATA, the Keras cache and the system's folder of data sets, in this order, and else fetched
into the Keras cache, where Keras finds them as well. They are believed only if the SHA-256 of
their uncompressed content is the expected one: packages compress the same content differently.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from evoae.data.dataset import Source
from evoae.data.kinds.images import as_source
from evoae.data.progress import Say
from evoae.data.sources import fetch
from evoae.data.sources.files import npz_arrays
from evoae.data.sources.idx import PARTS, find_part, idx_digest, read_idx
from evoae.errors import DataError, EvoaeError, disk_error

SYSTEM = Path("/usr/share/datasets")  # where Debian's dataset-* packages install
_KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")  # in the order of PARTS


class Store(ABC):
    """How one named set is found and read."""

    @abstractmethod
    def find(self, path: Path | None) -> str | None:
        """Say where the set is on this machine; None if it is not here yet.

        Args:
            path: `data.path`, looked in first; None if not given.
        """

    @abstractmethod
    def read(self, path: Path | None, say: Say) -> Source:
        """Return the verified images or rows, fetched first if need be, with one line to `say`.

        Raises:
            DataError: the set can be neither found nor fetched, or is not the original.
        """


@final
@dataclass(frozen=True, slots=True)
class IdxStore(Store):
    """A set in MNIST's four idx files, or in one .npz file of Keras with the same arrays.

    Attributes:
        name: of the set.
        folders: names that its folder may have.
        digests: SHA-256 of the four uncompressed files, in the order of `idx.PARTS`.
        origin: folder in Keras' storage.
        keras: files there, and under the Keras cache: four idx files, or one .npz.
        package: Debian package that brings it; None if there is none.
        megabytes: size of the download.
    """

    name: str
    folders: tuple[str, ...]
    digests: tuple[str, str, str, str]
    keras: tuple[str, ...]
    package: str | None
    megabytes: int
    origin: str = _KERAS_URL

    def find(self, path: Path | None) -> str | None:
        """Say the folder, or the .npz file, that holds a copy."""
        copy = self._find(path)
        if copy is None:
            return None
        return str(copy[0] if len(copy) == 1 else copy[0].parent)

    def read(self, path: Path | None, say: Say) -> Source:
        """Return the verified images from the first place that has them."""
        copy = self._find(path) or self._fetch(path, say)
        images, labels, test, test_labels = self._verified(copy)
        return as_source(self.name, str(copy[0]), images, labels, test, test_labels)

    def _find(self, path: Path | None) -> tuple[Path, ...] | None:
        for folder in self._candidates(path):
            try:
                copy = self._copy_in(folder)
            except OSError as why:  # such as no permission; a folder that is not there is none
                raise DataError(
                    str(folder),
                    f"cannot be read ({why.strerror})",
                    "check data.path and EVOAE_DATA",
                ) from why
            if copy is not None:
                return copy
        return None

    def _candidates(self, path: Path | None) -> Iterator[Path]:
        """Yield the folders that may hold the set; a folder the user named may itself be it."""
        environment = folder_from("EVOAE_DATA")
        for told in (path, environment):
            if told is not None:
                yield from (told / folder for folder in self.folders)
                yield told
        keras = keras_datasets()
        yield from (keras / folder for folder in self.folders)
        if not self._keras_is_idx:
            yield keras
        yield from (SYSTEM / folder for folder in self.folders)

    @property
    def _keras_is_idx(self) -> bool:
        return len(self.keras) == len(PARTS)

    def _copy_in(self, folder: Path) -> tuple[Path, ...] | None:
        """Return the four idx files, or the one .npz file, in `folder`; None if it has neither."""
        files = [found for part in PARTS if (found := find_part(folder, part)) is not None]
        if len(files) == len(PARTS):
            return tuple(files)
        archive = folder if folder.suffix == ".npz" else folder / f"{self.name}.npz"
        return (archive,) if archive.is_file() else None

    def _verified(self, copy: tuple[Path, ...]) -> list[NDArray[Any]]:
        """Read the four arrays and check every digest."""
        places = [str(file) for file in copy]
        if len(copy) == len(PARTS):
            arrays = [read_idx(file) for file in copy]
        else:
            arrays = list(npz_arrays(copy[0], lambda _: {key: key for key in _NPZ_KEYS}).values())
            places = [f"{copy[0]} ({key})" for key in _NPZ_KEYS]
        for place, array, expected in zip(places, arrays, self.digests, strict=True):
            digest = idx_digest(array)
            if digest != expected:
                raise DataError(
                    place,
                    f"not the original of {self.name}: the SHA-256 of its uncompressed content "
                    f"is {digest[:12]}…, expected {expected[:12]}…",
                    "put the original there, or take the file away",
                )
        return arrays

    def _fetch(self, path: Path | None, say: Say) -> tuple[Path, ...]:
        """Fetch, verify and keep the set in the Keras cache; return its files."""
        home = keras_datasets()
        say(f"{self.name}: not on this machine yet; getting {self.megabytes} MB, once")
        reasons = []
        try:
            home.mkdir(parents=True, exist_ok=True)
            for attempt in (self._from_keras, self._from_debian):
                with TemporaryDirectory(dir=home, prefix=".evoae-") as staging:
                    try:
                        files = attempt(Path(staging))
                        self._verified(files)
                        return tuple(self._keep(file, home) for file in files)
                    except fetch.FetchError as why:
                        reasons.append(str(why))
                    except DataError as why:
                        reasons.append(f"what arrived is {why.value}")
        except OSError as why:
            raise unkept(self.name, home, why) from why
        raise self._missing(path, reasons)

    def _from_keras(self, staging: Path) -> tuple[Path, ...]:
        for file in self.keras:
            target = staging / file
            fetch.download(f"{self.origin}/{file}", target)
        copy = self._copy_in(staging)
        assert copy is not None  # every file of it has just been written
        return copy

    def _from_debian(self, staging: Path) -> tuple[Path, ...]:
        if self.package is None:
            raise fetch.FetchError("no Debian package has it")
        fetch.unpack_debian(self.package, staging)
        root = staging / "usr/share/datasets"
        copies = (self._copy_in(root / folder) for folder in self.folders)
        copy = next((copy for copy in copies if copy is not None), None)
        if copy is None:
            raise fetch.FetchError(f"the package {self.package} holds no copy")
        return copy

    def _keep(self, file: Path, home: Path) -> Path:
        """Move a verified file to where Keras keeps it, whole or not at all."""
        target = home / (f"{self.folders[-1]}/{file.name}" if self._keras_is_idx else file.name)
        target.parent.mkdir(exist_ok=True)
        return file.replace(target)

    def _missing(self, path: Path | None, reasons: list[str]) -> DataError:
        environment = os.environ.get("EVOAE_DATA")
        tried = (
            "data.path" + (f" ({path})" if path is not None else ""),
            "EVOAE_DATA" + (f" ({environment})" if environment else ""),
            tilde(keras_datasets()),
        )
        files = "four idx files" if self._keras_is_idx else f"four idx files or {self.name}.npz"
        install = f"Install the package {self.package}" if self.package else "Set EVOAE_DATA"
        return DataError(
            self.name,
            f"not found in {', '.join(tried)} or {SYSTEM}, and downloading failed "
            f"({'; '.join(reasons)})",
            f"{install}, or put its {files} in a folder and set data.path.",
        )


@final
@dataclass(frozen=True, slots=True)
class Digits(Store):
    """The 8×8 digits that ship inside scikit-learn."""

    def find(self, path: Path | None) -> str | None:
        """Say that it is always here."""
        del path
        return "scikit-learn"

    def read(self, path: Path | None, say: Say) -> Source:
        """Return the images, 0..16 scaled to 0..1."""
        del say
        if path is not None:
            raise DataError("data.path", f"{path} is not used by digits", "remove it")
        from sklearn.datasets import load_digits

        digits = load_digits()
        return as_source(
            "digits", "digits", digits.images.astype(np.float32) / np.float32(16), digits.target
        )


def unkept(name: str, home: Path, why: OSError) -> EvoaeError:
    """Return the error for a set that was downloaded and cannot be kept in the Keras cache."""
    return disk_error(why, DataError)(
        str(home),
        f"{name} cannot be kept there ({why.strerror})",
        "set KERAS_HOME to a folder that can be written and has room",
    )


def keras_datasets() -> Path:
    """Return the folder in which Keras keeps data sets."""
    return (folder_from("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def tilde(path: Path) -> str:
    """Say a path for people, with ~ for the home folder."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def folder_from(variable: str) -> Path | None:
    """Return the folder that an environment variable names; None if it is unset or empty."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None
