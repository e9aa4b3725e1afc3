"""The statements that change an experiment, each part of a transaction of the store."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection
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
    func,
    insert,
    select,
    update,
)

from core.records import Progress, Status, Wanted
from core.store.tables import chunks, evaluations, experiments, moments, runs, snapshots

OPEN = tuple(status for status in Status if not status.is_finished)
#: How losses are stored, whatever the machine's own byte order.
BLOB = np.dtype("<f4")


def is_open(experiment_id: str) -> ColumnElement[bool]:
    return and_(experiments.c.id == experiment_id, experiments.c.status.in_(OPEN))


def report(
    connection: Connection,
    experiment_id: str,
    progress: Progress,
    status: Status,
) -> bool:
    """Append ``progress``; ``False``, with nothing written, if the experiment isn't open."""
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
    _mark_diverged(connection, experiment_id, progress)
    _change_runs(connection, experiment_id, status)
    return True


def change_status(
    connection: Connection,
    experiment_id: str,
    status: Status,
    reason: str | None = None,
    among: Collection[Status] = OPEN,
) -> bool:
    """Change the status if it is ``among`` these, and that of the runs still open."""
    changed = connection.execute(
        update(experiments)
        .where(experiments.c.id == experiment_id, experiments.c.status.in_(among))
        .values(status=status, reason=reason, heartbeat=time.time())
    )
    if changed.rowcount:
        _change_runs(connection, experiment_id, status)
    return bool(changed.rowcount)


def _standing(progress: Progress) -> dict[str, Any]:
    reached = and_(
        experiments.c.wanted == Wanted.RUNNING,
        experiments.c.pause_after_epoch <= progress.epoch,
    )
    standing: dict[str, Any] = {
        "step": progress.step,
        "epoch": progress.epoch,
        "seconds": progress.seconds,
        "heartbeat": time.time(),
        "wanted": case((reached, Wanted.PAUSED), else_=experiments.c.wanted),
        "pause_after_epoch": case((reached, None), else_=experiments.c.pause_after_epoch),
    }
    if progress.facts:
        standing["facts"] = json.dumps(asdict(progress.facts))
    return standing


def _append_losses(connection: Connection, experiment_id: str, progress: Progress) -> None:
    steps = len(progress.losses)
    if not steps:
        return
    next_chunk = select(func.coalesce(func.max(chunks.c.chunk) + 1, 0)).where(
        chunks.c.experiment_id == experiment_id
    )
    connection.execute(
        insert(chunks).values(
            experiment_id=experiment_id,
            chunk=next_chunk.scalar_subquery(),
            first_step=progress.step - steps + 1,
            steps=steps,
            seconds=progress.seconds,
            losses=progress.losses.astype(BLOB).tobytes(),
        )
    )


def _append_evaluations(connection: Connection, experiment_id: str, progress: Progress) -> None:
    rows = [
        {
            "experiment_id": experiment_id,
            "epoch": row.epoch,
            "run": row.run,
            "split": row.split,
            "measure": row.measure,
            "step": row.step,
            "value": None if math.isnan(row.value) else row.value,
        }
        for row in progress.evaluations
    ]
    if rows:
        connection.execute(insert(evaluations), rows)


def _append_snapshots(connection: Connection, experiment_id: str, progress: Progress) -> None:
    """The newest takes the place of the one before; those that are kept stay beside it."""
    found = {each.step: each for each in (*progress.kept, progress.snapshot) if each is not None}
    contents = {step: snapshot.to_bytes() for step, snapshot in found.items()}
    if progress.snapshot is not None:
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
    ]
    if rows:
        connection.execute(insert(moments), rows)


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
