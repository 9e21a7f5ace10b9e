from __future__ import annotations

import io
import sys

import pytest

from evoae.data.progress import Say, bar, silent


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "say", "shown"),
    [(Terminal(), print, True), (Terminal(), silent, False), (io.StringIO(), print, False)],
)
def test_a_bar_shows_only_on_a_terminal_and_to_someone_who_listens(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, say: Say, shown: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(bar(range(3), "counting", say)) == [0, 1, 2]
    assert ("counting" in stream.getvalue()) is shown
