"""The routes of live data: a stream for each view, and files. Read-only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from core.errors import LabError, StoreError, UnknownExperiment
from core.live.files import FILES
from core.live.hub import Hubs
from core.live.moments import Moments
from core.live.reading import Reading
from core.live.view import View
from core.store import Store

#: Streams at once: of one visitor's address, and of all.
MOST_OF_ONE = 250
MOST_OF_ALL = 1000

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Live:
    """Answers requests for live data of the experiments in a store; ``word`` is what is to be said
    of the training service."""

    def __init__(
        self, store: Callable[[], Store], word: Callable[[], str | None] = lambda: None
    ) -> None:
        self._store, self._word = store, word
        self._hubs: Hubs | None = None
        self._streams: Counter[str] = Counter()
        self._moments = Moments()
        self._openings: set[asyncio.Task[None]] = set()
        self.is_ending = False

    def end(self) -> None:
        """End all streams, and begin no more."""
        self.is_ending = True
        if self._hubs is not None:
            self._hubs.end()

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return self._streams.total()

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/live/{experiment_id}", self.stream),
            Route("/live/{experiment_id}/moments/{step:int}", self.moment),
            Route("/live/{experiment_id}/{file}", self.file),
        ]

    async def stream(self, request: Request) -> Response:
        """Server-sent events of the view that the address describes."""
        if refused := self.refusal(request):
            return refused
        experiment_id = request.path_params["experiment_id"]
        try:
            view = View.parse(request.query_params)
            store = await asyncio.to_thread(self._store)
            await asyncio.to_thread(store.get, experiment_id)
        except LabError as error:
            return _refusal(error)
        return self.streamed(request, self._events(self._of(store), experiment_id, view))

    def refusal(self, request: Request) -> Response | None:
        """The answer to who is to have no stream at all: pages of others."""
        if _is_foreign(request):
            return PlainTextResponse("Live data is for pages of this server alone.", 403)
        return None

    def streamed(self, request: Request, events: AsyncIterator[bytes]) -> Response:
        """The events as a stream, while there is room for another one."""
        visitor = request.client.host if request.client else ""
        if self._streams[visitor] >= MOST_OF_ONE or self._streams.total() >= MOST_OF_ALL:
            return PlainTextResponse("Too many streams are open. Try again later.", 503)
        return _Stream(events, self._streams, visitor)

    async def reading(self, experiment_id: str) -> Reading:
        """What is known of an experiment, as all who look at it share it."""
        return self._of(await asyncio.to_thread(self._store)).readings.of(experiment_id)

    def open(self, experiment_id: str) -> None:
        """Begin to read an experiment, if there is one of that id: somebody's browser is about to
        ask for it, once it has built the page."""
        task = asyncio.create_task(self._read(experiment_id))
        self._openings.add(task)
        task.add_done_callback(self._openings.discard)

    async def _read(self, experiment_id: str) -> None:
        # What is wrong is said where it is asked for.
        with suppress(LabError):
            store = await asyncio.to_thread(self._store)
            await asyncio.to_thread(store.get, experiment_id)
            await asyncio.to_thread(self._of(store).readings.of(experiment_id).state)

    def _of(self, store: Store) -> Hubs:
        self._hubs = self._hubs or Hubs(store, self._word)
        return self._hubs

    async def _events(self, hubs: Hubs, experiment_id: str, view: View) -> AsyncIterator[bytes]:
        if self.is_ending:
            return
        # Asked for when the first event is: a hub that nobody looks at yet may be forgotten.
        events = hubs.of(experiment_id, view).events()
        try:
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    yield event
        except LabError:
            # The page asks again, and is told what is wrong.
            return

    async def moment(self, request: Request) -> Response:
        """What the view shows of a snapshot that was kept, as the blocks of a frame."""
        if refused := self.refusal(request):
            return refused
        experiment_id, step = request.path_params["experiment_id"], request.path_params["step"]
        try:
            view = View.parse(request.query_params)
            reading = await self.reading(experiment_id)
            body = await asyncio.to_thread(self._moments.body, reading, step, view)
        except LabError as error:
            return _refusal(error)
        if body is None:
            return PlainTextResponse("There is no snapshot of that step.", 404)
        return Response(body, media_type="application/json", headers=_HEADERS)

    async def file(self, request: Request) -> Response:
        """One of the files of an experiment, to be saved."""
        experiment_id, name = request.path_params["experiment_id"], request.path_params["file"]
        if name not in FILES:
            return PlainTextResponse("There is no such file.", 404)
        try:
            store = await asyncio.to_thread(self._store)
            text = await asyncio.to_thread(FILES[name], store, experiment_id)
        except LabError as error:
            return _refusal(error)
        saved_as = f'attachment; filename="loss-lab-{experiment_id}-{name}"'
        headers = {"Content-Disposition": saved_as, "Cache-Control": "no-store"}
        return PlainTextResponse(text, headers=headers, media_type="text/csv")


class _Stream(StreamingResponse):
    """A stream that counts as its visitor's from the time it is made, also if it never begins."""

    def __init__(self, events: AsyncIterator[bytes], streams: Counter[str], visitor: str) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._streams, self._visitor = streams, visitor
        streams[visitor] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams[self._visitor] -= 1
            if not self._streams[self._visitor]:
                del self._streams[self._visitor]


def _refusal(error: LabError) -> Response:
    if isinstance(error, UnknownExperiment):
        return PlainTextResponse(str(error), 404)
    # A store may be busy for a while: then the page tries again.
    return PlainTextResponse(str(error), 503 if isinstance(error, StoreError) else 400)


def _is_foreign(request: Request) -> bool:
    """Whether a page of another origin asks; browsers say so, other programs need not."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
