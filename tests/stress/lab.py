"""A lab of its own for each promise: a store, a server's side of it, and its processes."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, text

from core import place
from core.data import DataSpec
from core.engine import Engine
from core.engine.door import ask_who
from core.engine.messages import Present
from core.records import Status, Wanted
from core.spec import EntrantSpec, ExperimentSpec, NetworkSpec, TrainingSpec
from core.store import Store
from core.store.tables import metadata
from tests.browser.app import engine_of
from tests.core.store import postgres
from tests.waiting import wait_until

#: Torch may have to be loaded anew, on a machine that is busy.
LOADING = 90.0
SOON = 30.0


def _spec(epochs: int, rows: int = 200, batch_size: int = 20) -> ExperimentSpec:
    return ExperimentSpec(
        data=DataSpec(name="moons", rows=rows),
        network=NetworkSpec(hidden_sizes=(8,)),
        entrants=tuple(EntrantSpec(loss=key) for key in ("cross_entropy", "mse")),
        training=TrainingSpec(epochs=epochs, batch_size=batch_size),
    )


#: Over in a moment, in a second or two, and not within half an hour.
SHORT, LONG, ENDLESS = _spec(2), _spec(1_500), _spec(10_000, rows=20_000, batch_size=8)


@dataclass(frozen=True)
class Result:
    """How often a promise was put to the test, and how often it held; ``told`` is the worst that
    was seen."""

    tried: int
    held: int
    told: str = ""


@dataclass
class Bench:
    """One store with its training service, of which this process is a server."""

    store: Store
    engine: Engine

    def start(self, spec: ExperimentSpec = ENDLESS, owner: str = "") -> str:
        key = self.store.create(spec, owner=owner)
        self.engine.look()
        return key

    def start_training(self, spec: ExperimentSpec = ENDLESS) -> str:
        """Start it, and wait until it has recorded steps."""
        key = self.start(spec)
        self.wait_for_steps(key, 1)
        return key

    def wait_for_steps(self, key: str, count: float, seconds: float = LOADING) -> None:
        wait_until(lambda: self.store.step(key) >= count, seconds, f"{count:,.0f} steps")

    def started(self, key: str) -> float:
        """When it got a process, in seconds since 1970."""
        with self.store._database.read() as connection:
            asked = "select started_at from experiments_v3 where id = :key"
            return float(connection.execute(text(asked), {"key": key}).scalar() or 0)

    def goes_on(self, key: str, seconds: float = LOADING) -> bool:
        """Whether it trains further than it is now."""
        step = self.store.step(key)
        return self.comes(lambda: self.store.step(key) > step, seconds)

    def reaches(self, key: str, status: Status, seconds: float = LOADING) -> bool:
        return self.comes(lambda: self.store.get(key).status is status, seconds)

    def ends(self, key: str) -> bool:
        return self.comes(lambda: self.store.get(key).status.is_finished, LOADING)

    def comes(self, condition: Callable[[], bool], seconds: float) -> bool:
        try:
            return bool(wait_until(condition, seconds, "a promise"))
        except AssertionError:
            return False

    def stop(self, *keys: str) -> None:
        for key in keys:
            self.store.want(key, Wanted.STOPPED)
        self.engine.look()
        for key in keys:
            self.ends(key)

    def who(self) -> Present:
        """Who is there, once a service is."""
        found: list[Present] = []

        def is_there() -> bool:
            try:
                found.append(ask_who(place.folder(self.store.url)))
            except OSError:
                return False
            return True

        wait_until(is_there, LOADING, "the service")
        return found[-1]

    def losses(self, key: str) -> bytes:
        return np.concatenate([each.losses for each in self.store.chunks(key)]).tobytes()


@dataclass(frozen=True)
class Ground:
    """Where promises are put to the test: with stores in files, or on a server of PostgreSQL."""

    #: How often a process is killed for each promise about that.
    tries: int
    #: The URL of a new store, which may use the folder.
    new_url: Callable[[str], str]
    #: What keeps all others from writing until the connection is closed.
    lock: tuple[str, ...]

    @contextmanager
    def bench(self) -> Iterator[Bench]:
        """A lab that is warm, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory() as folder:
            store = Store(self.new_url(folder))
            with engine_of(store.url) as engine:
                made = Bench(store, engine)
                key = made.start(SHORT)
                wait_until(lambda: store.get(key).status.is_finished, LOADING, "the first to end")
                yield made
            store._database._engine.dispose()

    @contextmanager
    def locked(self, url: str) -> Iterator[None]:
        """Nobody can write into the store meanwhile."""
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            for statement in self.lock:
                cursor.execute(statement)
            yield
            connection.rollback()
        engine.dispose()


FILES = Ground(20, lambda folder: f"sqlite:///{folder}/lab.db", ("begin immediate",))


def on_postgresql(server: str) -> Ground:
    """Each in a part of its own of the server's database."""
    tables = ", ".join(sorted(metadata.tables))
    lock = ("begin", f"lock table {tables} in exclusive mode")
    return Ground(5, lambda _folder: postgres.new_part(server), lock)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def is_gone(host: int) -> bool:
    """Whether no process of a service is left, after a while."""
    deadline = time.monotonic() + LOADING
    while family(host):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def family(host: int) -> dict[int, int]:
    """The living processes of a service's session, each with its parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            state, parent, _group, session = (
                (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            )
        except (OSError, ValueError):
            continue
        if int(session) == host and state != "Z":
            found[int(entry.name)] = int(parent)
    return found


def fork_server(host: int) -> int:
    """The process that others of the service are forked from."""
    known = family(host)
    (server,) = set(known.values()) & set(known) - {host}
    return server
