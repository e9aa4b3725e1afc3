"""The real app as a process: what the browser tests, benchmarks and screenshots drive."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from core import place
from core.engine import Engine
from core.engine.door import call
from core.engine.messages import Message
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The app on a port and a store of its own, which it keeps when it is started again."""

    def __init__(
        self,
        store_url: str,
        script: Path = ROOT / "app.py",
        variables: Mapping[str, str] = MappingProxyType({}),
        options: Sequence[str] = (),
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.store_url = store_url
        self._script = script
        self._variables, self._options = variables, options
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self._script)]
        command += ["--server.port", str(self._port), *self._options]
        environment = {**os.environ, "LOSSLAB_STORE": self.store_url, **self._variables}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL
        )
        wait_until(self._is_up, 60, "the app to serve")

    def kill(self) -> None:
        """End it as a crash does: without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it in good order; one that was killed has ended already."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)

    def interrupt_twice(self) -> None:
        """As one who presses Ctrl+C, reads what is said, and presses it again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        wait_until(self._is_going, 30, "the server to hear it")
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)

    def _is_going(self) -> bool:
        """Whether it takes no more calls."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) != 0

    @property
    def has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def end_all(self) -> None:
        """End it, and all that trains."""
        self.end()
        with suppress(OSError, EOFError), call(place.folder(self.store_url)) as line:
            line.send(Message.END)
            # It hangs up when all has ended.
            while line.poll(30):
                line.recv()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the app ended with exit code {self._process.returncode}")
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def serving(store_url: str, script: Path = ROOT / "app.py") -> Iterator[str]:
    """Serve the app, or another script, on a free port with a store; yields its address."""
    server = Server(store_url, script)
    try:
        server.start()
        yield server.address
    finally:
        server.end_all()


@contextmanager
def engine_of(store_url: str) -> Iterator[Engine]:
    """The way to the training service of a store, which is ended afterwards."""
    engine = Engine(store_url)
    try:
        yield engine
    finally:
        engine.end()
