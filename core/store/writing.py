"""The statements that change an experiment, each part of a transaction of the store."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from core import place
from core.records import RECORDS_VERSION, Envelope, Progress, Status, Wanted
from core.spec import ExperimentSpec
from core.store.packing import FLOATS, named, packed, unpacked
from core.store.tables import (
    checkpoints,
    chunks,
    evaluations,
    experiments,
    moments,
    overviews,
    runs,
    snapshots,
)

#: Zero bytes, and halves of characters.
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")
OPEN = tuple(status for status in Status if not status.is_finished)
#: After every so many chunks the overview is made anew.
OVERVIEW_EVERY = 256
#: The tables with what belongs to one experiment alone.
_PARTS = (checkpoints, runs, chunks, overviews, evaluations, snapshots, moments)


#: Ends from which nobody goes on: no checkpoint is kept for them.
_FOR_GOOD = tuple(each for each in Status if each.is_finished and not each.can_be_resumed)


def is_open(experiment_id: str) -> ColumnElement[bool]:
    return and_(experiments.c.id == experiment_id, experiments.c.status.in_(OPEN))


def create(
    connection: Connection,
    experiment_id: str,
    spec: ExperimentSpec,
    pause_after_epoch: int | None = None,
    owner: str = "",
) -> None:
    """A new experiment, queued and wanted running."""
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
        "owner": owner,
        "place": place.here(),
    }
    common = {"experiment_id": experiment_id, "status": Status.QUEUED}
    rows = [
        common | {"run": run, "entrant": spec.entrant_of(run).place, "seed": spec.seed_of(run)}
        for run in range(spec.run_count)
    ]
    connection.execute(insert(experiments), experiment)
    connection.execute(insert(runs), rows)


def record(
    connection: Connection,
    experiment_id: str,
    spec: ExperimentSpec,
    reports: Iterable[Progress],
) -> bool:
    """An experiment with all that its training reported, in place of what there is of it;
    ``False``, with nothing written, if that has finished."""
    is_unfinished = and_(experiments.c.id == experiment_id, experiments.c.status != Status.FINISHED)
    # The deletes come first: they take SQLite's write lock before anything is read.
    for each in _PARTS:
        there = exists().where(is_unfinished)
        connection.execute(delete(each).where(each.c.experiment_id == experiment_id, there))
    connection.execute(delete(experiments).where(is_unfinished))
    if connection.scalar(select(experiments.c.id).where(experiments.c.id == experiment_id)):
        return False
    create(connection, experiment_id, spec)
    for progress in reports:
        report(connection, experiment_id, progress, progress.outcome or Status.RUNNING)
    return True


def report(
    connection: Connection,
    experiment_id: str,
    progress: Progress,
    status: Status,
) -> bool:
    """Append what of ``progress`` isn't there yet; ``False``, with nothing written, if the
    experiment isn't open.

    Some of it is there where a job tries again, not knowing that it was heard, or where training
    went on after a checkpoint that was older than what had been recorded.
    """
    # The update comes first: it takes SQLite's write lock before anything is read.
    updated = connection.execute(
        update(experiments)
        .where(is_open(experiment_id))
        .values(_standing(progress) | {"status": status})
    )
    if not updated.rowcount:
        return False
    _append_losses(connection, experiment_id, progress)
    _append_evaluations(connection, experiment_id, progress)
    _append_snapshots(connection, experiment_id, progress)
    _keep_checkpoint(connection, experiment_id, progress, status)
    _mark_diverged(connection, experiment_id, progress)
    _change_runs(connection, experiment_id, status)
    return True


def change_status(
    connection: Connection,
    experiment_id: str,
    status: Status,
    reason: str | None = None,
    among: Collection[Status] = OPEN,
    heartbeat: float | None = None,
) -> bool:
    """Change the status if it is ``among`` these, and that of the runs still open; only if the
    ``heartbeat`` is still this one, if there is one."""
    is_so = [experiments.c.id == experiment_id, experiments.c.status.in_(among)]
    if heartbeat is not None:
        is_so.append(experiments.c.heartbeat == heartbeat)
    changed = connection.execute(
        update(experiments)
        .where(*is_so)
        .values(status=status, reason=_storable(reason), heartbeat=time.time())
    )
    if changed.rowcount:
        _change_runs(connection, experiment_id, status)
        if status in _FOR_GOOD:
            _drop_checkpoint(connection, experiment_id)
    return bool(changed.rowcount)


def resume(connection: Connection, experiment_id: str) -> str | None:
    """Queue an experiment anew that ended without anybody's wish; returns its owner, and None
    for any other."""
    lost = [status for status in Status if status.can_be_resumed]
    queued = connection.execute(
        update(experiments)
        .where(experiments.c.id == experiment_id, experiments.c.status.in_(lost))
        .values(
            status=Status.QUEUED,
            wanted=Wanted.RUNNING,
            pause_after_epoch=None,
            reason=None,
            place=place.here(),
            heartbeat=time.time(),
        )
    )
    if not queued.rowcount:
        return None
    connection.execute(
        update(runs)
        .where(runs.c.experiment_id == experiment_id, runs.c.status.in_(lost))
        .values(status=Status.QUEUED)
    )
    return connection.scalar(select(experiments.c.owner).where(experiments.c.id == experiment_id))


def _storable(reason: str | None) -> str | None:
    """It may have the name of a file in it, and so signs that no database can write."""
    return reason and _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", reason)


def _standing(progress: Progress) -> dict[str, Any]:
    reached = and_(
        experiments.c.wanted == Wanted.RUNNING,
        experiments.c.pause_after_epoch <= progress.epoch,
    )
    standing: dict[str, Any] = {
        "step": _at_least(experiments.c.step, progress.step),
        "epoch": _at_least(experiments.c.epoch, progress.epoch),
        "seconds": _at_least(experiments.c.seconds, progress.seconds),
        "reason": None,
        "heartbeat": time.time(),
        "wanted": case((reached, Wanted.PAUSED), else_=experiments.c.wanted),
        "pause_after_epoch": case((reached, None), else_=experiments.c.pause_after_epoch),
    }
    if progress.facts:
        standing["facts"] = json.dumps(asdict(progress.facts))
    return standing


def _at_least(column: ColumnElement[Any], value: float) -> ColumnElement[Any]:
    """What is known or the new value, whichever is more: training may be behind for a while."""
    return case((column < value, value), else_=column)


def _append_losses(connection: Connection, experiment_id: str, progress: Progress) -> None:
    chunk, known, seconds = _newest_chunk(connection, experiment_id)
    losses = progress.losses[max(0, known - progress.step + len(progress.losses)) :]
    steps = len(losses)
    if not steps:
        return
    connection.execute(
        insert(chunks).values(
            experiment_id=experiment_id,
            chunk=chunk,
            first_step=progress.step - steps + 1,
            steps=steps,
            seconds=max(seconds, progress.seconds),
            losses=packed(losses),
        )
    )
    if (chunk + 1) % OVERVIEW_EVERY == 0:
        _extend_overview(connection, experiment_id, Envelope(progress.losses.shape[1]))


def _newest_chunk(connection: Connection, experiment_id: str) -> tuple[int, int, float]:
    """The number that the next chunk gets; the last step that is there, and its seconds."""
    newest = connection.execute(
        select(chunks.c.chunk, chunks.c.first_step, chunks.c.steps, chunks.c.seconds)
        .where(chunks.c.experiment_id == experiment_id)
        .order_by(chunks.c.chunk.desc())
        .limit(1)
    ).first()
    if newest is None:
        return 0, 0, 0.0
    return newest.chunk + 1, newest.first_step + newest.steps - 1, newest.seconds


def _extend_overview(connection: Connection, experiment_id: str, envelope: Envelope) -> None:
    """Take the chunks that are not in the overview into it; without one, into ``envelope``."""
    key = overviews.c.experiment_id == experiment_id
    known = connection.execute(select(overviews.c.chunk, overviews.c.content).where(key)).first()
    last = -1
    if known is not None:
        last, envelope = known.chunk, Envelope.from_bytes(known.content)
    fresh = connection.execute(
        select(chunks.c.chunk, chunks.c.steps, chunks.c.losses)
        .where(chunks.c.experiment_id == experiment_id, chunks.c.chunk > last)
        .order_by(chunks.c.chunk)
    ).all()
    envelope.extend(np.concatenate([unpacked(row.losses, row.steps) for row in fresh]))
    connection.execute(delete(overviews).where(key))
    row = {"experiment_id": experiment_id, "chunk": fresh[-1].chunk}
    connection.execute(insert(overviews), row | {"content": envelope.to_bytes()})


def _append_evaluations(connection: Connection, experiment_id: str, progress: Progress) -> None:
    if not progress.evaluations:
        return
    newest = select(func.max(evaluations.c.epoch))
    known = connection.scalar(newest.where(evaluations.c.experiment_id == experiment_id))
    rows = [
        {
            "experiment_id": experiment_id,
            "epoch": judged.epoch,
            "step": judged.step,
            "columns": named(judged.columns),
            "scores": judged.values.astype(FLOATS).tobytes(),
        }
        for judged in progress.evaluations
        if known is None or judged.epoch > known
    ]
    if rows:
        connection.execute(insert(evaluations), rows)


def _append_snapshots(connection: Connection, experiment_id: str, progress: Progress) -> None:
    """The newest takes the place of the one before; those that are kept stay beside it."""
    found = {each.step: each for each in (*progress.kept, progress.snapshot) if each is not None}
    if not found:
        return
    newest = select(func.max(snapshots.c.step)).where(snapshots.c.experiment_id == experiment_id)
    last = select(func.max(moments.c.step)).where(moments.c.experiment_id == experiment_id)
    known, known_kept = connection.scalar(newest), connection.scalar(last)
    contents = {step: snapshot.to_bytes() for step, snapshot in found.items()}
    if progress.snapshot is not None and (known is None or progress.snapshot.step >= known):
        step = progress.snapshot.step
        connection.execute(delete(snapshots).where(snapshots.c.experiment_id == experiment_id))
        connection.execute(
            insert(snapshots).values(experiment_id=experiment_id, step=step, content=contents[step])
        )
    rows = [
        {
            "experiment_id": experiment_id,
            "step": each.step,
            "epoch": each.epoch,
            "content": contents[each.step],
        }
        for each in progress.kept
        if known_kept is None or each.step > known_kept
    ]
    if rows:
        connection.execute(insert(moments), rows)


def _keep_checkpoint(
    connection: Connection, experiment_id: str, progress: Progress, status: Status
) -> None:
    """The newest takes the place of the one before; none is kept of what has ended for good."""
    if status in _FOR_GOOD:
        _drop_checkpoint(connection, experiment_id)
    elif progress.checkpoint is not None:
        content = progress.checkpoint.to_bytes()
        _drop_checkpoint(connection, experiment_id)
        row = {"experiment_id": experiment_id, "step": progress.checkpoint.step}
        connection.execute(insert(checkpoints), row | {"content": content})


def _drop_checkpoint(connection: Connection, experiment_id: str) -> None:
    connection.execute(delete(checkpoints).where(checkpoints.c.experiment_id == experiment_id))


def _mark_diverged(connection: Connection, experiment_id: str, progress: Progress) -> None:
    rows = [
        {"of": experiment_id, "number": run, "step": step}
        for run, step in enumerate(progress.diverged_steps)
        if step is not None
    ]
    if rows:
        connection.execute(
            update(runs)
            .where(
                runs.c.experiment_id == bindparam("of"),
                runs.c.run == bindparam("number"),
                runs.c.diverged_step.is_(None),
            )
            .values(status=Status.DIVERGED, diverged_step=bindparam("step")),
            rows,
        )


def _change_runs(connection: Connection, experiment_id: str, status: Status) -> None:
    """The runs still open follow the experiment; one that did not diverge itself finished."""
    own = Status.FINISHED if status is Status.DIVERGED else status
    connection.execute(
        update(runs)
        .where(
            runs.c.experiment_id == experiment_id,
            runs.c.status.in_(OPEN),
            # Most reports change nothing here, and then write nothing.
            runs.c.status != own,
        )
        .values(status=own)
    )
