"""What the training services of a store have in it: who waits, who looks after what."""

from __future__ import annotations

import time
from collections.abc import Collection

from sqlalchemy import and_, case, func, or_, select, update

from core.records import Queue, Status, Waiting, Wanted
from core.store import rows, writing
from core.store.database import Database
from core.store.tables import experiments

_WENT_AWAY = (
    "The training service went away, for example because the app or the machine was "
    "restarted. What was recorded until then is kept."
)


class Service:
    """Of the experiments in a database; a place is where one is trained."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def started(self, experiment_id: str) -> None:
        """It has got a process."""
        with self._database.write() as connection:
            connection.execute(
                update(experiments)
                .where(experiments.c.id == experiment_id)
                .values(started_at=time.time())
            )

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

    def heartbeats(self) -> dict[str, float]:
        """The last heartbeat of each experiment that is said to be training, by the clock of the
        machine that it trains on."""
        with self._database.read() as connection:
            found = connection.execute(
                select(experiments.c.id, experiments.c.heartbeat).where(
                    experiments.c.status == Status.RUNNING
                )
            )
            return {row.id: row.heartbeat for row in found if rows.is_id(row.id)}

    def interrupt(self, experiment_id: str, heartbeat: float) -> bool:
        """Mark as interrupted what trained, unless somebody has looked after it since that
        heartbeat."""
        with self._database.write() as connection:
            return writing.change_status(
                connection,
                experiment_id,
                Status.INTERRUPTED,
                _WENT_AWAY,
                among=[Status.RUNNING],
                heartbeat=heartbeat,
            )

    def queue(self, place: str) -> Queue:
        """What waits for a process at a place, and what decides who is next."""
        key = experiments.c
        is_paused = and_(key.status == Status.PAUSED, key.wanted == Wanted.RUNNING)
        waiting = (
            select(key.id, key.owner)
            .where(key.place == place, or_(key.status == Status.QUEUED, is_paused))
            .order_by(key.created_at, key.id)
        )
        owners = (
            select(
                key.owner,
                func.sum(case((key.status == Status.RUNNING, 1), else_=0)),
                func.max(key.started_at),
            )
            .where(key.place == place)
            .group_by(key.owner)
        )
        with self._database.read() as connection:
            waits = connection.execute(waiting).all()
            of_owners = connection.execute(owners).all() if waits else []
        return Queue(
            # Other programs may have written what nobody can be called by.
            tuple(Waiting(key, str(owner)) for key, owner in waits if rows.is_id(key)),
            {str(owner): int(running) for owner, running, _started in of_owners},
            {
                str(owner): float(started)
                for owner, _running, started in of_owners
                if isinstance(started, int | float)
            },
        )

    def training(self, place: str) -> int:
        """How many experiments train at a place."""
        running = select(func.count()).where(
            experiments.c.place == place, experiments.c.status == Status.RUNNING
        )
        with self._database.read() as connection:
            return connection.scalar(running) or 0

    def to_stop(self, place: str) -> set[str]:
        """What is open at a place, although it is to stop."""
        key = experiments.c
        with self._database.read() as connection:
            found = connection.scalars(
                select(key.id).where(
                    key.place == place,
                    key.status.in_(writing.OPEN),
                    key.wanted == Wanted.STOPPED,
                )
            )
            return {each for each in found if rows.is_id(each)}
