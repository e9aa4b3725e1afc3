"""A database of an earlier version: opened, and its own tables stay as they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import example
from core.errors import StoreError, UnknownExperiment
from core.records import Progress, Status, Wanted
from core.spec import ExperimentSpec
from core.store import Store
from core.store.database import EXAMPLE_IDS

#: The statements that each version sent to SQLite, by how the names of its tables ended.
TABLES = {
    "": """
CREATE TABLE experiments (
    id VARCHAR(10) NOT NULL,
    created_at DOUBLE NOT NULL,
    spec TEXT NOT NULL,
    status VARCHAR(32) NOT NULL,
    wanted VARCHAR(32) NOT NULL,
    pause_after_epoch INTEGER,
    reason TEXT,
    facts TEXT,
    step INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    heartbeat DOUBLE NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE runs (
    experiment_id VARCHAR(10) NOT NULL,
    run INTEGER NOT NULL,
    loss VARCHAR(32) NOT NULL,
    seed INTEGER NOT NULL,
    status VARCHAR(32) NOT NULL,
    diverged_step INTEGER,
    PRIMARY KEY (experiment_id, run),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
CREATE TABLE chunks (
    experiment_id VARCHAR(10) NOT NULL,
    chunk INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    losses BLOB NOT NULL,
    PRIMARY KEY (experiment_id, chunk),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
CREATE TABLE evaluations (
    experiment_id VARCHAR(10) NOT NULL,
    epoch INTEGER NOT NULL,
    run INTEGER NOT NULL,
    split VARCHAR(32) NOT NULL,
    measure VARCHAR(32) NOT NULL,
    step INTEGER NOT NULL,
    value DOUBLE,
    PRIMARY KEY (experiment_id, epoch, run, split, measure),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    experiment_id VARCHAR(10) NOT NULL,
    step INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (experiment_id),
    FOREIGN KEY(experiment_id) REFERENCES experiments (id)
);
""",
    "_v2": """
CREATE TABLE experiments_v2 (
    id VARCHAR(10) NOT NULL,
    created_at DOUBLE NOT NULL,
    version INTEGER NOT NULL,
    spec TEXT NOT NULL,
    status VARCHAR(32) NOT NULL,
    wanted VARCHAR(32) NOT NULL,
    pause_after_epoch INTEGER,
    reason TEXT,
    facts TEXT,
    step INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    heartbeat DOUBLE NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE runs_v2 (
    experiment_id VARCHAR(10) NOT NULL,
    run INTEGER NOT NULL,
    entrant INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    status VARCHAR(32) NOT NULL,
    diverged_step INTEGER,
    PRIMARY KEY (experiment_id, run),
    FOREIGN KEY(experiment_id) REFERENCES experiments_v2 (id)
);
CREATE TABLE chunks_v2 (
    experiment_id VARCHAR(10) NOT NULL,
    chunk INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    losses BLOB NOT NULL,
    PRIMARY KEY (experiment_id, chunk),
    FOREIGN KEY(experiment_id) REFERENCES experiments_v2 (id)
);
CREATE TABLE evaluations_v2 (
    experiment_id VARCHAR(10) NOT NULL,
    epoch INTEGER NOT NULL,
    run INTEGER NOT NULL,
    split VARCHAR(32) NOT NULL,
    measure VARCHAR(32) NOT NULL,
    step INTEGER NOT NULL,
    value DOUBLE,
    PRIMARY KEY (experiment_id, epoch, run, split, measure),
    FOREIGN KEY(experiment_id) REFERENCES experiments_v2 (id)
) WITHOUT ROWID;
CREATE TABLE snapshots_v2 (
    experiment_id VARCHAR(10) NOT NULL,
    step INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (experiment_id),
    FOREIGN KEY(experiment_id) REFERENCES experiments_v2 (id)
);
""",
}
NAMES = ("experiments", "runs", "chunks", "evaluations", "snapshots")

OLD_SPEC = (
    '{"data":{"name":"moons","rows":50,"noise":0.2,"validation_fraction":0.2},'
    '"network":{"hidden_sizes":[2],"activation":"relu"},'
    '"optimizer":{"name":"adam","learning_rate":0.001,"momentum":0.9,"weight_decay":0.0},'
    '"training":{"batch_size":40,"epochs":1,"device":"cpu","protocol":"same_rate"},'
    '"losses":["cross_entropy","custom"],"loss_parameters":{},"custom_loss":"(z-y)^2",'
    '"seeds":[0]}'
)
OLD_FACTS = '{"device": "cpu", "threads": 1, "baselines": {"cross_entropy": 0.69}}'
FINISHED, RUNNING = "3f6c86d132", "0123456789"


def insert(connection: sqlite3.Connection, table: str, *rows: tuple[Any, ...]) -> None:
    for row in rows:
        connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def experiment(key: str, suffix: str) -> tuple[Any, ...]:
    """A row of it: one was running when the machine went down, the others had finished."""
    version = (int(suffix.removeprefix("_v")),) if suffix else ()
    wanted: tuple[Any, ...] = ("finished", "running", None, None, OLD_FACTS, 1, 1, 0.0036)
    if key == RUNNING:
        wanted = ("running", "running", 2, None, None, 7, 0, 0.1)
    return (key, 1.5e9, *version, OLD_SPEC, *wanted, 1.5e9)


@pytest.fixture(params=TABLES)
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file(tmp_path: Path, suffix: str) -> Path:
    """Of one finished experiment, one that was running when the machine went down, and the
    example race."""
    file = tmp_path / "lab.db"
    entrants = (0, 1) if suffix else ("cross_entropy", "custom")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + TABLES[suffix])
        for key in (FINISHED, RUNNING, "0000000000"):
            insert(connection, f"experiments{suffix}", experiment(key, suffix))
            insert(
                connection, f"runs{suffix}",
                (key, 0, entrants[0], 0, "finished", None),
                (key, 1, entrants[1], 0, "diverged", 1),
            )  # fmt: skip
            chunk = (key, 0, 1, 1, 0.0036, b"\xe5\x010?\x00\x00\xc0\x7f")
            insert(connection, f"chunks{suffix}", chunk)
            insert(
                connection, f"evaluations{suffix}",
                (key, 0, 0, "train", "accuracy", 0, 0.6666666865348816),
                (key, 0, 1, "val", "nll", 0, None),
            )  # fmt: skip
            insert(connection, f"snapshots{suffix}", (key, 1, b"PK\x03\x04-\x00\x00\x00\x08\x00"))
    return file


def contents(file: Path, suffix: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the earlier version, and how the tables were made."""
    with closing(sqlite3.connect(file)) as connection:
        found = {
            name: connection.execute(f"SELECT * FROM {name}{suffix}").fetchall() for name in NAMES
        }
        made = "SELECT name, sql FROM sqlite_master WHERE tbl_name = ?"
        return found | {
            f"sql of {name}": connection.execute(made, [f"{name}{suffix}"]).fetchall()
            for name in NAMES
        }


def store_at(file: Path) -> Store:
    return Store(f"sqlite:///{file}")


def a_report(step: int = 1) -> Progress:
    return Progress(step, 0, 0.1, np.ones((1, 1), np.float32), (), (None,))


def test_the_note_counts_what_cannot_be_shown_without_the_example(file: Path) -> None:
    assert store_at(file).note == (
        f"{file} also has 2 experiments of an earlier version of Loss Lab. They are kept as they "
        "are; this version can't show them."
    )


def test_one_is_counted_as_one(file: Path, suffix: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DELETE FROM experiments{suffix} WHERE id = ?", [RUNNING])
    assert "also has 1 experiment of an earlier version" in str(store_at(file).note)


def test_where_no_earlier_version_wrote_there_is_no_note(
    file: Path, suffix: str, tmp_path: Path
) -> None:
    store = store_at(tmp_path / "new.db")
    assert store.note is None
    example.ensure(store, "compare")
    store.create(ExperimentSpec())
    assert store.note is None
    # Nor where nothing but the example is there.
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"DELETE FROM experiments{suffix} WHERE id <> ?", ["0000000000"])
    assert store_at(file).note is None


READS: tuple[Callable[[Store, str], object], ...] = (
    Store.get,
    Store.step,
    Store.command,
    Store.queue_place,
    Store.runs,
    Store.chunks,
    Store.evaluations,
    Store.snapshot,
)
WRITES: tuple[Callable[[Store, str], object], ...] = (
    lambda store, key: store.want(key, Wanted.STOPPED),
    lambda store, key: store.set_status(key, Status.FAILED, "Because."),
    lambda store, key: store.report(key, a_report()),
)


@pytest.mark.parametrize("call", [*READS, *WRITES])
@pytest.mark.parametrize("key", [FINISHED, RUNNING])
def test_an_experiment_of_it_is_refused_in_a_sentence(
    file: Path, key: str, call: Callable[[Store, str], object]
) -> None:
    with pytest.raises(StoreError) as caught:
        call(store_at(file), key)
    assert not isinstance(caught.value, UnknownExperiment)
    assert str(caught.value) == (
        f"Experiment {key} in {file} was written by an earlier version of Loss Lab, whose records "
        "this version can't show. It is kept as it is."
    )


def test_an_id_that_neither_has_is_unknown(file: Path) -> None:
    with pytest.raises(UnknownExperiment, match="No experiment 'abcdefabcd'"):
        store_at(file).get("abcdefabcd")


def test_new_experiments_work_beside_and_leave_every_old_row_as_it_was(
    file: Path, suffix: str
) -> None:
    before = contents(file, suffix)
    assert [len(before[name]) for name in NAMES] == [3, 6, 3, 6, 3]
    store = store_at(file)
    key = store.create(ExperimentSpec())
    assert store.report(key, a_report())
    assert store.want(key, Wanted.PAUSED)
    assert store.set_status(key, Status.FINISHED)
    assert store.get(key).status is Status.FINISHED
    assert store.service.heartbeats() == {}
    store.service.heartbeat([FINISHED, RUNNING, key])
    for read in (store.get, store.runs):
        with pytest.raises(StoreError):
            read(RUNNING)
    assert store.note is not None
    assert store_at(file).get(key) == store.get(key)
    assert contents(file, suffix) == before


def test_the_example_is_put_beside_the_earlier_one(file: Path, suffix: str) -> None:
    before = contents(file, suffix)
    store = store_at(file)
    for page, example_id in zip(example.EXAMPLES, EXAMPLE_IDS, strict=True):
        assert example.ensure(store, page) == example.ensure(store, page) == example_id
        assert store.get(example_id).status is Status.FINISHED
        assert len(store.runs(example_id)) == example.EXAMPLES[page].spec.run_count
    assert contents(file, suffix) == before
