"""What is known of one experiment, read from the store as far as it is new."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from core.compare.curves import Curves
from core.records import Experiment, Moment, Run, Snapshot, Status
from core.store import Store

#: Experiments whose curves stay in memory while nobody looks, as looking again is likely.
_MOST_KEPT = 32

#: The training service says each second that it looks after what trains. Where it has not for so
#: long, it can't write, or is gone.
SILENT_SECONDS = 6.0
_SILENT = (
    "For some seconds nothing was recorded. The database may be locked, full or out of reach, and "
    "training then waits for it and goes on by itself; or the training service has ended, which "
    "this page will say in a moment."
)


@dataclass(frozen=True)
class State:
    """An experiment as it stood when it was looked at, with all that is recorded of it."""

    experiment: Experiment
    runs: tuple[Run, ...]
    curves: Curves
    snapshot: Snapshot | None
    #: Those of the snapshots that were kept, in order.
    moments: tuple[Moment, ...]
    queue_place: int | None
    #: The newest step and the newest epoch that the curves had then; by now they may have more.
    step: int
    epoch: int
    #: What is to be said of the training service, or of what it writes into.
    service: str | None = None
    #: The experiment that is drawn behind this one.
    ghost: State | None = None

    @property
    def looked_at(self) -> Hashable:
        """What all that a snapshot shows follows from: it is the same where this is."""
        return self.snapshot.step if self.snapshot else None, self.experiment.facts is not None

    @property
    def judged(self) -> Hashable:
        """The same for all that is known by epoch."""
        return self.epoch, self.runs, self.experiment.status, self.looked_at

    @property
    def progress(self) -> Hashable:
        """The same for all that goes on with every step."""
        experiment = self.experiment
        of_now = experiment.seconds, experiment.reason, self.queue_place, self.service
        return self.step, self.judged, of_now


class Reading:
    """Follows one experiment in the store with a cursor; threads may share it."""

    def __init__(self, store: Store, experiment_id: str) -> None:
        self._store = store
        self.experiment_id = experiment_id
        self._curves: Curves | None = None
        self._snapshot: Snapshot | None = None
        self._moments: tuple[Moment, ...] = ()
        self._lock = Lock()
        #: The last heartbeat that was seen, and since when by the clock here.
        self._heartbeat, self._since = datetime.min, 0.0

    def state(self) -> State:
        """Raises ``StoreError``."""
        with self._lock:
            curves, snapshot = self._curves, self._snapshot
            news = self._store.news(
                self.experiment_id,
                after_chunk=curves.last_chunk if curves else -1,
                after_epoch=curves.last_epoch if curves else -1,
                after_step=snapshot.step if snapshot else -1,
                after_moment=self._moments[-1].step if self._moments else -1,
            )
            experiment, runs = news.experiment, news.runs
            self._curves = curves = curves or Curves(
                self.experiment_id,
                len(runs),
                experiment.spec.switches,
                lambda last: self._store.chunks(self.experiment_id, to=last),
            )
            curves.extend(news.chunks, news.evaluations, news.overview)
            self._snapshot = news.snapshot or snapshot
            self._moments += tuple(news.moments)
            is_queued = experiment.status is Status.QUEUED
            place = self._store.queue_place(self.experiment_id) if is_queued else None
            return State(
                experiment,
                runs,
                curves,
                self._snapshot,
                self._moments,
                place,
                curves.step,
                curves.last_epoch,
                self._silence(experiment),
            )

    def _silence(self, experiment: Experiment) -> str | None:
        """The sentence for what trains and has not been recorded for a while."""
        now = time.monotonic()
        if experiment.heartbeat != self._heartbeat:
            self._heartbeat, self._since = experiment.heartbeat, now
        is_silent = now - self._since >= SILENT_SECONDS
        return _SILENT if is_silent and experiment.status is Status.RUNNING else None

    def standing(self) -> tuple[Status, bool]:
        """The status, and whether there are steps; costs little. Raises ``StoreError``."""
        status, step = self._store.standing(self.experiment_id)
        return status, step > 0

    def kept(self, step: int) -> Snapshot | None:
        """The snapshot that was kept of a step. Raises ``StoreError``."""
        return self._store.kept(self.experiment_id, step)


class Readings:
    """The readings of the experiments that were looked at last; threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, Reading] = OrderedDict()
        self._lock = Lock()

    def of(self, experiment_id: str) -> Reading:
        with self._lock:
            reading = self._kept.pop(experiment_id, None) or Reading(self._store, experiment_id)
            self._kept[experiment_id] = reading
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return reading
