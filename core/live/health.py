"""The route of metrics: how the lab fares, for programs that watch it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import LabError
from core.lab import Lab
from core.live.routes import Live
from core.status import as_metrics, state_of


class Health:
    def __init__(self, lab: Callable[[], Lab], live: Live) -> None:
        self._lab, self._live = lab, live

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/metrics", self.metrics)]

    async def metrics(self, request: Request) -> Response:
        """As Prometheus reads them; 503 while the store can't be read."""
        if refused := self._live.refusal(request):
            return refused
        try:
            state = await asyncio.to_thread(state_of, self._lab(), self._live.viewers)
        except LabError as error:
            return PlainTextResponse(f"{error}\n", 503)
        return PlainTextResponse(as_metrics(state), headers={"Cache-Control": "no-store"})
