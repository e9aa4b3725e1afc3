"""The sockets that the server listens on."""

from __future__ import annotations

import gc
import socket


def send_at_once() -> None:
    """Have all that is sent to who connects from now on go out at once.

    Streamlit makes its socket without naming the protocol, so that asyncio does not take it for one
    of TCP and leaves Nagle's algorithm on: what follows a small packet waits, some 40 ms, until
    the browser has acknowledged that one. Connections have this option as the socket has it that
    they came by.
    """
    for each in gc.get_objects():
        if type(each) is socket.socket and _listens(each):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _listens(each: socket.socket) -> bool:
    """Whether others can connect to it over a network."""
    is_of_network = each.fileno() >= 0 and each.family in (socket.AF_INET, socket.AF_INET6)
    return is_of_network and bool(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
