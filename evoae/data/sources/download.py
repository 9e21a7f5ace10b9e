"""Getting files from elsewhere: from a URL, or out of a Debian package without root."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from evoae.formatting import figure

PATIENCE = 5.0  # seconds within which a server must be reached
_STALL = 10.0  # seconds without a byte, once it is


class DownloadError(Exception):
    """Why a file could not be had from one source; the next source may still have it."""


def download(url: str, target: Path, patience: float = PATIENCE) -> None:
    """Write what `url` holds to `target`, whole or not at all; the caller has yet to verify it.

    A download that fails is tried once more.

    Args:
        url: http or https.
        target: a new file in a folder of the caller's own.
        patience: seconds within which the server must be reached.

    Raises:
        DownloadError: no network, no such file, or the answer broke off.
        OSError: the disk is full.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    if not requests.utils.get_environ_proxies(url):  # a proxy resolves the name
        _resolve(url, patience)
    folder = pooch.create(
        target.parent, "", registry={target.name: None}, urls={target.name: url}, retry_if_failed=1
    )
    get = pooch.HTTPDownloader(chunk_size=2**20, timeout=(patience, _STALL))
    try:
        folder.fetch(target.name, downloader=get)
    except requests.HTTPError as why:
        answer = f"{why.response.status_code} {why.response.reason}"
        raise DownloadError(f"{url} answers {answer}") from why
    except (requests.ConnectionError, requests.Timeout) as why:
        raise _no_network(url, _reason(why)) from why
    except requests.RequestException as why:
        raise DownloadError(f"{url} broke off ({_reason(why)})") from why


def _resolve(url: str, patience: float) -> None:
    """Give up on a name that takes too long to resolve, for which `requests` has no limit."""

    def ask() -> None:
        with suppress(OSError):  # the download will say it
            socket.getaddrinfo(urlsplit(url).hostname, None)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    if asking.is_alive():
        raise _no_network(url, f"silent for {figure(patience)} s")


def _no_network(url: str, reason: str) -> DownloadError:
    return DownloadError(f"no network: {urlsplit(url).netloc}: {reason}")


def _reason(why: BaseException) -> str:
    """Return the system's own words from the chain of errors that ends in `why`."""
    while why.__context__ is not None and not getattr(why, "strerror", None):
        why = why.__context__
    return getattr(why, "strerror", None) or str(why)


def unpack_debian(package: str, folder: Path, patience: float = 300.0) -> None:
    """Unpack a Debian package into `folder`, without root and without installing it.

    Where the system's package lists are missing or stale, fresh ones are read into a folder of our
    own; the system itself is never touched.

    Args:
        package: its name.
        folder: an empty folder.
        patience: seconds that any of the steps may take.

    Raises:
        DownloadError: not a Debian system, no mirror answers, or no such package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise DownloadError("not a Debian system")
    with TemporaryDirectory(prefix="evoae-apt-", ignore_cleanup_errors=True) as scratch:
        own = Path(scratch)
        out, lists, cache = own / "out", own / "lists", own / "cache"
        for needed in (out, lists / "partial", cache / "archives" / "partial"):
            needed.mkdir(parents=True)
        ours = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
        try:
            _apt(["download", package], out, patience)
        except DownloadError:
            _apt([*ours, "update"], out, patience)
            _apt([*ours, "download", package], out, patience)
        for deb in out.glob("*.deb"):
            _run(["dpkg", "-x", str(deb), str(folder)], out, patience)


def _apt(arguments: list[str], folder: Path, patience: float) -> None:
    quick = [f"Acquire::{kind}::Timeout={PATIENCE:g}" for kind in ("http", "https")]
    options = [word for option in (*quick, "Acquire::Retries=0") for word in ("-o", option)]
    _run(["apt-get", "-qq", *options, *arguments], folder, patience)


def _run(command: list[str], folder: Path, patience: float) -> None:
    """Run a command in `folder`, silently; its last line of complaint becomes the error."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired as why:
        raise DownloadError(f"{command[0]} took longer than {figure(patience)} s") from why
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise DownloadError(f"{command[0]}: {complaint[-1].removeprefix('E: ')}")
