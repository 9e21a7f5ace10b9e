"""Getting files from elsewhere: from a URL, or out of a Debian package without root."""

from __future__ import annotations

import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from evoae.errors import is_disk_full
from evoae.formatting import figure

PATIENCE = 5.0  # seconds within which an answer must begin
_STALL = 20.0  # seconds without a byte, once the answer has begun
_LARGEST = 2 * 2**30  # bytes of one download


class FetchError(Exception):
    """Why a file could not be had from one place; the next place may still have it."""


def download(url: str, target: Path, patience: float = PATIENCE) -> None:
    """Write what `url` holds to `target`, which the caller has yet to verify.

    Args:
        url: http, https or file.
        target: a new file in a folder of the caller's own; left incomplete by an error.
        patience: seconds within which an answer must begin.

    Raises:
        FetchError: no network, no such file, or the answer broke off.
        OSError: the disk is full.
    """
    try:
        with _open(url, patience) as answer, target.open("wb") as file:
            left = _LARGEST
            while chunk := answer.read(2**20):
                left -= len(chunk)
                if left < 0:
                    raise FetchError(f"{url} never ends")
                file.write(chunk)
            promised = answer.headers.get("Content-Length")
            if promised is not None and int(promised) != _LARGEST - left:
                raise FetchError(f"{url} broke off")
    except urllib.error.HTTPError as why:
        why.close()  # it is the answer, too
        raise FetchError(f"{url} answers {why.code} {why.reason}") from why
    except urllib.error.URLError as why:  # before OSError, of which it is one
        raise FetchError(_no_network(url, why.reason)) from why
    except (OSError, HTTPException) as why:
        if isinstance(why, OSError) and is_disk_full(why):
            raise
        raise FetchError(f"{url} broke off ({why})") from why


def _open(url: str, patience: float) -> Any:
    """Open `url`, or give up: a thread, because no timeout ends a hanging name resolution."""
    answers: SimpleQueue[Any] = SimpleQueue()
    given_up = threading.Event()

    def ask() -> None:
        try:
            answer = urllib.request.urlopen(url, timeout=_STALL)
        except (OSError, HTTPException) as why:
            answers.put(why)
        else:
            answers.put(answer)
            if given_up.is_set():
                answer.close()

    threading.Thread(target=ask, name=f"asking {url}", daemon=True).start()
    try:
        answer = answers.get(timeout=patience)
    except Empty:
        given_up.set()
        raise FetchError(_no_network(url, f"silent for {figure(patience)} s")) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _no_network(url: str, why: object) -> str:
    host = urllib.request.Request(url).host
    reason = why.strerror if isinstance(why, OSError) and why.strerror else why
    return f"no network: {host}: {reason}"


def unpack_debian(package: str, folder: Path, patience: float = 300.0) -> None:
    """Unpack a Debian package into `folder`, without root and without installing it.

    Where the system's package lists are missing or stale, fresh ones are read into a folder of our
    own; the system itself is never touched.

    Args:
        package: its name.
        folder: an empty folder.
        patience: seconds that any of the steps may take.

    Raises:
        FetchError: not a Debian system, no mirror answers, or no such package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise FetchError("not a Debian system")
    with TemporaryDirectory(prefix="evoae-apt-", ignore_cleanup_errors=True) as scratch:
        own = Path(scratch)
        out, lists, cache = own / "out", own / "lists", own / "cache"
        for needed in (out, lists / "partial", cache / "archives" / "partial"):
            needed.mkdir(parents=True)
        ours = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
        try:
            _apt(["download", package], out, patience)
        except FetchError:
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
        raise FetchError(f"{command[0]} took longer than {figure(patience)} s") from why
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise FetchError(f"{command[0]}: {complaint[-1].removeprefix('E: ')}")
