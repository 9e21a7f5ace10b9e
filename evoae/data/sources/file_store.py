"""Named sets that are one file: found, verified by its SHA-256, or fetched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from evoae.data.dataset import Source
from evoae.data.progress import Say
from evoae.data.sources import fetch, stores
from evoae.data.sources.stores import Store, folder_from, keras_datasets, tilde, unkept
from evoae.errors import DataError


@final
@dataclass(frozen=True, slots=True)
class FileStore(Store):
    """A set that is one file.

    Attributes:
        name: of the set, and of the folder that it may lie in.
        files: names that the file may have.
        digest: SHA-256 of the file.
        url: where it is fetched from.
        kept: where under the Keras cache a fetched file is kept.
        size: of the download, for people.
        parse: reads the verified file.
    """

    name: str
    files: tuple[str, ...]
    digest: str
    url: str
    kept: str
    size: str
    parse: Callable[[Path], Source]

    def find(self, path: Path | None) -> str | None:
        """Say the file; None if it is not here yet."""
        file = self._find(path)
        return None if file is None else str(file)

    def read(self, path: Path | None, say: Say) -> Source:
        """Return what the first file found holds, once it is verified."""
        file = self._find(path)
        if file is None:
            file = self._fetch(path, say)
        else:
            self._verify(file)
        return self.parse(file)

    def _find(self, path: Path | None) -> Path | None:
        for candidate in self._candidates(path):
            try:
                if candidate.is_file():
                    return candidate
            except OSError as why:
                raise DataError(
                    str(candidate),
                    f"cannot be read ({why.strerror})",
                    "check data.path and EVOAE_DATA",
                ) from why
        return None

    def _candidates(self, path: Path | None) -> Iterator[Path]:
        """Yield where the file may be; what the user named may be the file or a folder."""
        for told in (path, folder_from("EVOAE_DATA")):
            if told is not None:
                yield from (told / self.name / file for file in self.files)
                yield from (told / file for file in self.files)
                if told.name in self.files or told == path:
                    yield told
        for known in (keras_datasets(), stores.SYSTEM):
            yield from (known / self.name / file for file in self.files)
            yield from (known / file for file in self.files)

    def _verify(self, file: Path) -> None:
        try:
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as why:
            raise DataError(
                str(file), f"cannot be read ({why.strerror})", "check data.path and EVOAE_DATA"
            ) from why
        if digest != self.digest:
            raise DataError(
                str(file),
                f"not the original of {self.name}: its SHA-256 is {digest[:12]}…, "
                f"expected {self.digest[:12]}…",
                "put the original there, or take the file away",
            )

    def _fetch(self, path: Path | None, say: Say) -> Path:
        """Fetch, verify and keep the file in the Keras cache; return it."""
        home = keras_datasets()
        say(f"{self.name}: not on this machine yet; getting {self.size}, once")
        try:
            home.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=home, prefix=".evoae-") as staging:
                arrived = Path(staging) / "arrived"
                try:
                    fetch.download(self.url, arrived)
                    self._verify(arrived)
                except fetch.FetchError as why:
                    raise self._missing(path, str(why)) from why
                except DataError as why:
                    raise self._missing(path, f"what arrived is {why.value}") from why
                target = home / self.kept
                target.parent.mkdir(exist_ok=True)
                return arrived.replace(target)
        except OSError as why:
            raise unkept(self.name, home, why) from why

    def _missing(self, path: Path | None, reason: str) -> DataError:
        environment = os.environ.get("EVOAE_DATA")
        tried = (
            "data.path" + (f" ({path})" if path is not None else ""),
            "EVOAE_DATA" + (f" ({environment})" if environment else ""),
            tilde(keras_datasets()),
        )
        return DataError(
            self.name,
            f"not found in {', '.join(tried)} or {stores.SYSTEM}, and downloading failed "
            f"({reason})",
            f"Get {self.url} and set data.path to it.",
        )
