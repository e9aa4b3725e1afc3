"""What can wait is done when nobody has asked for anything for a while, by a clock of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from core.live import traffic as traffic_module
from core.live.traffic import Traffic, TrafficMiddleware
from tests.core.live.asking import ask

Rest = Callable[[list[float]], float]


@pytest.fixture
def rested(monkeypatch: pytest.MonkeyPatch) -> Rest:
    """How long it rests for 1 second of quiet and at most 6, where requests come at these times."""

    def measured(requests: list[float]) -> float:
        traffic = Traffic()
        now = 100.0

        async def sleep(seconds: float) -> None:
            nonlocal now
            assert seconds > 0
            until = now + seconds
            for at in sorted(requests):
                if now < 100 + at <= until:
                    now = 100 + at
                    traffic.note()
            now = until

        monkeypatch.setattr(traffic_module, "time", type("", (), {"monotonic": lambda: now}))
        monkeypatch.setattr(traffic_module.asyncio, "sleep", sleep)
        asyncio.run(traffic.rest(1.0, 6.0))
        return now - 100

    return measured


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [
        ([], 1.0),
        ([0.5], 1.5),
        ([0.5, 1.4, 2.3], 3.3),
        ([0.5, 1.6], 1.5),
        ([0.1 * each for each in range(1, 200)], 6.0),
    ],
)
def test_it_rests_until_nothing_was_asked_for_a_while(
    rested: Rest, requests: list[float], seconds: float
) -> None:
    assert rested(requests) == pytest.approx(seconds)


def test_each_request_is_noted_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    traffic, noted = Traffic(), []
    monkeypatch.setattr(traffic, "note", lambda: noted.append(True))
    app = Starlette(
        routes=[Route("/", answer)],
        middleware=[Middleware(TrafficMiddleware, traffic=traffic)],
    )
    for count in (1, 2):
        answered, _ = asyncio.run(ask(app, "/"))
        assert (answered.status, len(noted)) == (200, count)
