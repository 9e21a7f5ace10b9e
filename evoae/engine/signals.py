"""Turns Ctrl-C and termination into a request that a search stops cleanly."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from evoae.engine.progress import Callback
from evoae.execution.executor import StopRequest


@contextmanager
def stopped_by_signals(stop: StopRequest, callback: Callback) -> Iterator[None]:
    """Turn the first Ctrl-C or termination into a clean stop, the second into an end at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers; the caller's own remain
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.made:
            raise KeyboardInterrupt
        stop.made = True
        callback.stopping(stop.under_way)

    before = {s: signal.signal(s, on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
