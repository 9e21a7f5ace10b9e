"""How a named set is had: found on this machine or downloaded, and verified.

A further kind of set is one more `Fetcher`. Files are looked for in `data.path`, the folder in
EVOAE_DATA, the Keras cache and the system's folder of data sets, in this order, and else
downloaded into the Keras cache, where Keras finds them as well.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

import numpy as np

from evoae.data.dataset import Source
from evoae.data.kinds.images import as_source
from evoae.data.progress import Say
from evoae.data.sources import download
from evoae.data.sources.damage import accessing
from evoae.data.sources.idx import find_first
from evoae.errors import DataError, translate_disk_errors

SYSTEM = Path("/usr/share/datasets")  # where Debian's dataset-* packages install
_REMEDY = "check data.path and EVOAE_DATA"


class Fetcher(ABC):
    """How a named set is found and read."""

    @abstractmethod
    def find(self, path: Path | None) -> str | None:
        """Say where the set is on this machine; None if it is not here yet.

        Args:
            path: `data.path`, looked in first; None if not given.
        """

    @abstractmethod
    def read(self, path: Path | None, say: Say) -> Source:
        """Return the verified images or rows, downloaded first if need be, with a line to `say`.

        Raises:
            DataError: the set can be neither found nor downloaded, or is not the original.
        """


@final
@dataclass(frozen=True, slots=True)
class FileFetcher(Fetcher):
    """A set in files, which are verified by their SHA-256.

    Attributes:
        name: of the set.
        folders: names that its folder may have.
        layouts: what makes a copy: for each of its files, the names that it may have.
        digests: SHA-256 of each file, as `parse` takes it.
        urls: where each file is downloaded from, by the name under which it is kept.
        home: folder within the Keras cache for downloads; "" for the cache itself.
        size: of the download, for people.
        remedy: what to do where it cannot be downloaded.
        parse: reads the files of a copy, given the set's name and `digests`; raises DataError if
            they are not the original.
        package: Debian package that brings it; None if there is none.
    """

    name: str
    folders: tuple[str, ...]
    layouts: tuple[tuple[tuple[str, ...], ...], ...]
    digests: tuple[str, ...]
    urls: Mapping[str, str]
    home: str
    size: str
    remedy: str
    parse: Callable[[str, tuple[Path, ...], tuple[str, ...]], Source]
    package: str | None = None

    def find(self, path: Path | None) -> str | None:
        """Say the file, or the folder of several files."""
        copy = self._find(path)
        if copy is None:
            return None
        return str(copy[0] if len(copy) == 1 else copy[0].parent)

    def read(self, path: Path | None, say: Say) -> Source:
        """Return what the first copy holds, once it is verified."""
        return self.parse(self.name, self._find(path) or self._fetch(path, say), self.digests)

    def _find(self, path: Path | None) -> tuple[Path, ...] | None:
        for place in self._places(path):
            with accessing(place, _REMEDY):  # what is not there is no error
                copy = self._copy_in(place, given=place == path)
            if copy is not None:
                return copy
        return None

    def _places(self, path: Path | None) -> Iterator[Path]:
        """Yield where a copy may lie; what the user named may be the copy itself."""
        named = [place for place in (path, folder_from("EVOAE_DATA")) if place is not None]
        for root in (*named, keras_datasets(), SYSTEM):
            yield from (root / folder for folder in self.folders)
            if root in named or len(self.urls) == 1:
                yield root

    def _copy_in(self, place: Path, *, given: bool = False) -> tuple[Path, ...] | None:
        """Return the files of a copy in `place`, or that `place` is if it is a lone file."""
        for layout in self.layouts:
            files = (find_first(place, names) for names in layout)
            copy = tuple(file for file in files if file is not None)
            if len(copy) == len(layout):
                return copy
            lone = len(layout) == 1 and (given or place.name in layout[0])
            if lone and place.is_file():
                return (place,)
        return None

    def _fetch(self, path: Path | None, say: Say) -> tuple[Path, ...]:
        """Download and verify a copy and keep it in the Keras cache, whole or not at all."""
        cache, reasons = keras_datasets(), []
        say(f"{self.name}: not on this machine yet; getting {self.size}, once")
        step = "set KERAS_HOME to a folder that can be written and has room"
        failed = f"{self.name} cannot be kept there"
        with translate_disk_errors(DataError, cache, failed, step):
            cache.mkdir(parents=True, exist_ok=True)
            for attempt in (self._download, *([] if self.package is None else [self._unpack])):
                with TemporaryDirectory(dir=cache, prefix=".evoae-") as staging:
                    try:
                        copy = attempt(Path(staging))
                        self.parse(self.name, copy, self.digests)
                    except download.DownloadError as why:
                        reasons.append(str(why))
                    except DataError as why:
                        reasons.append(f"what arrived is {why.value}")
                    else:
                        (cache / self.home).mkdir(exist_ok=True)
                        return tuple(file.replace(cache / self.home / file.name) for file in copy)
        raise self._missing(path, reasons)

    def _download(self, staging: Path) -> tuple[Path, ...]:
        for name, url in self.urls.items():
            download.download(url, staging / name)
        return tuple(staging / name for name in self.urls)

    def _unpack(self, staging: Path) -> tuple[Path, ...]:
        download.unpack_debian(self.package or "", staging)
        for folder in self.folders:
            if copy := self._copy_in(staging / "usr/share/datasets" / folder):
                return copy
        raise download.DownloadError(f"the package {self.package} holds no copy")

    def _missing(self, path: Path | None, reasons: list[str]) -> DataError:
        environment, keras, home = os.environ.get("EVOAE_DATA"), keras_datasets(), Path.home()
        tried = (
            "data.path" + (f" ({path})" if path is not None else ""),
            "EVOAE_DATA" + (f" ({environment})" if environment else ""),
            f"~/{keras.relative_to(home)}" if keras.is_relative_to(home) else str(keras),
        )
        return DataError(
            self.name,
            f"not found in {', '.join(tried)} or {SYSTEM}, and downloading failed "
            f"({'; '.join(reasons)})",
            self.remedy,
        )


@final
@dataclass(frozen=True, slots=True)
class DigitsFetcher(Fetcher):
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


def lone_file(
    name: str,
    names: tuple[str, ...],
    digest: str,
    url: str,
    read: Callable[[Path], Source],
    *,
    home: str = "",
    size: str,
) -> FileFetcher:
    """Return the fetcher of a set that is one file.

    Args:
        name: of the set, and of the folder that it may lie in.
        names: that the file may have; the first is that of a download.
        digest: SHA-256 of the file.
        url: where it is downloaded from.
        read: reads the verified file.
        home: folder within the Keras cache for the download; "" for the cache itself.
        size: of the download, for people.
    """

    def parse(name: str, files: tuple[Path, ...], digests: tuple[str, ...]) -> Source:
        with accessing(files[0], _REMEDY), files[0].open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        check_original(name, str(files[0]), found, digests[0])
        return read(files[0])

    remedy = f"Get {url} and set data.path to it."
    urls = {names[0]: url}
    return FileFetcher(
        name, (name,), ((names,),), (digest,), urls, home, size, remedy, parse=parse
    )


def check_original(
    name: str, place: str, digest: str, expected: str, noun: str = "its SHA-256"
) -> None:
    """Refuse what is not the original of the set `name`.

    Args:
        name: of the set.
        place: of the copy, for the error sentence.
        digest: SHA-256 (hexadecimal) of the copy.
        expected: that of the original.
        noun: what the digest is of, for the error sentence.

    Raises:
        DataError: they differ.
    """
    if digest != expected:
        raise DataError(
            place,
            f"not the original of {name}: {noun} is {digest[:12]}…, expected {expected[:12]}…",
            "put the original there, or take the file away",
        )


def keras_datasets() -> Path:
    """Return the folder in which Keras keeps data sets."""
    return (folder_from("KERAS_HOME") or Path.home() / ".keras") / "datasets"


def folder_from(variable: str) -> Path | None:
    """Return the folder that an environment variable names; None if it is unset or empty."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None
