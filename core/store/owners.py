"""The statements about whose experiments are: how many one has, their keys, their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, and_, case, func, insert, select, update
from sqlalchemy import delete as deletion

from core.records import Status, Wanted
from core.store import writing
from core.store.tables import bets, experiments, keys, metadata, showing_parts, showings


class Counts(NamedTuple):
    """How many experiments somebody has."""

    #: Running or paused, but for those that were asked to stop.
    training: int
    queued: int
    stored: int


#: Raises an error where somebody who has so many has too many.
Within = Callable[[Counts], None]

#: All that is recorded of an experiment, under its id.
_RECORDED = [
    each for each in metadata.tables.values() if "experiment_id" in each.c if each != showing_parts
]


def counts(connection: Connection, owner: str) -> Counts:
    status, wanted = experiments.c.status, experiments.c.wanted
    trains = and_(status.in_((Status.RUNNING, Status.PAUSED)), wanted != Wanted.STOPPED)
    row = connection.execute(
        select(
            func.sum(case((trains, 1), else_=0)),
            func.sum(case((status == Status.QUEUED, 1), else_=0)),
            func.count(),
        ).where(experiments.c.owner == owner)
    ).one()
    return Counts(*(each or 0 for each in row))


def delete(connection: Connection, experiment_id: str) -> bool:
    """``False``, with nothing removed, if there is no finished experiment of that id."""
    # The update comes first: it takes SQLite's write lock before anything is read.
    finished = connection.execute(
        update(experiments)
        .where(experiments.c.id == experiment_id, experiments.c.status.not_in(writing.OPEN))
        .values(wanted=Wanted.STOPPED)
    )
    if not finished.rowcount:
        return False
    of_it = select(showing_parts.c.showing_id).where(showing_parts.c.experiment_id == experiment_id)
    shown = connection.scalars(of_it).all()
    for each in (bets, showing_parts):
        connection.execute(deletion(each).where(each.c.showing_id.in_(shown)))
    connection.execute(deletion(showings).where(showings.c.id.in_(shown)))
    for each in _RECORDED:
        connection.execute(deletion(each).where(each.c.experiment_id == experiment_id))
    connection.execute(deletion(experiments).where(experiments.c.id == experiment_id))
    return True


def set_key(connection: Connection, experiment_id: str, hashed: str) -> None:
    connection.execute(deletion(keys).where(keys.c.experiment_id == experiment_id))
    connection.execute(insert(keys).values(experiment_id=experiment_id, hash=hashed))


def has_key(connection: Connection, experiment_id: str, hashed: str) -> bool:
    found = select(keys.c.hash).where(keys.c.experiment_id == experiment_id)
    return connection.scalar(found) == hashed
