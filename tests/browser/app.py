"""The real app as a process: what the browser tests, benchmarks and screenshots drive."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """The app on a port and a store of its own, which it keeps when it is started again."""

    def __init__(self, store_url: str, script: Path = ROOT / "app.py") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.store_url = store_url
        self._script = script
        self.address = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self._script)]
        command += ["--server.port", str(self._port)]
        environment = {**os.environ, "LOSSLAB_STORE": self.store_url}
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
        server.end()
