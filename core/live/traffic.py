"""When the server was asked for something last: what can wait is done when nobody is served."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Receive, Scope, Send


class Traffic:
    """Is told of each request by ``TrafficMiddleware``."""

    def __init__(self) -> None:
        self._asked_at = float("-inf")

    def note(self) -> None:
        self._asked_at = time.monotonic()

    async def rest(self, seconds: float, at_most: float) -> None:
        """Until nothing was asked for so long, or for ``at_most`` seconds."""
        deadline = time.monotonic() + at_most
        begin = time.monotonic()
        while (now := time.monotonic()) < deadline:
            left = max(self._asked_at, begin) + seconds - now
            if left <= 0:
                return
            await asyncio.sleep(min(left, deadline - now))


class TrafficMiddleware:
    """Notes when requests come, and passes them on."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app, self._traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            self._traffic.note()
        await self._app(scope, receive, send)
