"""Reading an experiment: with a cursor, and only what is new."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from core.live.reading import _MOST_KEPT, Reading, Readings
from core.records import Progress, Status
from core.store import Store
from tests.core.live.staging import recorded


def test_only_what_is_new_is_read(store: Store) -> None:
    experiment_id = recorded(store, Status.RUNNING)
    reading = Reading(store, experiment_id)
    assert reading.state().curves.step == 90
    with patch.object(store, "news", wraps=store.news) as news:
        state = reading.state()
        assert state.curves.step == 90
        snapshot = state.snapshot
        news.assert_called_once_with(
            experiment_id,
            after_chunk=0,
            after_epoch=2,
            after_step=snapshot.step if snapshot else -1,
            after_moment=-1,
        )
    more = np.ones((10, 2), np.float32)
    store.report(experiment_id, Progress(100, 2, 0.6, more, (), (None, None)))
    assert reading.state().curves.step == 100


def test_the_place_in_the_queue_is_of_those_that_wait(store: Store) -> None:
    waiting = recorded(store, Status.QUEUED)
    assert Reading(store, waiting).state().queue_place == 1
    assert Reading(store, recorded(store, Status.PAUSED)).state().queue_place is None


@pytest.mark.parametrize("status", list(Status))
def test_what_trains_and_is_not_recorded_is_said_to_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch, status: Status
) -> None:
    key = recorded(store, status)
    reading = Reading(store, key)
    assert reading.state().service is None
    monkeypatch.setattr("core.live.reading.SILENT_SECONDS", 0.0)
    said = reading.state().service
    assert (said is not None and "nothing was recorded" in said) == (status is Status.RUNNING)
    monkeypatch.setattr("core.live.reading.SILENT_SECONDS", 60.0)
    store.service.heartbeat({key})
    assert reading.state().service is None


@pytest.mark.parametrize("more", [0, 1, 5])
def test_the_readings_that_were_looked_at_last_are_kept(store: Store, more: int) -> None:
    readings = Readings(store)
    first = readings.of("0" * 10)
    second = readings.of("1" * 10)
    assert readings.of("0" * 10) is first
    for number in range(2, _MOST_KEPT + more):
        readings.of(f"{number:010}")
    assert len(readings._kept) == _MOST_KEPT
    assert (readings.of("1" * 10) is second) == (more == 0)
