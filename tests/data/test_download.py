from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evoae.data.sources import download as module
from evoae.data.sources.download import DownloadError, download, unpack_debian


class Shelf(BaseHTTPRequestHandler):
    """Serves /whole, breaks /short off, and /mended `broken` times; knows nothing else."""

    broken = 0

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/short", "/mended"):
            self.send_error(404, "Not Here")
            return
        whole = self.path == "/whole" or (self.path == "/mended" and not Shelf.broken)
        Shelf.broken -= self.path == "/mended"
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(bytes(100_000 if whole else 70_000))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def _no_network_but_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)  # before a second attempt


@pytest.fixture
def shelf() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shelf) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_download_is_whole(shelf: str, tmp_path: Path) -> None:
    download(f"{shelf}/whole", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == bytes(100_000)


@pytest.mark.parametrize(("path", "reason"), [("short", "broke off"), ("no", "answers 404 Not")])
def test_a_download_that_fails_says_why(
    shelf: str, tmp_path: Path, path: str, reason: str
) -> None:
    with pytest.raises(DownloadError, match=reason):
        download(f"{shelf}/{path}", tmp_path / "x")
    assert not any(file.is_file() for file in tmp_path.iterdir())


def test_a_disk_that_takes_no_more_is_no_fault_of_the_network(shelf: str, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            download(f"{shelf}/whole", tmp_path / "x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not any(file.is_file() for file in tmp_path.iterdir())


def test_a_download_that_broke_off_is_tried_once_more(
    shelf: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shelf, "broken", 1)
    download(f"{shelf}/mended", tmp_path / "x")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["x"]


def test_a_server_that_is_silent_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STALL", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DownloadError) as error:
            download(f"http://127.0.0.1:{port}/x", tmp_path / "x")
    assert str(error.value) == f"no network: 127.0.0.1:{port}: timed out"
    assert not any(file.is_file() for file in tmp_path.iterdir())


def test_a_name_that_takes_too_long_to_resolve_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answered.wait(10))
    with pytest.raises(DownloadError) as error:
        download("http://far.away:80/x", tmp_path / "x", patience=0.05)
    answered.set()
    assert str(error.value) == "no network: far.away:80: silent for 0.05 s"


def test_a_refused_connection_is_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DownloadError) as error:
        download(f"http://127.0.0.1:{port}/x", tmp_path / "x")
    assert str(error.value) == f"no network: 127.0.0.1:{port}: Connection refused"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that knows a package only after reading fresh lists, and a dpkg that unpacks."""
    tools = tmp_path / "tools"
    tools.mkdir()
    log = tmp_path / "log"
    _script(
        tools / "apt-get",
        f"""echo "$*" >> {log}
        case "$*" in
          *Dir::State::Lists=*update) touch {tmp_path}/fresh ;;
          *"download dataset-tiny") [ -e {tmp_path}/fresh ] && : > tiny_1_all.deb ||
            {{ echo 'E: Unable to locate package dataset-tiny' >&2; exit 100; }} ;;
          *) echo 'E: Unable to locate package' >&2; exit 100 ;;
        esac""",
    )
    _script(tools / "dpkg", 'echo "unpacked $(basename "$2")" > "$3/file"')
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return tools


def _script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_missing_package_lists_are_read_into_a_folder_of_our_own(
    tools: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    unpack_debian("dataset-tiny", target)
    assert (target / "file").read_text() == "unpacked tiny_1_all.deb\n"
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(calls) == 3
    assert "Dir::State::Lists" not in calls[0]
    assert all("Dir::State::Lists=" in call for call in calls[1:])


def test_the_lists_of_the_system_are_used_where_they_know_the_package(
    tools: Path, tmp_path: Path
) -> None:
    (tmp_path / "fresh").touch()
    unpack_debian("dataset-tiny", tmp_path)
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_an_unknown_package_says_what_apt_said(tools: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as error:
        unpack_debian("dataset-none", tmp_path)
    assert str(error.value) == "apt-get: Unable to locate package"


def test_an_apt_that_hangs_is_given_up(tools: Path, tmp_path: Path) -> None:
    _script(tools / "apt-get", "exec sleep 60")
    with pytest.raises(DownloadError, match=r"took longer than 0\.1 s"):
        unpack_debian("dataset-tiny", tmp_path, patience=0.1)


def test_without_apt_it_is_not_a_debian_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match="not a Debian system"):
        unpack_debian("dataset-tiny", tmp_path)
