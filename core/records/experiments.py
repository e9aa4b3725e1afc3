"""An experiment as it stands, and what its training reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.records.checkpoint import Checkpoint
from core.records.envelope import Envelope
from core.records.evaluations import Evaluation
from core.records.facts import Facts
from core.records.snapshot import Snapshot
from core.spec import ExperimentSpec


class Status(StrEnum):
    """Where an experiment, or one run of it, stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    DIVERGED = "diverged"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will be written."""
        return self not in (Status.QUEUED, Status.RUNNING, Status.PAUSED)

    @property
    def can_be_resumed(self) -> bool:
        """Whether training ended before it was done, without anybody's wish."""
        return self in (Status.FAILED, Status.INTERRUPTED)


class Wanted(StrEnum):
    """What a person asks of an experiment; the job obeys within a chunk."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"

    def is_met_by(self, status: Status) -> bool:
        """Whether an experiment with this status does what is asked."""
        return status is _DONE_BY[self]


_DONE_BY = {
    Wanted.RUNNING: Status.RUNNING,
    Wanted.PAUSED: Status.PAUSED,
    Wanted.STOPPED: Status.STOPPED,
}


@dataclass(frozen=True)
class Progress:
    """What one yield of ``train`` reports.

    ``losses`` is float32 ``[n, K]``: the mean loss over the batch of the n newest
    steps, one column a run; they are steps ``step - n + 1`` to ``step``, counted from 1.
    ``diverged_steps[k]`` is the first step of run k whose loss was not finite, or None.
    ``facts`` comes with the first report and ``outcome`` with the last; ``snapshot``
    with the first, the last and now and then between. ``kept`` are the snapshots since the
    last report that stay for a replay of the training. ``checkpoint`` comes now and then.
    """

    step: int
    epoch: int
    seconds: float
    losses: NDArray[np.float32]
    evaluations: tuple[Evaluation, ...]
    diverged_steps: tuple[int | None, ...]
    facts: Facts | None = None
    snapshot: Snapshot | None = None
    kept: tuple[Snapshot, ...] = ()
    checkpoint: Checkpoint | None = None
    outcome: Status | None = None


@dataclass(frozen=True)
class Chunk:
    """Step losses as stored: number ``index`` of its experiment, counted from 0."""

    index: int
    first_step: int
    seconds: float
    losses: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Overview:
    """The chunks up to ``last_chunk`` as a chart draws them.

    ``clock`` ``[n, 2]`` has the last step and the seconds of each of them.
    """

    last_chunk: int
    envelope: Envelope
    clock: NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """One (entrant, seed) of an experiment; ``entrant`` is the entrant's place."""

    index: int
    entrant: int
    seed: int
    status: Status
    diverged_step: int | None


@dataclass(frozen=True)
class Experiment:
    """A stored experiment as it stood when it was read.

    ``pause_after_epoch`` asks for a pause once that many epochs are complete.
    ``reason`` is the sentence for a status that needs one. ``seconds`` is time spent
    training, pauses excluded. Times are UTC. ``owner`` started it; empty where that was nobody in
    particular.
    """

    id: str
    created_at: datetime
    spec: ExperimentSpec
    status: Status
    wanted: Wanted
    pause_after_epoch: int | None
    reason: str | None
    facts: Facts | None
    step: int
    epoch: int
    seconds: float
    heartbeat: datetime
    owner: str = ""
