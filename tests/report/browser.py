"""A headless Chromium, driven over a pipe by its own protocol: it needs no package.

See https://chromedevtools.github.io/devtools-protocol/ for what it understands.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which the root of a container can't have; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


# The browser reads commands from descriptor 3 and answers on 4, which may be the pipes' own
# numbers: both are copied beyond 4 before one is overwritten.
_WITH_PIPES = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 5) for number in sys.argv[1:3]]
for number, pipe in enumerate(pipes, start=3):
    os.dup2(pipe, number)
os.execv(sys.argv[3], sys.argv[3:])
"""

_CUT = """[...document.querySelectorAll('body *')].filter(element => {
  const hidden = element.closest('.unseen, .skip');
  const scrolls = element.parentElement.closest('.scroll, pre');
  const drawn = element.closest('svg') && !element.matches('svg, text');
  const box = element.getBoundingClientRect();
  const out = box.left < -1 || box.right > document.documentElement.clientWidth + 1;
  return box.width && out && !hidden && !scrolls && !drawn;
}).map(element => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`)
"""


def chromium() -> str | None:
    """The path of a Chromium; None where none is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a headless Chromium.

    Attributes:
        console: messages, warnings and uncaught errors so far, as text.
        requests: addresses asked for so far.
    """

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._to = os.pipe()
        self._from, from_browser = os.pipe()
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _WITH_PIPES, str(to_browser), str(from_browser)),
                *(program, *_FLAGS, f"--user-data-dir={profile}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_browser, from_browser),
        )
        os.close(to_browser)
        os.close(from_browser)
        self._ids, self._read = itertools.count(1), b""
        self._events: deque[dict[str, Any]] = deque()
        self._session: str | None = None
        self.console: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._attach()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _attach(self) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __exit__(self, *_: object) -> None:
        self._session = None
        with suppress(AssertionError, OSError):
            self.ask("Browser.close")  # which ends its own children, as a signal does not
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return what it answers."""
        sent = {"id": next(self._ids), "method": method, "params": parameters}
        if self._session is not None:
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        while (answer := self._next()).get("id") != sent["id"]:
            self._note(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def show(self, page: Path, width: int, scheme: str, height: int = 900) -> None:
        """Load a page on a screen of this width, in `light` or `dark`, and wait until it is."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        self._events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            self._note(self._next())

    def value(self, expression: str) -> Any:
        """What a JavaScript expression comes to on the page."""
        told = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def cut(self) -> list[str]:
        """What reaches beyond the sides of the screen, unless it is in a box that scrolls."""
        told: list[str] = self.value(_CUT)
        return told

    def picture(self, out: Path, top: float = 0, height: float | None = None) -> None:
        """Write the page, or a part of it from `top` on, as a PNG file."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {
            **{"x": 0, "y": top, "width": size["width"], "scale": 1},
            "height": size["height"] - top if height is None else height,
        }
        shot = self.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        out.write_bytes(base64.b64decode(shot["data"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            read = os.read(self._from, 1 << 20)
            assert read, "the browser has closed its pipe"
            self._read += read
        message, _, self._read = self._read.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def _note(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        method, said = event.get("method"), event.get("params", {})
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.console.append(json.dumps(said))
        if method == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
