"""The option that connections have of the socket that they came by."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from core.live.sockets import send_at_once


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A socket made as Streamlit makes its own."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family=family) as made:
        try:
            made.bind((request.param, 0))
        except OSError as error:
            pytest.skip(f"There is no such address here: {error}")
        made.listen()
        yield made


def sends_at_once(each: socket.socket) -> bool:
    return each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_who_connects_is_sent_everything_at_once(listening: socket.socket) -> None:
    with socket.create_connection(listening.getsockname()[:2]):
        before, _ = listening.accept()
        assert not sends_at_once(before)
        before.close()
    send_at_once()
    with socket.create_connection(listening.getsockname()[:2]):
        after, _ = listening.accept()
        assert sends_at_once(after)
        after.close()


def test_other_sockets_are_left_as_they_are() -> None:
    closed = socket.socket()
    closed.close()
    with socket.socket() as unused, socket.socket(type=socket.SOCK_DGRAM) as of_udp:
        of_udp.bind(("127.0.0.1", 0))
        send_at_once()
        assert not sends_at_once(unused)
