"""A recorded example is there whole or not at all, whoever writes it, and however they end."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Barrier

import pytest

from core import example
from core.errors import UnknownExperiment
from core.example import EXAMPLES, ensure, recorded
from core.records import Status
from core.store import Store, writing

EXAMPLE = EXAMPLES["train"]
_ALL = list(recorded(EXAMPLE))
#: The last one says that it has finished.
REPORTS = [*_ALL[:7], _ALL[-1]]

fork = multiprocessing.get_context("fork")


#: Losses come with all reports but the first.
WHOLE = (len(REPORTS) - 1, len(REPORTS), sum(len(each.kept) for each in REPORTS))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "recorded", lambda _example: iter(REPORTS))


def counts(store: Store) -> tuple[int, int, int]:
    key = EXAMPLE.id
    return len(store.chunks(key)), len(store.evaluations(key)), len(store.moments(key))


def record_and_die(url: str, reports: int) -> None:
    """Ends as by ``kill -9`` once so many of the reports are written."""
    written = iter(range(len(REPORTS)))
    report = writing.report

    def counted(*arguments: object) -> bool:
        if next(written) == reports:
            os.kill(os.getpid(), signal.SIGKILL)
        return report(*arguments)

    writing.report = counted
    ensure(Store(url), "train")


@pytest.mark.parametrize("reports", [0, 1, len(REPORTS) - 1])
def test_who_is_killed_while_recording_leaves_nothing(store: Store, reports: int) -> None:
    process = fork.Process(target=record_and_die, args=(store.url, reports))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(UnknownExperiment):
        store.get(EXAMPLE.id)
    ensure(store, "train")
    assert store.get(EXAMPLE.id).status is Status.FINISHED
    assert counts(store) == WHOLE


def record_at_once(url: str, ready: Barrier) -> None:
    store = Store(url)
    ready.wait()
    ensure(store, "train")
    # Whoever comes back from it may read it.
    assert store.get(EXAMPLE.id).status is Status.FINISHED


def test_several_processes_may_record_it_at_once(store: Store) -> None:
    ready = fork.Barrier(3)
    processes = [fork.Process(target=record_at_once, args=(store.url, ready)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert counts(store) == WHOLE


@pytest.mark.parametrize("status", [Status.RUNNING, Status.INTERRUPTED])
def test_half_of_one_is_replaced(store: Store, status: Status) -> None:
    store.create(EXAMPLE.spec, experiment_id=EXAMPLE.id)
    for progress in REPORTS[:4]:
        store.report(EXAMPLE.id, progress)
    store.set_status(EXAMPLE.id, status)
    ensure(store, "train")
    assert store.get(EXAMPLE.id).status is Status.FINISHED
    assert {run.status for run in store.runs(EXAMPLE.id)} == {Status.FINISHED}
    assert counts(store) == WHOLE


def test_one_that_is_whole_is_left_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(store, "train")
    before = store.get(EXAMPLE.id)
    assert not store.record(EXAMPLE.id, EXAMPLE.spec, REPORTS[:1])
    monkeypatch.setattr(example, "recorded", lambda _example: pytest.fail("It is read again."))
    ensure(store, "train")
    assert store.get(EXAMPLE.id) == before
