"""One experiment in a process of its own: trained, recorded, and what is wanted of it obeyed.

The host imports this module too, and needs no torch: it is imported where it is used, and
is there already, because the process has it loaded before it gets an experiment.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import numpy as np

from core import logs
from core.engine.messages import Ended, Line, Message
from core.errors import LabError, StoreError, UnknownExperiment, UnreadableRecord
from core.records import Progress, Status, Wanted
from core.store import Store

_log = logging.getLogger(__name__)

#: At most so often is anything written while training. With the next report, and the write itself,
#: what a kill loses is less than 0.2 s old.
_WRITE_SECONDS = 0.14
#: How often a job hears, in training, whether the host tells it to look for what is wanted, and how
#: often it looks while paused. In training it looks after each write in any case.
_HEAR_SECONDS = 0.01
_LOOK_SECONDS = 0.05
#: How long training waits for a store that can't be read or written, and between two tries.
PATIENCE_SECONDS = 150.0
_RETRY_SECONDS = 0.5

#: What a training is while it is wanted so.
_RESTS = {Wanted.PAUSED: Status.PAUSED, Wanted.STOPPED: Status.STOPPED}

_OUT_OF_MEMORY = (
    "Training ran out of memory. Try smaller hidden layers, a smaller batch, or fewer losses "
    "or seeds at once. What was recorded before is kept."
)
CLOSED = "The app was closed before this had finished."
_HOST_GONE = "The training service ended, and is started again; this then goes on."

_Result = TypeVar("_Result")


class _Parted(Exception):
    """The process is to end, and the experiment goes on in another one, if at all."""


class _HostGone(_Parted):
    pass


class _Closed(_Parted):
    pass


def run(store: Store, experiment_id: str, host: Line) -> None:
    """The whole life of a job; what goes wrong becomes the experiment's reason."""
    job = _Job(store, experiment_id, host)
    try:
        job.train()
    except _HostGone:
        job.rest(Status.QUEUED, _HOST_GONE)
    except _Closed:
        job.rest(Status.INTERRUPTED, CLOSED)
    except _Parted:
        # It rests, and its checkpoint is in the store.
        return
    except Exception as error:
        if not isinstance(error, LabError):
            _log.exception("It failed.", extra=logs.about(experiment_id))
        reason = reason_for(error)
        try:
            store.set_status(experiment_id, Status.FAILED, reason)
        except StoreError:
            with suppress(OSError):
                host.send(Ended(Status.FAILED, reason))


def reason_for(error: Exception) -> str:
    if isinstance(error, LabError):
        return str(error)
    import torch

    # The CPU allocator has no exception of its own.
    lacks_memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )
    if lacks_memory:
        return _OUT_OF_MEMORY
    return f"Training failed: {type(error).__name__}: {error}"


def combined(parts: list[Progress]) -> Progress:
    """Several reports in a row as one."""
    newest = parts[::-1]
    return replace(
        parts[-1],
        losses=np.concatenate([part.losses for part in parts]),
        evaluations=tuple(itertools.chain(*(part.evaluations for part in parts))),
        facts=next((part.facts for part in parts if part.facts), None),
        snapshot=next((part.snapshot for part in newest if part.snapshot), None),
        kept=tuple(itertools.chain(*(part.kept for part in parts))),
        checkpoint=next((part.checkpoint for part in newest if part.checkpoint), None),
    )


class _Job:
    def __init__(self, store: Store, experiment_id: str, host: Line) -> None:
        self._store = store
        self._id = experiment_id
        self._host = host
        self._reports: Generator[Progress, bool | None, None] | None = None
        self._unwritten: list[Progress] = []
        self._last_write = time.monotonic()
        self._last_hearing = 0.0
        self._steps_are_shown = False
        self._is_resting = False

    def train(self) -> None:
        from core.training import train

        self._command = self._insist(lambda: self._store.command(self._id))
        experiment = self._insist(lambda: self._store.get(self._id))
        if experiment.status.is_finished:
            return
        after = self._insist(lambda: self._store.checkpoint(self._id))
        self._reports = train(experiment.spec, after=after)
        for progress in self._reports:
            self._unwritten.append(progress)
            if self._is_due(progress) and not self._record_and_obey():
                return

    def rest(self, status: Status, reason: str) -> None:
        """Leave behind all that another process needs to go on. What is paused stays so."""
        if self._is_resting and self._insist(self._status) is Status.PAUSED:
            return
        try:
            if not self._is_resting:
                self._write_look(Status.RUNNING)
        except Exception:
            # What is newer than the checkpoint before is trained again.
            _log.exception("No checkpoint can be left.", extra=logs.about(self._id))
        self._insist(lambda: self._store.set_status(self._id, status, reason))

    def _status(self) -> Status:
        return self._store.get(self._id).status

    # -------------------------------------------------------- recording

    def _is_due(self, progress: Progress) -> bool:
        pause_epoch = self._command.pause_after_epoch
        return (
            progress.outcome is not None
            # The first steps are shown at once, so that pressing Train is felt; and what was known
            # before them goes with them, unless they take long.
            or (not self._steps_are_shown and progress.step > 0)
            or (pause_epoch is not None and progress.epoch >= pause_epoch)
            or time.monotonic() - self._last_write >= _WRITE_SECONDS
            or self._is_asked()
        )

    def _is_asked(self) -> bool:
        """Whether something else is wanted than to train on; looks only where it is told to."""
        now = time.monotonic()
        if now - self._last_hearing < _HEAR_SECONDS:
            return False
        self._last_hearing = now
        return self._listen(0) is Message.LOOK and self._wanted() is not Wanted.RUNNING

    def _record_and_obey(self) -> bool:
        """Write what has come together and do what is wanted; whether to train on."""
        outcome = self._unwritten[-1].outcome
        # Where it is known that it is to rest, that and all before is one write.
        if outcome or self._command.wanted is Wanted.RUNNING:
            if not self._record(outcome or Status.RUNNING) or outcome:
                return False
            self._listen(0)
            self._wanted()
        wanted = self._command.wanted
        if wanted is Wanted.RUNNING:
            return True
        status = _RESTS[wanted]
        if not self._write_look(status) or status is Status.STOPPED:
            return False
        self._pause()
        if self._wanted() is Wanted.STOPPED:
            self._insist(lambda: self._store.set_status(self._id, Status.STOPPED))
            return False
        return True

    def _record(self, status: Status) -> bool:
        progress = combined(self._unwritten)
        is_open = self._write(progress, status)
        self._unwritten.clear()
        self._last_write = time.monotonic()
        self._steps_are_shown = progress.step > 0
        return is_open

    def _write_look(self, status: Status) -> bool:
        """Who rests here is to see all of one epoch, and to be able to go on from here."""
        if self._reports is None:
            return True
        unwritten, self._unwritten = self._unwritten, []
        return self._write(combined([*unwritten, self._reports.send(True)]), status)

    def _write(self, progress: Progress, status: Status) -> bool:
        return self._insist(lambda: self._store.report(self._id, progress, status))

    def _insist(self, call: Callable[[], _Result]) -> _Result:
        """What the call gives, tried for minutes: a store may be locked, or away, for a while.

        Training waits meanwhile, so that there is no more to be written than before.
        """
        begin = time.monotonic()
        while True:
            try:
                return call()
            except (UnknownExperiment, UnreadableRecord):
                raise
            except StoreError as error:
                if time.monotonic() - begin >= PATIENCE_SECONDS:
                    raise
                _log.warning("It waits for the store: %s", error, extra=logs.about(self._id))
                time.sleep(_RETRY_SECONDS)

    # -------------------------------------------------------- obeying

    def _wanted(self) -> Wanted:
        self._command = self._insist(lambda: self._store.command(self._id))
        return self._command.wanted

    def _pause(self) -> None:
        """Rest until a person wants more and the host has a place, or it is to stop."""
        self._is_resting = True
        self._tell(Message.PAUSED)
        while (wanted := self._wanted()) is Wanted.PAUSED:
            self._listen(_LOOK_SECONDS)
        if wanted is Wanted.RUNNING:
            self._await_place()
        self._is_resting = False

    def _await_place(self) -> None:
        self._tell(Message.READY)
        if self._listen(_LOOK_SECONDS) is not Message.GO:
            self._insist(lambda: self._store.set_status(self._id, Status.QUEUED))
            while self._listen(_LOOK_SECONDS) is not Message.GO:
                if self._wanted() is Wanted.STOPPED:
                    return
        self._insist(lambda: self._store.set_status(self._id, Status.RUNNING))

    def _tell(self, message: Message) -> None:
        try:
            self._host.send(message)
        except OSError as error:
            raise _HostGone from error

    def _listen(self, seconds: float) -> Message | None:
        """What the host says within ``seconds``, if that is not to end."""
        try:
            message: Message | None = self._host.recv() if self._host.poll(seconds) else None
        except (EOFError, OSError) as error:
            raise _HostGone from error
        if message is Message.END:
            raise _Closed
        if message is Message.LEAVE:
            raise _Parted
        return message
