"""Headers that keep what others put on a page out of it, and the page out of others'."""

from __future__ import annotations

import os

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names that the server answers to beside its address and localhost, with commas between.
HOSTS_VARIABLE = "LOSSLAB_HOSTS"
_OWN_HOSTS = ("localhost", "127.0.0.1", "[::1]", "testserver")

#: Streamlit needs styles and evaluated code of its own; nothing comes from elsewhere.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' ws: wss:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class SecurityMiddleware:
    """Refuses requests for other hosts, and puts the security headers on every answer.

    A request for another host comes from a page elsewhere whose name was made to lead here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        configured = os.environ.get(HOSTS_VARIABLE, "")
        self._hosts = {name.strip() for name in configured.split(",") if name.strip()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not self._is_allowed(Headers(scope=scope).get("host", "")):
            refusal = PlainTextResponse(
                f"This server does not answer to that name; {HOSTS_VARIABLE} lists the names "
                "that it answers to.",
                400,
            )
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _is_allowed(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        is_number = name.replace(".", "").isdigit() or name.startswith("[")
        return not name or is_number or name in _OWN_HOSTS or name in self._hosts
