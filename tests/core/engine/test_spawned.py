"""Where processes can't be forked: each loads torch before it gets an experiment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import place
from core.anatomy.answers import shape
from core.anatomy.shapes import ShapeAxis
from core.engine import Engine
from core.engine.calculator import Calculator
from core.engine.door import ask_who
from core.losses import Task
from core.records import Status, Wanted
from core.store import Store
from tests.core.engine.test_engine import (
    LOADING,
    SHORT,
    ended,
    reached,
    started,
    training,
)
from tests.core.experiments import entrants
from tests.waiting import wait_until


@pytest.fixture
def spawned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, Engine]]:
    monkeypatch.setenv("LOSSLAB_START", "spawn")
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    engine = Engine(store.url)
    yield store, engine
    engine.end()


@pytest.mark.thorough
def test_the_whole_life_of_experiments(spawned: tuple[Store, Engine]) -> None:
    store, engine = spawned
    key = started(store, engine)
    training(store, key, LOADING)
    store.want(key, Wanted.PAUSED)
    paused = reached(store, key, Status.PAUSED)
    assert ended(store, started(store, engine, SHORT), LOADING).status is Status.FINISHED
    store.want(key, Wanted.RUNNING)
    assert training(store, key).step > paused.step
    # Nothing was forked from a process that has torch.
    present = ask_who(place.folder(store.url))
    host, job = present.pid, present.jobs[key]
    assert int(Path(f"/proc/{job}/stat").read_text().rpartition(")")[2].split()[1]) == host
    os.kill(job, signal.SIGKILL)
    assert "SIGKILL" in str(reached(store, key, Status.FAILED).reason)
    store.resume(key)
    engine.look()
    training(store, key, LOADING)
    os.kill(host, signal.SIGKILL)
    wait_until(lambda: store.get(key).status is Status.QUEUED, LOADING, "the job to leave it")
    training(store, key, LOADING)
    store.want(key, Wanted.STOPPED)
    assert ended(store, key).status is Status.STOPPED


@pytest.mark.thorough
def test_questions_are_answered(spawned: tuple[Store, Engine]) -> None:
    (loss,) = entrants("cross_entropy")
    question = ("shape", loss, Task.BINARY, ShapeAxis.PROBABILITY, 1.0, [0.3])
    answer = Calculator(spawned[1]).ask(*question)
    assert answer.loss.tolist() == shape(*question[1:]).loss.tolist()


@pytest.mark.thorough
def test_a_word_that_is_no_way_to_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOSSLAB_START", "nonsense")
    store = Store(f"sqlite:///{tmp_path}/lab.db")
    engine = Engine(store.url)
    assert ended(store, started(store, engine, SHORT), LOADING).status is Status.FINISHED
    engine.end()
