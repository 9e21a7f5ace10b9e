from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evoae.data.sources.fetch import FetchError, download, unpack_debian


class Shelf(BaseHTTPRequestHandler):
    """Serves /whole, breaks /short off, and knows nothing else."""

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/short"):
            self.send_error(404, "Not CandidateResult")
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(bytes(100_000 if self.path == "/whole" else 70_000))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


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
    with pytest.raises(FetchError, match=reason):
        download(f"{shelf}/{path}", tmp_path / "x")


def test_a_disk_that_is_full_is_no_fault_of_the_network(shelf: str) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        download(f"{shelf}/whole", Path("/dev/full"))


def test_a_silent_network_is_given_up_and_a_late_answer_is_closed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        with pytest.raises(FetchError) as error:
            download(url, tmp_path / "x", patience=0.1)
        assert str(error.value).endswith("silent for 0.1 s")
        assert not (tmp_path / "x").exists()
        (asking,) = [thread for thread in threading.enumerate() if thread.name == f"asking {url}"]
        connection, _ = silent.accept()
        with connection:
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            asking.join(10)
        assert not asking.is_alive()


def test_a_refused_connection_is_no_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FetchError) as error:
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
    with pytest.raises(FetchError) as error:
        unpack_debian("dataset-none", tmp_path)
    assert str(error.value) == "apt-get: Unable to locate package"


def test_an_apt_that_hangs_is_given_up(tools: Path, tmp_path: Path) -> None:
    _script(tools / "apt-get", "exec sleep 60")
    with pytest.raises(FetchError, match=r"took longer than 0\.1 s"):
        unpack_debian("dataset-tiny", tmp_path, patience=0.1)


def test_without_apt_it_is_not_a_debian_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match="not a Debian system"):
        unpack_debian("dataset-tiny", tmp_path)
