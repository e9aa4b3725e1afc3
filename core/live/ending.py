"""The end of the server: it waits for open streams, so these have to end when it is told to."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Ending:
    """What the process was told by Ctrl+C: nothing, to end, or to end ``again``."""

    was_interrupted: bool = False
    again: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def when_told_to_end(
    end: Callable[[], None], end_all: Callable[[], None] = lambda: None
) -> Iterator[Ending]:
    """Call ``end`` on the running loop when the process is told to end, before its own handler,
    and ``end_all`` in a thread of its own at the second Ctrl+C.

    After that one the server may not even wait for its own end; a thread is waited for.

    Signals that have no handler, and loops beside the main thread, are left as they are.
    """
    loop, ending = asyncio.get_running_loop(), Ending()
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and ending.was_interrupted and not ending.again.is_set():
            loop.call_soon_threadsafe(ending.again.set)
            threading.Thread(target=end_all).start()
        ending.was_interrupted |= number == signal.SIGINT
        loop.call_soon_threadsafe(end)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for each in _SIGNALS:
            handler = signal.getsignal(each)
            if callable(handler):
                before[each] = handler
                signal.signal(each, on_signal)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
