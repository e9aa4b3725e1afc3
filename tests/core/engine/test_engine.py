"""The engine with real processes: what is asked happens soon, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import DataSpec
from core.engine import Engine
from core.engine.host import MAX_PROCESSES, PLACES, Host
from core.engine.job import combined, reason_for
from core.errors import DeviceError, EngineError
from core.records import Evaluation, Experiment, Measure, Progress, Split, Status, Wanted
from core.spec import (
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    TrainingSpec,
)
from core.store import Store, database
from tests.core.experiments import entrants
from tests.waiting import wait_until

#: Trains until it is stopped, as far as a test is concerned.
ENDLESS = ExperimentSpec(training=TrainingSpec(epochs=10_000))
SHORT = ExperimentSpec(
    data=DataSpec(name="moons", rows=200),
    network=NetworkSpec(hidden_sizes=(4,)),
    entrants=entrants("cross_entropy", "mse"),
    training=TrainingSpec(epochs=3),
)
#: The first start waits for torch to be loaded; everything after that is quick.
LOADING, SOON = 60, 15


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Engine]]:
    """One engine for the tests that do it no harm, with its first job behind it."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('engine')}/lab.db")
    engine = Engine(store.url)
    engine.warm()
    key = store.create(SHORT)
    engine.start(key)
    wait_until(lambda: store.get(key).status.is_finished, LOADING, "the first experiment to end")
    yield store, engine
    engine.close()


@pytest.fixture
def store(warm: tuple[Store, Engine]) -> Store:
    return warm[0]


@pytest.fixture
def engine(warm: tuple[Store, Engine]) -> Iterator[Engine]:
    """The warm engine, given back idle."""
    store, engine = warm
    yield engine
    with store._database.read() as connection:
        keys = connection.exec_driver_sql("select id from experiments_v2").scalars().all()
    for key in keys:
        store.want(key, Wanted.STOPPED)
    for key in keys:
        ended(store, key)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Store, Engine]]:
    """A store and an engine of the test's own, which it may ruin."""
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    engine = Engine(store.url)
    yield store, engine
    engine.close()


def started(store: Store, engine: Engine, spec: ExperimentSpec = ENDLESS) -> str:
    key = store.create(spec)
    engine.start(key)
    return key


def training(store: Store, key: str, timeout: float = SOON) -> Experiment:
    """Once it has recorded steps that weren't there before."""
    before = len(store.chunks(key))
    wait_until(lambda: len(store.chunks(key)) > before, timeout, "steps to be recorded")
    return store.get(key)


def reached(store: Store, key: str, status: Status, timeout: float = SOON) -> Experiment:
    wait_until(lambda: store.get(key).status is status, timeout, f"the status {status}")
    return store.get(key)


def ended(store: Store, key: str, timeout: float = SOON) -> Experiment:
    wait_until(lambda: store.get(key).status.is_finished, timeout, "the experiment to end")
    return store.get(key)


def host_of(engine: Engine) -> int:
    assert engine._host is not None
    return engine._host.pid


def processes(host: int) -> dict[int, int]:
    """Every living process of the host's session, with its parent."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, _group, session = (
                    (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                )
            except OSError:  # It ended while we looked.
                continue
            if int(session) == host and state != "Z":
                found[int(entry.name)] = int(parent)
    return found


def jobs(host: int) -> list[int]:
    """What the fork server forked: the only children of the host's children."""
    family = processes(host)
    return sorted(pid for pid, parent in family.items() if parent != host and parent in family)


# ---------------------------------------------------------------- a life without incidents


def test_an_experiment_is_trained_to_its_end(store: Store, engine: Engine) -> None:
    key = started(store, engine, SHORT)
    experiment = ended(store, key)
    assert (experiment.status, experiment.epoch) == (Status.FINISHED, 3)
    assert experiment.step == SHORT.total_steps
    assert experiment.facts is not None
    assert len(experiment.facts.baselines) == 2
    assert {run.status for run in store.runs(key)} == {Status.FINISHED}
    steps = [
        step
        for chunk in store.chunks(key)
        for step in range(chunk.first_step, chunk.first_step + len(chunk.losses))
    ]
    assert steps == list(range(1, SHORT.total_steps + 1))
    losses = np.concatenate([chunk.losses for chunk in store.chunks(key)])
    assert losses.shape == (SHORT.total_steps, SHORT.run_count)
    assert {row.epoch for row in store.evaluations(key)} == {0, 1, 2, 3}


def test_divergence_is_an_outcome(store: Store, engine: Engine) -> None:
    spec = ExperimentSpec(
        data=DataSpec(name="diabetes"),
        entrants=entrants("mse"),
        optimizer=OptimizerSpec(name=OptimizerName.SGD, learning_rate=10),
    )
    experiment = ended(store, key := started(store, engine, spec))
    assert experiment.status is Status.DIVERGED
    (run,) = store.runs(key)
    assert run.status is Status.DIVERGED
    assert run.diverged_step is not None


def test_two_experiments_train_at_once(store: Store, engine: Engine) -> None:
    keys = [started(store, engine), started(store, engine)]
    for key in keys:
        training(store, key)
    for key in keys:
        assert training(store, key).status is Status.RUNNING


def test_a_start_said_twice_is_one_start(store: Store, engine: Engine) -> None:
    key = store.create(ENDLESS)
    engine.start(key)
    engine.start(key)
    training(store, key)
    assert len(jobs(host_of(engine))) == 1


# ---------------------------------------------------------------- pausing and stopping


def seen_epoch(store: Store, key: str) -> int:
    """Of which the newest snapshot is: all that is shown of a rest is of one epoch."""
    snapshot = store.snapshot(key)
    assert snapshot is not None
    return snapshot.epoch


def test_a_pause_holds_and_ends(store: Store, engine: Engine) -> None:
    key = started(store, engine)
    training(store, key)
    store.want(key, Wanted.PAUSED)
    reached(store, key, Status.PAUSED, 0.5)
    paused = store.get(key)
    assert seen_epoch(store, key) == paused.epoch
    # Another experiment's whole life is long enough to see that nothing moves.
    ended(store, started(store, engine, SHORT))
    wait_until(lambda: len(jobs(host_of(engine))) == 1, SOON, "the other's process to end")
    later = store.get(key)
    assert later == replace(paused, heartbeat=later.heartbeat)
    store.want(key, Wanted.RUNNING)
    reached(store, key, Status.RUNNING, 0.5)
    assert training(store, key).step > paused.step


def test_one_epoch_at_a_time(store: Store, engine: Engine) -> None:
    key = store.create(SHORT, pause_after_epoch=1)
    engine.start(key)
    first = reached(store, key, Status.PAUSED)
    assert (first.epoch, first.step) == (1, SHORT.steps_per_epoch)
    assert (first.wanted, first.pause_after_epoch) == (Wanted.PAUSED, None)
    store.want(key, Wanted.RUNNING, pause_after_epoch=2)
    wait_until(lambda: store.get(key).epoch > 1, SOON, "the second epoch")
    second = reached(store, key, Status.PAUSED)
    assert (second.epoch, second.step) == (2, 2 * SHORT.steps_per_epoch)
    assert seen_epoch(store, key) == 2
    store.want(key, Wanted.RUNNING)
    assert ended(store, key).status is Status.FINISHED


@pytest.mark.parametrize("paused_first", [False, True])
def test_a_stop_takes_half_a_second_at_most(
    store: Store, engine: Engine, paused_first: bool
) -> None:
    key = started(store, engine)
    training(store, key)
    if paused_first:
        store.want(key, Wanted.PAUSED)
        reached(store, key, Status.PAUSED)
    step = store.step(key)
    store.want(key, Wanted.STOPPED)
    stopped = reached(store, key, Status.STOPPED, 0.5)
    assert stopped.step >= step
    assert seen_epoch(store, key) == stopped.epoch
    assert {run.status for run in store.runs(key)} == {Status.STOPPED}
    wait_until(lambda: not jobs(host_of(engine)), SOON, "the process to end")


# ---------------------------------------------------------------- the queue


def test_more_than_the_cores_carry_waits_in_order(store: Store, engine: Engine) -> None:
    running = [started(store, engine) for _ in range(PLACES)]
    for key in running:
        training(store, key)
    first, second = started(store, engine), started(store, engine)
    assert (store.queue_place(first), store.queue_place(second)) == (1, 2)
    # One end makes room for one, and that is the first in the queue.
    store.want(running[0], Wanted.STOPPED)
    training(store, first)
    assert store.get(second).status is Status.QUEUED
    assert store.queue_place(second) == 1
    # A pause makes room too; who is paused then waits for a place to go on.
    store.want(first, Wanted.PAUSED)
    training(store, second)
    store.want(first, Wanted.RUNNING)
    reached(store, first, Status.QUEUED)
    store.want(second, Wanted.STOPPED)
    training(store, first)


def test_stopping_a_queued_experiment_needs_no_process(store: Store, engine: Engine) -> None:
    running = [started(store, engine) for _ in range(PLACES)]
    for key in running:
        training(store, key)
    queued = started(store, engine)
    store.want(queued, Wanted.STOPPED)
    assert store.get(queued).status is Status.STOPPED
    store.want(running[0], Wanted.STOPPED)
    ended(store, started(store, engine, SHORT))
    assert store.chunks(queued) == []


def test_a_paused_job_that_waits_for_a_place_can_be_stopped(store: Store, engine: Engine) -> None:
    paused = started(store, engine)
    training(store, paused)
    store.want(paused, Wanted.PAUSED)
    reached(store, paused, Status.PAUSED)
    for key in [started(store, engine) for _ in range(PLACES)]:
        training(store, key)
    store.want(paused, Wanted.RUNNING)
    reached(store, paused, Status.QUEUED)
    store.want(paused, Wanted.STOPPED)
    wait_until(lambda: len(jobs(host_of(engine))) == PLACES, SOON, "its process to end")


def test_paused_experiments_fill_the_house(store: Store, engine: Engine) -> None:
    keys = [store.create(SHORT, pause_after_epoch=1) for _ in range(MAX_PROCESSES + 1)]
    for key in keys:
        engine.start(key)
    for key in keys[:-1]:
        reached(store, key, Status.PAUSED)
    assert len(jobs(host_of(engine))) == MAX_PROCESSES
    assert store.get(keys[-1]).status is Status.QUEUED
    store.want(keys[0], Wanted.STOPPED)
    reached(store, keys[-1], Status.PAUSED)


# ---------------------------------------------------------------- incidents


def test_a_killed_job_is_marked_failed_and_keeps_its_data(store: Store, engine: Engine) -> None:
    key = started(store, engine)
    training(store, key)
    (job,) = jobs(host_of(engine))
    os.kill(job, signal.SIGKILL)
    failed = reached(store, key, Status.FAILED, 1)
    assert "signal 9 (SIGKILL)" in str(failed.reason)
    assert f"until step {failed.step:,} is kept" in str(failed.reason)
    last = store.chunks(key)[-1]
    assert last.first_step + len(last.losses) - 1 == failed.step > 0
    assert {run.status for run in store.runs(key)} == {Status.FAILED}
    assert ended(store, started(store, engine, SHORT)).status is Status.FINISHED


def test_what_is_wrong_with_the_spec_is_the_reason(store: Store, engine: Engine) -> None:
    spec = ENDLESS.model_copy(update={"training": TrainingSpec(device="cuda")})
    failed = ended(store, started(store, engine, spec))
    assert failed.status is Status.FAILED
    assert "cuda" in str(failed.reason).lower()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "ran out of memory"),
        (torch.OutOfMemoryError("CUDA out of memory"), "ran out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "ran out of memory"),
        (ZeroDivisionError("by 0"), "Training failed: ZeroDivisionError: by 0"),
        (DeviceError("No such device."), "No such device."),
    ],
)
def test_every_error_becomes_a_reason(error: Exception, words: str) -> None:
    assert words in reason_for(error)


def test_an_end_that_the_database_refuses_is_marked_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(SHORT)
    host = Host(store, multiprocessing.get_context("forkserver"))
    host._obey(f"start {key}")
    with closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        host._end_all()
        assert store.get(key).status is Status.QUEUED
    host._care()
    assert store.get(key).status is Status.INTERRUPTED


def test_lines_that_say_nothing_are_passed_over(store: Store, engine: Engine) -> None:
    engine._tell("nonsense\n\n\x00start\nstart one two\nkill nobody\nstart 0123456789\n")
    assert engine._host is not None
    assert engine._host.stdin is not None
    engine._host.stdin.write(b"\xff\xfe\n")
    host = host_of(engine)
    assert ended(store, started(store, engine, SHORT)).status is Status.FINISHED
    assert host_of(engine) == host


def test_what_nobody_looks_after_is_interrupted_at_the_next_start(
    own: tuple[Store, Engine],
) -> None:
    store, engine = own
    key = store.create(SHORT)
    with store._database.write() as connection:
        connection.exec_driver_sql("update experiments_v2 set heartbeat = heartbeat - 60")
    engine.warm()
    assert "went away" in str(reached(store, key, Status.INTERRUPTED).reason)


@pytest.fixture
def busy(own: tuple[Store, Engine]) -> tuple[Store, Engine, list[str]]:
    """All places taken, by one paused job too, and one experiment in the queue."""
    store, engine = own
    paused = started(store, engine)
    training(store, paused, LOADING)
    store.want(paused, Wanted.PAUSED)
    reached(store, paused, Status.PAUSED)
    running = [started(store, engine) for _ in range(PLACES)]
    for key in running:
        training(store, key)
    queued = started(store, engine)
    new = store.get(queued).heartbeat
    wait_until(lambda: store.get(queued).heartbeat > new, SOON, "the host to hear of it")
    return store, engine, [paused, *running, queued]


def close(engine: Engine) -> None:
    engine.close()


def terminate(engine: Engine) -> None:
    os.kill(host_of(engine), signal.SIGTERM)


@pytest.mark.parametrize("end", [close, terminate])
def test_nothing_outlives_an_orderly_end(
    busy: tuple[Store, Engine, list[str]], end: Callable[[Engine], None]
) -> None:
    store, engine, keys = busy
    host = host_of(engine)
    end(engine)
    wait_until(lambda: not processes(host), SOON, "every process to end")
    for key in keys:
        assert store.get(key).status is Status.INTERRUPTED
        assert "app was closed" in str(store.get(key).reason)
    assert len(store.chunks(keys[1])) > 0


def test_nothing_outlives_a_killed_host_and_the_next_one_works(
    busy: tuple[Store, Engine, list[str]],
) -> None:
    store, engine, (*held, queued) = busy
    host = host_of(engine)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: not processes(host), SOON, "every process to end")
    for key in held:
        assert "training service ended" in str(store.get(key).reason)
        assert store.get(key).status is Status.INTERRUPTED
    # Nobody was left to speak for the one in the queue; it may be started anew.
    engine.start(queued)
    assert training(store, queued, LOADING).status is Status.RUNNING
    assert host_of(engine) != host


def test_an_engine_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(EngineError, match=r"can't be started .* restart the app\.$"):
        Engine("sqlite:////nowhere.db").warm()


# ---------------------------------------------------------------- reports


def test_reports_in_a_row_are_combined_into_one() -> None:
    def report(step: int, count: int) -> Progress:
        row = Evaluation(0, step, step, Split.TRAIN, Measure.LOSS, 0.5)
        losses = np.arange(step - count, step, dtype=np.float32)[:, None]
        return Progress(step, step, step / 10, losses, (row,), (None,))

    one = combined([report(0, 0), report(2, 2), report(5, 3)])
    assert (one.step, one.epoch, one.seconds) == (5, 5, 0.5)
    assert one.losses.ravel().tolist() == [0, 1, 2, 3, 4]
    assert one.losses.dtype == np.float32
    assert [row.epoch for row in one.evaluations] == [0, 2, 5]
