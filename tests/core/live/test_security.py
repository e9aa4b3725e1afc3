"""Every answer has the headers that keep others out; other hosts get none but a refusal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from core.live.security import HOSTS_VARIABLE, SecurityMiddleware
from tests.core.live.asking import Answer, ask

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


async def plain(request: Request) -> Response:
    return PlainTextResponse("Here.")


async def streamed(request: Request) -> Response:
    async def parts() -> Any:
        yield b"one"
        yield b"two"

    return StreamingResponse(parts())


async def framed(request: Request) -> Response:
    return PlainTextResponse("Here.", headers={"X-Frame-Options": "ALLOWALL"})


def answer_to(
    host: str | None, address: str = "/", kind: str = "http", origin: str | None = None
) -> tuple[Answer, str]:
    app = Starlette(
        routes=[Route("/", plain), Route("/streamed", streamed), Route("/framed", framed)],
        middleware=[Middleware(SecurityMiddleware)],
    )
    given = {"Host": host, "Origin": origin}
    headers = {name: value for name, value in given.items() if value is not None}
    return asyncio.run(ask(app, address, headers=headers, kind=kind))


@pytest.fixture(autouse=True)
def no_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOSTS_VARIABLE, raising=False)


def assert_guarded(answer: Answer) -> None:
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy


@pytest.mark.parametrize(
    ("address", "status"), [("/", 200), ("/streamed", 200), ("/framed", 200), ("/missing", 404)]
)
def test_every_answer_has_the_headers(address: str, status: int) -> None:
    answer, _ = answer_to("localhost:8501", address)
    assert answer.status == status
    assert_guarded(answer)


def test_a_refusal_has_them_too() -> None:
    answer, words = answer_to("evil.example")
    assert answer.status == 400
    assert HOSTS_VARIABLE in words
    assert_guarded(answer)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8501",
        "LocalHost:8501",
        "127.0.0.1",
        "127.0.0.1:8501",
        "192.168.1.20:8501",
        "0.0.0.0:8501",
        "[::1]",
        "[::1]:8501",
        "[fe80::1ff:fe23:4567:890a]:80",
        "",
    ],
)
def test_its_own_names_and_numbers_are_answered(host: str) -> None:
    answer, words = answer_to(host)
    assert (answer.status, words) == (200, "Here.")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8501",
        "localhost.evil.example",
        "localhost.evil.example:8501",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io:8501",
        "[::1].evil.example",
        "[evil.example]",
        "[127.0.0.1]",
        "testserver",
        "1234",
        "1.2.3",
        "999.1.1.1",
        "²",
        "evil.example:8501:localhost",
        "localhost:8501.evil.example:80",
        ".",
        "*",
    ],
)
def test_other_names_are_refused(host: str) -> None:
    assert answer_to(host)[0].status == 400


def test_names_that_are_listed_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS_VARIABLE, " lab.example , Other.example,, ")
    for host in ("lab.example", "lab.example:8501", "LAB.example", "other.example", "localhost"):
        assert answer_to(host)[0].status == 200, host
    for host in ("sub.lab.example", "lab.example.evil", "evil.example"):
        assert answer_to(host)[0].status == 400, host


def test_an_empty_list_allows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOSTS_VARIABLE, ",")
    assert answer_to("evil.example")[0].status == 400


def test_a_socket_of_another_host_is_refused() -> None:
    answer, _ = answer_to("evil.example", kind="websocket")
    assert answer.status == 400
    assert_guarded(answer)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost",
        "http://localhost:8502",
        "http://localhost:8501.evil.example",
        "https://evil.example/://localhost:8501",
        "null",
        "",
    ],
)
def test_a_page_of_another_origin_is_refused(kind: str, origin: str) -> None:
    answer, _ = answer_to("localhost:8501", kind=kind, origin=origin)
    assert answer.status == 403
    assert_guarded(answer)


@pytest.mark.parametrize("origin", ["http://localhost:8501", "https://LOCALHOST:8501"])
def test_a_page_of_this_server_is_answered(origin: str) -> None:
    assert answer_to("localhost:8501", origin=origin)[0].status == 200


def test_what_is_no_request_goes_through() -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(*message: object) -> Any:
        raise AssertionError

    asyncio.run(SecurityMiddleware(app)({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]
