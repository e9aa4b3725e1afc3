"""The connection to the database: where it is, and what its errors mean in a sentence."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import (
    URL,
    ColumnClause,
    Connection,
    Engine,
    column,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.schema import CreateTable

from core.errors import StoreError
from core.store.tables import EARLIER_TABLES, metadata

ENVIRONMENT_VARIABLE = "LOSSLAB_STORE"
DEFAULT_FILE = Path(__file__).parents[2] / ".losslab" / "losslab.db"
#: How long SQLite waits for another writer.
BUSY_SECONDS = 5
#: The recorded examples have these ids; they are nobody's own experiments.
EXAMPLE_IDS = ("0000000001", "0000000002")
#: What an earlier version may have kept as its example.
_ALL_EXAMPLES = ("0000000000", *EXAMPLE_IDS)

_EXAMPLES = (
    "sqlite:////folder/losslab.db or, with its driver installed, "
    "postgresql+psycopg://user:password@host/name"
)
_INSTEAD = f"or name another database in {ENVIRONMENT_VARIABLE}."


class Database:
    """Connections of this process alone; whatever goes wrong in one is a ``StoreError``."""

    def __init__(self, url: str | None) -> None:
        self._url = _located(url or os.environ.get(ENVIRONMENT_VARIABLE))
        self._shown = self._url.render_as_string(hide_password=True)
        with self._errors_as_sentences():
            self._engine = _engine(self._url)
        with self.write() as connection:
            for each in metadata.sorted_tables:
                connection.execute(CreateTable(each, if_not_exists=True))
            self._earlier_tables = [name for name in EARLIER_TABLES if _is_ours(connection, name)]

    @property
    def url(self) -> str:
        """The full URL, its password included, with which another process gets here."""
        return self._url.render_as_string(hide_password=False)

    @property
    def place(self) -> str:
        """What a person may see: the file, or the URL without its password."""
        return str(self._file or self._shown)

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

    @property
    def _file(self) -> Path | None:
        if self._url.get_backend_name() != "sqlite":
            return None
        return Path(str(self._url.database).removeprefix("file:"))

    @contextmanager
    def _errors_as_sentences(self) -> Iterator[None]:
        try:
            yield
        except (ImportError, NoSuchModuleError) as error:
            raise StoreError(
                f"The driver of the database {self.place} isn't installed ({error}). "
                f"Install it, {_INSTEAD}"
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(self._sentence(error)) from error

    def _sentence(self, error: SQLAlchemyError) -> str:
        cause = error.orig if isinstance(error, DBAPIError) else error
        answer = str(cause)
        if self._url.password:
            answer = answer.replace(str(self._url.password), "***")
        return self._file_sentence(getattr(cause, "sqlite_errorname", ""), answer) or (
            f"The database {self.place} answered: {answer.strip().rstrip('.')}. "
            f"Check that it is reachable and that the address in {ENVIRONMENT_VARIABLE} is right."
        )

    def _file_sentence(self, code: str, answer: str) -> str | None:
        """What SQLite's error code means, in the order of what explains most."""
        if self._file is None:
            return None
        if not self._file.parent.is_dir():
            return f"The database's folder {self._file.parent} doesn't exist. Make it, {_INSTEAD}"
        if self._file.is_dir():
            return f"The database {self._file} is a folder. Name a file in {ENVIRONMENT_VARIABLE}."
        for prefix, sentence in _FILE_SENTENCES.items():
            if code.startswith(prefix):
                return sentence.format(file=self._file, answer=answer, seconds=BUSY_SECONDS)
        return None


#: By the beginning of SQLite's error code, whose extended forms only say more.
_FILE_SENTENCES = {
    "SQLITE_BUSY": (
        "The database {file} was locked by another program for {seconds} s. "
        "Close that program and try again."
    ),
    "SQLITE_READONLY": (
        "The database {file} can't be written: it is read-only, or was moved or deleted while in "
        f"use. Make it writable and restart, {_INSTEAD}"
    ),
    "SQLITE_CANTOPEN": f"The database {{file}} can't be opened. Check its permissions, {_INSTEAD}",
    "SQLITE_NOTADB": (
        f"The file {{file}} is damaged or isn't an SQLite database. Move it away, {_INSTEAD}"
    ),
    "SQLITE_CORRUPT": (
        f"The file {{file}} is damaged or isn't an SQLite database. Move it away, {_INSTEAD}"
    ),
    "SQLITE_FULL": "The disk of the database {file} is full. Free some space and try again.",
    "SQLITE_ERROR": (
        "The database {file} hasn't the tables of this version of Loss Lab ({answer}). "
        f"Restart to make missing tables, {_INSTEAD}"
    ),
}


def _located(text: str | None) -> URL:
    """The URL parsed, with an absolute path: other processes run in other folders."""
    if not text:
        return URL.create("sqlite", database=str(_default_file()))
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError) as error:
        # Not shown: there may be a password in it.
        raise StoreError(
            f"The address of the database can't be read; allowed is for example {_EXAMPLES}."
        ) from error
    if backend != "sqlite":
        return url
    path = url.database or ":memory:"
    if ":memory:" in path or url.query.get("mode") == "memory":
        raise StoreError(
            "The database was in memory, where the training process can't reach it; "
            f"allowed is a file, for example {_EXAMPLES}."
        )
    return url if path.startswith("file:") else url.set(database=str(Path(path).absolute()))


def _default_file() -> Path:
    try:
        DEFAULT_FILE.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The database's folder {DEFAULT_FILE.parent} can't be made ({error.strerror}). "
            f"Check the permissions, {_INSTEAD}"
        ) from error
    return DEFAULT_FILE


def _is_ours(connection: Connection, name: str) -> bool:
    """Whether it is a table of experiments; another program may call one of its own so."""
    inspector = inspect(connection)
    if not inspector.has_table(name):
        return False
    return {"id", "spec"} <= {each["name"] for each in inspector.get_columns(name)}


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "checkout", _still_the_same_file)
    return engine


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
