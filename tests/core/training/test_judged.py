"""What a training reports of its epochs, where not every one of them is judged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from core.judging.observer import Observer
from core.records import Evaluation, Measure, Progress, Split, Status
from core.spec import ExperimentSpec, schedule
from core.spec.schedule import is_judged
from core.training import train
from tests.core.tidy import scores

STEPS = 3


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def sparse(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have only so many epochs of the start all judged."""
    return lambda count: monkeypatch.setattr(schedule, "ALL_JUDGED", count)


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


def judged(reports: list[Progress]) -> dict[int, Evaluation]:
    return {each.epoch: each for report in reports for each in report.evaluations}


def same(one: Evaluation, other: Evaluation) -> bool:
    return scores([one]) == scores([other])


def test_a_long_training_is_judged_on_the_schedule() -> None:
    one_batch = {"epochs": 139, "batch_size": 48, "device": "cpu"}
    reports = list(train(spec_of(139, training=one_batch)))
    assert list(judged(reports)) == [*range(65), *range(66, 129, 2), 132, 136, 139]


def test_what_is_judged_is_what_a_training_that_judges_all_has(sparse) -> None:
    every = judged(list(train(spec_of(40))))
    sparse(4)
    few = judged(list(train(spec_of(40))))
    assert list(few) == [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40]
    assert all(same(few[epoch], every[epoch]) for epoch in few)


def test_the_printed_loss_is_the_mean_over_the_steps_of_its_epoch_alone(sparse) -> None:
    sparse(4)
    reports = list(train(spec_of(20)))
    losses = np.concatenate([report.losses for report in reports]).astype(float)
    sizes = np.array([16, 16, 16])
    for epoch, each in judged(reports).items():
        if epoch:
            mean = sizes @ losses[STEPS * (epoch - 1) : STEPS * epoch] / sizes.sum()
            assert each.of(Split.TRAIN, Measure.EPOCH_LOSS) == pytest.approx(mean, rel=1e-6)


def test_snapshots_looks_and_notes_are_of_epochs_that_are_judged(sparse, monkeypatch) -> None:
    sparse(4)
    noted: list[int] = []
    note = Observer.note

    def noting(self: Observer, epoch: int, step: int) -> None:
        noted.append(epoch)
        note(self, epoch, step)

    monkeypatch.setattr(Observer, "note", noting)
    monkeypatch.setattr("core.training.recording.SNAPSHOT_EVERY", 0.0)
    reports = list(train(spec_of(150), kept_seconds=1000.0))
    known = list(judged(reports))
    assert noted == known
    snapshots = [report.snapshot for report in reports if report.snapshot]
    assert {each.epoch for each in snapshots} == set(known)
    assert {each.epoch for report in reports for each in report.kept} <= set(known)
    assert snapshots[-1].looks is not None
    assert set(snapshots[-1].looks.tolist()) <= set(known)
    assert len(snapshots[-1].looks) > 10


def test_who_looks_sees_the_newest_epoch_judged_and_training_goes_on_as_it_would(
    sparse, monkeypatch
) -> None:
    """Reported after every step, and looked at within each epoch."""
    spec = spec_of(30)
    every = judged(list(train(spec)))
    sparse(4)
    plain = list(train(spec))
    monkeypatch.setattr("core.training.plan._MOST_STEPS", 1)
    for name in ("REPORT_EVERY", "FIRST_REPORT_AFTER"):
        monkeypatch.setattr(f"core.training.recording.{name}", 0.0)
    reports, seen, looks = train(spec), [], {}
    for report in reports:
        seen.append(report)
        if report.step % STEPS:
            look = reports.send(True)
            for each in look.evaluations:
                assert each.epoch == report.epoch
                assert look.snapshot is not None
                assert (look.snapshot.epoch, look.snapshot.step) == (each.epoch, each.step)
                assert each.epoch not in looks
                looks[each.epoch] = each
    assert list(looks) == [epoch for epoch in range(30) if not is_judged(epoch, 30)]
    assert all(same(each, every[epoch]) for epoch, each in looks.items())
    assert scores(judged(seen).values()) == scores(judged(plain).values())
    np.testing.assert_array_equal(
        np.concatenate([report.losses for report in seen]),
        np.concatenate([report.losses for report in plain]),
    )


def test_who_looks_after_an_epoch_of_one_step_sees_that_epoch(sparse) -> None:
    spec = spec_of(30, training={"epochs": 30, "batch_size": 48, "device": "cpu"})
    every = judged(list(train(spec)))
    sparse(4)
    reports, looks = train(spec), {}
    for report in reports:
        if not report.evaluations:
            looks |= judged([reports.send(True)])
    assert list(looks) == [epoch for epoch in range(30) if not is_judged(epoch, 30)]
    assert all(same(each, every[epoch]) for epoch, each in looks.items())


def test_no_report_has_all_steps_of_an_epoch_and_lacks_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To train one epoch on from there would be to take no step."""
    monkeypatch.setattr("core.training.plan._MOST_STEPS", 1)
    for name in ("REPORT_EVERY", "FIRST_REPORT_AFTER"):
        monkeypatch.setattr(f"core.training.recording.{name}", 0.0)
    reports = list(train(spec_of(5)))
    assert len(reports) == 1 + 5 * STEPS
    assert all(report.epoch == report.step // STEPS for report in reports)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_where_all_diverge_the_newest_complete_epoch_is_judged_too(
    sparse, monkeypatch, seconds
) -> None:
    """Found within an epoch, as each step is reported, or at the end of one."""
    monkeypatch.setattr("core.training.plan._MOST_STEPS", 1)
    for name in ("REPORT_EVERY", "FIRST_REPORT_AFTER"):
        monkeypatch.setattr(f"core.training.recording.{name}", seconds)
    spec = spec_of(
        50,
        optimizer={"name": "sgd", "learning_rate": 2.2 if not seconds else 3},
        entrants=[{"loss": "mse_on_raw_outputs"}],
    )
    every = list(train(spec))
    sparse(1)
    few = list(train(spec))
    assert few[-1].outcome is every[-1].outcome is Status.DIVERGED
    assert few[-1].epoch == 3
    assert (few[-1].step == 3 * STEPS) == bool(seconds)
    assert list(judged(few)) == [0, 1, 2, 3]
    assert repr(scores([judged(few)[3]])) == repr(scores([judged(every)[3]]))
