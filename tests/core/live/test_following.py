"""A stage that is followed shows the same as one that is opened anew, at every report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from core.live.frames import Frame, next_frame
from core.live.reading import Reading
from core.live.view import Page, Tab, View
from core.records import Status, Wanted
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.core.live.staging import race_of

VIEWS = [View(page=Page.TRAIN), *(View(page=Page.COMPARE, tab=tab) for tab in Tab)]
SPECS = {
    "plane": race_of(losses=("cross_entropy", "bce", "hinge"), seeds=[0, 1]),
    "classes": race_of("iris", ("cross_entropy", "mse"), seeds=[0, 1]),
    "values": race_of("diabetes", ("mse", "l1"), seeds=[0, 1]),
    "rates": race_of(seeds=[0], training={"epochs": 2, "device": "cpu", "protocol": "best_rate"}),
    "one function": race_of(
        losses=("cross_entropy", "bce"),
        seeds=[0, 1],
        optimizer={"name": "sgd", "learning_rate": 0.1},
        training={"epochs": 2, "device": "cpu", "protocol": "one_function"},
    ),
    "diverging": race_of(
        "diabetes",
        ("mse", "l1"),
        seeds=[0, 1],
        optimizer={"name": "sgd", "learning_rate": 1},
        training={"epochs": 4, "batch_size": 8, "device": "cpu"},
    ),
}


def moments(store: Store, experiment_id: str, spec: ExperimentSpec) -> Iterator[None]:
    """Each moment at which something of the experiment has changed."""
    torch.set_num_threads(1)
    yield
    for number, progress in enumerate(train(spec)):
        store.report(experiment_id, progress, progress.outcome or Status.RUNNING)
        yield
        if number == 1 and progress.outcome is None:
            store.want(experiment_id, Wanted.PAUSED)
            yield
            store.set_status(experiment_id, Status.PAUSED)
            yield
            store.want(experiment_id, Wanted.RUNNING)
            yield


def shown(frame: Frame) -> list[Any]:
    blocks: list[Any] = json.loads(frame.event(0)[6:])["blocks"]
    return blocks


@pytest.mark.some(3)
@pytest.mark.parametrize("name", SPECS)
def test_what_is_followed_is_what_is_opened_anew(store: Store, name: str) -> None:
    spec = SPECS[name]
    ahead = store.create(spec)
    experiment_id = store.create(spec)
    reading = Reading(store, experiment_id)
    followed: dict[View, Frame] = {}
    for number, _ in enumerate(moments(store, experiment_id, spec)):
        if number == 0:
            state = reading.state()
            followed = {view: next_frame(state, view, None) for view in VIEWS}
            # The one before it leaves the queue.
            store.want(ahead, Wanted.STOPPED)
        state, anew = reading.state(), Reading(store, experiment_id).state()
        for view in VIEWS:
            followed[view] = next_frame(state, view, followed[view])
            assert shown(followed[view]) == shown(next_frame(anew, view, None)), (number, view)
    assert all(frame.is_last for frame in followed.values())


@pytest.mark.parametrize("status", [each for each in Status if each.is_finished])
def test_an_end_with_its_reason_is_followed(store: Store, status: Status) -> None:
    experiment_id = store.create(race_of(seeds=[0]))
    reading = Reading(store, experiment_id)
    before = {view: next_frame(reading.state(), view, None) for view in VIEWS}
    store.set_status(experiment_id, status, "The reason, as a sentence.")
    for view in VIEWS:
        after = next_frame(reading.state(), view, before[view])
        anew = next_frame(Reading(store, experiment_id).state(), view, None)
        assert shown(after) == shown(anew)
        assert after.is_last
