"""The way to the training processes, for pages: needs no torch and never waits for it.

One helper process, ``core.engine.host``, keeps torch loaded and forks a process for each
experiment. It reads lines from its standard input; that it closes is how the helper
learns that this process is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Lock

from core.errors import EngineError
from core.store.database import ENVIRONMENT_VARIABLE

_PROJECT = Path(__file__).parents[2]
#: Threads that wait for each other sleep: on a busy machine, spinning takes the core from
#: the very thread that is waited for.
_SLEEP_WHILE_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
#: What closing waits for the helper to end its jobs before it is killed.
_CLOSE_SECONDS = 10


class Engine:
    """Starts experiments of the store at ``store_url``, which is to be ``Store.url``.

    Threads may share it. The helper is started when it is first needed, and again if it
    was lost. Raises ``EngineError`` if it can't be.
    """

    def __init__(self, store_url: str) -> None:
        self._store_url = store_url
        self._lock = Lock()
        self._host: subprocess.Popen[bytes] | None = None

    def warm(self) -> None:
        """Have the helper load torch, so that the first start is quick; doesn't wait."""
        with self._lock:
            self._running_host()

    def start(self, experiment_id: str) -> None:
        """Train a queued experiment as soon as there is room."""
        self._tell(f"start {experiment_id}\n")

    def answer(self, address: str) -> None:
        """Have a ``calculator`` process connect to the socket at ``address``."""
        self._tell(f"answer {address}\n")

    def close(self) -> None:
        """End the helper and its jobs; what they recorded stays."""
        with self._lock:
            host, self._host = self._host, None
        if host is None:
            return
        try:
            host.communicate(timeout=_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()

    def _tell(self, line: str) -> None:
        with self._lock:
            for _attempt in range(2):
                stdin = self._running_host().stdin
                assert stdin is not None
                try:
                    stdin.write(line.encode())
                    return
                except BrokenPipeError:
                    # It closed its end but hasn't quite ended: its successor is to hear it.
                    self._host = None
        raise EngineError(
            "The training service ended as soon as it was started. The app's log says why; "
            "restart the app."
        )

    def _running_host(self) -> subprocess.Popen[bytes]:
        if self._host is None or self._host.poll() is not None:
            self._host = self._spawn()
        return self._host

    def _spawn(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "core.engine.host"],
                cwd=_PROJECT,
                env=os.environ | _SLEEP_WHILE_WAITING | {ENVIRONMENT_VARIABLE: self._store_url},
                stdin=subprocess.PIPE,
                bufsize=0,
                # Ctrl-C in the terminal is for the server alone, whose end ends the helper.
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                f"The training service can't be started ({error.strerror}). "
                "Check that there is free memory, and restart the app."
            ) from error
