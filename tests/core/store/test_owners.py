"""Whose experiments are: counted, listed, deleted with all that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from core.errors import StoreError, UnknownExperiment, UnknownShowing
from core.records import Bet, Status, Wanted
from core.sharing import LimitReached, Limits
from core.spec import LESSON
from core.store import Counts, Store, owners
from core.store.tables import bets, experiments, metadata
from tests.core.live.staging import recorded


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'lab.db'}")


def rows(store: Store) -> dict[str, int]:
    """How many each table has."""
    with store._database.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def counts(store: Store, owner: str) -> Counts:
    with store._database.read() as connection:
        return owners.counts(connection, owner)


@pytest.fixture
def statements(store: Store) -> Iterator[list[str]]:
    """What the database was asked."""
    asked: list[str] = []
    engine = store._database._engine

    def hear(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    yield asked
    event.remove(engine, "before_cursor_execute", hear)


def test_an_owners_experiments_are_counted_by_one_question(
    store: Store, statements: list[str]
) -> None:
    assert counts(store, "me") == Counts(0, 0, 0)
    for status in Status:
        store.set_status(store.create(LESSON, owner="me"), status)
        store.create(LESSON, owner="another")
    stopping = store.create(LESSON, owner="me")
    store.set_status(stopping, Status.RUNNING)
    store.want(stopping, Wanted.STOPPED)
    statements.clear()
    assert counts(store, "me") == Counts(training=2, queued=1, stored=len(Status) + 1)
    assert len(statements) == 1


def test_what_is_refused_is_not_stored(store: Store) -> None:
    def never(has: Counts) -> None:
        assert has == Counts(0, 1, 1)
        raise LimitReached("No.")

    before = rows(store)
    with pytest.raises(LimitReached):
        store.create(LESSON, owner="me", within=never)
    assert rows(store) == before


def test_many_at_once_do_not_pass_a_limit(store: Store) -> None:
    limits = Limits(queued=3)

    def create(_: int) -> None:
        with suppress(LimitReached):
            store.create(LESSON, owner="me", within=limits.check)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(24)))
    assert counts(store, "me").queued == 3


def test_an_owners_experiments_are_listed_the_newest_first(store: Store) -> None:
    made = [store.create(LESSON, owner="me") for _ in range(3)]
    store.create(LESSON)
    with store._database.write() as connection:
        damaged = experiments.c.id == made[1]
        connection.execute(experiments.update().where(damaged).values(spec="{"))
    assert [each.id for each in store.owned("me")] == [made[2], made[0]]
    assert store.owned("nobody") == []


@pytest.mark.parametrize("status", [each for each in Status if each.is_finished])
def test_a_deleted_experiment_leaves_nothing(store: Store, status: Status) -> None:
    before = rows(store)
    key = store.create(LESSON, owner="me")
    store.set_key(key, "hash")
    store.set_status(key, status)
    store.delete(key)
    assert rows(store) == before
    with pytest.raises(UnknownExperiment):
        store.get(key)
    with pytest.raises(UnknownExperiment):
        store.delete(key)


def test_it_leaves_others_and_what_was_recorded_of_them(store: Store) -> None:
    recorded(store, Status.FINISHED)
    before, gone = rows(store), recorded(store, Status.FINISHED)
    assert sum(rows(store).values()) > sum(before.values()) + 5
    store.delete(gone)
    assert rows(store) == before


@pytest.mark.parametrize("status", [each for each in Status if not each.is_finished])
def test_one_that_may_still_train_is_not_deleted(store: Store, status: Status) -> None:
    key = store.create(LESSON)
    store.set_status(key, status)
    before = store.get(key)
    with pytest.raises(StoreError, match="It has not ended; stop it before you delete it"):
        store.delete(key)
    assert store.get(key) == before


def test_the_showings_of_a_deleted_experiment_go_with_it_and_their_other_parts_stay(
    store: Store,
) -> None:
    other = store.showings.create("focal")
    store.showings.begin(other, [LESSON])
    showing = store.showings.create("focal", "me")
    store.showings.bet(showing, "voter", Bet(0))
    store.showings.begin(showing, [LESSON, LESSON], "me")
    first, second = store.showings.get(showing).experiments
    assert {store.get(each).owner for each in (first, second)} == {"me"}
    store.set_status(first, Status.STOPPED)
    store.delete(first)
    with pytest.raises(UnknownShowing):
        store.showings.get(showing)
    assert store.get(second).status is Status.QUEUED
    assert len(store.showings.get(other).experiments) == 1
    assert rows(store)[bets.name] == 0


def test_a_key_is_known_by_its_hash_and_there_is_one(store: Store) -> None:
    key, other = store.create(LESSON), store.create(LESSON)
    store.set_key(key, "first")
    assert store.has_key(key, "first")
    assert not store.has_key(other, "first")
    store.set_key(key, "second")
    assert [store.has_key(key, each) for each in ("first", "second", "")] == [False, True, False]
