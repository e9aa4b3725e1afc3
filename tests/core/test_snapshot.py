"""Snapshots: to bytes and back, and in the store."""

from __future__ import annotations

import sqlite3
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import StoreError, UnknownExperiment
from core.records import Progress
from core.snapshot import Snapshot
from core.spec import ExperimentSpec
from core.store import Store
from core.training import Trainer


def snapshot_of(data: str, losses: tuple[str, ...]) -> Snapshot:
    spec = ExperimentSpec.parse({"data": {"name": data}, "losses": losses, "seeds": [0, 1]})
    with torch.inference_mode():
        return Trainer(spec).snapshot(0, 0)


@pytest.mark.parametrize(
    ("data", "losses"),
    [("blobs", ("bce", "hinge")), ("wine", ("cross_entropy",)), ("diabetes", ("mse", "l1"))],
)
def test_bytes_and_back(data, losses):
    snapshot = snapshot_of(data, losses)
    again = Snapshot.from_bytes(snapshot.to_bytes())
    for field in fields(Snapshot):
        kept, given = getattr(again, field.name), getattr(snapshot, field.name)
        if isinstance(given, np.ndarray):
            assert kept.dtype == given.dtype
            np.testing.assert_array_equal(kept, given)
        else:
            assert kept == given
    assert all(len(digest) == 64 for digest in again.order_sha256)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut"])
def test_damaged_bytes_are_told(content):
    with pytest.raises(ValueError, match="can't be read"):
        Snapshot.from_bytes(content)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'lab.db'}")


def report(store: Store, experiment_id: str, snapshot: Snapshot | None, step: int) -> None:
    none = np.empty((0, 1), np.float32)
    store.report(experiment_id, Progress(step, 0, 0.1, none, (), (None,), snapshot=snapshot))


def test_the_newest_takes_the_place_of_the_one_before(store):
    experiment_id = store.create(ExperimentSpec())
    assert store.snapshot(experiment_id) is None
    first = snapshot_of("wine", ("mse",))
    report(store, experiment_id, first, 0)
    report(store, experiment_id, None, 5)
    found = store.snapshot(experiment_id)
    assert found is not None
    assert found.step == 0
    report(store, experiment_id, replace(first, step=9), 9)
    assert store.snapshot(experiment_id, after_step=8).step == 9
    assert store.snapshot(experiment_id, after_step=9) is None


def test_a_damaged_one_and_an_unknown_experiment_are_sentences(store, tmp_path):
    experiment_id = store.create(ExperimentSpec())
    report(store, experiment_id, snapshot_of("wine", ("mse",)), 0)
    with sqlite3.connect(tmp_path / "lab.db") as connection:
        connection.execute("update snapshots set content = x'00'")
    with pytest.raises(StoreError, match="can't be read; it is damaged"):
        store.snapshot(experiment_id)
    with pytest.raises(UnknownExperiment):
        store.snapshot("0123456789")
