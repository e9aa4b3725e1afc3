"""The connection to the database, and what its errors mean in a sentence."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    column,
    create_engine,
    event,
    func,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import StoreError
from core.store import layout
from core.store.address import ENVIRONMENT_VARIABLE as ENVIRONMENT_VARIABLE
from core.store.address import INSTEAD, Address

DEFAULT_FILE = Path(__file__).parents[2] / ".losslab" / "losslab.db"
#: How long SQLite waits for another writer, where the address doesn't say.
BUSY_SECONDS = 5
#: The recorded examples have these ids; they are nobody's own experiments.
EXAMPLE_IDS = ("0000000001", "0000000002")
#: What an earlier version may have kept as its example.
_ALL_EXAMPLES = ("0000000000", *EXAMPLE_IDS)
#: The last two are of values that a driver can't write.
_ERRORS = (SQLAlchemyError, UnicodeError, OverflowError)


class Database:
    """Connections of this process alone; whatever goes wrong in one is a ``StoreError``."""

    def __init__(self, url: str | None) -> None:
        text = url or os.environ.get(ENVIRONMENT_VARIABLE)
        self._address = Address(text) if text else Address.of_file(_default_file())
        with self._errors_as_sentences((Exception,)):
            self._engine = _engine(self._address)
            found = layout.completed(self._engine)
        if problems := list(layout.problems(found)):
            raise StoreError(
                f"The database {self.place} hasn't the tables of this version of Loss Lab: "
                f"{'; '.join(problems)}. Move it away, {INSTEAD}"
            )
        self._earlier_tables = layout.earlier_tables(found)

    @property
    def url(self) -> str:
        """The full URL, its password included, with which another process gets here."""
        return self._address.url.render_as_string(hide_password=False)

    @property
    def place(self) -> str:
        """What a person may see of the address."""
        return self._address.place

    def size(self) -> int:
        """What it takes on disk, in bytes."""
        if main := self._address.file:
            files = (main, main.with_name(f"{main.name}-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        if self._address.url.get_backend_name() != "postgresql":
            return 0
        with self.read() as connection:
            return connection.scalar(select(func.pg_database_size(func.current_database()))) or 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._errors_as_sentences(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it is written, or nothing."""
        with self._errors_as_sentences(), self._engine.begin() as connection:
            yield connection

    def earlier_experiments(self, experiment_id: str | None = None) -> int:
        """How many experiments of earlier versions it has, or how many of that id; an
        example is none."""
        count = 0
        with self.read() as connection:
            for name in self._earlier_tables:
                key: ColumnClause[str] = column("id")
                counted = select(func.count()).select_from(table(name, key))
                if experiment_id:
                    counted = counted.where(key == experiment_id)
                count += connection.scalar(counted.where(key.not_in(_ALL_EXAMPLES))) or 0
        return count

    @contextmanager
    def _errors_as_sentences(self, errors: tuple[type[Exception], ...] = _ERRORS) -> Iterator[None]:
        """What the database or its driver raises; while it is opened, that is whatever a driver
        makes of an address that it can't use."""
        try:
            yield
        except StoreError:
            raise
        except ImportError as error:
            raise self._address.no_driver(error) from None
        except errors as error:
            # What a driver says may have a password in it, and so may what it was raised from.
            is_secret = self._address.is_secret(str(error))
            raise StoreError(self._sentence(error)) from (None if is_secret else error)

    def _sentence(self, error: Exception) -> str:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        answer, file = self._address.answer(cause), self._address.file
        if file is not None and not os.path.isdir(file.parent):
            return f"The database's folder {file.parent} doesn't exist. Make it, {INSTEAD}"
        code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
        for prefix, sentence in _SENTENCES.items():
            if code.startswith(prefix):
                seconds = _busy_seconds(self._address)
                return sentence.format(place=self.place, answer=answer, seconds=seconds)
        return (
            f"The database {self.place} answered: {answer}. Check that it is reachable and that "
            f"the address in {ENVIRONMENT_VARIABLE} is right."
        )


_DAMAGED = "The file {place} is damaged or isn't an SQLite database. Move it away, " + INSTEAD
_NO_TABLES = (
    "The database {place} hasn't the tables of this version of Loss Lab ({answer}). Restart to "
    f"make missing tables, {INSTEAD}"
)
_FULL = "The disk of the database {place} is full. Free some space and try again."
#: By the beginning of SQLite's error code, whose extended forms only say more, or of the five
#: characters that the SQL standard has for it.
_SENTENCES = {
    "SQLITE_BUSY": (
        "The database {place} was locked by another program for {seconds:g} s. "
        "Close that program and try again."
    ),
    "SQLITE_READONLY": (
        "The database {place} can't be written: it is read-only, or was moved or deleted while in "
        f"use. Make it writable and restart, {INSTEAD}"
    ),
    "SQLITE_CANTOPEN": f"The database {{place}} can't be opened. Check its permissions, {INSTEAD}",
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_FULL": _FULL,
    "SQLITE_ERROR": _NO_TABLES,
    "42P01": _NO_TABLES,
    "42703": _NO_TABLES,
    "53100": _FULL,
    "25006": f"The database {{place}} is read-only. Make it writable, {INSTEAD}",
}


def _default_file() -> Path:
    try:
        DEFAULT_FILE.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The database's folder {DEFAULT_FILE.parent} can't be made ({error.strerror}). "
            f"Check the permissions, {INSTEAD}"
        ) from error
    return DEFAULT_FILE


def _engine(address: Address) -> Engine:
    if not address.is_file:
        return create_engine(
            address.url, pool_pre_ping=True, connect_args=address.connect_arguments
        )
    engine = create_engine(address.url, connect_args={"timeout": _busy_seconds(address)})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "checkout", _still_the_same_file)
    return engine


def _busy_seconds(address: Address) -> float:
    return BUSY_SECONDS if address.busy_seconds is None else address.busy_seconds


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    # With a write-ahead log readers never wait for the writer; NORMAL syncs at checkpoints
    # alone: a crash of the machine may lose the last moments, never the file.
    _switch_to_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    record.info["file"] = _main_file(connection)
    record.info["inode"] = _inode(record.info["file"])


def _switch_to_write_ahead_log(connection: sqlite3.Connection) -> None:
    # Where several make the file at once, SQLite does not wait for the others by itself.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            is_locked = error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            if not is_locked or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _still_the_same_file(
    _connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object
) -> None:
    """Connect anew if the file was moved or deleted: what is written to it now gets lost."""
    if _inode(record.info["file"]) != record.info["inode"]:
        raise DisconnectionError


def _main_file(connection: sqlite3.Connection) -> str:
    _number, _name, file = connection.execute("PRAGMA database_list").fetchone()
    return str(file)


def _inode(file: str) -> int | None:
    try:
        return os.stat(file).st_ino
    except OSError:
        return None
