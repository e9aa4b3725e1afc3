"""Addresses of databases that lead nowhere: each is a sentence, soon, and shows no password."""

from __future__ import annotations

import os
import socket
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import StoreError
from core.store import Store, address

#: As it is, as a URL has it, and half of it.
SECRET = "hun@ter2"
FORMS = ("hun@ter2", "hun%40ter2", "ter2")
_URL = "hun%40ter2"
PG = "postgresql+psycopg"
SERVER = "127.0.0.1:1/db"

#: By what the sentence says.
NOWHERE: dict[str, list[str]] = {
    "can't be read": [
        " ", "   \n", " sqlite:///a.db", "sqlite", "sqlite:", "sqlite:a.db", "sqlite:/a.db", "://",
        ":", "/", "?", "#", "%", "a.db", "/tmp/a.db", "C:\\a.db", "os.path://x", "a+b+c://x",
        f"nonsense with {SECRET}", f"{PG}://u:{_URL}@127.0.0.1:abc/db", f"{PG}://u@h:{_URL}/db",
        f"{PG}://u:{_URL}@h1,h2:1,2/db", f"{PG}://u:{_URL}@127.0.0.1:/db",
    ],
    "allowed are up to 4,000": ["x" * 5_000, "sqlite:///" + "x" * 5_000],
    "isn't installed": [
        "nosuch://", "file:///tmp/a.db", "http://example.com/", "http+x:///", "sqlite+nosuch:///a.db",
        f"nosuch://u:{_URL}@host/db", f"mysql://u:{_URL}@h/db",
        f"mysql+pymysql://u:{_URL}@h/db", f"oracle://u:{_URL}@h/db", f"mssql+pyodbc://u:{_URL}@h/db",
        f"mssql://?odbc_connect=PWD%3D{_URL}", f"postgresql+psycopg2://u:{_URL}@h/db",
        f"postgresql+pg8000://u@h/{_URL}",
    ],
    "answers later than it is asked": [
        "sqlite+aiosqlite:///a.db", f"postgresql+asyncpg://u:{_URL}@h/db",
    ],
    "in memory": [
        "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://?mode=memory",
        "sqlite:///file::memory:?uri=true", "sqlite:///file:a.db?mode=memory&uri=true",
        "sqlite:///file:?uri=true",
    ],
    "a host, a user or a password": [
        "sqlite://host/a.db", "sqlite://:1/a.db", f"sqlite://u:{_URL}@host/a.db",
        f"sqlite://:{_URL}@/a.db",
    ],
    "isn't known": [
        "sqlite:///a.db?nosuch=1", f"sqlite:///a.db?password={_URL}", "sqlite:///a.db?plugin=nosuch",
        "sqlite:///a.db?timeout=1&timeout=2", "sqlite:///a.db?check_same_thread=maybe",
        "sqlite:///a.db?cached_statements=99999999999999999999", "sqlite:///file:a.db?vfs=x&uri=true",
    ],
    "argument timeout was": [
        "sqlite:///a.db?timeout=abc", "sqlite:///a.db?timeout=-1", "sqlite:///a.db?timeout=nan",
        "sqlite:///a.db?timeout=1e300",
    ],
    "argument mode was": ["sqlite:///file:a.db?mode=bogus&uri=true"],
    "argument uri was": ["sqlite:///a.db?uri=maybe"],
    "File name too long": ["sqlite:///" + "n" * 300 + ".db"],
    "a character in it that can't be": [
        "sqlite:///a\ud800.db", "sqlite:///a\0.db", "sqlite:///a%00.db", "sqlite:///a.db?uri=%00",
        f"{PG}://u:{_URL}@127.0.0.1:1/d\ud800b", f"{PG}://u\ud800:{_URL}@{SERVER}",
        f"{PG}://u:{_URL}@127.0.0.1:1/d%00b",
    ],
    "is a folder": ["sqlite:///.", "sqlite:///..", "sqlite:////", "sqlite:////tmp"],
    "is no file": ["sqlite:////dev/null", "sqlite:////dev/full", "sqlite:////dev/zero"],
    "doesn't exist": ["sqlite:////no/such/folder/a.db"],
    "more than one @": [f"{PG}://u:{SECRET}@127.0.0.1:1/db"],
    "The port of the database was": [
        f"{PG}://u:{_URL}@127.0.0.1:99999/db", f"{PG}://u:{_URL}@127.0.0.1:0/db",
    ],
}  # fmt: skip

#: Those of which only a driver can tell: these need the one of PostgreSQL.
OF_A_DRIVER = [
    f"{PG}://", f"{PG}:///", f"{PG}://u:{_URL}@/db?host=/no/such/folder", f"{PG}://u:{_URL}@{SERVER}",
    f"{PG}://u:{_URL}@[::1]:1/db", f"{PG}://u:{_URL}@no%20such%20host:1/db",
    f"{PG}://u@{SERVER}?password={_URL}", f"{PG}://u@{SERVER}?sslpassword={_URL}",
    f"{PG}://u@{SERVER}?nosuch={_URL}", f"{PG}://u@{SERVER}?{_URL}=1",
    f"{PG}://u@{SERVER}?options={_URL}", f"{PG}://u:{_URL}@{SERVER}?sslmode={_URL}",
    f"{PG}://u:{_URL}@{SERVER}?host=a{_URL}", f"{PG}://u@127.0.0.1:1/password={_URL}",
    f"{PG}://u:{_URL}@{SERVER}?connect_timeout=abc", f"{PG}://u:{_URL}@{SERVER}?connect_timeout=",
    f"{PG}://u:{_URL}@{SERVER}?plugin=nosuch", f"{PG}://u:{_URL}@{SERVER}?host=a&host=b",
    f"postgresql+psycopg_async://u:{_URL}@{SERVER}",
]  # fmt: skip


def told(url: str) -> str:
    """The sentence, once it is sure that nothing secret is shown."""
    begun = time.monotonic()
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert time.monotonic() - begun < 20
    shown = "".join(traceback.format_exception(caught.value))
    # The lines of the program itself are no secret.
    shown = "\n".join(line for line in shown.splitlines() if not line.startswith("    "))
    for form in FORMS:
        assert form not in shown
        assert form not in repr(caught.value)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 800
    return message


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No address leaves anything where the tests are started, or anything at all."""
    monkeypatch.chdir(tmp_path)
    yield
    assert [*tmp_path.iterdir()] == []


def test_they_are_many() -> None:
    assert sum(map(len, NOWHERE.values())) >= 51


@pytest.mark.parametrize(("words", "urls"), NOWHERE.items(), ids=NOWHERE)
def test_an_address_that_leads_nowhere(words: str, urls: list[str]) -> None:
    for url in urls:
        assert words in told(url), url[:80]


@pytest.mark.parametrize("url", OF_A_DRIVER)
def test_what_a_driver_says_is_a_sentence_without_secrets(url: str) -> None:
    pytest.importorskip("psycopg")
    assert told(url).startswith("The d")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr(address, "CONNECT_SECONDS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        assert "timeout" in told(f"{PG}://u:{_URL}@127.0.0.1:{port}/db")


def test_a_pipe_is_no_database(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in told("sqlite:///pipe")
    os.unlink(tmp_path / "pipe")


def test_a_folder_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    os.chdir(folder)
    folder.rmdir()
    try:
        told("sqlite:///a.db")
    finally:
        os.chdir(tmp_path)


def test_a_password_that_is_right_is_not_shown_either(postgres_url: str) -> None:
    """Not with what is told later, when tables are gone."""
    store = Store(postgres_url.replace("lab@", f"lab:{_URL}@"))
    assert _URL in store.url
    assert SECRET not in repr(store)
    with store._database.write() as connection:
        connection.exec_driver_sql("DROP TABLE runs_v3 CASCADE")
    with pytest.raises(StoreError, match="hasn't the tables of this version") as caught:
        store.runs("0123456789")
    assert not any(form in str(caught.value) for form in FORMS)
