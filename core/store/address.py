"""The address of the database, which a person writes: checked before anything is opened.

A password may stand anywhere in it, and so what is shown of it is chosen part by part; of what a
driver answers nothing is shown that has one of its secrets in it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from core.bounds import Bounds, any_of, quoted
from core.errors import StoreError

ENVIRONMENT_VARIABLE = "LOSSLAB_STORE"
INSTEAD = f"or name another database in {ENVIRONMENT_VARIABLE}."
_EXAMPLES = (
    "sqlite:////folder/losslab.db or, with its driver installed, "
    "postgresql+psycopg://user:password@host/name"
)
#: So long a server may take to be reached.
CONNECT_SECONDS = 5

_LONGEST = 4_000
_LONGEST_ANSWER = 300
_PORT = Bounds("The port of the database", 1, 65_535)
_TIMEOUT = Bounds("The database's argument timeout", 0, 3_600)
_DRIVER = re.compile(r"[a-z][a-z0-9_]*(\+[a-z0-9_]+)?")
#: User, host and database of such letters alone are shown.
_PLAIN = re.compile(r"[\w .:-]*")
#: Arguments that hold no secret, so that a driver may speak of them.
_HARMLESS = {
    "application_name", "charset", "connect_timeout", "dbname", "gssencmode", "host", "port",
    "sslmode", "target_session_attrs", "user",
}  # fmt: skip
#: Those that do; any other may be the end of a password with an & or = in it.
_HIDDEN = {"odbc_connect", "options", "passfile", "passwd", "password", "sslkey", "sslpassword"}
#: Drivers of these take an argument with the seconds that they may take to connect.
_WITH_TIMEOUT = {"postgresql", "mysql", "mariadb"}


class Address:
    """Where the database is; ``StoreError`` for what can't be the address of one."""

    def __init__(self, text: str) -> None:
        self.url = _parsed(text)
        self._secrets = _secrets(self.url)
        self.is_file = self.url.get_backend_name() == "sqlite"
        _check_parts(self.url)
        if self.is_file:
            self.url = _with_file(self.url)
        if self._dialect.is_async:
            raise StoreError(
                f"The driver {self.url.drivername} of the database answers later than it is asked; "
                f"allowed is one that waits, for example {_EXAMPLES}."
            )

    @classmethod
    def of_file(cls, path: Path) -> Address:
        return cls(URL.create("sqlite", database=str(path)).render_as_string())

    @property
    def _dialect(self) -> type[Dialect]:
        """That of the driver; ``StoreError`` where it isn't known here."""
        try:
            return self.url.get_dialect()
        except (ImportError, NoSuchModuleError) as error:
            raise self.no_driver(error) from None

    @property
    def file(self) -> Path | None:
        if not self.is_file:
            return None
        return Path(str(self.url.database).removeprefix("file:"))

    @property
    def place(self) -> str:
        """What a person may see: the file, or the parts of the URL that can't be a secret."""
        return str(self.file or _shown(self.url))

    @property
    def busy_seconds(self) -> float | None:
        """How long SQLite is to wait for another writer, if the address says."""
        timeout = self.url.query.get("timeout")
        return None if timeout is None else float(str(timeout))

    @property
    def connect_arguments(self) -> dict[str, float]:
        """How long a server may take to be reached, where the address doesn't say."""
        is_said = "connect_timeout" in self.url.query
        has_limit = self.url.get_backend_name() in _WITH_TIMEOUT and not is_said
        return {"connect_timeout": CONNECT_SECONDS} if has_limit else {}

    def is_secret(self, text: str) -> bool:
        """Whether a text has a secret of the address in it, in any way to write it."""
        return any(secret in text for secret in self._secrets)

    def answer(self, error: BaseException | None) -> str:
        """What a driver says, on one line, without anything secret."""
        text = " ".join(str(error).split()).rstrip(".")
        if self.is_secret(text):
            return "something that isn't shown, as it has a password in it"
        return text if len(text) <= _LONGEST_ANSWER else f"{text[:_LONGEST_ANSWER]}…"

    def no_driver(self, error: Exception) -> StoreError:
        return StoreError(
            f"The driver of the database {self.place} isn't installed ({self.answer(error)}). "
            f"Install it, {INSTEAD}"
        )


# ------------------------------------------------------------------ reading it


def _parsed(text: str) -> URL:
    if len(text) > _LONGEST:
        raise StoreError(
            f"The address of the database has {len(text):,} characters; allowed are up to "
            f"{_LONGEST:,}."
        )
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not _DRIVER.fullmatch(url.drivername):
        # Not shown, nor what was said of it: there may be a password in it.
        raise StoreError(
            f"The address of the database can't be read; allowed is for example {_EXAMPLES}."
        )
    return url


def _secrets(url: URL) -> set[str]:
    """Passwords and whatever may be one, also as they are written in a URL."""
    plain = [str(url.password or "")]
    for name, values in url.normalized_query.items():
        if name not in _HARMLESS:
            plain.extend(values)
            plain.extend([] if name in _HIDDEN else [name])
    return {
        way(each)
        for each in plain
        if each
        for way in (str, _quoted, _quoted_plus, lambda text: repr(text)[1:-1])
    }


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _quoted_plus(text: str) -> str:
    return quote_plus(text, errors="replace")


def _shown(url: URL) -> str:
    return URL.create(
        url.drivername,
        username=_if_plain(url.username),
        password=_if_plain(url.password and "***"),
        host=_if_plain(url.host),
        port=url.port,
        database=_if_plain(url.database),
    ).render_as_string()


def _if_plain(part: str | None) -> str | None:
    return part if part is None or _PLAIN.fullmatch(part) else "***"


def _check_parts(url: URL) -> None:
    """What no database can be called by, or a driver would cut off without a word."""
    values = [value for pair in url.normalized_query.items() for value in (pair[0], *pair[1])]
    for part in (url.drivername, url.username, url.password, url.host, url.database, *values):
        if not _is_text(str(part or "")):
            raise StoreError(
                "The address of the database has a character in it that can't be in one, such as "
                f"a zero byte or half of a character; allowed is for example {_EXAMPLES}."
            )
    if url.host and "@" in url.host:
        raise StoreError(
            "The address of the database has more than one @; allowed is one, before the host. "
            "Write those of a password as %40."
        )
    _checked(url.port, _PORT)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(each) < ord(" ") for each in text)


def _checked(value: float | None, bounds: Bounds) -> None:
    try:
        bounds.check(bounds.low if value is None else value)
    except ValueError as error:
        raise StoreError(str(error)) from None


# ------------------------------------------------------------------ SQLite's own


def _one_of(*allowed: str) -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value not in allowed:
            raise StoreError(
                f"The database's argument {name} was {quoted(value)}; allowed is {any_of(allowed)}."
            )

    return check


def _seconds(name: str, value: str) -> None:
    try:
        seconds = float(value)
    except ValueError:
        raise StoreError(
            f"The database's argument {name} was {quoted(value)}; allowed is a number of seconds "
            f"from {_TIMEOUT}."
        ) from None
    _checked(seconds, _TIMEOUT)


_FLAG = _one_of("0", "1", "true", "false", "yes", "no", "on", "off")
#: What may stand behind the question mark of an SQLite address; all but the first two are
#: SQLite's own, and hold with ``uri=true``.
_FILE_ARGUMENTS: dict[str, Callable[[str, str], None]] = {
    "timeout": _seconds,
    "uri": _FLAG,
    "mode": _one_of("ro", "rw", "rwc"),
    "cache": _one_of("private", "shared"),
    "immutable": _FLAG,
    "nolock": _FLAG,
    "psow": _FLAG,
}


def _with_file(url: URL) -> URL:
    """With an absolute path: other processes run in other folders."""
    if url.host or url.username or url.password or url.port:
        raise StoreError(
            "An SQLite database is a file, without a host, a user or a password, but the address "
            f"has one of these; allowed is for example {_EXAMPLES}."
        )
    path = url.database or ":memory:"
    prefix = "file:" if path.startswith("file:") else ""
    plain = path.removeprefix("file:")
    if not plain or ":memory:" in path or url.query.get("mode") == "memory":
        raise StoreError(
            "The database was in memory, where the training process can't reach it; "
            f"allowed is a file, for example {_EXAMPLES}."
        )
    for name, values in url.normalized_query.items():
        if name not in _FILE_ARGUMENTS or len(values) > 1:
            raise StoreError(
                f"The database's argument {quoted(name)} isn't known, or stands there more than "
                f"once; allowed is {any_of(_FILE_ARGUMENTS)}, each once."
            )
        _FILE_ARGUMENTS[name](name, values[0])
    return url.set(database=prefix + str(_absolute(plain)))


def _absolute(path: str) -> Path:
    """``StoreError`` for what is there and no file, and for what can't be the name of one."""
    absolute = Path(path)
    try:
        absolute = absolute.absolute()
        kind = os.stat(absolute).st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # What is missing is made when it is opened, or that is told then.
        return absolute
    except OSError as error:
        raise StoreError(
            f"The database can't be the file {quoted(path)} ({error.strerror}). Shorten or mend "
            f"its name, {INSTEAD}"
        ) from error
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "no file, but a device"
        raise StoreError(
            f"The database {absolute} is {what}. Name a file in {ENVIRONMENT_VARIABLE}."
        )
    return absolute
