"""The helper process: ``python -m core.engine.host``, started by ``core.engine.Engine``.

It reads the lines ``start ID`` and ``answer ADDRESS``, forks one process for each
experiment, and one for each ``calculator``, from a server that has torch loaded, lets as many
train at once as there are cores, and looks after all of them: what ends without a word is
marked with a reason, what waits or trains gets its heartbeat. When its input ends, so do its
jobs and itself.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import FrameType

from core.engine.calculator import answer
from core.engine.job import Message, run
from core.errors import StoreError, UnknownExperiment
from core.records import Status
from core.store import Store

_log = logging.getLogger(__name__)

#: How many train at once, and how many processes there are with the paused ones.
PLACES = os.cpu_count() or 1
MAX_PROCESSES = 16

CARE_SECONDS = 2.0
#: An experiment without a heartbeat for so long has nobody who looks after it.
STALE_SECONDS = 15.0

_READ_BYTES = 65_536
_CLOSED = "The app was closed before this had finished."


@dataclass
class Job:
    """A training process, and the line to it until it hangs up."""

    process: ForkServerProcess
    line: Connection[Message, Message] | None
    has_place: bool = True


class Host:
    def __init__(self, store: Store, context: ForkServerContext) -> None:
        self._store = store
        self._context = context
        self._jobs: dict[str, Job] = {}
        #: New experiments, behind the paused jobs that want to go on.
        self._waiting: deque[str] = deque()
        #: How those ended that aren't yet known to be marked so.
        self._ends: dict[str, tuple[Status, str]] = {}
        self._unread = b""
        self._next_care = 0.0

    def serve(self, stdin: int) -> None:
        """Until ``stdin`` is at its end; whatever ends it, no job outlives it."""
        try:
            while self._hear(stdin, self._care()):
                self._fill_places()
        finally:
            self._end_all()

    # -------------------------------------------------------- what it hears

    def _hear(self, stdin: int, seconds: float) -> bool:
        """Wait for a line, a message or the end of a job; ``False`` at the end of ``stdin``."""
        ends = {job.process.sentinel: key for key, job in self._jobs.items()}
        lines = {job.line: key for key, job in self._jobs.items() if job.line}
        ready = wait([stdin, *ends, *lines], seconds)
        for key in [key for line, key in lines.items() if line in ready]:
            self._receive(self._jobs[key], key)
        for key in [key for end, key in ends.items() if end in ready]:
            self._bury(key)
        return stdin not in ready or self._read(stdin)

    def _receive(self, job: Job, key: str) -> None:
        assert job.line is not None
        try:
            message = job.line.recv()
        except (EOFError, OSError):
            # It is ending; its sentinel will say so.
            job.line = None
            return
        if message is Message.PAUSED:
            job.has_place = False
        elif message is Message.READY:
            self._waiting.appendleft(key)

    def _read(self, stdin: int) -> bool:
        read = os.read(stdin, _READ_BYTES)
        *lines, self._unread = (self._unread + read).split(b"\n")
        for line in lines:
            self._obey(line.decode(errors="replace"))
        return bool(read)

    def _obey(self, line: str) -> None:
        match line.split():
            case ["start", key]:
                if key not in self._jobs and key not in self._waiting:
                    self._waiting.append(key)
            case ["answer", *address]:
                self._launch_calculator(" ".join(address))
            case _:
                _log.warning("Not understood: %.80r", line)

    # -------------------------------------------------------- starting and ending

    def _fill_places(self) -> None:
        while self._waiting and sum(job.has_place for job in self._jobs.values()) < PLACES:
            resumed = self._jobs.get(self._waiting[0])
            if resumed:
                self._let_go_on(resumed)
            elif len(self._jobs) < MAX_PROCESSES:
                self._launch(self._waiting[0])
            else:
                return
            self._waiting.popleft()

    def _let_go_on(self, job: Job) -> None:
        job.has_place = True
        if job.line:
            # It may have died this moment, which its sentinel will say.
            with suppress(OSError):
                job.line.send(Message.GO)

    def _launch(self, key: str) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=run, args=(self._store.url, key, theirs), name=f"job {key}", daemon=True
        )
        try:
            process.start()
        except OSError as error:
            self._ends[key] = (Status.FAILED, f"The training process can't be started: {error}.")
            self._mark_ends()
        else:
            self._jobs[key] = Job(process, ours)
        finally:
            # The job alone is to hold its end, so that either side notices the other's end.
            theirs.close()

    def _launch_calculator(self, address: str) -> None:
        # A daemon ends with this process, at the latest; before that with its line.
        process = self._context.Process(target=answer, args=(address,), daemon=True)
        try:
            process.start()
        except OSError as error:
            # Who asked waits for it in vain, and says so.
            _log.warning("No process can be started to compute: %s", error)

    def _bury(self, key: str) -> None:
        process = self._jobs.pop(key).process
        process.join()
        if key in self._waiting:
            self._waiting.remove(key)
        self._ends.setdefault(key, (Status.FAILED, _how_it_ended(process.exitcode)))
        self._mark_ends()

    def _mark_ends(self) -> None:
        """Mark each experiment whose process has ended with its final status, unless the process
        itself has written one, which stays."""
        for key, (status, how) in list(self._ends.items()):
            try:
                kept = f"What was recorded until step {self._store.step(key):,} is kept."
                self._store.set_status(key, status, f"{how} {kept}")
                del self._ends[key]
            except UnknownExperiment as error:
                _log.warning("%s", error)
                del self._ends[key]
            except StoreError as error:
                _log.warning("Will try again: %s", error)

    def _end_all(self) -> None:
        for job in self._jobs.values():
            job.process.kill()
        for job in self._jobs.values():
            job.process.join()
        for key in {*self._jobs, *self._waiting}:
            self._ends.setdefault(key, (Status.INTERRUPTED, _CLOSED))
        self._mark_ends()

    # -------------------------------------------------------- looking after

    def _care(self) -> float:
        """Do what is due from time to time; returns the seconds until it is due again."""
        now = time.monotonic()
        if now >= self._next_care:
            self._next_care = now + CARE_SECONDS
            self._look_after()
            self._mark_ends()
        return max(0.0, self._next_care - time.monotonic())

    def _look_after(self) -> None:
        try:
            # First: after a sleep of the machine, all would look stale.
            self._store.heartbeat({*self._jobs, *self._waiting})
            for key in self._store.interrupt_stale(STALE_SECONDS):
                _log.warning("Nobody looked after experiment %s: interrupted.", key)
        except StoreError as error:
            _log.warning("Will try again: %s", error)


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"The training process ended with exit code {exit_code}; the app's log says more."
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    memory = ", for example by the system when memory ran out" if number == signal.SIGKILL else ""
    return f"The training process was ended by signal {number} ({name}){memory}."


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """An orderly end, as at the end of the input; a second signal is not to disturb it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main() -> None:
    logging.basicConfig(format="%(asctime)s losslab engine: %(message)s")
    signal.signal(signal.SIGTERM, _terminate)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["core.engine.preload"])
    # Now, not at the first job: it takes seconds.
    forkserver.ensure_running()
    Host(Store(), context).serve(sys.stdin.fileno())


if __name__ == "__main__":
    main()
