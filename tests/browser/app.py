"""The real app as a process: what the browser tests, benchmarks and screenshots drive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(store_url: str) -> Iterator[str]:
    """Serve the app on a free port with its own store; yields its address."""
    with running(store_url) as (address, _server):
        yield address


@contextmanager
def running(store_url: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """As ``serving``; yields the process too, which may be ended before the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "LOSSLAB_STORE": store_url}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_up(address, server), 60, "the app to serve")
        yield address, server
    finally:
        server.terminate()
        server.wait(30)


def _is_up(address: str, server: subprocess.Popen[bytes]) -> bool:
    if server.poll() is not None:
        raise RuntimeError(f"the app ended with exit code {server.returncode}")
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
