"""How the lab fares, in words and as metrics."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.lab import Lab
from core.records import Status, Wanted
from core.spec import ExperimentSpec
from core.status import as_metrics, as_words, state_of
from tests.waiting import wait_until


def test_it_says_who_is_there_what_waits_and_what_it_takes(here: Lab) -> None:
    key = here.store.create(ExperimentSpec.parse({"training": {"epochs": 10_000}}))
    paused = here.store.create(ExperimentSpec())
    here.store.set_status(paused, Status.PAUSED)
    here.store.want(paused, Wanted.PAUSED)
    here.engine.look()
    wait_until(lambda: here.store.get(key).status is Status.RUNNING, 90, "it to train")
    state = state_of(here, viewers=3)
    words = as_words(state)
    assert state.service is not None
    assert words["Training service"] == f"ready, process {state.service.pid}"
    assert words["Training now"] == f"1 of {state.service.places} at once"
    assert words["Waiting"] == "0 queued, 1 paused"
    assert words["Processes"] == f"{key}: {state.service.jobs[key]}"
    assert words["Live views"] == "3 are open"
    assert state.size >= Path(state.place).stat().st_size > 0
    metrics = dict(line.rsplit(" ", 1) for line in as_metrics(state).splitlines())
    assert metrics["losslab_service_up"] == "1"
    assert metrics["losslab_jobs"] == "1"
    assert metrics['losslab_experiments{status="running"}'] == "1"
    assert metrics['losslab_experiments{status="failed"}'] == "0"
    assert float(metrics["losslab_store_seconds"]) > 0


def test_without_a_service_it_says_so(here: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    wait_until(lambda: here.engine.trouble is not None, 30, "the second try")
    state = state_of(here)
    assert "can't be started" in as_words(state)["Training service"]
    assert "losslab_service_up 0" in as_metrics(state)
    assert here.word == here.engine.trouble
