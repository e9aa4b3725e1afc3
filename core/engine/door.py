"""How a server finds the training service of its place, and how that lets it in.

The service holds a lock in a folder of its own as long as it lives, so that there is one for each
place and store, and writes down there where it listens. All of it is this person's alone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError, Pipe
from multiprocessing.connection import Client, Listener
from pathlib import Path
from threading import Thread

from filelock import FileLock, Timeout

from core.engine.messages import Line, Message, Present

_LOCK, _FOUND_BY, _SOCKET = "lock", "service.json", "socket"
#: Longer names of sockets are refused by some systems.
_LONGEST_SOCKET = 100
_ANSWER_SECONDS = 10.0
#: A folder in which somebody waits to be called is not older.
_SECONDS_TO_CALL = 120


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Whether this process is the one service of the folder, which it then is to the end.

    What services before it left there, and beside it, is cleared away.
    """
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        _clear(folder)
        _clear_abandoned(folder.parent)
        yield True
    finally:
        with suppress(OSError):
            _clear(folder)
        lock.release()


def _clear(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir():
            # A server may have made it just now, to be called there.
            if time.time() - each.stat().st_mtime > _SECONDS_TO_CALL:
                shutil.rmtree(each)
        elif each.name != _LOCK:
            each.unlink(missing_ok=True)


def _clear_abandoned(home: Path) -> None:
    """Remove the folders of services that ended without doing so themselves."""
    for folder in home.iterdir():
        lock = FileLock(folder / _LOCK)
        # Where it is held, the service lives; where it can't be removed, something was just made.
        with suppress(Timeout, OSError), lock.acquire(timeout=0):
            _clear(folder)
            (folder / _LOCK).unlink()
            folder.rmdir()


class Door:
    """Lets servers in, in a thread of its own: so one can wait for them and for other lines
    together, on every system."""

    def __init__(self, folder: Path) -> None:
        key = secrets.token_bytes(32)
        socket = folder / _SOCKET
        # Elsewhere the system finds an address.
        is_here = os.name == "posix" and len(str(socket)) <= _LONGEST_SOCKET
        self._listener = Listener(str(socket) if is_here else None, authkey=key)
        self._is_closed = False
        self._came: deque[Line] = deque()
        #: Has something to be read once somebody came.
        self.bell, self._ring = Pipe(duplex=False)
        Thread(target=self._let_in, daemon=True).start()
        found_by = {"address": self._listener.address, "key": key.hex(), "pid": os.getpid()}
        _write(folder / _FOUND_BY, json.dumps(found_by))

    def those_who_came(self) -> Iterator[Line]:
        """Their lines; to be asked for when the bell rings."""
        while self.bell.poll():
            self.bell.recv()
        while self._came:
            yield self._came.popleft()

    def close(self) -> None:
        self._is_closed = True
        self._listener.close()

    def _let_in(self) -> None:
        while not self._is_closed:
            try:
                self._came.append(self._listener.accept())
            except (AuthenticationError, EOFError, OSError):
                # A stranger, or one who is gone already.
                continue
            self._ring.send(None)


def _write(file: Path, text: str) -> None:
    """All at once: who reads it meanwhile finds nothing, or all of it."""
    new = file.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(file)


def ask_who(folder: Path, seconds: float = _ANSWER_SECONDS) -> Present:
    """Who is there. Raises ``OSError`` if no service is, or answers within so long."""
    with call(folder) as line:
        line.send(Message.WHO)
        if not line.poll(seconds):
            raise TimeoutError("The training service doesn't answer.")
        try:
            present: Present = line.recv()
        except EOFError as error:
            raise ConnectionError("The training service has just ended.") from error
    return present


def call(folder: Path) -> Line:
    """A line to the service of the folder. Raises ``OSError`` if none is there."""
    try:
        found_by = json.loads((folder / _FOUND_BY).read_text())
        return Client(found_by["address"], authkey=bytes.fromhex(found_by["key"]))
    except (AuthenticationError, EOFError, ValueError, LookupError) as error:
        raise ConnectionError(f"The training service doesn't answer: {error}.") from error
