"""The way to the training service, for servers: needs no torch and never waits for it.

The service, ``core.engine.host``, is a process of its own that outlives the server: what trains
goes on when that is restarted, and the next server finds it again. It is called by a line that
only this person's processes can open.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread

from core import place
from core.engine.door import call
from core.engine.messages import Answer, Hello, Line, Message
from core.errors import EngineError
from core.store.database import ENVIRONMENT_VARIABLE

_PROJECT = Path(__file__).parents[2]
#: Threads that wait for each other sleep: on a busy machine, spinning takes the core from
#: the very thread that is waited for.
_SLEEP_WHILE_WAITING = {"OMP_WAIT_POLICY": "PASSIVE"}
#: What ending waits for the service to end its jobs before it is killed.
_END_SECONDS = 10.0
#: Between two calls to a service that is starting.
_CALL_SECONDS = 0.01
#: After so many services that ended at once, and so long between them, that is said.
_MOST_FAILURES = 2
_FAILURE_SECONDS = 1.0

#: A service that starts in less than so long, and its return after so long, needs no word.
_START_SECONDS = 5.0
_BACK_SECONDS = 10.0

_AWAY = "The training service is being started. What waits then begins, and goes on, by itself."
_BACK = "The training service had ended, and is back. What trained goes on from where it was."
_FAILED = (
    "The training service ended as soon as it was started. The app's log says why; restart the app."
)


class Engine:
    """Has the experiments trained that wait in the store at ``store_url``, which is to be
    ``Store.url``.

    Threads may share it. The service is found, or started, when it is first needed, and again
    whenever it was lost, until ``leave`` or ``end``.
    """

    def __init__(self, store_url: str) -> None:
        self.store_url = store_url
        self._place = place.here()
        self._lock = Lock()
        self._watcher: Thread | None = None
        self._has_left = Event()
        self._line: Line | None = None
        self._unsent: deque[object] = deque()
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._trouble: str | None = None
        #: How often the service was lost, and is there again or will be.
        self.losses = 0
        #: Since when it is there, or is not.
        self._since = time.monotonic()

    @property
    def is_connected(self) -> bool:
        """Whether the service is there."""
        return self._line is not None

    @property
    def trouble(self) -> str | None:
        """Why there can be no service, as a sentence."""
        return self._trouble

    @property
    def word(self) -> str | None:
        """What people are to know of the service: nothing while all is well."""
        seconds = time.monotonic() - self._since
        if self.is_connected:
            is_new = self.losses > 0 and seconds < _BACK_SECONDS
            return _BACK if is_new else None
        if self._trouble is not None:
            return self._trouble
        # At the first start nobody need know, unless it takes long.
        return _AWAY if self.losses or seconds > _START_SECONDS else None

    def warm(self) -> None:
        """Have the service load torch, so that the first start is quick; doesn't wait."""
        with self._lock:
            if self._watcher is None:
                self._watcher = Thread(target=self._watch, daemon=True)
                self._watcher.start()

    def look(self) -> None:
        """Have what waits in the store trained as soon as there is room.

        Raises ``EngineError`` if there can be no service.
        """
        self._tell(Message.LOOK)

    def answer(self, task: Answer) -> None:
        """Have a process answer the questions of who listens at an address."""
        self._tell(task)

    def leave(self) -> None:
        """Hang up. What trains goes on to its end."""
        self._has_left.set()
        with self._lock:
            watcher, self._watcher = self._watcher, None
            if self._line is not None:
                # The watcher waits on it, and closes it.
                with suppress(OSError):
                    self._line.send(Message.BYE)
        if watcher is not None:
            watcher.join(_END_SECONDS)

    def end(self) -> None:
        """End the service and all that trains; what was recorded stays."""
        self._has_left.set()
        with self._lock:
            line = self._line
        if line is not None:
            with suppress(OSError):
                line.send(Message.END)
        process, watcher = self._process, self._watcher
        if watcher is not None:
            watcher.join(_END_SECONDS)
        if process is not None:
            try:
                process.wait(_END_SECONDS if line else 0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _tell(self, message: object) -> None:
        self.warm()
        with self._lock:
            if self._trouble is not None:
                raise EngineError(self._trouble)
            if self._line is not None:
                with suppress(OSError):
                    self._line.send(message)
                    return
            # Whoever comes next is to hear it.
            self._unsent.append(message)

    # -------------------------------------------------------- in a thread of its own

    def _watch(self) -> None:
        """Keep a line to a service, one after another."""
        while not self._has_left.is_set():
            line = self._called()
            if line is not None:
                self._attend(line)

    def _attend(self, line: Line) -> None:
        """Be there until the service, or this side, hangs up."""
        with self._lock:
            self._line, self._trouble, self._failures = line, None, 0
            self._since = time.monotonic()
            with suppress(OSError):
                line.send(Hello(os.getpid()))
                while self._unsent:
                    line.send(self._unsent[0])
                    self._unsent.popleft()
        with suppress(EOFError, OSError):
            while True:
                line.recv()
        with self._lock:
            self._line = None
            self._since = time.monotonic()
            self.losses += 1
            line.close()
        self._forget_process()

    def _forget_process(self) -> None:
        """A service that was there has not failed to start, however it ended: the next one may be
        started at once."""
        if self._process is not None and not self._has_left.is_set():
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_FAILURE_SECONDS)
            self._process = None

    def _called(self) -> Line | None:
        """A line to the service, which is started if none is there; None if it isn't there yet."""
        try:
            return call(place.folder(self.store_url, self._place))
        except OSError:
            self._start_if_none()
            self._has_left.wait(_CALL_SECONDS)
            return None

    def _start_if_none(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            # One that ends in good order has found another one, which will answer soon.
            self._fail(_FAILED if self._process.returncode else None)
            return
        try:
            self._process = self._spawned()
        except OSError as error:
            self._fail(
                f"The training service can't be started ({error.strerror}). "
                "Check that there is free memory, and restart the app."
            )

    def _fail(self, why: str | None) -> None:
        """Try again after a while, and say why if that is of no use."""
        self._process = None
        self._failures += why is not None
        if why is not None and self._failures >= _MOST_FAILURES:
            with self._lock:
                self._trouble = why
                self._unsent.clear()
        self._has_left.wait(_FAILURE_SECONDS)

    def _spawned(self) -> subprocess.Popen[bytes]:
        own = {ENVIRONMENT_VARIABLE: self.store_url, place.ENVIRONMENT_VARIABLE: self._place}
        return subprocess.Popen(
            [sys.executable, "-m", "core.engine.host"],
            cwd=_PROJECT,
            env=os.environ | _SLEEP_WHILE_WAITING | own,
            stdin=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the server alone.
            start_new_session=True,
        )
