"""What happens when the process is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from core.live.ending import when_told_to_end

SIGNALS = (signal.SIGINT, signal.SIGTERM)
heard: list[str] = []


def server(number: int, frame: FrameType | None) -> None:
    """The handler of the server, which was there before."""
    heard.append("server")


@contextmanager
def handled_by(handler: object) -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    heard.clear()
    for each in SIGNALS:
        signal.signal(each, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for each, old in before.items():
            signal.signal(each, old)


@pytest.mark.parametrize("number", SIGNALS)
def test_streams_end_and_the_server_hears_it_too(number: signal.Signals) -> None:
    async def test() -> None:
        ended = asyncio.Event()
        with when_told_to_end(ended.set):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(ended.wait(), 30)
        assert heard == ["server"]

    with handled_by(server):
        asyncio.run(test())


def test_a_second_ctrl_c_ends_all_and_no_other_signal_does() -> None:
    ended = threading.Event()

    async def test() -> None:
        with when_told_to_end(lambda: None, ended.set) as ending:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                os.kill(os.getpid(), number)
            assert not ended.is_set()
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(ending.again.wait(), 30)

    with handled_by(server):
        asyncio.run(test())
    assert ended.wait(30)


def test_afterwards_the_server_hears_it_alone() -> None:
    async def test() -> None:
        with when_told_to_end(lambda: heard.append("streams")):
            pass
        assert all(signal.getsignal(each) is server for each in SIGNALS)

    with handled_by(server):
        asyncio.run(test())
    assert heard == []


def test_a_signal_without_a_handler_keeps_what_it_does() -> None:
    async def test() -> None:
        with when_told_to_end(lambda: None):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    with handled_by(signal.SIG_DFL):
        asyncio.run(test())


def test_beside_the_main_thread_nothing_is_touched() -> None:
    async def inside() -> bool:
        with when_told_to_end(lambda: None):
            return all(signal.getsignal(each) is server for each in SIGNALS)

    async def test() -> None:
        assert await asyncio.to_thread(lambda: asyncio.run(inside()))

    with handled_by(server):
        asyncio.run(test())
