"""Asks a process that has torch for plain numbers, while somebody looks at a page.

The process is forked from the one that jobs are forked from, so it is there at once and
loads nothing. It answers the questions of ``core.anatomy.answers``, one after another, and
ends when its line is closed. Needs no torch on the asking side.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    answer_challenge,
    deliver_challenge,
)
from pathlib import Path
from threading import Lock
from typing import Any

from core import place
from core.engine import Engine
from core.engine.messages import Answer, Line
from core.errors import EngineError, LabError

#: The first answer may have to wait until torch is loaded; every other is there at once.
_START_SECONDS = 60.0
_ANSWER_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Calculator:
    """Answers questions; threads may share it. The process is started at the first one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._line: Line | None = None

    def ask(self, question: str, *arguments: Any) -> Any:
        """The answer of the function of that name in ``core.anatomy.answers.ANSWERS``.

        Raises what the function raises if it is a ``LabError``, else ``EngineError``.
        """
        with self._lock:
            for _attempt in range(2):
                try:
                    failed, answer = self._exchange((question, arguments))
                    break
                except (EOFError, OSError):
                    # It was ended from outside; another one can answer.
                    self._hang_up()
            else:
                raise EngineError("The process that computes ended twice. Restart the app.")
        if not failed:
            return answer
        raise answer if isinstance(answer, LabError) else EngineError(str(answer))

    def _exchange(self, message: object) -> tuple[bool, Any]:
        if self._line is None:
            self._line = _call(self._engine)
        self._line.send(message)
        if not self._line.poll(_ANSWER_SECONDS):
            self._hang_up()
            raise EngineError(f"No answer within {_ANSWER_SECONDS:g} s. Try again.")
        answer: tuple[bool, Any] = self._line.recv()
        return answer

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
        self._line = None


def _call(engine: Engine) -> Line:
    """Have a process started, and wait for it on a socket that only this user can reach."""
    key = secrets.token_bytes(32)
    try:
        with _listening(engine.store_url) as listener:
            listener.settimeout(_START_SECONDS)
            engine.answer(Answer(listener.getsockname(), key))
            connected, _address = listener.accept()
        connected.setblocking(True)
        line: Line = Connection(connected.detach())
        deliver_challenge(line, key)
        answer_challenge(line, key)
    except TimeoutError as error:
        raise EngineError(
            f"The process that computes did not start within {_START_SECONDS:g} s. Try again."
        ) from error
    except (OSError, EOFError, AuthenticationError) as error:
        raise EngineError(f"The process that computes can't be called: {error}.") from error
    return line


@contextmanager
def _listening(store_url: str) -> Iterator[socket.socket]:
    """A socket with an address of its own, which is gone afterwards."""
    if os.name != "posix":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener
        return
    with (
        tempfile.TemporaryDirectory(prefix="line-", dir=place.folder(store_url)) as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(str(Path(folder) / "line"))
        listener.listen(1)
        yield listener


def answer(task: Answer) -> None:
    """The process's whole life: connect, answer until the line is closed."""
    import torch

    torch.set_num_threads(1)
    # Who asked may be gone before the answer, which then nobody waits for.
    with Client(task.address, authkey=task.key) as line, suppress(EOFError, ConnectionError):
        while True:
            question, arguments = line.recv()
            line.send(_outcome(question, arguments))


def _outcome(question: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Whether it failed, and the answer or what is to be said instead."""
    from core.anatomy.answers import ANSWERS

    try:
        return False, ANSWERS[question](*arguments)
    except LabError as error:
        return True, error
    except Exception as error:
        _log.exception("The question %s failed.", question)
        return True, f"{type(error).__name__}: {error}"
