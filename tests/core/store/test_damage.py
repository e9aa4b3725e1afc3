"""Whatever stands in a database, each read gives what it says or a sentence, and nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Column, Table, event

from core import place
from core.errors import StoreError
from core.records import Bet, Checkpoint, Progress, Snapshot, Status
from core.spec import ExperimentSpec
from core.store import Store, writing
from core.store.service import Service
from core.store.showings import Showings
from core.store.tables import metadata
from tests.core.experiments import entrants
from tests.core.store.test_store import evaluation
from tests.facts import SOME_FACTS

SPEC = ExperimentSpec(entrants=entrants("cross_entropy", "mse"), seeds=(3, 4))
KEY = "00000000aa"
VOTER = "somebody"
OWNER, HASHED = "somebody", "a hash"
#: Chunks of each overview.
COVERED = 4

#: Each read of a store: what it is asked for is the experiment, the showing of it, or neither.
READS: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.get(KEY),
    "news": lambda store: store.news(KEY),
    "news of some": lambda store: store.news(KEY, after_chunk=1, after_epoch=0, after_step=0),
    "command": lambda store: store.command(KEY),
    "step": lambda store: store.step(KEY),
    "standing": lambda store: store.standing(KEY),
    "queue_place": lambda store: store.queue_place(KEY),
    "runs": lambda store: store.runs(KEY),
    "chunks": lambda store: store.chunks(KEY),
    "evaluations": lambda store: store.evaluations(KEY),
    "snapshot": lambda store: store.snapshot(KEY),
    "moments": lambda store: store.moments(KEY),
    "kept": lambda store: store.kept(KEY, 1),
    "note": lambda store: store.note,
    "checkpoint": lambda store: store.checkpoint(KEY),
    "owned": lambda store: store.owned(OWNER),
    "has_key": lambda store: store.has_key(KEY, HASHED),
    "measured": lambda store: store.measured(),
    "queue": lambda store: list(store.service.queue(place.here()).in_turn()),
    "heartbeats": lambda store: store.service.heartbeats(),
    "to_stop": lambda store: store.service.to_stop(place.here()),
    "training": lambda store: store.service.training(place.here()),
}
OF_SHOWINGS: dict[str, Callable[[Showings, str], object]] = {
    "get": Showings.get,
    "bets": Showings.bets,
    "bet_of": lambda showings, key: showings.bet_of(key, VOTER),
}


@dataclass(frozen=True)
class Filled:
    store: Store
    showing: str

    @property
    def reads(self) -> list[Callable[[], object]]:
        return [partial(read, self.store) for read in READS.values()] + [
            partial(read, self.store.showings, self.showing) for read in OF_SHOWINGS.values()
        ]

    def reads_of(self, table: Table) -> list[Callable[[], object]]:
        """Those that ask for something of the table, while nothing is wrong."""
        asked: list[str] = []
        engine = self.store._database._engine
        listened = (engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        event.listen(*listened)
        found = []
        for read in self.reads:
            asked.clear()
            read()
            if any(table.name in statement for statement in asked):
                found.append(read)
        event.remove(*listened)
        return found

    def walk(self, reads: list[Callable[[], object]] | None = None) -> Iterator[str]:
        """What goes wrong as it never should."""
        for read in self.reads if reads is None else reads:
            try:
                read()
            except StoreError as error:
                sentence = str(error)
                if not sentence.endswith(".") or len(sentence) > 1_000 or "\n" in sentence:
                    yield f"No sentence: {sentence[:300]!r}"
            except Exception as error:
                yield repr(error)[:300]


@pytest.fixture
def filled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Filled:
    """An experiment and a showing with something in every table."""
    monkeypatch.setattr(writing, "OVERVIEW_EVERY", COVERED)
    store.create(SPEC, pause_after_epoch=99, experiment_id=KEY, owner=OWNER)
    store.set_key(KEY, HASHED)
    # Of whom there is more than one, turns are compared.
    store.create(SPEC)
    store.service.started(KEY)
    for step in range(1, COVERED + 3):
        store.report(KEY, reported(step))
    showing = store.showings.create("focal")
    store.showings.begin(showing, [SPEC])
    store.showings.bet(showing, VOTER, Bet(1, 0.5))
    return Filled(store, showing)


def reported(step: int) -> Progress:
    snapshot = Snapshot(
        epoch=step,
        step=step,
        order_sha256=("0", "1"),
        measures=("nll",),
        scores=np.ones((1, SPEC.run_count)),
        margins=np.ones((2, 48), np.int32),
    )
    return Progress(
        step=step,
        epoch=step,
        seconds=step / 10,
        losses=np.ones((1, SPEC.run_count), np.float32),
        evaluations=(evaluation(step),),
        diverged_steps=(None, step, None, None),
        facts=SOME_FACTS,
        snapshot=snapshot,
        checkpoint=Checkpoint(step, {"learner.rates": np.ones(2)}),
        kept=(snapshot,),
    )


def test_every_read_is_walked() -> None:
    writes = {
        "create", "record", "want", "on_want", "report", "set_status", "resume", "delete",
        "set_key", "started", "heartbeat", "interrupt", "url", "begin", "bet",
    }  # fmt: skip
    for kind, read in ((Store, READS), (Service, READS), (Showings, OF_SHOWINGS)):
        public = {name for name in vars(kind) if not name.startswith("_")}
        assert public - writes - {*read} == set()


def test_what_is_whole_can_be_read(filled: Filled) -> None:
    for read in READS.values():
        assert read(filled.store) is not None or read is READS["note"]
    news = filled.store.news(KEY)
    assert news.overview is not None
    assert (len(news.chunks), len(news.evaluations), len(news.moments)) == (2, 6, 6)
    assert filled.store.showings.bet_of(filled.showing, VOTER) == Bet(1, 0.5)
    assert list(filled.walk()) == []


# ---------------------------------------------------------------- values

#: What is none of what stands there, or is too much of it.
VALUES = (
    None, "nonsense", "5", "[" * 5000 + "]" * 5000, "9" * 5000, b"\x00\xff",
    b"PK\x03\x04nothing", -1, 2**31, 0.5, 1e300, -1e20, float("inf"), float("nan"),
)  # fmt: skip
COLUMNS = [(table, column.name) for table in metadata.sorted_tables for column in table.columns]


class Backdoor:
    """Statements that are sent past the store."""

    def __init__(self, store: Store) -> None:
        self.is_file = store.url.startswith("sqlite")
        if self.is_file:
            path = store.url.removeprefix("sqlite:///")
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._refusal: type[Exception] = sqlite3.Error
        else:
            import psycopg

            self._refusal = psycopg.Error

            url = store.url.replace("+psycopg", "")
            self._connection = psycopg.connect(url, autocommit=True)

    def ask(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        statement = statement if self.is_file else statement.replace("?", "%s")
        cursor = self._connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        self._connection.close()

    def puts(self, table: Table, column: Column[Any], value: object) -> Iterator[None]:
        """The value in a column of the first row and of the last one; then all as it was."""
        name, ids = table.name, "rowid" if self.is_file else "ctid::text"
        rows = self.ask(f"SELECT {ids}, * FROM {name} ORDER BY {ids}")
        statement = f"UPDATE {name} SET {column.name} = ? WHERE {ids} = ?"
        # Of a key there is one only.
        try:
            for row, *_ in rows[:1] if column.primary_key else {rows[0], rows[-1]}:
                self.ask(statement, value, row)
        except (self._refusal, OverflowError):
            # The database itself refuses it, and that of any row.
            return
        yield
        self.ask(f"DELETE FROM {name}")
        places = ", ".join("?" * len(table.columns))
        for _, *whole in rows:
            self.ask(f"INSERT INTO {name} VALUES ({places})", *whole)


@pytest.fixture
def backdoor(filled: Filled) -> Iterator[Backdoor]:
    with closing(Backdoor(filled.store)) as made:
        yield made


@pytest.mark.some(10)
@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_value_that_has_no_business_there(
    filled: Filled, backdoor: Backdoor, table: Table
) -> None:
    if not backdoor.is_file:
        # Nothing is to be refused for the rows that refer to a row that goes and comes again.
        backdoor.ask("SET session_replication_role = replica")
    reads = filled.reads_of(table)
    wrong = [
        (column.name, str(value)[:50], error)
        for column in table.columns
        for value in VALUES
        for _put in backdoor.puts(table, column, value)
        for error in filled.walk(reads)
    ]
    assert wrong == []
    # All is as it was before.
    assert list(filled.walk()) == []
    assert filled.store.get(KEY).spec == SPEC


def test_bytes_that_are_no_text(filled: Filled, file: Path) -> None:
    reads = {table.name: filled.reads_of(table) for table in metadata.sorted_tables}
    for table, column in COLUMNS:
        with closing(sqlite3.connect(file)) as connection, connection:
            old = connection.execute(f"SELECT rowid, {column} FROM {table.name}").fetchall()
            connection.execute(f"UPDATE OR IGNORE {table.name} SET {column} = CAST(x'ff' AS TEXT)")
        assert list(filled.walk(reads[table.name])) == [], (table.name, column)
        with closing(sqlite3.connect(file)) as connection, connection:
            for row, value in old:
                connection.execute(
                    f"UPDATE {table.name} SET {column} = ? WHERE rowid = ?", [value, row]
                )


def test_a_row_too_few_or_too_many(filled: Filled, file: Path) -> None:
    for statement in (
        "DELETE FROM runs_v3 WHERE run = 1",
        "DELETE FROM chunks_v3 WHERE chunk = 5",
        "UPDATE chunks_v3 SET steps = 2",
        "UPDATE runs_v3 SET run = run + 1 WHERE run = 3",
    ):
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(statement)
        assert list(filled.walk()) == [], statement
    with pytest.raises(StoreError, match="damaged"):
        filled.store.news(KEY)


def test_one_damaged_experiment_is_in_no_others_way(filled: Filled, file: Path) -> None:
    other = filled.store.create(SPEC)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "UPDATE experiments_v3 SET id = x'00', heartbeat = 0 WHERE id = ?", [KEY]
        )
        connection.execute("UPDATE experiments_v3 SET heartbeat = 0 WHERE id = ?", [other])
        connection.execute("UPDATE experiments_v3 SET status = 'running'")
    assert filled.store.service.heartbeats()[other] == 0
    assert filled.store.service.interrupt(other, 0)
    assert filled.store.get(other).status is Status.INTERRUPTED


@pytest.mark.parametrize("reason", ["half of a character: \ud800", "a zero byte: \0"])
def test_a_reason_that_a_database_can_not_write_is_mended(store: Store, reason: str) -> None:
    key = store.create(SPEC)
    assert store.set_status(key, Status.FAILED, reason)
    assert store.get(key).reason == reason[:-1] + "\ufffd"


# ---------------------------------------------------------------- tables and columns


def test_a_column_that_is_called_otherwise(filled: Filled, file: Path) -> None:
    """What is open already, and what is opened then."""
    reads = {table.name: filled.reads_of(table) for table in metadata.sorted_tables}
    for table, column in COLUMNS:
        rename(file, table, column, f"no_{column}")
        assert list(filled.walk(reads[table.name])) == [], (table.name, column)
        if opens(filled):
            # What came later is added anew, where it can be.
            rename(file, table, column, f"another_{column}")
        rename(file, table, f"no_{column}", column)


def rename(file: Path, table: Table, old: str, new: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"ALTER TABLE {table.name} RENAME COLUMN {old} TO {new}")


def opens(filled: Filled) -> bool:
    """Whether the database can be opened; it is read then."""
    try:
        again = Store(filled.store.url)
    except StoreError as error:
        if "tables of this version" not in str(error):
            raise
        return False
    assert list(Filled(again, filled.showing).walk()) == []
    return True


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_a_table_that_is_gone(filled: Filled, file: Path, table: Table) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DROP TABLE {table.name}")
    assert list(filled.walk()) == []
    assert opens(filled)
    assert Store(filled.store.url).create(SPEC)


@pytest.mark.parametrize(
    ("added", "is_usable"),
    [("colour TEXT", True), ("colour TEXT NOT NULL DEFAULT 'red'", True)],
)
def test_a_column_that_is_not_known(
    filled: Filled, file: Path, added: str, is_usable: bool
) -> None:
    for table in metadata.sorted_tables:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {added}")
    assert opens(filled) is is_usable
    assert Store(filled.store.url).create(SPEC)


def test_a_column_that_is_not_known_and_can_not_be_left_empty(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE bets_v3 (showing_id TEXT, voter TEXT, pick, sketched, "
                           "bet_at, colour TEXT NOT NULL)")  # fmt: skip
    with pytest.raises(StoreError, match="bets_v3 has colour, which can't be left empty"):
        Store(f"sqlite:///{file}")


def test_columns_that_came_later_are_added(filled: Filled, file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("DROP INDEX queue_v3")
        for column in ("owner", "place", "started_at"):
            connection.execute(f"ALTER TABLE experiments_v3 DROP COLUMN {column}")
    again = Store(filled.store.url)
    assert again.get(KEY).owner == ""
    assert again.get(KEY).spec == SPEC
    assert again.get(again.create(SPEC, owner="somebody")).owner == "somebody"
