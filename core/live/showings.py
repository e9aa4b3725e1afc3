"""The route of a showing: where it stands and how many have bet, live, for all who look at it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from core.errors import LabError, UnknownShowing
from core.live.hub import FRAME_SECONDS, SILENCE_SECONDS
from core.live.routes import Live
from core.records import Phase
from core.store import Store

#: What was read of a showing, by when and for all who ask within a moment.
_Read = tuple[float, "asyncio.Task[bytes]"]


class LiveShowings:
    """Answers requests for news of showings; the streams count among those of ``live``."""

    def __init__(self, live: Live, store: Callable[[], Store]) -> None:
        self._live = live
        self._store = store
        self._read: dict[str, _Read] = {}

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/showings/{showing_id}", self.stream)]

    async def stream(self, request: Request) -> Response:
        """Server-sent events: ``phase``, the number of ``bets``, and ``last`` once it has ended."""
        if refused := self._live.refusal(request):
            return refused
        showing_id = request.path_params["showing_id"]
        try:
            await self._news(showing_id)
        except UnknownShowing as error:
            return PlainTextResponse(str(error), 404)
        except LabError as error:
            return PlainTextResponse(str(error), 503)
        return self._live.streamed(request, self._events(showing_id))

    async def _events(self, showing_id: str) -> AsyncIterator[bytes]:
        before, told = b"", time.monotonic()
        while not self._live.is_ending:
            try:
                news = await self._news(showing_id)
            except LabError:
                # The page asks again, and is told what is wrong.
                return
            if news != before:
                yield b"data: " + news + b"\n\n"
                if json.loads(news)["last"]:
                    return
                before, told = news, time.monotonic()
            elif time.monotonic() - told > SILENCE_SECONDS:
                yield b": alive\n\n"
                told = time.monotonic()
            await asyncio.sleep(FRAME_SECONDS)

    async def _news(self, showing_id: str) -> bytes:
        """As it is in the store now, or was a moment ago: however many look, it is read once."""
        now = time.monotonic()
        self._read = {
            key: each for key, each in self._read.items() if now - each[0] < FRAME_SECONDS
        }
        if showing_id not in self._read:
            task = asyncio.create_task(asyncio.to_thread(self._look, showing_id))
            self._read[showing_id] = (now, task)
        # Who goes away ends its own wait alone.
        return await asyncio.shield(self._read[showing_id][1])

    def _look(self, showing_id: str) -> bytes:
        showing = self._store().showings.get(showing_id)
        news = {
            "phase": showing.phase.value,
            "bets": showing.bets,
            "last": showing.phase is Phase.ENDED,
        }
        return json.dumps(news).encode()
