"""Snapshots survive their bytes and the store; what is damaged is told."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError, UnknownExperiment
from core.records import Progress, Snapshot, Status
from core.records.snapshot import MARGIN_EDGES, RISK_SHARES
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train
from tests.core.experiments import entrants

PLANE, MANY, VALUES, LINE = "moons", "digits", "diabetes", "neuron"
LOSSES = {
    PLANE: ("cross_entropy", "hinge"),
    MANY: ("bce", "mse"),
    VALUES: ("mse", "l1"),
    LINE: ("bce", "hinge"),
}


def made(data: str) -> Snapshot:
    """What training itself makes, after one epoch."""
    spec = ExperimentSpec.parse(
        {
            "data": {"name": data, "rows": 100},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": 1, "device": "cpu", "batch_size": 1 if data == LINE else 32},
            "entrants": entrants(*LOSSES[data]),
            "seeds": [0, 1],
        }
    )
    snapshot = list(train(spec))[-1].snapshot
    assert snapshot is not None
    return snapshot


@pytest.fixture(scope="module")
def snapshots() -> dict[str, Snapshot]:
    return {data: made(data) for data in LOSSES}


def assert_same(one: Snapshot, other: Snapshot) -> None:
    for field in fields(Snapshot):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        assert type(ours) is type(theirs), field.name
        if isinstance(ours, np.ndarray):
            assert ours.dtype == theirs.dtype, field.name
            np.testing.assert_array_equal(ours, theirs, field.name)
        else:
            assert ours == theirs, field.name


HEALTH = {"looks", "constancy", "gradients", "dead"}
PUSHES = {"push", "pushing"}
RISES = {"risen", "carrying", "carriers"}
SURENESS = {"risk", "temperatures", "unscaled"}
CLASSES_HAVE = (
    HEALTH | PUSHES | RISES | SURENESS | {"logit_size", "reliability", "confusion", "truth"}
)
PRESENT = {
    PLANE: CLASSES_HAVE | {"surface", "extent", "points", "wrong", "units", "weights"},
    MANY: CLASSES_HAVE | {"mistaken", "pictures", "carrier_pictures", "pushing_pictures"},
    VALUES: HEALTH | PUSHES | {"predicted", "actual"},
    LINE: (CLASSES_HAVE - RISES) | {"curve", "extent", "points"},
}


@pytest.mark.parametrize("data", PRESENT)
def test_bytes_give_the_same_snapshot_back(snapshots, data):
    snapshot = snapshots[data]
    optional = {field.name for field in fields(Snapshot) if field.default is None}
    assert {name for name in optional if getattr(snapshot, name) is not None} == PRESENT[data]
    again = Snapshot.from_bytes(snapshot.to_bytes())
    assert_same(again, snapshot)
    for measure in snapshot.measures:
        np.testing.assert_array_equal(again.score(measure), snapshot.score(measure))


def test_scores_that_are_missing_stay_so(snapshots):
    scores = Snapshot.from_bytes(snapshots[PLANE].to_bytes()).score("nll")
    assert np.isfinite(scores[:2]).all()
    assert np.isnan(scores[2:]).all()


def test_shapes_are_what_the_snapshot_says(snapshots):
    plane, values, line = snapshots[PLANE], snapshots[VALUES], snapshots[LINE]
    assert plane.scores.shape == (8, 4)
    assert plane.margins.shape == (2, len(MARGIN_EDGES) - 1)
    assert plane.surface.shape == (4, 56, 56)
    assert plane.surface.dtype == np.uint8
    assert plane.points.shape == (2, 20, 3)
    assert plane.risk.shape == (4, RISK_SHARES)
    assert (plane.temperatures.shape, plane.unscaled.shape) == ((4,), (2, 4))
    assert line.curve.shape == (4, 101)
    assert (line.extent.shape, line.points.shape) == ((2, 2), (2, 1, 2))
    assert len(plane.order_sha256) == 2
    assert values.measures == ("mse", "mae", "r2")
    assert (values.predicted.shape[0], values.actual.shape[0]) == (4, 2)


# ------------------------------------------------------------------ damaged bytes


@pytest.mark.parametrize("content", [b"", b"PK", b"nonsense", b"\x80\x04N.", b"PK\x03\x04" * 50])
def test_bytes_that_are_no_snapshot_are_refused(content):
    with pytest.raises(ValueError, match="The snapshot can't be read"):
        Snapshot.from_bytes(content)


def saved(**arrays: object) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def test_archives_of_something_else_are_refused(snapshots):
    lonely = io.BytesIO()
    np.save(lonely, np.zeros(3))
    whole = dict(np.load(io.BytesIO(snapshots[PLANE].to_bytes())))
    without = {name: array for name, array in whole.items() if name != "scores"}
    others = (
        lonely.getvalue(),
        saved(),
        saved(epoch=1),
        saved(**without),
        saved(**whole, colour=np.zeros(3)),
        saved(**whole | {"epoch": np.zeros(3)}),
        saved(**whole | {"step": np.array("many")}),
    )
    for content in others:
        with pytest.raises(ValueError, match="The snapshot can't be read"):
            Snapshot.from_bytes(content)


@settings(max_examples=200)
@given(data=st.data())
def test_damage_anywhere_is_refused_or_changes_no_value(snapshots, data):
    """Bytes cut off or changed.

    Of some nothing hangs, as of a time in the archive. One wrong in its list of contents may
    hide an array that some snapshots have not; what is read is never another.
    """
    content = snapshots[VALUES].to_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        damaged = content[:place]
    else:
        wrong = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
        damaged = content[:place] + bytes([wrong]) + content[place + 1 :]
    try:
        again = Snapshot.from_bytes(damaged)
    except ValueError as error:
        assert str(error).startswith("The snapshot can't be read")  # noqa: PT017
    else:
        hidden = [name for name in PRESENT[VALUES] if getattr(again, name) is None]
        assert_same(again, replace(snapshots[VALUES], **dict.fromkeys(hidden)))


# ------------------------------------------------------------------ in the store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/lab.db")


def report(snapshot: Snapshot | None, step: int = 1) -> Progress:
    losses = np.ones((1, 1), np.float32)
    return Progress(step, 0, 0.1, losses, (), (None,), snapshot=snapshot)


def test_the_newest_snapshot_takes_the_place_of_the_one_before(store, snapshots, tmp_path):
    key, other = store.create(ExperimentSpec()), store.create(ExperimentSpec())
    assert store.snapshot(key) is None
    store.report(key, report(replace(snapshots[MANY], step=1)))
    store.report(other, report(snapshots[VALUES]))
    store.report(key, report(replace(snapshots[PLANE], step=2)))
    store.report(key, report(None, step=3))
    found = store.snapshot(key)
    assert found is not None
    assert_same(found, replace(snapshots[PLANE], step=2))
    kept = store.snapshot(other)
    assert kept is not None
    assert_same(kept, snapshots[VALUES])
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
        assert connection.execute("select count(*) from snapshots_v3").fetchone() == (2,)


def test_a_reader_gets_a_snapshot_once(store, snapshots):
    key = store.create(ExperimentSpec())
    store.report(key, report(replace(snapshots[PLANE], step=0)))
    assert store.snapshot(key, after_step=-1) is not None
    assert store.snapshot(key, after_step=0) is None
    store.report(key, report(replace(snapshots[PLANE], step=7)))
    assert store.snapshot(key, after_step=6).step == 7
    assert store.snapshot(key, after_step=7) is None


def test_a_finished_experiment_keeps_its_snapshot(store, snapshots):
    key = store.create(ExperimentSpec())
    store.report(key, report(replace(snapshots[PLANE], step=1)), Status.FINISHED)
    assert not store.report(key, report(replace(snapshots[PLANE], step=2)))
    assert store.snapshot(key).step == 1


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_a_damaged_snapshot_is_told(store, snapshots, tmp_path, content):
    key = store.create(ExperimentSpec())
    store.report(key, report(snapshots[PLANE]))
    with closing(sqlite3.connect(tmp_path / "lab.db")) as connection, connection:
        connection.execute("update snapshots_v3 set content = ?", [content])
    with pytest.raises(StoreError, match=rf"Experiment {key} .* damaged.*snapshot"):
        store.snapshot(key)


@pytest.mark.parametrize("key", ["0123456789", "", "x" * 5000, "' or 1=1 --"])
def test_a_snapshot_of_an_unknown_experiment(store, key):
    with pytest.raises(UnknownExperiment, match="No experiment"):
        store.snapshot(key)


def test_an_experiment_may_be_stored_under_an_id_of_its_own_once(store):
    assert store.create(ExperimentSpec(), experiment_id="00000000ab") == "00000000ab"
    assert store.get("00000000ab").status is Status.QUEUED
    with pytest.raises(StoreError, match="UNIQUE"):
        store.create(ExperimentSpec(), experiment_id="00000000ab")
