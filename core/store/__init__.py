"""Experiments, their runs, and what training recorded of them: the only channel between
the pages and the training processes.

The contract, on every database:

- Each read is a snapshot, and immutable; ask again for news. Readers of chunks and
  evaluations keep a cursor and ask for what came after it.
- A finished experiment never changes: writes to it do nothing, and say so by ``False``.
- What one call writes is written in one transaction.
- Every failure is a ``StoreError``, an id that isn't stored an ``UnknownExperiment``.

A store may be shared by threads, never by processes: each opens its own.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from core.errors import SpecError, StoreError, UnknownExperiment
from core.records import (
    RECORDS_VERSION,
    Chunk,
    Evaluation,
    Experiment,
    Facts,
    Measure,
    Moment,
    Progress,
    Run,
    Snapshot,
    Split,
    Status,
    Wanted,
)
from core.spec import ExperimentSpec
from core.store import writing
from core.store.database import Database
from core.store.tables import (
    ID_BYTES,
    chunks,
    evaluations,
    experiments,
    moments,
    runs,
    snapshots,
)

_Row = Row[*tuple[Any, ...]]
_Select = Select[*tuple[Any, ...]]

_ID = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")
_SHOWN_ID_LENGTH = 20
#: Specs and facts that are kept as they were read; nothing changes them.
_MOST_PARSED = 64

_WENT_AWAY = (
    "The training service went away, for example because the app or the machine was "
    "restarted. What was recorded until then is kept."
)


class Command(NamedTuple):
    """What a person wants of an experiment."""

    wanted: Wanted
    pause_after_epoch: int | None


class News(NamedTuple):
    """Where an experiment stands, and what was recorded of it after what was known."""

    experiment: Experiment
    runs: tuple[Run, ...]
    chunks: list[Chunk]
    evaluations: list[Evaluation]
    snapshot: Snapshot | None
    moments: list[Moment]


#: The queries of one experiment, built once as that costs more than to run them.
_KEY: BindParameter[str] = bindparam("key")
_AFTER: BindParameter[int] = bindparam("after")
_EXPERIMENT = select(experiments).where(experiments.c.id == _KEY)
_RUNS = (
    select(
        runs.c.run,
        runs.c.entrant,
        runs.c.seed,
        runs.c.status,
        runs.c.diverged_step,
    )
    .where(runs.c.experiment_id == _KEY)
    .order_by(runs.c.run)
)
_CHUNKS = (
    select(
        chunks.c.chunk,
        chunks.c.first_step,
        chunks.c.seconds,
        chunks.c.steps,
        chunks.c.losses,
    )
    .where(chunks.c.experiment_id == _KEY, chunks.c.chunk > _AFTER)
    .order_by(chunks.c.chunk)
)
_EVALUATIONS = (
    select(
        evaluations.c.run,
        evaluations.c.epoch,
        evaluations.c.step,
        evaluations.c.split,
        evaluations.c.measure,
        evaluations.c.value,
    )
    .where(evaluations.c.experiment_id == _KEY, evaluations.c.epoch > _AFTER)
    .order_by(
        evaluations.c.epoch,
        evaluations.c.run,
        evaluations.c.split,
        evaluations.c.measure,
    )
)
_SNAPSHOT = select(snapshots.c.content).where(
    snapshots.c.experiment_id == _KEY, snapshots.c.step > _AFTER
)
_MOMENTS = (
    select(moments.c.step, moments.c.epoch)
    .where(moments.c.experiment_id == _KEY, moments.c.step > _AFTER)
    .order_by(moments.c.step)
)
_MOMENT = select(moments.c.content).where(moments.c.experiment_id == _KEY, moments.c.step == _AFTER)


class Store:
    """The experiments in the database at ``url``.

    Without a URL it is the one that the environment variable LOSSLAB_STORE names, else
    the file ``.losslab/losslab.db`` of the project. Missing tables are made.
    """

    def __init__(self, url: str | None = None) -> None:
        self._database = Database(url)
        self._hearers: list[Callable[[str], None]] = []

    @property
    def url(self) -> str:
        """With it another process opens the same store; may hold a password."""
        return self._database.url

    @property
    def note(self) -> str | None:
        """What a person should know of this database: that it also has what can't be shown."""
        count = self._database.earlier_experiments()
        if not count:
            return None
        return (
            f"{self._database.place} also has {count:,} experiment{'' if count == 1 else 's'} of "
            "an earlier version of Loss Lab. They are kept as they are; this version can't show "
            "them."
        )

    # -------------------------------------------------------- what pages write

    def create(
        self,
        spec: ExperimentSpec,
        pause_after_epoch: int | None = None,
        experiment_id: str | None = None,
    ) -> str:
        """Store a new experiment as queued, wanted running; returns its id, a new one."""
        experiment_id = experiment_id or secrets.token_hex(ID_BYTES)
        now = time.time()
        experiment = {
            "id": experiment_id,
            "created_at": now,
            "version": RECORDS_VERSION,
            "spec": spec.to_json(),
            "status": Status.QUEUED,
            "wanted": Wanted.RUNNING,
            "pause_after_epoch": pause_after_epoch,
            "step": 0,
            "epoch": 0,
            "seconds": 0.0,
            "heartbeat": now,
        }
        common = {"experiment_id": experiment_id, "status": Status.QUEUED}
        rows = [
            common | {"run": run, "entrant": spec.entrant_of(run).place, "seed": spec.seed_of(run)}
            for run in range(spec.run_count)
        ]
        with self._database.write() as connection:
            connection.execute(insert(experiments), experiment)
            connection.execute(insert(runs), rows)
        return experiment_id

    def want(
        self, experiment_id: str, wanted: Wanted, pause_after_epoch: int | None = None
    ) -> bool:
        """Ask for something; ``False`` if it has finished or was asked to stop before.

        A queued experiment has nobody yet to obey: it is stopped here and now.
        """
        self._check(experiment_id)
        with self._database.write() as connection:
            asked = connection.execute(
                update(experiments)
                .where(writing.is_open(experiment_id), experiments.c.wanted != Wanted.STOPPED)
                .values(wanted=wanted, pause_after_epoch=pause_after_epoch)
            )
            if not asked.rowcount:
                return self._nothing_written(connection, experiment_id)
            if wanted is Wanted.STOPPED:
                writing.change_status(
                    connection, experiment_id, Status.STOPPED, among=[Status.QUEUED]
                )
        for hear in self._hearers:
            hear(experiment_id)
        return True

    def on_want(self, hear: Callable[[str], None]) -> None:
        """Have ``hear`` called with the id of each experiment of which something is asked here.

        It is called in the thread that asks, once that is stored.
        """
        self._hearers.append(hear)

    # -------------------------------------------------------- what the engine writes

    def report(
        self,
        experiment_id: str,
        progress: Progress,
        status: Status = Status.RUNNING,
    ) -> bool:
        """Append what training reports, as one chunk, and where the experiment stands now.

        Reaching ``pause_after_epoch`` turns what is wanted into a pause; being part of the
        same transaction, it overrides no request made meanwhile. Runs take the status of
        the experiment, but for those that diverged. ``False``, with nothing written, if
        the experiment has finished.
        """
        self._check(experiment_id)
        with self._database.write() as connection:
            written = writing.report(connection, experiment_id, progress, status)
            return written or self._nothing_written(connection, experiment_id)

    def set_status(self, experiment_id: str, status: Status, reason: str | None = None) -> bool:
        """Change the status, and that of the runs still open; ``False`` if it has finished."""
        self._check(experiment_id)
        with self._database.write() as connection:
            changed = writing.change_status(connection, experiment_id, status, reason)
            return changed or self._nothing_written(connection, experiment_id)

    def heartbeat(self, experiment_ids: Collection[str]) -> None:
        """Say that somebody looks after these experiments."""
        looked_after = (
            experiments.c.id.in_(experiment_ids),
            experiments.c.status.in_(writing.OPEN),
        )
        with self._database.write() as connection:
            connection.execute(
                update(experiments).where(*looked_after).values(heartbeat=time.time())
            )

    def interrupt_stale(self, older_than_seconds: float) -> list[str]:
        """Mark as interrupted what nobody looked after for so long; returns their ids."""
        stale = select(experiments.c.id).where(
            experiments.c.status.in_(writing.OPEN),
            experiments.c.heartbeat < time.time() - older_than_seconds,
        )
        with self._database.read() as connection:
            ids = connection.scalars(stale).all()
        return [each for each in ids if self.set_status(each, Status.INTERRUPTED, _WENT_AWAY)]

    # -------------------------------------------------------- reading

    def get(self, experiment_id: str) -> Experiment:
        self._check(experiment_id)
        with self._database.read() as connection:
            return self._get(connection, experiment_id)

    def news(
        self,
        experiment_id: str,
        *,
        after_chunk: int = -1,
        after_epoch: int = -1,
        after_step: int = -1,
        after_moment: int = -1,
    ) -> News:
        """All that a page follows, in one visit; ``after_step`` is that of a known snapshot, and
        ``after_moment`` of the last known moment."""
        self._check(experiment_id)
        with self._database.read() as connection:
            # In this order, what is read later reaches at least as far as what was read before:
            # what a finished experiment has is all there, and steps are there for each epoch.
            experiment = self._get(connection, experiment_id)
            rows_of = partial(_found, connection, experiment_id=experiment_id)
            of_runs = _runs(rows_of(_RUNS))
            snapshot = self._snapshot(experiment_id, rows_of(_SNAPSHOT, after=after_step))
            # A snapshot that is kept was the newest one first.
            kept = rows_of(_MOMENTS, after=after_moment) if snapshot else []
            # Who knows the newest epoch knows all evaluations.
            has_more = experiment.epoch > after_epoch
            judged = _evaluations(rows_of(_EVALUATIONS, after=after_epoch)) if has_more else []
            losses = self._chunks(experiment_id, rows_of(_CHUNKS, after=after_chunk))
            of_kept = [Moment(*row) for row in kept]
            return News(experiment, of_runs, losses, judged, snapshot, of_kept)

    def command(self, experiment_id: str) -> Command:
        """What the job is to do; once the experiment has finished, however that came, stop."""
        key = experiments.c
        status, wanted, pause_after_epoch = self._one(
            select(key.status, key.wanted, key.pause_after_epoch), experiment_id
        )
        finished = Status(status).is_finished
        return Command(Wanted.STOPPED if finished else Wanted(wanted), pause_after_epoch)

    def step(self, experiment_id: str) -> int:
        """The last step recorded."""
        return int(self._one(select(experiments.c.step), experiment_id)[0])

    def queue_place(self, experiment_id: str) -> int:
        """1 for the next one: the queued experiments created before it, plus one."""
        created = experiments.c.created_at
        at = self._one(select(created), experiment_id)[0]
        earlier = or_(created < at, and_(created == at, experiments.c.id < experiment_id))
        with self._database.read() as connection:
            ahead = connection.scalar(
                select(func.count()).where(earlier, experiments.c.status == Status.QUEUED)
            )
        return 1 + (ahead or 0)

    def runs(self, experiment_id: str) -> tuple[Run, ...]:
        return _runs(self._rows(_RUNS, experiment_id))

    def chunks(self, experiment_id: str, after: int = -1) -> list[Chunk]:
        """The chunks numbered above ``after``, in order."""
        return self._chunks(experiment_id, self._rows(_CHUNKS, experiment_id, after))

    def evaluations(self, experiment_id: str, after_epoch: int = -1) -> list[Evaluation]:
        """The evaluations of the epochs after ``after_epoch``, in the order of epochs and runs."""
        return _evaluations(self._rows(_EVALUATIONS, experiment_id, after_epoch))

    def snapshot(self, experiment_id: str, after_step: int = -1) -> Snapshot | None:
        """The newest snapshot if it is of a step after ``after_step``."""
        return self._snapshot(experiment_id, self._rows(_SNAPSHOT, experiment_id, after_step))

    def moments(self, experiment_id: str) -> list[Moment]:
        """Of when the snapshots are that were kept, in order."""
        return [Moment(*row) for row in self._rows(_MOMENTS, experiment_id)]

    def kept(self, experiment_id: str, step: int) -> Snapshot | None:
        """The snapshot that was kept of a step."""
        return self._snapshot(experiment_id, self._rows(_MOMENT, experiment_id, step))

    # -------------------------------------------------------- underneath

    def _one(self, selected: _Select, experiment_id: str) -> _Row:
        """The experiment's row of ``selected``."""
        self._check(experiment_id)
        with self._database.read() as connection:
            row = connection.execute(
                selected.where(experiments.c.id == experiment_id)
            ).one_or_none()
        if row is None:
            raise self._missing(experiment_id)
        return row

    def _get(self, connection: Connection, experiment_id: str) -> Experiment:
        rows = _found(connection, _EXPERIMENT, experiment_id)
        if not rows:
            raise self._missing(experiment_id)
        return self._experiment(rows[0])

    def _chunks(self, experiment_id: str, rows: Sequence[_Row]) -> list[Chunk]:
        try:
            return [
                Chunk(index, first, seconds, np.frombuffer(blob, writing.BLOB).reshape(steps, -1))
                for index, first, seconds, steps, blob in rows
            ]
        except ValueError as error:
            raise self._damaged(experiment_id, error) from error

    def _snapshot(self, experiment_id: str, rows: Sequence[_Row]) -> Snapshot | None:
        try:
            return Snapshot.from_bytes(rows[0].content) if rows else None
        except ValueError as error:
            raise self._damaged(experiment_id, error) from error

    def _rows(self, selected: _Select, experiment_id: str, after: int = -1) -> Sequence[_Row]:
        """What is recorded of an experiment: none may mean that there is no such one."""
        self._check(experiment_id)
        with self._database.read() as connection:
            rows = _found(connection, selected, experiment_id, after)
            if not rows:
                self._require(connection, experiment_id)
        return rows

    def _require(self, connection: Connection, experiment_id: str) -> None:
        there = select(experiments.c.id).where(experiments.c.id == experiment_id)
        if connection.scalar(there) is None:
            raise self._missing(experiment_id)

    def _nothing_written(self, connection: Connection, experiment_id: str) -> bool:
        """``False``, if that is because the experiment has finished."""
        self._require(connection, experiment_id)
        return False

    def _check(self, experiment_id: str) -> None:
        """Ids come from links; what can't be one isn't sent to the database."""
        if not _ID.fullmatch(experiment_id):
            raise self._unknown(experiment_id)

    def _unknown(self, experiment_id: str) -> UnknownExperiment:
        start = experiment_id[:_SHOWN_ID_LENGTH]
        start += "…" if start != experiment_id else ""
        return UnknownExperiment(
            f"No experiment {start!r} is stored here. An id has {2 * ID_BYTES} characters, 0-9 and "
            "a-f; the link may be cut or of another machine."
        )

    def _missing(self, experiment_id: str) -> StoreError:
        if not self._database.earlier_experiments(experiment_id):
            return self._unknown(experiment_id)
        return StoreError(
            f"Experiment {experiment_id} in {self._database.place} was written by an earlier "
            "version of Loss Lab, whose records this version can't show. It is kept as it is."
        )

    def _damaged(self, experiment_id: str, why: Exception) -> StoreError:
        return StoreError(
            f"Experiment {experiment_id} in {self._database.place} can't be read; it is damaged "
            f"or of another version of Loss Lab: {str(why).rstrip('.')}."
        )

    def _experiment(self, row: _Row) -> Experiment:
        if row.version != RECORDS_VERSION:
            raise StoreError(
                f"Experiment {row.id} in {self._database.place} was written as version "
                f"{row.version} of Loss Lab's records; this one reads version {RECORDS_VERSION}. "
                "It is left as it is."
            )
        try:
            return Experiment(
                id=row.id,
                created_at=datetime.fromtimestamp(row.created_at, UTC),
                spec=_spec(str(row.spec)),
                status=Status(row.status),
                wanted=Wanted(row.wanted),
                pause_after_epoch=row.pause_after_epoch,
                reason=row.reason,
                facts=_facts(row.facts) if row.facts else None,
                step=row.step,
                epoch=row.epoch,
                seconds=row.seconds,
                heartbeat=datetime.fromtimestamp(row.heartbeat, UTC),
            )
        except (SpecError, ValueError, TypeError) as error:
            raise self._damaged(row.id, error) from error


def _found(
    connection: Connection, selected: _Select, experiment_id: str, after: int = -1
) -> Sequence[_Row]:
    return connection.execute(selected, {"key": experiment_id, "after": after}).all()


def _runs(rows: Sequence[_Row]) -> tuple[Run, ...]:
    return tuple(
        Run(index, entrant, seed, Status(status), diverged)
        for index, entrant, seed, status, diverged in rows
    )


def _evaluations(rows: Sequence[_Row]) -> list[Evaluation]:
    return [
        Evaluation(
            run,
            epoch,
            step,
            Split(split),
            Measure(measure),
            math.nan if value is None else value,
        )
        for run, epoch, step, split, measure, value in rows
    ]


@lru_cache(_MOST_PARSED)
def _spec(text: str) -> ExperimentSpec:
    """The same text is read again and again while an experiment trains."""
    return ExperimentSpec.parse(text, is_stored=True)


@lru_cache(_MOST_PARSED)
def _facts(text: str) -> Facts:
    return Facts.from_plain(json.loads(text))
