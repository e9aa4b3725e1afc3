"""Asks an ASGI app as a browser does, without a network: whole answers and streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope


@dataclass
class Answer:
    """What came of a request so far."""

    status: int = 0
    headers: Headers = field(default_factory=Headers)
    parts: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def whole(self) -> str:
        """The rest of the body, once it has ended."""
        found = b""
        while (part := await self.parts.get()) is not None:
            found += part
        return found.decode()

    async def event(self) -> dict[str, Any] | None:
        """The next server-sent event with data, or None at the end of the stream."""
        while (part := await self.parts.get()) is not None:
            if part.startswith(b"data: "):
                found: dict[str, Any] = json.loads(part[6:])
                return found
        return None


def ordered(event: Mapping[str, Any]) -> list[str]:
    """The ids of all blocks of an event, part by part."""
    return [each for _part, ids in event["order"] for each in ids]


@asynccontextmanager
async def asked(
    app: ASGIApp,
    address: str,
    headers: Mapping[str, str] | None = None,
    visitor: str = "127.0.0.1",
    kind: str = "http",
) -> AsyncIterator[Answer]:
    """The answer once its head is there; the visitor goes away at the end."""
    answer, has_begun, leaves = Answer(), asyncio.Event(), asyncio.Event()
    was_asked = False

    async def receive() -> Message:
        nonlocal was_asked
        if not was_asked:
            was_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"].endswith(".response.start"):
            answer.status = message["status"]
            answer.headers = Headers(raw=message["headers"])
            has_begun.set()
        elif message["type"].endswith(".response.body"):
            if message.get("body"):
                answer.parts.put_nowait(message["body"])
            if not message.get("more_body"):
                answer.parts.put_nowait(None)

    async def serve() -> None:
        try:
            await app(_scope(address, headers or {}, visitor, kind), receive, send)
        finally:
            has_begun.set()
            answer.parts.put_nowait(None)

    serving = asyncio.create_task(serve())
    try:
        await has_begun.wait()
        yield answer
    finally:
        leaves.set()
        await serving


async def ask(app: ASGIApp, address: str, **how: Any) -> tuple[Answer, str]:
    """The whole answer, and its body."""
    async with asked(app, address, **how) as answer:
        return answer, await answer.whole()


def _scope(address: str, headers: Mapping[str, str], visitor: str, kind: str) -> Scope:
    parts = urlsplit(address)
    named = {"host": "localhost:8501"} | {name.lower(): value for name, value in headers.items()}
    return {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": parts.path,
        "raw_path": quote(parts.path).encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        "client": (visitor, 50_000),
        "server": ("127.0.0.1", 8501),
        "extensions": {"websocket.http.response": {}},
    }
