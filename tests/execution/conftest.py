from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.execution.helpers import PATIENCE


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """Turn a hang into a failure."""

    def give_up(_number: int, _frame: object) -> None:
        raise AssertionError("the executor hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(int(PATIENCE))
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
