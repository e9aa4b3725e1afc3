"""Experiments, their runs, and what training recorded of them: the only channel between
the pages and the training processes.

The contract, on every database:

- Each read is a snapshot, and immutable; ask again for news. Readers of chunks and
  evaluations keep a cursor and ask for what came after it.
- A finished experiment never changes: writes to it do nothing, and say so by ``False``. One that
  ended without anybody's wish may be resumed, and then goes on where it was.
- What one call writes is written in one transaction.
- Every failure is a ``StoreError``, an id that isn't stored an ``UnknownExperiment``.

A store may be shared by threads, never by processes: each opens its own.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Select,
    bindparam,
    func,
    select,
    update,
)

from core.bounds import quoted
from core.errors import SpecError, StoreError, UnknownExperiment, UnreadableRecord
from core.records import (
    RECORDS_VERSION,
    Checkpoint,
    Chunk,
    Evaluation,
    Experiment,
    Moment,
    Overview,
    Progress,
    Run,
    Snapshot,
    Status,
    Wanted,
)
from core.spec import ExperimentSpec
from core.store import owners, rows, writing
from core.store.database import Database
from core.store.owners import Counts, Within
from core.store.service import Service
from core.store.showings import Showings
from core.store.tables import (
    ID_BYTES,
    checkpoints,
    chunks,
    evaluations,
    experiments,
    moments,
    overviews,
    runs,
    snapshots,
)

__all__ = ["Command", "Counts", "News", "Store", "Within"]

_Select = Select[*tuple[Any, ...]]
_Record = TypeVar("_Record")

_SHOWN_ID_LENGTH = 20
#: More chunks than any experiment has.
_ALL = 2**31 - 1


class Command(NamedTuple):
    """What a person wants of an experiment."""

    wanted: Wanted
    pause_after_epoch: int | None


class Measured(NamedTuple):
    """How a store fares: the experiments by status, where it is, its bytes, and the seconds that it
    took to answer."""

    counts: dict[Status, int]
    place: str
    size: int
    seconds: float


class News(NamedTuple):
    """Where an experiment stands, and what was recorded of it after what was known."""

    experiment: Experiment
    runs: tuple[Run, ...]
    #: Of chunks before those that follow, for one who knows none of them.
    overview: Overview | None
    chunks: list[Chunk]
    evaluations: list[Evaluation]
    snapshot: Snapshot | None
    moments: list[Moment]

    @property
    def widths(self) -> Iterator[int]:
        """For how many runs there is something in each part of it."""
        yield len(self.runs)
        yield from (each.losses.shape[1] for each in self.chunks)
        yield from (each.values.shape[1] for each in self.evaluations)
        if self.overview is not None:
            yield self.overview.envelope.run_count


#: The queries of one experiment, built once as that costs more than to run them.
_KEY: BindParameter[str] = bindparam("key")
_AFTER: BindParameter[int] = bindparam("after")
_TO: BindParameter[int] = bindparam("to")
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
    .where(chunks.c.experiment_id == _KEY, chunks.c.chunk > _AFTER, chunks.c.chunk <= _TO)
    .order_by(chunks.c.chunk)
)
_OVERVIEW = select(overviews.c.chunk, overviews.c.content).where(overviews.c.experiment_id == _KEY)
_CLOCK = (
    select(chunks.c.first_step + chunks.c.steps - 1, chunks.c.seconds)
    .where(chunks.c.experiment_id == _KEY, chunks.c.chunk <= _TO)
    .order_by(chunks.c.chunk)
)
_EVALUATIONS = (
    select(
        evaluations.c.epoch,
        evaluations.c.step,
        evaluations.c.columns,
        evaluations.c.scores,
    )
    .where(evaluations.c.experiment_id == _KEY, evaluations.c.epoch > _AFTER)
    .order_by(evaluations.c.epoch)
)
_SNAPSHOT = select(snapshots.c.content).where(
    snapshots.c.experiment_id == _KEY, snapshots.c.step > _AFTER
)
_MOMENTS = (
    select(moments.c.step, moments.c.epoch)
    .where(moments.c.experiment_id == _KEY, moments.c.step > _AFTER)
    .order_by(moments.c.step)
)
_CHECKPOINT = select(checkpoints.c.content).where(checkpoints.c.experiment_id == _KEY)
_MOMENT = select(moments.c.content).where(moments.c.experiment_id == _KEY, moments.c.step == _AFTER)


class Store:
    """The experiments in the database at ``url``.

    Without a URL it is the one that the environment variable LOSSLAB_STORE names, else
    the file ``.losslab/losslab.db`` of the project. Missing tables are made.
    """

    def __init__(self, url: str | None = None) -> None:
        self._database = Database(url)
        self._hearers: list[Callable[[str], None]] = []
        #: The exhibits that are shown, and the bets on them.
        self.showings = Showings(self._database)
        #: What waits, and what is looked after.
        self.service = Service(self._database)

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
        owner: str = "",
        within: Within | None = None,
    ) -> str:
        """Store a new experiment of ``owner`` as queued, wanted running; returns its id, a new
        one. Nothing is stored where ``within`` refuses what the owner then has."""
        experiment_id = experiment_id or secrets.token_hex(ID_BYTES)
        with self._database.write() as connection:
            writing.create(connection, experiment_id, spec, pause_after_epoch, owner)
            if within is not None:
                within(owners.counts(connection, owner))
        return experiment_id

    def record(self, experiment_id: str, spec: ExperimentSpec, reports: Iterable[Progress]) -> bool:
        """Store a training that is over, whole: whoever reads sees all of it or nothing.

        What there is of that id is replaced, unless it has finished: then it is ``False``.
        """
        try:
            with self._database.write() as connection:
                return writing.record(connection, experiment_id, spec, reports)
        except StoreError:
            # Where several record it at once on a server, all but one are refused.
            if self.get(experiment_id).status is Status.FINISHED:
                return False
            raise

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

    def resume(self, experiment_id: str, within: Within | None = None) -> bool:
        """Queue an experiment anew that failed or was interrupted; ``False`` for any other.

        Nothing changes where ``within`` refuses what its owner then has.
        """
        self._check(experiment_id)
        with self._database.write() as connection:
            owner = writing.resume(connection, experiment_id)
            if owner is None:
                return self._nothing_written(connection, experiment_id)
            if within is not None:
                within(owners.counts(connection, owner))
        for hear in self._hearers:
            hear(experiment_id)
        return True

    def delete(self, experiment_id: str) -> None:
        """Remove a finished experiment, all that was recorded of it, and the showings that it is
        part of; a ``StoreError`` for one that may still be trained."""
        self._check(experiment_id)
        with self._database.write() as connection:
            if not owners.delete(connection, experiment_id):
                self._require(connection, experiment_id)
                raise StoreError("It has not ended; stop it before you delete it.")

    def set_key(self, experiment_id: str, hashed: str) -> None:
        """Keep the hash of the experiment's key, in place of the one before."""
        self._check(experiment_id)
        with self._database.write() as connection:
            owners.set_key(connection, experiment_id, hashed)

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
        """Append what training reports, as one chunk, and where the experiment stands now. What of
        it is there already is not written again.

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

    # -------------------------------------------------------- reading

    def checkpoint(self, experiment_id: str) -> Checkpoint | None:
        """What its training can go on from."""
        return self._read(rows.checkpoint, _CHECKPOINT, experiment_id)

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
            run_rows = rows_of(_RUNS)
            snapshot_rows = rows_of(_SNAPSHOT, after=after_step)
            # A snapshot that is kept was the newest one first.
            kept_rows = rows_of(_MOMENTS, after=after_moment) if snapshot_rows else []
            # Who knows the newest epoch knows all evaluations.
            has_more = experiment.epoch > after_epoch
            judged_rows = rows_of(_EVALUATIONS, after=after_epoch) if has_more else []
            overview = self._overview(connection, experiment_id) if after_chunk < 0 else None
            known = overview.last_chunk if overview else after_chunk
            chunk_rows = rows_of(_CHUNKS, after=known)
        with self._damage(experiment_id):
            news = News(
                experiment,
                rows.runs(run_rows),
                overview,
                rows.chunks(chunk_rows),
                rows.evaluations(judged_rows),
                rows.snapshot(snapshot_rows),
                rows.moments(kept_rows),
            )
            rows.check_widths(experiment.spec.run_count, news.widths)
        return news

    def owned(self, owner: str) -> list[Experiment]:
        """All experiments of an owner that can be read, the newest first."""
        of_owner = select(experiments).where(experiments.c.owner == owner)
        with self._database.read() as connection:
            of_them = connection.execute(of_owner.order_by(experiments.c.created_at.desc())).all()
        found = []
        for row in of_them:
            with suppress(StoreError):
                found.append(self._experiment(row))
        return found

    def has_key(self, experiment_id: str, hashed: str) -> bool:
        """Whether it is the hash of the experiment's key."""
        with self._database.read() as connection:
            return owners.has_key(connection, experiment_id, hashed)

    def command(self, experiment_id: str) -> Command:
        """What the job is to do; once the experiment has finished, however that came, stop."""
        columns = select(
            experiments.c.status, experiments.c.wanted, experiments.c.pause_after_epoch
        )
        row = self._one(columns, experiment_id)
        with self._damage(experiment_id):
            return Command(*rows.command(row))

    def step(self, experiment_id: str) -> int:
        """The last step recorded."""
        row = self._one(select(experiments.c.step), experiment_id)
        with self._damage(experiment_id):
            return rows.count(row.step, "The step")

    def standing(self, experiment_id: str) -> tuple[Status, int]:
        """The status and the last step recorded, which cost far less to read than all the news."""
        row = self._one(select(experiments.c.status, experiments.c.step), experiment_id)
        with self._damage(experiment_id):
            return rows.standing(row)

    def queue_place(self, experiment_id: str) -> int:
        """1 for the one that is next at its place, or waits no more."""
        place = self._one(select(experiments.c.place), experiment_id)[0]
        in_turn = list(self.service.queue(place).in_turn())
        return in_turn.index(experiment_id) + 1 if experiment_id in in_turn else 1

    def runs(self, experiment_id: str) -> tuple[Run, ...]:
        return self._read(rows.runs, _RUNS, experiment_id)

    def chunks(self, experiment_id: str, after: int = -1, to: int = _ALL) -> list[Chunk]:
        """The chunks numbered above ``after`` and up to ``to``, in order."""
        return self._read(rows.chunks, _CHUNKS, experiment_id, after, to)

    def evaluations(self, experiment_id: str, after_epoch: int = -1) -> list[Evaluation]:
        """The evaluations of the epochs after ``after_epoch``, in order."""
        return self._read(rows.evaluations, _EVALUATIONS, experiment_id, after_epoch)

    def snapshot(self, experiment_id: str, after_step: int = -1) -> Snapshot | None:
        """The newest snapshot if it is of a step after ``after_step``."""
        return self._read(rows.snapshot, _SNAPSHOT, experiment_id, after_step)

    def moments(self, experiment_id: str) -> list[Moment]:
        """Of when the snapshots are that were kept, in order."""
        return self._read(rows.moments, _MOMENTS, experiment_id)

    def kept(self, experiment_id: str, step: int) -> Snapshot | None:
        """The snapshot that was kept of a step."""
        return self._read(rows.snapshot, _MOMENT, experiment_id, step)

    def measured(self) -> Measured:
        """How many experiments there are, what all takes, and how long it took to count them."""
        begin = time.perf_counter()
        counted = select(experiments.c.status, func.count()).group_by(experiments.c.status)
        with self._database.read() as connection:
            of_statuses = connection.execute(counted).all()
        seconds = time.perf_counter() - begin
        known = {status.value for status in Status}
        counts = {Status(status): count for status, count in of_statuses if status in known}
        return Measured(counts, self._database.place, self._database.size(), seconds)

    # -------------------------------------------------------- underneath

    def _one(self, selected: _Select, experiment_id: str) -> rows.AnyRow:
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
        found = _found(connection, _EXPERIMENT, experiment_id)
        if not found:
            raise self._missing(experiment_id)
        return self._experiment(found[0])

    def _overview(self, connection: Connection, experiment_id: str) -> Overview | None:
        found = _found(connection, _OVERVIEW, experiment_id)
        if not found:
            return None
        with self._damage(experiment_id):
            last = rows.count(found[0].chunk, "The last chunk of the overview")
        clock = _found(connection, _CLOCK, experiment_id, to=last)
        with self._damage(experiment_id):
            return rows.overview(found[0], clock)

    def _read(
        self,
        converted: Callable[[Sequence[rows.AnyRow]], _Record],
        selected: _Select,
        experiment_id: str,
        after: int = -1,
        to: int = _ALL,
    ) -> _Record:
        """What is recorded of an experiment: nothing may mean that there is no such one."""
        self._check(experiment_id)
        with self._database.read() as connection:
            found = _found(connection, selected, experiment_id, after, to)
            if not found:
                self._require(connection, experiment_id)
        with self._damage(experiment_id):
            return converted(found)

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
        if not rows.is_id(experiment_id):
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
        return UnreadableRecord(
            f"Experiment {experiment_id} in {self._database.place} was written by an earlier "
            "version of Loss Lab, whose records this version can't show. It is kept as it is."
        )

    @contextmanager
    def _damage(self, experiment_id: str) -> Iterator[None]:
        """What of a row is none of what this version writes, as a sentence."""
        try:
            yield
        except (SpecError, ValueError) as error:
            raise UnreadableRecord(
                f"Experiment {experiment_id} in {self._database.place} can't be read; it is "
                f"damaged or of another version of Loss Lab: {str(error).rstrip('.')}."
            ) from error

    def _experiment(self, row: rows.AnyRow) -> Experiment:
        if row.version != RECORDS_VERSION:
            raise UnreadableRecord(
                f"Experiment {row.id} in {self._database.place} was written as version "
                f"{quoted(row.version)} of Loss Lab's records; this one reads version "
                f"{RECORDS_VERSION}. It is left as it is."
            )
        with self._damage(row.id):
            return rows.experiment(row)


def _found(
    connection: Connection, selected: _Select, experiment_id: str, after: int = -1, to: int = _ALL
) -> Sequence[rows.AnyRow]:
    return connection.execute(selected, {"key": experiment_id, "after": after, "to": to}).all()
