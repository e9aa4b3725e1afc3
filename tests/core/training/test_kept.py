"""Snapshots that are kept: of which epochs, how many, and that the store has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.engine.job import combined
from core.records import Moment, Progress
from core.spec import ExperimentSpec
from core.spec.schedule import next_judged
from core.store import Store
from core.training import recording, train
from core.training.recording import MOST_KEPT, kept_epochs


def spec_of(epochs: int, **parts: object) -> ExperimentSpec:
    return ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 60},
            "network": {"hidden_sizes": [4]},
            "training": {"epochs": epochs, "batch_size": 16, "device": "cpu"},
            "entrants": [{"loss": "cross_entropy"}, {"loss": "mse"}],
            **parts,
        }
    )


@given(st.integers(1, 10_000))
def test_with_that_of_the_start_they_are_at_most_sixty_and_denser_at_the_start(epochs: int) -> None:
    kept = kept_epochs(epochs)
    assert len(kept) < MOST_KEPT
    assert kept[-1] == epochs
    assert kept == sorted(set(kept))
    assert kept[0] <= max(1, epochs / 2000)
    gaps = np.diff([0, *kept])
    # But for rounding each step is at least as far as the one before.
    assert (np.diff(gaps) >= -1).all()


@pytest.mark.parametrize("epochs", [1, 3, 200])
def test_a_training_keeps_them_from_start_to_end(epochs: int) -> None:
    torch.set_num_threads(1)
    reports = list(train(spec_of(epochs), kept_seconds=1000.0))
    kept = [snapshot for report in reports for snapshot in report.kept]
    assert [snapshot.epoch for snapshot in kept] == sorted(
        {0, *(next_judged(epoch, epochs) for epoch in kept_epochs(epochs))}
    )
    last = reports[-1].snapshot
    assert last is not None
    assert last.step == kept[-1].step == reports[-1].step


def test_where_there_is_no_time_for_more_the_start_and_the_end_are_kept() -> None:
    torch.set_num_threads(1)
    reports = train(spec_of(50), kept_seconds=-1000.0)
    kept = [snapshot.epoch for report in reports for snapshot in report.kept]
    assert kept == [0, 50]


def test_a_training_that_diverges_keeps_its_end() -> None:
    torch.set_num_threads(1)
    spec = spec_of(
        50,
        optimizer={"name": "sgd", "learning_rate": 1000.0},
        entrants=[{"loss": "mse_on_raw_outputs"}],
    )
    reports = list(train(spec))
    assert reports[-1].outcome is not None
    assert reports[-1].outcome.value == "diverged"
    steps = [snapshot.step for report in reports for snapshot in report.kept]
    assert steps[0] == 0
    assert steps[-1] == reports[-1].step
    assert len(steps) == len(set(steps))


def test_a_look_between_two_steps_is_of_the_newest_epoch_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reported after every step, and looked at within each epoch."""
    torch.set_num_threads(1)
    spec = spec_of(4, optimizer={"name": "adam", "learning_rate": 0.05})
    plain = list(train(spec, kept_seconds=1000.0))
    at_ends = {each.epoch: each for report in plain for each in report.kept}
    monkeypatch.setattr("core.training.plan._MOST_STEPS", 1)
    for name in ("REPORT_EVERY", "FIRST_REPORT_AFTER"):
        monkeypatch.setattr(recording, name, 0.0)
    reports, losses, looks = train(spec, kept_seconds=-1000.0), [], []
    for report in reports:
        losses.append(report.losses)
        if report.step % 3 and not report.evaluations:
            look = reports.send(True)
            assert (look.step, look.epoch, len(look.losses)) == (report.step, report.epoch, 0)
            looks.append(look.snapshot)
    np.testing.assert_array_equal(
        np.concatenate(losses), np.concatenate([report.losses for report in plain])
    )
    # The start and the first epoch have been seen, and each other one is seen once.
    seen = [snapshot for snapshot in looks if snapshot]
    assert [snapshot.epoch for snapshot in seen] == [2, 3]
    for snapshot in seen:
        at_end = at_ends[snapshot.epoch]
        assert snapshot.step == at_end.step
        for part in ("scores", "surface", "units", "weights", "confusion"):
            np.testing.assert_array_equal(getattr(snapshot, part), getattr(at_end, part))


def test_the_store_has_all_that_were_kept_and_the_newest(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    store = Store(f"sqlite:///{tmp_path / 'lab.db'}")
    spec = spec_of(30)
    experiment_id = store.create(spec)
    reports: list[Progress] = list(train(spec))
    half = len(reports) // 2
    # As a job does it: several reports as one.
    for part in (reports[:half], reports[half:]):
        store.report(experiment_id, combined(part), part[-1].outcome or "running")  # type: ignore[arg-type]
    kept = [snapshot for report in reports for snapshot in report.kept]
    assert len(kept) > 2
    assert store.moments(experiment_id) == [Moment(each.step, each.epoch) for each in kept]
    for snapshot in kept:
        again = store.kept(experiment_id, snapshot.step)
        assert again is not None
        np.testing.assert_array_equal(again.scores, snapshot.scores)
        np.testing.assert_array_equal(again.surface, snapshot.surface)
    assert store.kept(experiment_id, 12345) is None
    newest = store.snapshot(experiment_id)
    assert newest is not None
    assert newest.step == kept[-1].step
