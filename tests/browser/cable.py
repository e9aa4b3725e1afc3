"""A cable between the browser and the app, which a test can cut and mend."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

_MOST_BYTES = 65_536


class Cable:
    """Passes bytes on between its own address and that of the app; while it is cut, none.

    As with a network that is gone, connections stay open and nobody is told.
    """

    def __init__(self, address: str) -> None:
        self._port = urlsplit(address).port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._is_whole = threading.Event()
        self._is_whole.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_whole.clear()

    def mend(self) -> None:
        self._is_whole.set()

    def close(self) -> None:
        self.mend()
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            self._is_whole.wait()
            with socket.create_connection(("127.0.0.1", self._port)) as far:
                self._pass_on(near, far)

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        """Until one of the ends hangs up."""
        with selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in ready.select():
                    self._is_whole.wait()
                    part = key.fileobj.recv(_MOST_BYTES)
                    if not part:
                        return
                    key.data.sendall(part)
