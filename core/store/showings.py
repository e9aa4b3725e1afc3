"""Showings of exhibits and the bets on them, in the same database as the experiments."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    Select,
    String,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from core.errors import StoreError, UnknownShowing
from core.records import Bet, Phase, Showing, Status
from core.spec import ExperimentSpec
from core.store import rows, writing
from core.store.database import Database
from core.store.owners import Within, counts
from core.store.tables import ID_BYTES, bets, experiments, showing_parts, showings

#: A showing that nobody ran and nobody bet on is kept for so long.
_KEPT_SECONDS = 24 * 3600.0


class Showings:
    """The showings in a database; what holds for a ``Store`` holds for them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -------------------------------------------------------- writing

    def create(self, exhibit: str, owner: str = "") -> str:
        """A new showing of ``owner`` that has not begun; returns its id. Old ones without use are
        removed."""
        showing_id = secrets.token_hex(ID_BYTES)
        now = time.time()
        is_unused = (
            showings.c.begun_at.is_(None),
            showings.c.created_at < now - _KEPT_SECONDS,
            showings.c.id.not_in(select(bets.c.showing_id)),
        )
        with self._database.write() as connection:
            connection.execute(delete(showings).where(*is_unused))
            connection.execute(
                insert(showings).values(id=showing_id, exhibit=exhibit, created_at=now, owner=owner)
            )
        return showing_id

    def begin(
        self,
        showing_id: str,
        specs: Sequence[ExperimentSpec],
        owner: str = "",
        within: Within | None = None,
    ) -> bool:
        """Create the experiments of the exhibit's parts; ``False`` if it has begun before.

        However often and by whomever it is asked for, there is one experiment a part. They are of
        ``owner``, unless what that one then has is refused by ``within``.
        """
        with self._database.write() as connection:
            # The update comes first: it takes SQLite's write lock before anything is read.
            begun = connection.execute(
                update(showings)
                .where(showings.c.id == showing_id, showings.c.begun_at.is_(None))
                .values(begun_at=time.time())
            )
            if not begun.rowcount:
                self._require(connection, showing_id)
                return False
            for part, spec in enumerate(specs):
                experiment_id = secrets.token_hex(ID_BYTES)
                writing.create(connection, experiment_id, spec, owner=owner)
                connection.execute(
                    insert(showing_parts).values(
                        showing_id=showing_id, part=part, experiment_id=experiment_id
                    )
                )
            if within is not None:
                within(counts(connection, owner))
        return True

    def bet(self, showing_id: str, voter: str, bet: Bet) -> bool:
        """Store what a voter bets in place of what they bet before; ``False``, with nothing
        written, once bets are closed: a part has made its first step, or has ended."""
        values = {"pick": bet.pick, "sketched": bet.sketched, "bet_at": time.time()}
        is_open = ~_is_closed(showing_id)
        with self._database.write() as connection:
            # Bets on one showing are made one after another, so that a voter has one.
            self._require(connection, showing_id, is_locked=True)
            changed = connection.execute(
                update(bets)
                .where(bets.c.showing_id == showing_id, bets.c.voter == voter, is_open)
                .values(values)
            )
            if changed.rowcount:
                return True
            row = select(
                literal(showing_id, String),
                literal(voter, String),
                literal(bet.pick, Integer),
                literal(bet.sketched, Double),
                literal(values["bet_at"], Double),
            ).where(is_open)
            columns = ["showing_id", "voter", "pick", "sketched", "bet_at"]
            # Without the option some databases don't say how many rows were added.
            adding = insert(bets).from_select(columns, row)
            added = connection.execute(adding.execution_options(preserve_rowcount=True))
            return added.rowcount > 0

    # -------------------------------------------------------- reading

    def get(self, showing_id: str) -> Showing:
        with self._database.read() as connection:
            self._require(connection, showing_id)
            row = connection.execute(select(showings).where(showings.c.id == showing_id)).one()
            parts = connection.execute(_parts(showing_id)).all()
            count = connection.scalar(
                select(func.count()).select_from(bets).where(bets.c.showing_id == showing_id)
            )
        with self._damage(showing_id):
            return Showing(
                id=row.id,
                exhibit=rows.text(row.exhibit, "The exhibit"),
                created_at=rows.moment(row.created_at, "The time of its start"),
                experiments=tuple(rows.identity(each.experiment_id, "A part") for each in parts),
                phase=_phase([rows.standing(each) for each in parts]),
                bets=count or 0,
                owner=rows.text(row.owner, "The owner"),
            )

    def bets(self, showing_id: str) -> tuple[Bet, ...]:
        """All bets in the order in which they were made, without who made them."""
        found = select(bets.c.pick, bets.c.sketched).where(bets.c.showing_id == showing_id)
        with self._database.read() as connection:
            self._require(connection, showing_id)
            made = connection.execute(found.order_by(bets.c.bet_at)).all()
        with self._damage(showing_id):
            return tuple(rows.bet(row) for row in made)

    def bet_of(self, showing_id: str, voter: str) -> Bet:
        """What a voter bets; nothing where they have not bet yet."""
        found = select(bets.c.pick, bets.c.sketched).where(
            bets.c.showing_id == showing_id, bets.c.voter == voter
        )
        with self._database.read() as connection:
            row = connection.execute(found).one_or_none()
        with self._damage(showing_id):
            return rows.bet(row) if row else Bet()

    # -------------------------------------------------------- underneath

    def _require(self, connection: Connection, showing_id: str, is_locked: bool = False) -> None:
        """Ids come from links; what can't be one isn't sent to the database."""
        there = select(showings.c.id).where(showings.c.id == showing_id)
        there = there.with_for_update() if is_locked else there
        if not rows.is_id(showing_id) or connection.scalar(there) is None:
            start = showing_id[: 2 * ID_BYTES] + ("…" if len(showing_id) > 2 * ID_BYTES else "")
            raise UnknownShowing(
                f"No showing {start!r} is stored here. An id has {2 * ID_BYTES} characters, 0-9 "
                "and a-f; the link may be cut or of another machine."
            )

    @contextmanager
    def _damage(self, showing_id: str) -> Iterator[None]:
        """What of a row is none of what this version writes, as a sentence."""
        try:
            yield
        except ValueError as error:
            raise StoreError(
                f"Showing {showing_id} in {self._database.place} can't be read; it is damaged or "
                f"of another version of Loss Lab: {str(error).rstrip('.')}."
            ) from error


def _parts(showing_id: str) -> Select[*tuple[Any, ...]]:
    """The experiments of a showing's parts, where they stand."""
    return (
        select(showing_parts.c.experiment_id, experiments.c.status, experiments.c.step)
        .join(experiments, experiments.c.id == showing_parts.c.experiment_id)
        .where(showing_parts.c.showing_id == showing_id)
        .order_by(showing_parts.c.part)
    )


def _is_closed(showing_id: str) -> ColumnElement[bool]:
    """Whether a part has begun to train, or has ended without."""
    under_way = or_(experiments.c.step > 0, experiments.c.status.not_in(writing.OPEN))
    return exists().where(
        and_(
            showing_parts.c.showing_id == showing_id,
            showing_parts.c.experiment_id == experiments.c.id,
            under_way,
        )
    )


def _phase(parts: Sequence[tuple[Status, int]]) -> Phase:
    if not parts:
        return Phase.WAITING
    if all(status.is_finished for status, _step in parts):
        return Phase.ENDED
    is_closed = any(status.is_finished or step > 0 for status, step in parts)
    return Phase.TRAINING if is_closed else Phase.STARTING
