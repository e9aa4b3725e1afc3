"""Headers that keep what others put on a page out of it, and the page out of others'."""

from __future__ import annotations

import os
from contextlib import suppress
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names that the server answers to beside its address and localhost, with commas between.
HOSTS_VARIABLE = "LOSSLAB_HOSTS"
_OWN_HOSTS = {"localhost"}

#: Streamlit needs styles and evaluated code of its own; nothing comes from elsewhere.
_POLICY = (
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
)
_POLICY_HEADER = "Content-Security-Policy"
_ALWAYS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}
_UNFRAMED = {
    _POLICY_HEADER: "; ".join((*_POLICY, "frame-ancestors 'none'")),
    "X-Frame-Options": "DENY",
}
#: The headers of an answer that pages of others may show within them: it has nothing to click
#: that does anything.
FRAMED = {
    "Cache-Control": "no-cache",
    _POLICY_HEADER: "; ".join((*_POLICY, "frame-ancestors *")),
}


class SecurityMiddleware:
    """Refuses requests for other hosts and those of other pages, and puts the security headers on
    every answer.

    A request for another host comes from a page elsewhere whose name was made to lead here. One of
    another page never gets to Streamlit, which would ask an outside service for this machine's
    address, to see whether the page is of that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        configured = os.environ.get(HOSTS_VARIABLE, "")
        named = {name.strip().lower() for name in configured.split(",")}
        self._hosts = _OWN_HOSTS | named - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                is_framed = headers.get(_POLICY_HEADER) == FRAMED[_POLICY_HEADER]
                headers.update(_ALWAYS if is_framed else _ALWAYS | _UNFRAMED)
            await send(message)

        refused = self._refusal(Headers(scope=scope))
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        """The answer to who is to have no other; None for all else."""
        host = headers.get("host", "")
        if not self._is_allowed(host):
            return PlainTextResponse(
                f"This server does not answer to that name; {HOSTS_VARIABLE} lists the names "
                "that it answers to.",
                400,
            )
        if _is_of_another_page(headers.get("origin"), host):
            return PlainTextResponse("This server answers to its own pages alone.", 403)
        return None

    def _is_allowed(self, host: str) -> bool:
        name = (host if host.endswith("]") else host.rsplit(":", 1)[0]).lower()
        return not name or name in self._hosts or _is_address(name)


def _is_of_another_page(origin: str | None, host: str) -> bool:
    """Browsers say which page asks; of one whose origin is nobody's they say ``null``."""
    return origin is not None and origin.lower().partition("://")[2] != host.lower()


def _is_address(name: str) -> bool:
    """Whether it is a number, which no page elsewhere can be called by."""
    is_of_six = name.startswith("[") and name.endswith("]")
    with suppress(ValueError):
        return ip_address(name[1:-1] if is_of_six else name).version == (6 if is_of_six else 4)
    return False
