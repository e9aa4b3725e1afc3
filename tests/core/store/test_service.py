"""What waits, what goes on, and what is looked after, as the store has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import place
from core.records import Checkpoint, Progress, Status, Wanted
from core.spec import ExperimentSpec
from core.store import Store
from tests.core.experiments import entrants

SPEC = ExperimentSpec(entrants=entrants("cross_entropy", "mse"), seeds=(0,))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/lab.db")


def report(step: int, count: int, checkpoint: bool = False) -> Progress:
    losses = np.full((count, 2), step, np.float32)
    state = Checkpoint(step, {"learner.rates": np.arange(3.0)}) if checkpoint else None
    return Progress(step, 0, float(step), losses, (), (None, None), checkpoint=state)


def steps(store: Store, key: str) -> list[int]:
    return [
        each.first_step + number for each in store.chunks(key) for number in range(len(each.losses))
    ]


# ---------------------------------------------------------------- going on


def test_the_newest_checkpoint_is_kept(store: Store) -> None:
    key = store.create(SPEC)
    assert store.checkpoint(key) is None
    store.report(key, report(4, 4, checkpoint=True))
    store.report(key, report(6, 2, checkpoint=True))
    store.report(key, report(7, 1))
    kept = store.checkpoint(key)
    assert kept is not None
    assert kept.step == 6
    assert kept.of("learner")["rates"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("end", [Status.FINISHED, Status.STOPPED, Status.DIVERGED])
@pytest.mark.parametrize("by_report", [True, False])
def test_none_is_kept_of_what_is_over(store: Store, end: Status, by_report: bool) -> None:
    key = store.create(SPEC)
    store.report(key, report(4, 4, checkpoint=True))
    if by_report:
        store.report(key, report(5, 1), end)
    else:
        store.set_status(key, end)
    assert store.checkpoint(key) is None
    assert not store.resume(key)
    assert store.get(key).status is end


@pytest.mark.parametrize("end", [Status.FAILED, Status.INTERRUPTED])
def test_what_was_lost_is_queued_anew_once(store: Store, end: Status) -> None:
    key = store.create(SPEC)
    store.report(key, report(4, 4, checkpoint=True))
    store.set_status(key, end, "Because.")
    assert store.resume(key)
    assert not store.resume(key)
    resumed = store.get(key)
    assert (resumed.status, resumed.wanted, resumed.reason) == (
        Status.QUEUED,
        Wanted.RUNNING,
        None,
    )
    assert {run.status for run in store.runs(key)} == {Status.QUEUED}
    assert store.checkpoint(key) is not None
    # From the checkpoint on it is behind for a while, and what is there isn't written again.
    store.report(key, report(6, 2))
    assert store.get(key).step == 6
    store.set_status(key, Status.FAILED)
    store.resume(key)
    store.report(key, report(5, 1))
    assert (store.get(key).step, steps(store, key)) == (6, [1, 2, 3, 4, 5, 6])
    store.report(key, report(8, 3))
    assert steps(store, key) == list(range(1, 9))


def test_runs_that_diverged_stay_so_when_the_others_go_on(store: Store) -> None:
    key = store.create(SPEC)
    diverged = Progress(2, 0, 1.0, np.ones((2, 2), np.float32), (), (1, None))
    store.report(key, diverged)
    store.set_status(key, Status.FAILED)
    store.resume(key)
    assert [run.status for run in store.runs(key)] == [Status.DIVERGED, Status.QUEUED]


def test_who_asks_to_resume_is_heard(store: Store) -> None:
    heard: list[str] = []
    store.on_want(heard.append)
    key = store.create(SPEC)
    store.set_status(key, Status.FAILED)
    store.resume(key)
    assert heard == [key]


# ---------------------------------------------------------------- the queue


def in_turn(store: Store) -> list[str]:
    return list(store.service.queue(place.here()).in_turn())


def test_what_waits_and_what_rests_but_is_wanted_is_in_the_queue(store: Store) -> None:
    queued, rests, wanted, running = (store.create(SPEC) for _ in range(4))
    store.set_status(rests, Status.PAUSED)
    store.want(rests, Wanted.PAUSED)
    store.set_status(wanted, Status.PAUSED)
    store.set_status(running, Status.RUNNING)
    assert in_turn(store) == [queued, wanted]


def test_no_owner_waits_for_all_of_another(store: Store) -> None:
    many = [store.create(SPEC, owner="many") for _ in range(5)]
    few = [store.create(SPEC, owner="few") for _ in range(2)]
    one = store.create(SPEC, owner="one")
    order = in_turn(store)
    assert order == [many[0], few[0], one, many[1], few[1], *many[2:]]
    assert [store.queue_place(key) for key in order] == list(range(1, 9))
    # Whose turn it was comes after the others, whatever trains.
    store.service.started(many[0])
    store.set_status(many[0], Status.FINISHED)
    assert in_turn(store)[:3] == [few[0], one, many[1]]
    store.set_status(few[0], Status.RUNNING)
    assert in_turn(store)[:3] == [one, many[1], few[1]]


def test_what_is_to_stop_is_found(store: Store) -> None:
    key, other, over = (store.create(SPEC) for _ in range(3))
    for each in (key, over):
        store.set_status(each, Status.PAUSED)
        store.want(each, Wanted.STOPPED)
    store.set_status(over, Status.STOPPED)
    store.set_status(other, Status.RUNNING)
    assert store.service.to_stop(place.here()) == {key}
    assert store.service.to_stop("elsewhere") == set()
    assert store.service.training(place.here()) == 1
