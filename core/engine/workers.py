"""The processes of the training service: how they are started, kept warm, given a task, and ended.

Each has torch loaded and does one task in its life.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import NamedTuple

from core.engine.messages import Answer, Line, Train
from core.engine.worker import work

_log = logging.getLogger(__name__)

#: How processes are started: forked from one that has torch loaded, where that is possible.
START_VARIABLE = "LOSSLAB_START"
_FORKED, _SPAWNED = "forkserver", "spawn"

_MOST_TRIES = 3
_RETRY_SECONDS = 0.05
#: What ``multiprocessing`` says where the process that others are forked from has ended.
_UNKNOWN_EXIT_CODE = 255
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Worker(NamedTuple):
    """A process, and the line to it until either hangs up."""

    process: BaseProcess
    line: Line


class NoWorker(Exception):
    """Why no process can be had."""


class Workers:
    """Starts the processes that work on the experiments of the store at an address."""

    def __init__(self, store_url: str, context: BaseContext) -> None:
        self._store_url = store_url
        self._context = context
        self._warm: Worker | None = None

    @property
    def waiting(self) -> Iterator[Line]:
        """The line of the one that is warm: it has nothing to say but that it has ended."""
        if self._warm is not None:
            yield self._warm.line

    def forget(self) -> None:
        """The one that was warm has ended."""
        self._warm = None

    def keep_warm(self) -> None:
        """Have a process wait for the next task, which then need not wait for one."""
        if self._warm is None:
            try:
                self._warm = self._started()
            except NoWorker as error:
                _log.warning("No process can be started: %s", error)

    def give(self, task: Train | Answer) -> Worker:
        """The process that has the task now: the one that is warm, or a new one.

        Raises ``NoWorker``.
        """
        for _try in range(_MOST_TRIES):
            worker, self._warm = self._warm or self._started(), None
            # It may have ended meanwhile; then another one can do it.
            with suppress(OSError):
                worker.line.send(task)
                return worker
        raise NoWorker("each one ended at once")

    def _started(self) -> Worker:
        for attempt in range(_MOST_TRIES):
            ours, theirs = self._context.Pipe()
            # A daemon ends with this process, at the latest.
            process = self._context.Process(  # type: ignore[attr-defined]
                target=work, args=(self._store_url, theirs), daemon=True
            )
            try:
                process.start()
                return Worker(process, ours)
            except (OSError, EOFError) as error:
                # The one that they are forked from may just have ended; the next try replaces it.
                why = str(error) or type(error).__name__
                time.sleep(_RETRY_SECONDS * attempt)
            finally:
                # The process alone is to hold its end, so that either side notices the other's.
                theirs.close()
        raise NoWorker(why)


def start_method() -> BaseContext:
    """How processes are started here."""
    possible = multiprocessing.get_all_start_methods()
    wanted = os.environ.get(START_VARIABLE, _FORKED)
    context = multiprocessing.get_context(wanted if wanted in possible else _SPAWNED)
    if context.get_start_method() == _FORKED:
        from multiprocessing import forkserver

        context.set_forkserver_preload(["core.engine.preload"])
        # Now, not at the first job: it takes seconds.
        forkserver.ensure_running()
    return context


def kill(process: BaseProcess) -> None:
    """End a process that does not do so itself."""
    if process.pid is not None:
        with suppress(OSError):
            os.kill(process.pid, _KILL)


def how_it_ended(exit_code: int | None) -> str:
    """What an exit code says, as a sentence."""
    if exit_code in (None, _UNKNOWN_EXIT_CODE):
        return "The training process ended, and nothing is left that could say why."
    assert exit_code is not None
    if exit_code >= 0:
        return f"The training process ended with exit code {exit_code}; the app's log says more."
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    memory = ", for example by the system when memory ran out" if number == _KILL else ""
    return f"The training process was ended by signal {number} ({name}){memory}."
