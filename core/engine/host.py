"""The training service: ``python -m core.engine.host``, started by ``core.engine.Engine``.

There is one for each place and store. It takes from the store what waits there, gives each
experiment a process that has torch loaded, lets as many train at once as there are cores, and
looks after all of them: what ends without a word is marked with a reason, what trains gets its
heartbeat. Servers call it and tell it when to look. While none is there it finishes what trains,
starts nothing new, and then ends.
"""

from __future__ import annotations

import logging
import multiprocessing
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
from core.engine.worker import work
from core.errors import StoreError, UnknownExperiment
from core.records import Status
from core.store import Store

_log = logging.getLogger("core.engine.host")

#: How many train at once, and how many processes there are with the paused ones.
PLACES = usable_cores()
MAX_PROCESSES = 16

CARE_SECONDS = 1.0
#: An experiment whose heartbeat has not changed for so long has nobody who looks after it.
STALE_SECONDS = 15.0
#: What stops within so long has been asked politely; then its process is killed.
_STOP_SECONDS = 3.0
#: What is waited for the first server, and after each for the next.
_ALONE_SECONDS = 10.0
_JOIN_SECONDS = 1.0
_MOST_TRIES = 3

#: How processes are started: forked from one that has torch loaded, where that is possible.
START_VARIABLE = "LOSSLAB_START"
_FORKED, _SPAWNED = "forkserver", "spawn"
#: What ``multiprocessing`` says where the process that others are forked from has ended.
_UNKNOWN_EXIT_CODE = 255
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


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
        self._context = context
        self._door = door
        self._place = place.here()
        #: The lines of who called, and the processes of those that are servers.
        self._callers: dict[Line, int] = {}
        self._alone_since = time.monotonic()
        self._jobs: dict[str, Job] = {}
        #: Paused jobs that want to go on; they come before what has no process yet.
        self._ready: deque[str] = deque()
        self._warm: tuple[BaseProcess, Line] | None = None
        #: They end with the line of who asked.
        self._calculators: list[BaseProcess] = []
        #: Whether somebody may wait in the store who was not seen yet.
        self._may_wait = True
        #: How those ended that aren't yet known to be marked so.
        self._ends: dict[str, tuple[Status, str]] = {}
        self._watched: dict[str, Watched] = {}
        self._is_to_end = False
        self._next_care = 0.0

    def serve(self) -> None:
        """Until nobody needs it any more, or it is told to end."""
        try:
            self._keep_warm()
            while self._is_needed():
                self._hear(self._care())
                self._fill_places()
                self._keep_warm()
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
        warm = [self._warm[1]] if self._warm else []
        for line in wait([self._door.bell, *self._callers, *keys, *warm], seconds):
            if line is self._door.bell:
                self._callers |= dict.fromkeys(self._door.those_who_came(), 0)
                self._may_wait = True
            elif line in self._callers:
                self._listen_to_server(line)
            elif line in keys:
                self._listen_to_job(keys[line])
            else:
                # It has nothing to say while it waits, so it has ended.
                self._warm = None

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
            case Message.LOOK:
                self._may_wait = True
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
        worker = self._give(task)
        if isinstance(worker, str):
            # Who asked waits for it in vain, and says so.
            _log.warning("No process can be started to compute: %s", worker)
            return
        process, line = worker
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
        worker = self._give(Train(key))
        if isinstance(worker, str):
            self._ends[key] = (Status.FAILED, f"The training process can't be started: {worker}.")
            self._mark_ends()
            return
        process, line = worker
        self._jobs[key] = Job(process, line)
        _log.info("Process %s trains it.", process.pid, extra=logs.about(key))
        with suppress(StoreError):
            self._store.service.started(key)

    def _give(self, task: Train | Answer) -> tuple[BaseProcess, Line] | str:
        """Give a task to the process that is warm, or to a new one; or say why none can be had."""
        for _try in range(_MOST_TRIES):
            worker, self._warm = self._warm or self._started(), None
            if isinstance(worker, str):
                return worker
            try:
                worker[1].send(task)
            except OSError:
                # It has ended meanwhile; another one can do it.
                continue
            return worker
        return "each one ended at once"

    def _keep_warm(self) -> None:
        """Have a process wait for the next task, which then need not wait for one."""
        if self._warm is None and self._has_server:
            started = self._started()
            if isinstance(started, str):
                _log.warning("No process can be started: %s", started)
            else:
                self._warm = started

    def _started(self) -> tuple[BaseProcess, Line] | str:
        """A new process and the line to it, or why there is none."""
        for attempt in range(_MOST_TRIES):
            ours, theirs = self._context.Pipe()
            # A daemon ends with this process, at the latest.
            process = self._context.Process(  # type: ignore[attr-defined]
                target=work, args=(self._store.url, theirs), daemon=True
            )
            try:
                process.start()
                return process, ours
            except (OSError, EOFError) as error:
                # The one that they are forked from may just have ended; the next try replaces it.
                why = str(error) or type(error).__name__
                time.sleep(0.05 * attempt)
            finally:
                # The process alone is to hold its end, so that either side notices the other's.
                theirs.close()
        return why

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
        self._ends.setdefault(key, (Status.FAILED, _how_it_ended(job.process.exitcode)))
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
                _kill(job.process)
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
                    _kill(job.process)
        except StoreError as error:
            _log.warning("Will try again: %s", error)


_KILLED = "The training process did not answer, and was ended."


def _kill(process: BaseProcess) -> None:
    if process.pid is not None:
        with suppress(OSError):
            os.kill(process.pid, _KILL)


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code in (None, _UNKNOWN_EXIT_CODE):
        return "The training process ended, and nothing is left that could say why."
    assert exit_code is not None
    if exit_code >= 0:
        return f"The training process ended with exit code {exit_code}; the app's log says more."
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    memory = ", for example by the system when memory ran out" if number == _KILL else ""
    return f"The training process was ended by signal {number} ({name}){memory}."


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """An orderly end; a second signal is not to disturb it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _context() -> BaseContext:
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


def main() -> None:
    logs.begin("service")
    signal.signal(signal.SIGTERM, _terminate)
    store = Store()
    folder = place.folder(store.url)
    with held(folder) as is_mine:
        if is_mine:
            with closing(Door(folder)) as door:
                Host(store, _context(), door).serve()


if __name__ == "__main__":
    main()
