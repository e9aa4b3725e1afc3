"""The end of the server: it waits for open streams, so these have to end when it is told to."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def when_told_to_end(end: Callable[[], None]) -> Iterator[None]:
    """Call ``end`` on the running loop when the process is told to end, before its own handler.

    Signals that have no handler, and loops beside the main thread, are left as they are.
    """
    loop = asyncio.get_running_loop()
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for each in _SIGNALS:
            handler = signal.getsignal(each)
            if callable(handler):
                before[each] = handler
                signal.signal(each, on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
