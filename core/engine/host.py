"""The training service: ``python -m core.engine.host``, started by ``core.engine.Engine``.

There is one for each place and store. It takes from the store what waits there, gives each
experiment a process that has torch loaded, lets as many train at once as there are cores, and
looks after all of them: what ends without a word is marked with a reason, what trains gets its
heartbeat. Servers call it and tell it when to look. While none is there it finishes what trains,
starts nothing new, and then ends.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from types import FrameType

from core import logs, place
from core.cores import usable_cores
from core.engine.door import Door, held
from core.engine.job import CLOSED
from core.engine.messages import Answer, Ended, Hello, Line, Message, Present, Train
from core.engine.workers import NoWorker, Workers, how_it_ended, kill, start_method
from core.errors import StoreError, UnknownExperiment
from core.records import Status
from core.store import Store

_log = logging.getLogger("core.engine.host")

#: How many train at once, and how many processes there are with the paused ones.
PLACES = usable_cores()
MAX_PROCESSES = 16

CARE_SECONDS = 1.0
#: The next process is started once nobody has asked for a training, or to pause or stop one, for so
#: long, and so long after the one before was given its task in any case.
_QUIET_SECONDS = 0.5
_MOST_SECONDS = 3.0
#: An experiment whose heartbeat has not changed for so long has nobody who looks after it.
STALE_SECONDS = 15.0
#: What stops within so long has been asked politely; then its process is killed.
_STOP_SECONDS = 3.0
#: What is waited for the first server, and after each for the next.
_ALONE_SECONDS = 10.0
_JOIN_SECONDS = 1.0


@dataclass
class Job:
    """A process that trains, and the line to it until it hangs up."""

    process: BaseProcess
    line: Line
    has_place: bool = True
    #: Since when it rests, and since when it is to stop.
    rests_since: float | None = None
    stops_since: float | None = None
    #: It was asked to leave, so that its end says nothing.
    is_leaving: bool = False


@dataclass
class Watched:
    """A heartbeat in the store, and since when it is this one by the clock here."""

    heartbeat: float
    since: float = field(default_factory=time.monotonic)


class Host:
    def __init__(self, store: Store, context: BaseContext, door: Door) -> None:
        self._store = store
        self._workers = Workers(store.url, context)
        self._door = door
        self._place = place.here()
        #: The lines of who called, and the processes of those that are servers.
        self._callers: dict[Line, int] = {}
        self._alone_since = time.monotonic()
        self._jobs: dict[str, Job] = {}
        #: Paused jobs that want to go on; they come before what has no process yet.
        self._ready: deque[str] = deque()
        #: They end with the line of who asked.
        self._calculators: list[BaseProcess] = []
        #: Whether somebody may wait in the store who was not seen yet.
        self._may_wait = True
        #: How those ended that aren't yet known to be marked so.
        self._ends: dict[str, tuple[Status, str]] = {}
        self._watched: dict[str, Watched] = {}
        self._is_to_end = False
        self._next_care = 0.0
        self._asked_at = self._launched_at = 0.0

    def serve(self) -> None:
        """Until nobody needs it any more, or it is told to end."""
        try:
            while self._is_needed():
                self._hear(self._care())
                self._fill_places()
        except SystemExit:
            self._is_to_end = True
            raise
        finally:
            if self._is_to_end:
                self._end_all()
            else:
                self._let_go()

    def _is_needed(self) -> bool:
        if self._is_to_end:
            return False
        is_waited_for = time.monotonic() - self._alone_since < _ALONE_SECONDS
        return self._has_server or bool(self._jobs) or is_waited_for

    @property
    def _has_server(self) -> bool:
        """Whether somebody who called is one; others ask who is there, and hang up."""
        return any(self._callers.values())

    # -------------------------------------------------------- what it hears

    def _hear(self, seconds: float) -> None:
        """Wait for somebody to say something, or to hang up."""
        keys = {job.line: key for key, job in self._jobs.items()}
        lines = [self._door.bell, *self._callers, *keys, *self._workers.waiting]
        for line in wait(lines, seconds):
            if line is self._door.bell:
                self._callers |= dict.fromkeys(self._door.those_who_came(), 0)
                self._may_wait = True
            elif line in self._callers:
                self._listen_to_server(line)
            elif line in keys:
                self._listen_to_job(keys[line])
            else:
                self._workers.forget()

    def _listen_to_server(self, line: Line) -> None:
        try:
            message = line.recv()
            self._obey(message, line)
        except (EOFError, OSError):
            self._part_from(line)

    def _part_from(self, server: Line) -> None:
        server.close()
        was_server = self._callers.pop(server) > 0
        if was_server and not self._has_server:
            self._alone_since = time.monotonic()

    def _obey(self, message: object, line: Line) -> None:
        match message:
            case Hello(pid):
                self._callers[line] = pid
                self._keep_warm()
            case Message.LOOK:
                self._may_wait, self._asked_at = True, time.monotonic()
                self._have_jobs_look()
                self._stop_what_is_to_stop()
            case Answer():
                self._have_answered(message)
            case Message.BYE:
                self._part_from(line)
            case Message.WHO:
                line.send(self._present())
            case Message.END:
                self._is_to_end = True
            case _:
                _log.warning("Not understood: %.80r", message)

    def _have_answered(self, task: Answer) -> None:
        try:
            process, line = self._workers.give(task)
        except NoWorker as error:
            # Who asked waits for it in vain, and says so.
            _log.warning("No process can be started to compute: %s", error)
            return
        line.close()
        self._calculators = [each for each in self._calculators if each.is_alive()] + [process]

    def _present(self) -> Present:
        return Present(
            pid=os.getpid(),
            servers=tuple(pid for pid in self._callers.values() if pid),
            jobs={key: job.process.pid or 0 for key, job in self._jobs.items()},
            calculators=tuple(each.pid or 0 for each in self._calculators if each.is_alive()),
            places=PLACES,
        )

    def _listen_to_job(self, key: str) -> None:
        job = self._jobs[key]
        try:
            message = job.line.recv()
        except (EOFError, OSError):
            self._bury(key)
            return
        if message is Message.PAUSED:
            job.has_place, job.rests_since = False, time.monotonic()
        elif message is Message.READY:
            self._ready.append(key)
        elif isinstance(message, Ended):
            self._ends[key] = (message.status, message.reason)

    def _have_jobs_look(self) -> None:
        for job in self._jobs.values():
            # One that has just died says so by itself.
            with suppress(OSError):
                job.line.send(Message.LOOK)

    # -------------------------------------------------------- starting

    def _fill_places(self) -> None:
        while sum(job.has_place for job in self._jobs.values()) < PLACES:
            if self._ready:
                self._let_go_on(self._ready.popleft())
            elif not self._launch_next():
                return

    def _let_go_on(self, key: str) -> None:
        job = self._jobs[key]
        job.has_place, job.rests_since = True, None
        # It may have died this moment, which its line will say.
        with suppress(OSError):
            job.line.send(Message.GO)

    def _launch_next(self) -> bool:
        """Start who is next, if somebody waits and there is a process for it."""
        if not (self._may_wait and self._has_server):
            return False
        try:
            queue = self._store.service.queue(self._place)
        except StoreError as error:
            _log.warning("Will try again: %s", error)
            return False
        key = next(queue.in_turn(without={*self._jobs, *self._ends}), None)
        if key is None:
            self._may_wait = False
            return False
        if len(self._jobs) >= MAX_PROCESSES:
            self._free_process()
            return False
        self._launch(key)
        return True

    def _free_process(self) -> None:
        """Have the job that rests longest leave its process to others."""
        resting = [job for key, job in self._jobs.items() if self._is_idle(key)]
        if resting and not any(job.is_leaving for job in self._jobs.values()):
            self._ask_to_leave(min(resting, key=lambda job: job.rests_since or 0.0))

    def _is_idle(self, key: str) -> bool:
        return self._jobs[key].rests_since is not None and key not in self._ready

    def _ask_to_leave(self, job: Job) -> None:
        job.is_leaving = True
        with suppress(OSError):
            job.line.send(Message.LEAVE)

    def _launch(self, key: str) -> None:
        try:
            process, line = self._workers.give(Train(key))
        except NoWorker as error:
            self._ends[key] = (Status.FAILED, f"The training process can't be started: {error}.")
            self._mark_ends()
            return
        self._jobs[key] = Job(process, line)
        self._launched_at = time.monotonic()
        _log.info("Process %s trains it.", process.pid, extra=logs.about(key))
        with suppress(StoreError):
            self._store.service.started(key)

    def _keep_warm(self) -> None:
        """While there is a server, the next task need not wait for a process."""
        if self._has_server:
            self._workers.keep_warm()

    # -------------------------------------------------------- ending

    def _bury(self, key: str) -> None:
        job = self._jobs.pop(key)
        job.line.close()
        if key in self._ready:
            self._ready.remove(key)
        job.process.join(_JOIN_SECONDS)
        _log.info("Process %s has ended.", job.process.pid, extra=logs.about(key))
        self._may_wait = True
        if job.is_leaving or self._has_gone_on(key):
            return
        if job.stops_since is not None:
            self._ends.setdefault(key, (Status.STOPPED, _KILLED))
        self._ends.setdefault(key, (Status.FAILED, how_it_ended(job.process.exitcode)))
        self._mark_ends()

    def _has_gone_on(self, key: str) -> bool:
        """Whether the experiment rests, and can go on in another process."""
        try:
            return self._store.get(key).status is Status.PAUSED
        except StoreError:
            return False

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
        """End what trains and what waits; what rests can go on another time."""
        for job in self._jobs.values():
            with suppress(OSError):
                job.line.send(Message.END)
        self._await_ends()
        with suppress(StoreError):
            waiting = self._store.service.queue(self._place).waiting
            for key in {*self._jobs, *(each.id for each in waiting)}:
                if not self._has_gone_on(key):
                    self._ends.setdefault(key, (Status.INTERRUPTED, CLOSED))
        self._mark_ends()

    def _let_go(self) -> None:
        """Have the jobs leave what they train to the service that comes next."""
        for job in self._jobs.values():
            job.line.close()
        self._await_ends()

    def _await_ends(self) -> None:
        """Give the jobs some seconds, and end by force who does not take them."""
        deadline = time.monotonic() + _STOP_SECONDS
        for job in self._jobs.values():
            job.process.join(max(0.0, deadline - time.monotonic()))
            if job.process.is_alive():
                kill(job.process)
                job.process.join(_JOIN_SECONDS)

    # -------------------------------------------------------- looking after

    def _care(self) -> float:
        """Do what is due from time to time; returns the seconds until it is due again."""
        if time.monotonic() >= self._next_care:
            self._may_wait = True
            self._look_after()
            self._mark_ends()
            if not self._has_server:
                self._leave_what_rests()
            # What somebody just asked for is to have the processor first.
            now = time.monotonic()
            is_quiet = now - self._asked_at >= _QUIET_SECONDS
            if is_quiet or now - self._launched_at >= _MOST_SECONDS:
                self._keep_warm()
            self._next_care = time.monotonic() + CARE_SECONDS
        return max(0.0, self._next_care - time.monotonic())

    def _leave_what_rests(self) -> None:
        """Nobody is there to go on with it: its checkpoint is all it needs."""
        for key, job in self._jobs.items():
            if self._is_idle(key) and not job.is_leaving:
                self._ask_to_leave(job)

    def _look_after(self) -> None:
        try:
            # First: after a sleep of the machine, all would look stale.
            if self._jobs:
                self._store.service.heartbeat(set(self._jobs))
            for key in self._unattended():
                if self._store.service.interrupt(key, self._watched[key].heartbeat):
                    _log.warning("Nobody looked after it: interrupted.", extra=logs.about(key))
        except StoreError as error:
            # Others can't have written theirs either.
            self._watched.clear()
            _log.warning("Will try again: %s", error)
        self._stop_what_is_to_stop()

    def _unattended(self) -> Iterator[str]:
        """What is said to train and has not changed for long, by the clock here alone."""
        now = time.monotonic()
        heartbeats = self._store.service.heartbeats()
        self._watched = {
            key: known
            if (known := self._watched.get(key)) and known.heartbeat == heartbeat
            else Watched(heartbeat)
            for key, heartbeat in heartbeats.items()
            if key not in self._jobs
        }
        for key, known in list(self._watched.items()):
            if now - known.since >= STALE_SECONDS:
                yield key

    def _stop_what_is_to_stop(self) -> None:
        """Jobs do so by themselves; one that hangs is killed, and what has none is stopped here."""
        try:
            for key in self._store.service.to_stop(self._place):
                job = self._jobs.get(key)
                if job is None:
                    self._store.set_status(key, Status.STOPPED)
                elif job.stops_since is None:
                    job.stops_since = time.monotonic()
                elif time.monotonic() - job.stops_since >= _STOP_SECONDS:
                    kill(job.process)
        except StoreError as error:
            _log.warning("Will try again: %s", error)


_KILLED = "The training process did not answer, and was ended."


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """An orderly end; a second signal is not to disturb it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def main() -> None:
    logs.begin("service")
    signal.signal(signal.SIGTERM, _terminate)
    store = Store()
    folder = place.folder(store.url)
    with held(folder) as is_mine:
        if is_mine:
            with closing(Door(folder)) as door:
                Host(store, start_method(), door).serve()


if __name__ == "__main__":
    main()
