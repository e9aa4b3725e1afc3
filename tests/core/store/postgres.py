"""A PostgreSQL for the tests of the store, where there is one; as root Debian's is installed.

``python -m tests.core.store.postgres`` installs it if it can, and says nothing where it can't: the
tests that need it are skipped then.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.waiting import wait_until

_STARTING_SECONDS = 30
#: Nothing of the tests is to outlive a power cut.
_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def binaries() -> Path | None:
    """The folder of the newest server's programs."""
    newest = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[4]
    )
    found = str(newest[-1]) if newest else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def install() -> None:
    """Make sure that there is one, if that takes no more than Debian's package."""
    if binaries() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, check=False, capture_output=True)


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """The URL of an empty database on this machine alone, whose server ends with the block, or
    with this process."""
    with tempfile.TemporaryDirectory(prefix="losslab-postgres-") as folder:
        data, port = Path(folder) / "data", _free_port()
        # It refuses to run as root.
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            owner = pwd.getpwnam(user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        making = ["-D", str(data), "-U", "lab", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        _run([str(programs / "initdb"), *making], user)
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", *_SETTINGS]
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        command += [part for option in options for part in ("-c", option)]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(_as(user, command), stdout=log, stderr=log)
        try:
            url = f"postgresql+psycopg://lab@127.0.0.1:{port}/postgres"
            wait_until(lambda: _answers(url), _STARTING_SECONDS, "PostgreSQL to answer")
            yield url
        finally:
            # It doesn't wait for those who are still connected, as it does on a SIGTERM.
            process.send_signal(signal.SIGINT)
            process.wait()


def new_part(url: str) -> str:
    """The URL of a part of the database that nothing else uses."""
    import psycopg

    schema = f"lab_{uuid4().hex}"
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return f"{url}?options=-csearch_path%3D{schema}"


def _as(user: str | None, command: list[str]) -> list[str]:
    """The command as another user; it ends with the process that started it."""
    ids = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
    return ["setpriv", *ids, "--pdeathsig", "INT", *command]


def _run(command: list[str], user: str | None) -> None:
    subprocess.run(_as(user, command), check=True, capture_output=True, cwd="/")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url.replace("+psycopg", ""), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


if __name__ == "__main__":
    install()
