"""The engine with real processes: what is asked happens soon, and nothing is left behind."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest
import torch

from core import place
from core.data import DataSpec
from core.engine import Engine
from core.engine import job as job_module
from core.engine.door import Door, ask_who
from core.engine.host import MAX_PROCESSES, PLACES, Host
from core.engine.job import combined, reason_for
from core.engine.messages import Message
from core.errors import DeviceError, EngineError
from core.records import Experiment, Measure, Progress, Split, Status, Wanted
from core.spec import (
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    TrainingSpec,
)
from core.store import Store, database
from core.training import train
from tests.browser.app import ROOT
from tests.core.experiments import entrants
from tests.core.tidy import Score, evaluations
from tests.waiting import wait_until

#: Trains until it is stopped, as far as a test is concerned.
ENDLESS = ExperimentSpec(training=TrainingSpec(epochs=10_000))
SHORT = ExperimentSpec(
    data=DataSpec(name="moons", rows=200),
    network=NetworkSpec(hidden_sizes=(4,)),
    entrants=entrants("cross_entropy", "mse"),
    training=TrainingSpec(epochs=3),
)
#: Trains for a second or two.
LONG = ExperimentSpec(
    data=DataSpec(name="spirals"),
    network=NetworkSpec(hidden_sizes=(32, 32)),
    entrants=entrants("cross_entropy", "mse"),
    seeds=(0, 1),
    training=TrainingSpec(epochs=400, batch_size=20),
)
IS_SPAWNED = os.environ.get("LOSSLAB_START") == "spawn"
#: The first start waits for torch to be loaded; everything after that is quick, unless each process
#: has to load it by itself.
LOADING = 60
SOON = LOADING if IS_SPAWNED else 15


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Engine]]:
    """One engine for the tests that do it no harm, with its first job behind it."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('engine')}/lab.db")
    engine = Engine(store.url)
    engine.warm()
    key = store.create(SHORT)
    engine.look()
    wait_until(lambda: store.get(key).status.is_finished, LOADING, "the first experiment to end")
    yield store, engine
    engine.end()


@pytest.fixture
def store(warm: tuple[Store, Engine]) -> Store:
    return warm[0]


@pytest.fixture
def engine(warm: tuple[Store, Engine]) -> Iterator[Engine]:
    """The warm engine, given back idle."""
    store, engine = warm
    yield engine
    with store._database.read() as connection:
        keys = connection.exec_driver_sql("select id from experiments_v3").scalars().all()
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
    engine.end()


def started(store: Store, engine: Engine, spec: ExperimentSpec = ENDLESS) -> str:
    key = store.create(spec)
    engine.look()
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


def losses_of(store: Store, key: str) -> bytes:
    return np.concatenate([chunk.losses for chunk in store.chunks(key)]).tobytes()


def host_of(engine: Engine, but: int = 0) -> int:
    """The service's process, once there is one that is another than this."""

    def pid() -> int:
        try:
            found = ask_who(place.folder(engine.store_url)).pid
        except OSError:
            return 0
        return 0 if found == but else found

    return wait_until(pid, LOADING, "the service to be there")


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


def jobs(engine: Engine) -> list[int]:
    """The processes that have an experiment."""
    return sorted(ask_who(place.folder(engine.store_url)).jobs.values())


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
    engine.look()
    engine.look()
    training(store, key)
    wait_until(lambda: len(jobs(engine)) == 1, SOON, "another process to wait")
    ended(store, started(store, engine, SHORT))
    wait_until(lambda: len(jobs(engine)) == 1, SOON, "the other's process to end")


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
    wait_until(lambda: len(jobs(engine)) == 1, SOON, "the other's process to end")
    later = store.get(key)
    assert later == replace(paused, heartbeat=later.heartbeat)
    store.want(key, Wanted.RUNNING)
    reached(store, key, Status.RUNNING, 0.5)
    assert training(store, key).step > paused.step


def test_one_epoch_at_a_time(store: Store, engine: Engine) -> None:
    key = store.create(SHORT, pause_after_epoch=1)
    engine.look()
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
    wait_until(lambda: not jobs(engine), SOON, "the process to end")


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
    wait_until(lambda: len(jobs(engine)) == PLACES, SOON, "its process to end")


def test_what_rests_leaves_its_process_to_others(store: Store, engine: Engine) -> None:
    keys = [store.create(SHORT, pause_after_epoch=1) for _ in range(MAX_PROCESSES + 2)]
    engine.look()
    for key in keys:
        reached(store, key, Status.PAUSED)
    wait_until(lambda: len(jobs(engine)) == MAX_PROCESSES, SOON, "two to leave theirs")
    # The first has none any more, and goes on as if it had.
    plain = ended(store, started(store, engine, SHORT))
    store.want(keys[0], Wanted.RUNNING)
    engine.look()
    assert ended(store, keys[0]).status is Status.FINISHED
    assert losses_of(store, keys[0]) == losses_of(store, plain.id)
    store.want(keys[1], Wanted.STOPPED)
    engine.look()
    assert ended(store, keys[1]).status is Status.STOPPED


# ---------------------------------------------------------------- incidents


def test_a_killed_job_is_marked_failed_and_keeps_its_data(store: Store, engine: Engine) -> None:
    key = started(store, engine)
    training(store, key)
    (job,) = jobs(engine)
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


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Host]:
    """A host that has started nothing, with a store of its own."""
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    with closing(Door(tmp_path)) as door:
        yield Host(store, multiprocessing.get_context("forkserver"), door)


def test_an_end_that_the_database_refuses_is_marked_later(
    alone: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(SHORT)
    with closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        alone._end_all()
        assert store.get(key).status is Status.QUEUED
    alone._care()
    assert store.get(key).status is Status.INTERRUPTED


def test_words_that_say_nothing_are_passed_over(store: Store, engine: Engine) -> None:
    host = host_of(engine)
    for word in ("nonsense", None, b"\xff", ("look",), {"end": True}):
        engine._tell(word)
    assert ended(store, started(store, engine, SHORT)).status is Status.FINISHED
    assert host_of(engine) == host


def test_strangers_are_not_let_in(store: Store, engine: Engine) -> None:
    host = host_of(engine)
    found_by = json.loads((place.folder(store.url) / "service.json").read_text())
    with pytest.raises((AuthenticationError, OSError, EOFError)):
        Client(found_by["address"], authkey=b"guessed")
    assert (place.folder(store.url) / "service.json").stat().st_mode & 0o077 == 0
    assert place.folder(store.url).stat().st_mode & 0o077 == 0
    assert ended(store, started(store, engine, SHORT)).status is Status.FINISHED
    assert host_of(engine) == host


@pytest.mark.parametrize(
    ("since_asked", "since_launched", "is_started"),
    [(0.0, 0.0, False), (0.0, 60.0, True), (60.0, 0.0, True), (60.0, 60.0, True)],
)
def test_the_next_process_waits_for_a_quiet_moment_and_not_for_long(
    alone: Host,
    monkeypatch: pytest.MonkeyPatch,
    since_asked: float,
    since_launched: float,
    is_started: bool,
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(alone, "_keep_warm", lambda: started.append(True))
    now = time.monotonic()
    alone._asked_at, alone._launched_at = now - since_asked, now - since_launched
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        # To say who is there is not to train.
        alone._obey(Message.WHO, theirs)
    alone._care()
    assert bool(started) == is_started


@pytest.mark.parametrize("wanted", [Wanted.PAUSED, Wanted.STOPPED])
def test_a_job_looks_for_what_is_wanted_as_soon_as_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> None:
    """Here it never writes meanwhile, after which it would look of itself."""
    monkeypatch.setattr(job_module, "_WRITE_SECONDS", float("inf"))
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(ENDLESS)
    ours, theirs = multiprocessing.Pipe()
    job = threading.Thread(target=job_module.run, args=(store, key, theirs))
    job.start()
    wait_until(lambda: store.step(key) > 0, SOON, "the first steps")
    store.want(key, wanted)
    ours.send(Message.LOOK)
    wait_until(lambda: wanted.is_met_by(store.get(key).status), SOON, "the job to obey")
    ours.close()
    job.join(SOON)
    assert not job.is_alive()


def test_what_nobody_looks_after_is_interrupted(
    alone: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.host.STALE_SECONDS", 0.0)
    # Clocks that differ by a day say nothing.
    store, tomorrow = Store(f"sqlite:///{tmp_path}/lab.db"), time.time() + 86_400
    lost, kept, queued, paused = (store.create(SHORT) for _ in range(4))
    for key in (lost, kept):
        store.set_status(key, Status.RUNNING)
    store.set_status(paused, Status.PAUSED)
    alone._look_after()
    assert store.get(lost).status is Status.RUNNING
    with store._database.write() as connection:
        beat = "update experiments_v3 set heartbeat = ? where id = ?"
        connection.exec_driver_sql(beat, (tomorrow, kept))
    alone._look_after()
    assert "went away" in str(store.get(lost).reason)
    statuses = [store.get(key).status for key in (lost, kept, queued, paused)]
    assert statuses == [Status.INTERRUPTED, Status.RUNNING, Status.QUEUED, Status.PAUSED]


def test_only_what_is_still_unattended_is_interrupted(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(SHORT)
    store.set_status(key, Status.RUNNING)
    seen = store.service.heartbeats()[key]
    store.service.heartbeat([key])
    assert not store.service.interrupt(key, seen)
    assert store.get(key).status is Status.RUNNING


def test_what_is_another_places_is_left_alone(
    alone: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    monkeypatch.setenv(place.ENVIRONMENT_VARIABLE, "elsewhere")
    key, stopped = store.create(SHORT), store.create(SHORT)
    store.set_status(stopped, Status.PAUSED)
    store.want(stopped, Wanted.STOPPED)
    assert not list(store.service.queue(alone._place).in_turn())
    assert list(store.service.queue("elsewhere").in_turn()) == [key]
    alone._look_after()
    assert store.get(stopped).status is Status.PAUSED


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
    return store, engine, [paused, *running, queued]


def end(engine: Engine) -> None:
    engine.end()


def terminate(engine: Engine) -> None:
    os.kill(host_of(engine), signal.SIGTERM)


@pytest.mark.some(1)
@pytest.mark.parametrize("told", [end, terminate])
def test_nothing_outlives_an_orderly_end(
    busy: tuple[Store, Engine, list[str]], told: Callable[[Engine], None]
) -> None:
    store, engine, (paused, *others) = busy
    host = host_of(engine)
    told(engine)
    wait_until(lambda: not processes(host), SOON, "every process to end")
    for key in others:
        assert store.get(key).status is Status.INTERRUPTED
        assert "app was closed" in str(store.get(key).reason)
    # What rests needs no process, and can go on another time.
    assert store.get(paused).status is Status.PAUSED
    assert store.checkpoint(paused) is not None
    assert len(store.chunks(others[0])) > 0


def test_after_a_killed_host_all_goes_on_by_itself(
    busy: tuple[Store, Engine, list[str]],
) -> None:
    store, engine, (paused, *running, queued) = busy
    before = {key: store.step(key) for key in running}
    host = host_of(engine)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: host not in processes(host), SOON, "the host to end")
    assert host_of(engine, but=host) != host
    for key in running:
        assert training(store, key, LOADING).status is Status.RUNNING
        assert store.step(key) > before[key]
        assert store.get(key).reason is None
    assert not processes(host)
    assert [store.get(key).status for key in (paused, queued)] == [Status.PAUSED, Status.QUEUED]
    store.want(running[0], Wanted.STOPPED)
    assert training(store, queued).status is Status.RUNNING


def test_a_killed_host_is_none_that_failed_to_start(
    own: tuple[Store, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After one that did, the next is waited for: here for longer than the test."""
    monkeypatch.setattr("core.engine._FAILURE_SECONDS", 2.0 * LOADING)
    _store, engine = own
    engine.warm()
    # Until the engine has found it, it has not been there.
    wait_until(lambda: engine.is_connected, LOADING, "the engine to find the service")
    host = host_of(engine)
    os.kill(host, signal.SIGKILL)
    assert host_of(engine, but=host) != host
    assert engine.trouble is None


def test_a_training_outlives_its_server(own: tuple[Store, Engine]) -> None:
    store, engine = own
    paused = started(store, engine)
    training(store, paused, LOADING)
    store.want(paused, Wanted.PAUSED)
    reached(store, paused, Status.PAUSED)
    key, queued = started(store, engine, LONG), [started(store, engine) for _ in range(PLACES)][-1]
    training(store, key)
    host, folder = host_of(engine), place.folder(store.url)
    engine.leave()
    assert ended(store, key, LOADING).status is Status.FINISHED
    # Nothing new is started, and what rests leaves its process.
    assert store.get(queued).status is Status.QUEUED
    wait_until(lambda: paused not in ask_who(folder).jobs, SOON, "what rests to leave")
    another = Engine(store.url)
    another.look()
    assert training(store, queued).status is Status.RUNNING
    assert another._process is None
    store.want(paused, Wanted.RUNNING)
    another.look()
    store.want(queued, Wanted.STOPPED)
    assert training(store, paused).status is Status.RUNNING
    another.end()
    wait_until(lambda: not processes(host), SOON, "every process to end")


SERVER = """
import sys, time
from core.engine import Engine
from core.engine import job as job_module
from core.engine.door import Door, ask_who
engine = Engine(sys.argv[1])
engine.look()
time.sleep(600)
"""


@pytest.mark.thorough
def test_a_training_outlives_a_killed_server_and_its_host_ends_after_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(LONG)
    with subprocess.Popen([sys.executable, "-c", SERVER, store.url], cwd=ROOT) as server:
        training(store, key, LOADING)
        server.kill()
    host = ask_who(place.folder(store.url)).pid
    assert ended(store, key, LOADING).status is Status.FINISHED
    wait_until(lambda: not processes(host), LOADING, "the host to end")
    assert not (place.folder(store.url) / "service.json").exists()


def fork_server(host: int) -> int:
    family = processes(host)
    (server,) = set(family.values()) & set(family) - {host}
    return server


@pytest.mark.thorough
@pytest.mark.skipif(IS_SPAWNED, reason="Nothing is forked where all is spawned.")
def test_the_fork_servers_end_ends_no_training(own: tuple[Store, Engine]) -> None:
    store, engine = own
    key = started(store, engine)
    training(store, key, LOADING)
    host = host_of(engine)
    (job,) = jobs(engine)
    os.kill(fork_server(host), signal.SIGKILL)
    assert training(store, key).status is Status.RUNNING
    # The one process that is warm takes the next, and the fork server comes anew for others.
    for _time in range(2):
        assert ended(store, started(store, engine, SHORT), LOADING).status is Status.FINISHED
    assert training(store, key).status is Status.RUNNING
    os.kill(job, signal.SIGKILL)
    assert "nothing is left" in str(reached(store, key, Status.FAILED, 1).reason)
    assert host_of(engine) == host


def test_an_engine_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    engine = Engine("sqlite:////nowhere.db")
    engine.warm()
    wait_until(lambda: engine.trouble is not None, SOON, "the second try")
    with pytest.raises(EngineError, match=r"can't be started .* restart the app\.$"):
        engine.look()
    engine.leave()


def test_a_host_that_ends_at_once_is_said_to(tmp_path: Path) -> None:
    engine = Engine(f"sqlite:///{tmp_path}/no/folder.db")
    engine.warm()
    wait_until(lambda: engine.trouble is not None, SOON, "the second try")
    with pytest.raises(EngineError, match="ended as soon as it was started"):
        engine.look()
    engine.leave()


# ---------------------------------------------------------------- going on


def test_what_was_killed_is_resumed_to_the_same_bits(store: Store, engine: Engine) -> None:
    plain = ended(store, started(store, engine, LONG), LOADING)
    key = started(store, engine, LONG)
    wait_until(lambda: store.step(key) > LONG.total_steps / 4, SOON, "a quarter of the steps")
    (job,) = jobs(engine)
    os.kill(job, signal.SIGKILL)
    failed = reached(store, key, Status.FAILED)
    assert store.resume(key)
    assert not store.resume(key)
    engine.look()
    resumed = ended(store, key, LOADING)
    assert (resumed.status, resumed.reason, resumed.step) == (Status.FINISHED, None, plain.step)
    assert resumed.seconds > failed.seconds
    assert losses_of(store, key) == losses_of(store, plain.id)
    one, other = store.evaluations(key), store.evaluations(plain.id)
    assert [each.epoch for each in one] == [each.epoch for each in other]
    assert all(a.values.tobytes() == b.values.tobytes() for a, b in zip(one, other, strict=True))
    chunks = store.chunks(key)
    assert [each.index for each in chunks] == list(range(len(chunks)))
    seconds = [each.seconds for each in chunks]
    assert seconds == sorted(seconds)
    # Nothing is kept of what is over.
    assert store.checkpoint(key) is None


def test_a_job_that_ends_before_it_began_is_not_tried_for_ever(
    store: Store, engine: Engine
) -> None:
    running = [started(store, engine) for _ in range(PLACES)]
    for key in running:
        training(store, key)
    key = started(store, engine)
    with closing(sqlite3.connect(store._database.place)) as other:
        other.execute("update experiments_v3 set spec = 'no spec' where id = ?", (key,))
        other.commit()
    store.want(running[0], Wanted.STOPPED)
    wait_until(lambda: status_of(store, key) == Status.FAILED, SOON, "it to fail")
    with closing(sqlite3.connect(store._database.place)) as other:
        other.execute("delete from runs_v3 where experiment_id = ?", (key,))
        other.execute("delete from experiments_v3 where id = ?", (key,))
        other.commit()


def status_of(store: Store, key: str) -> str:
    with store._database.read() as connection:
        found = "select status from experiments_v3 where id = ?"
        return str(connection.exec_driver_sql(found, (key,)).scalar())


def test_a_job_that_hangs_can_be_stopped(store: Store, engine: Engine) -> None:
    key = started(store, engine)
    training(store, key)
    (job,) = jobs(engine)
    os.kill(job, signal.SIGSTOP)
    store.want(key, Wanted.STOPPED)
    stopped = reached(store, key, Status.STOPPED)
    assert "did not answer" in str(stopped.reason)
    assert job not in processes(host_of(engine))


def test_training_waits_for_a_store_that_is_locked(store: Store, engine: Engine) -> None:
    key = started(store, engine)
    training(store, key)
    with closing(sqlite3.connect(store._database.place, isolation_level=None)) as other:
        other.execute("begin immediate")
        locked = store.step(key)
        # Longer than a write waits by itself.
        threading.Event().wait(database.BUSY_SECONDS + 2)
    after = training(store, key)
    assert (after.status, after.reason) == (Status.RUNNING, None)
    chunks = store.chunks(key)
    steps = np.concatenate([each.first_step + np.arange(len(each.losses)) for each in chunks])
    assert steps.tolist() == list(range(1, len(steps) + 1))
    assert after.step > locked


def test_a_store_that_stays_locked_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(job_module, "PATIENCE_SECONDS", 1.0)
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(SHORT)
    ours, theirs = multiprocessing.Pipe()
    with closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        job_module.run(store, key, theirs)
    said = ours.recv()
    assert said.status is Status.FAILED
    assert "was locked by another program" in said.reason


def test_a_report_that_is_written_twice_is_there_once(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    key = store.create(SHORT)
    # There is time to keep the snapshot of each epoch.
    for report in train(SHORT, kept_seconds=math.inf):
        for _time in range(2):
            store.report(key, report)
    chunks = store.chunks(key)
    assert sum(len(each.losses) for each in chunks) == SHORT.total_steps
    assert [each.epoch for each in store.evaluations(key)] == [0, 1, 2, 3]
    assert [each.epoch for each in store.moments(key)] == [0, 1, 2, 3]


# ---------------------------------------------------------------- reports


def test_reports_in_a_row_are_combined_into_one() -> None:
    def report(step: int, count: int) -> Progress:
        judged = evaluations([Score(0, step, step, Split.TRAIN, Measure.LOSS, 0.5)])
        losses = np.arange(step - count, step, dtype=np.float32)[:, None]
        return Progress(step, step, step / 10, losses, judged, (None,))

    one = combined([report(0, 0), report(2, 2), report(5, 3)])
    assert (one.step, one.epoch, one.seconds) == (5, 5, 0.5)
    assert one.losses.ravel().tolist() == [0, 1, 2, 3, 4]
    assert one.losses.dtype == np.float32
    assert [row.epoch for row in one.evaluations] == [0, 2, 5]
