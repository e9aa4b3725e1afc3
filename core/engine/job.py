"""One training process: trains one experiment, records it, obeys what is wanted of it.

The host imports this module too, and needs no torch: it is imported where it is used, and
is there already, because the host has it loaded in the process that jobs are forked from.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Generator
from dataclasses import replace
from enum import StrEnum
from multiprocessing.connection import Connection

import numpy as np

from core.errors import LabError
from core.records import Progress, Status, Wanted
from core.store import Store

_log = logging.getLogger(__name__)

#: At most so often is anything written while training.
_WRITE_SECONDS = 0.09
#: How often a job looks for what is wanted, in training and while paused.
_OBEY_SECONDS = 0.03
_LOOK_SECONDS = 0.05

#: What a training is while it is wanted so.
_RESTS = {Wanted.PAUSED: Status.PAUSED, Wanted.STOPPED: Status.STOPPED}

_OUT_OF_MEMORY = (
    "Training ran out of memory. Try smaller hidden layers, a smaller batch, or fewer losses "
    "or seeds at once. What was recorded before is kept."
)
_HOST_GONE = "The training service ended. What was recorded until then is kept."


class Message(StrEnum):
    """What host and job tell each other."""

    PAUSED = "paused"
    """Job: I rest, my place is free."""

    READY = "ready"
    """Job: I want to go on."""

    GO = "go"
    """Host: there is a place for you."""


class _HostGone(Exception):
    pass


def run(store_url: str, experiment_id: str, host: Connection[Message, Message]) -> None:
    """The whole life of a job; what goes wrong becomes the experiment's reason."""
    store = Store(store_url)
    try:
        _Job(store, experiment_id, host).train()
    except _HostGone:
        store.set_status(experiment_id, Status.INTERRUPTED, _HOST_GONE)
    except Exception as error:
        if not isinstance(error, LabError):
            _log.exception("Experiment %s failed.", experiment_id)
        store.set_status(experiment_id, Status.FAILED, reason_for(error))


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
    return replace(
        parts[-1],
        losses=np.concatenate([part.losses for part in parts]),
        evaluations=tuple(itertools.chain(*(part.evaluations for part in parts))),
        facts=next((part.facts for part in parts if part.facts), None),
        snapshot=next((part.snapshot for part in reversed(parts) if part.snapshot), None),
        kept=tuple(itertools.chain(*(part.kept for part in parts))),
    )


class _Job:
    def __init__(
        self, store: Store, experiment_id: str, host: Connection[Message, Message]
    ) -> None:
        self._store = store
        self._id = experiment_id
        self._host = host
        self._command = store.command(experiment_id)
        self._reports: Generator[Progress, bool | None, None]
        self._unwritten: list[Progress] = []
        self._last_write = 0.0
        self._last_look = 0.0
        self._steps_are_shown = False

    def train(self) -> None:
        from core.training import train

        experiment = self._store.get(self._id)
        if experiment.status.is_finished:
            return
        self._reports = train(experiment.spec)
        for progress in self._reports:
            self._unwritten.append(progress)
            if self._is_due(progress) and not self._record_and_obey():
                return

    def _is_due(self, progress: Progress) -> bool:
        pause_epoch = self._command.pause_after_epoch
        return (
            progress.outcome is not None
            # The first steps are shown at once, so that pressing Train is felt.
            or not self._steps_are_shown
            or (pause_epoch is not None and progress.epoch >= pause_epoch)
            or time.monotonic() - self._last_write >= _WRITE_SECONDS
            or self._is_asked()
        )

    def _is_asked(self) -> bool:
        """Whether something else is wanted than to train on; looks only now and then."""
        if time.monotonic() - self._last_look < _OBEY_SECONDS:
            return False
        return self._wanted() is not Wanted.RUNNING

    def _record_and_obey(self) -> bool:
        """Write what has come together and do what is wanted; whether to train on."""
        progress = combined(self._unwritten)
        self._unwritten.clear()
        if not self._store.report(self._id, progress, progress.outcome or Status.RUNNING):
            return False
        self._last_write = time.monotonic()
        self._steps_are_shown = progress.step > 0
        if progress.outcome:
            return False
        self._listen(0)
        wanted = self._wanted()
        if wanted is Wanted.RUNNING:
            return True
        # Who rests here is to see all of one epoch.
        look, status = self._reports.send(True), _RESTS[wanted]
        if not self._store.report(self._id, look, status) or status is Status.STOPPED:
            return False
        self._pause()
        if self._wanted() is Wanted.STOPPED:
            self._store.set_status(self._id, Status.STOPPED)
            return False
        return True

    def _wanted(self) -> Wanted:
        self._last_look = time.monotonic()
        self._command = self._store.command(self._id)
        return self._command.wanted

    def _pause(self) -> None:
        """Rest until a person wants more and the host has a place, or it is to stop."""
        self._tell(Message.PAUSED)
        while (wanted := self._wanted()) is Wanted.PAUSED:
            self._listen(_LOOK_SECONDS)
        if wanted is Wanted.RUNNING:
            self._await_place()

    def _await_place(self) -> None:
        self._tell(Message.READY)
        if not self._listen(_LOOK_SECONDS):
            self._store.set_status(self._id, Status.QUEUED)
            while not self._listen(_LOOK_SECONDS):
                if self._wanted() is Wanted.STOPPED:
                    return
        self._store.set_status(self._id, Status.RUNNING)

    def _tell(self, message: Message) -> None:
        try:
            self._host.send(message)
        except OSError as error:
            raise _HostGone from error

    def _listen(self, seconds: float) -> bool:
        """Whether the host gives the word within ``seconds``."""
        try:
            return self._host.poll(seconds) and self._host.recv() is Message.GO
        except (EOFError, OSError) as error:
            raise _HostGone from error
