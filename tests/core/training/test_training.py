"""``train(spec)``: what it reports, that it is right, and how it ends."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from core.data import derive_seed, load
from core.errors import DeviceError
from core.network.groups import make_groups, make_stack
from core.records import Measure, Progress, Split, Status
from core.spec import LESSON, DeviceName, ExperimentSpec
from core.training import device, plan, recording, train
from core.training.preparation import prepare
from tests.core import plain
from tests.core.experiments import entrants
from tests.core.tidy import scores


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")


def spec_of(losses=("cross_entropy",), seeds=(0,), epochs=3, batch=32, hidden=(8,), **parts):
    parts.setdefault("data", {"name": "breast_cancer"})
    return ExperimentSpec.parse(
        {
            "network": {"hidden_sizes": hidden},
            "training": {"batch_size": batch, "epochs": epochs, "device": "cpu"},
            "entrants": entrants(*losses),
            "seeds": seeds,
            **parts,
        }
    )


def recorded(reports: list[Progress]) -> np.ndarray:
    """All step losses ``[steps, K]``."""
    return np.concatenate([report.losses for report in reports])


def values(reports: list[Progress], measure: Measure, split: Split = Split.TRAIN, run: int = 0):
    return [
        row.value
        for report in reports
        for row in scores(report.evaluations)
        if (row.measure, row.split, row.run) == (measure, split, run)
    ]


# ------------------------------------------------------------------ the same numbers


def test_the_lesson_prints_what_plain_pytorch_prints():
    generator = torch.Generator().manual_seed(derive_seed(0, "noise"))
    x = torch.rand(32, 64, generator=generator)
    y = torch.randint(0, 10, (32,), generator=generator)
    start = make_stack(LESSON, make_groups(LESSON), torch.device("cpu"))
    network = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    network.load_state_dict(plain.network_of(start, 0, 10).state_dict())
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    printed = []
    for _ in range(10):
        loss = loss_function(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        printed.append(loss.item())
    reports = list(train(LESSON))
    assert values(reports, Measure.EPOCH_LOSS) == pytest.approx(printed, abs=1e-5)
    assert recorded(reports)[:, 0].tolist() == pytest.approx(printed, abs=1e-5)
    assert printed[0] == pytest.approx(2.3, abs=0.15)
    assert printed[-1] < printed[0] / 2


def test_runs_trained_together_are_the_runs_trained_alone():
    together = recorded(list(train(spec_of(("cross_entropy", "bce", "mse"), seeds=(0, 7)))))
    alone = [
        recorded(list(train(spec_of((loss,), seeds=(seed,)))))[:, 0]
        for loss in ("cross_entropy", "bce", "mse")
        for seed in (0, 7)
    ]
    np.testing.assert_allclose(together, np.stack(alone, axis=1), rtol=1e-5, atol=1e-6)


RACE = ("cross_entropy", "bce", "mse", "hinge")


@pytest.mark.parametrize("left_out", RACE)
def test_a_loss_that_leaves_the_race_changes_no_other_curve(left_out):
    """Over 30 epochs of the digits, 1,350 steps, with Adam."""

    def raced(losses: tuple[str, ...]) -> list[Progress]:
        return list(train(spec_of(losses, epochs=30, hidden=(16,), data={"name": "digits"})))

    others = tuple(loss for loss in RACE if loss != left_out)
    whole, without = raced(RACE), raced(others)
    kept = [RACE.index(loss) for loss in others]
    assert recorded(without).shape == (1350, 3)
    np.testing.assert_allclose(recorded(without), recorded(whole)[:, kept], rtol=1e-5, atol=1e-6)
    for run, index in enumerate(kept):
        for measure in (Measure.LOSS, Measure.ACCURACY):
            alone = values(without, measure, Split.VAL, run)
            assert alone == pytest.approx(values(whole, measure, Split.VAL, index), rel=1e-5)
    # Were all losses one, leaving one out would change nothing either.
    assert len({round(float(loss), 3) for loss in recorded(whole)[-1]}) > 2


@pytest.mark.parametrize("losses", [("mse", "bce"), ("bce", "mse")])
def test_a_loss_against_itself_in_another_experiment_shows_no_difference(losses):
    """Whatever its place in the race and whoever it races against."""
    raced = recorded(list(train(spec_of(losses, seeds=(3,)))))[:, losses.index("mse")]
    alone = recorded(list(train(spec_of(("mse",), seeds=(3,)))))[:, 0]
    other_start = recorded(list(train(spec_of(("mse",), seeds=(4,)))))[:, 0]
    assert np.abs(raced - alone).max() <= 1e-6
    assert np.abs(raced - other_start).max() > 0.01


def test_the_same_spec_gives_the_same_bits_and_another_seed_others():
    spec = spec_of(("cross_entropy", "bce"), seeds=(4,))
    first, second = list(train(spec)), list(train(spec))
    assert recorded(first).tobytes() == recorded(second).tobytes()
    assert values(first, Measure.LOSS, Split.VAL) == values(second, Measure.LOSS, Split.VAL)
    other = list(train(spec_of(("cross_entropy", "bce"), seeds=(5,))))
    assert not np.allclose(recorded(first), recorded(other))


def test_all_losses_of_a_seed_share_the_trunk_and_the_batches():
    spec = spec_of(("cross_entropy", "bce", "mse"), seeds=(0, 1))
    prepared = prepare(spec)
    trunk = prepared.learner.stack.layers[0].weight
    batch = next(prepared.batches.epoch())
    for run in range(6):
        assert torch.equal(trunk[run], trunk[run % 2])
    assert not torch.equal(trunk[0], trunk[1])
    assert len(batch.rows) == 2, "one a seed"
    assert not torch.equal(batch.rows[0], batch.rows[1])


def test_an_epoch_passes_each_row_once_with_its_own_target_in_a_new_order():
    spec = spec_of(("cross_entropy", "bce"), batch=100)
    prepared, data = prepare(spec), load(spec.data, 0)
    rows = dict(zip(map(tuple, data.x_train.tolist()), data.y_train.tolist(), strict=True))
    orders = []
    for _ in range(2):
        passed = list(prepared.batches.epoch())
        assert [batch.size for batch in passed] == [100, 100, 100, 100, 55]
        seen = [tuple(x) for batch in passed for x in batch.rows[0].tolist()]
        classes = torch.cat([batch.newest[0][0].argmax(0) for batch in passed])
        assert sorted(seen) == sorted(rows)
        assert classes.tolist() == [rows[x] for x in seen]
        assert torch.cat([batch.newest[1][0, 0] for batch in passed]).tolist() == classes.tolist()
        orders.append(seen)
    assert orders[0] != orders[1]


@pytest.mark.parametrize("batch", [100, 7, 1])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_step_is_the_same_however_many_are_taken_at_once(monkeypatch, batch, steps):
    spec = spec_of(("cross_entropy", "bce", "mse"), seeds=(0, 1), batch=batch, epochs=2)
    many = list(train(spec))
    monkeypatch.setattr(plan, "_MOST_STEPS", steps)
    fewer = list(train(spec))
    assert recorded(fewer).tobytes() == recorded(many).tobytes()
    np.testing.assert_array_equal(fewer[-1].snapshot.scores, many[-1].snapshot.scores)
    np.testing.assert_array_equal(fewer[-1].snapshot.margins, many[-1].snapshot.margins)


# ------------------------------------------------------------------ what is reported


@pytest.fixture
def clock(monkeypatch):
    """A clock that ticks a millisecond each time it is read."""
    hands = SimpleNamespace(now=0.0)

    def perf_counter() -> float:
        hands.now += 0.001
        return hands.now

    monkeypatch.setattr(recording, "time", SimpleNamespace(perf_counter=perf_counter))
    return hands


@pytest.fixture
def one_step_at_once(monkeypatch):
    monkeypatch.setattr(plan, "_MOST_STEPS", 1)


def test_reports_have_the_facts_first_the_outcome_last_and_every_step_between(
    clock, one_step_at_once
):
    spec = spec_of(("cross_entropy", "mse"), seeds=(0, 1), epochs=5, batch=4)
    reports = list(train(spec))
    facts = reports[0].facts
    assert facts is not None
    assert [report.facts for report in reports[1:]] == [None] * (len(reports) - 1)
    assert [report.outcome for report in reports[:-1]] == [None] * (len(reports) - 1)
    assert reports[-1].outcome is Status.FINISHED
    assert reports[0].step == len(reports[0].losses) == 0
    steps = 0
    for report in reports:
        steps += len(report.losses)
        assert report.step == steps
        assert report.losses.shape[1] == 4
        assert report.losses.dtype == np.float32
    assert steps == spec.total_steps == 5 * spec.steps_per_epoch == 5 * 114
    ends = [report for report in reports if report.evaluations]
    assert [report.epoch for report in ends] == list(range(6))
    assert [report.step for report in ends] == [n * spec.steps_per_epoch for n in range(6)]
    assert len(reports) > len(ends)


def test_a_report_comes_soon_at_first_and_then_twenty_times_a_second(clock, one_step_at_once):
    reports = list(train(spec_of(epochs=2, batch=1)))
    # The clock is read once a step, and ends an epoch of 455.
    assert len(reports[1].losses) == pytest.approx(20, abs=2)
    assert [len(r.losses) for r in reports[2:6]] == pytest.approx([50] * 4, abs=2)


def test_many_steps_between_two_readings_fill_no_buffer_over(monkeypatch, one_step_at_once):
    monkeypatch.setattr(recording, "time", SimpleNamespace(perf_counter=lambda: 0.0))
    reports = list(train(spec_of(epochs=3, batch=1)))
    assert {len(report.losses) for report in reports} <= {0, 455, 1024}
    monkeypatch.setattr(recording, "_MOST_STEPS", 100)
    smaller = list(train(spec_of(epochs=3, batch=1)))
    assert max(len(report.losses) for report in smaller) == 100
    assert recorded(smaller).tobytes() == recorded(reports).tobytes()


def test_seconds_leave_out_the_time_that_the_reader_takes(clock):
    seconds = []
    for report in train(spec_of(epochs=2)):
        seconds.append(report.seconds)
        clock.now += 1000
    assert seconds == sorted(seconds)
    assert 0 < seconds[0] < seconds[-1] < 1


def test_the_epochs_loss_is_the_mean_of_its_steps_weighted_by_example():
    reports = list(train(spec_of(("cross_entropy", "mse"), epochs=2, batch=100)))
    losses = recorded(reports).reshape(2, 5, 2)
    sizes = np.array([100, 100, 100, 100, 55])
    for run in range(2):
        expected = np.average(losses[:, :, run], axis=1, weights=sizes)
        assert values(reports, Measure.EPOCH_LOSS, run=run) == pytest.approx(expected, rel=1e-6)
        assert losses[:, :, run].mean(1) != pytest.approx(expected, rel=1e-6)


def test_closing_it_early_leaves_autograd_as_it_was():
    reports = train(spec_of())
    next(reports)
    assert not torch.is_inference_mode_enabled()
    reports.close()
    assert torch.is_grad_enabled()


# ------------------------------------------------------------------ runs that diverge

WILD = {
    "data": {"name": "diabetes"},
    "optimizer": {"name": "sgd", "learning_rate": 10},
    "hidden": (),
    "epochs": 10,
}


def test_a_diverged_run_ends_at_its_first_loss_that_is_not_finite():
    prepared = prepare(spec_of(("mse",), **WILD))
    network = plain.network_of(prepared.learner.stack, 0, 1)
    optimizer = torch.optim.SGD(network.parameters(), lr=10)
    losses = []
    while not losses or np.isfinite(losses[-1]):
        for batch in prepared.batches.epoch():
            loss = nn.functional.mse_loss(network(batch.rows[0])[:, 0], batch.newest[0][0, 0])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    first = int(np.argmin(np.isfinite(losses))) + 1
    reports = list(train(spec_of(("mse",), **WILD)))
    assert reports[-1].outcome is Status.DIVERGED
    assert reports[-1].diverged_steps == (first,)
    assert reports[-1].step < 10 * 12
    curve = recorded(reports)[:, 0]
    np.testing.assert_allclose(curve[: first - 1], losses[: first - 1], rtol=1e-5)
    assert not np.isfinite(curve[first - 1])


def test_a_diverged_run_stops_no_other_and_changes_no_other():
    reports = list(train(spec_of(("mse", "l1"), **WILD)))
    assert reports[-1].outcome is Status.FINISHED
    assert reports[-1].step == 10 * 12
    first, never = reports[-1].diverged_steps
    curves = recorded(reports)
    assert never is None
    assert first is not None
    assert np.isfinite(curves[: first - 1, 0]).all()
    assert not np.isfinite(curves[first - 1, 0])
    assert not np.isfinite(values(reports, Measure.LOSS, run=0)[-1])
    alone = recorded(list(train(spec_of(("l1",), **WILD))))
    np.testing.assert_allclose(curves[:, 1], alone[:, 0], rtol=1e-5)


# ------------------------------------------------------------------ devices


def test_an_absent_device_is_refused(monkeypatch):
    monkeypatch.setattr(device, "available", lambda: (DeviceName.CPU,))
    spec = spec_of(training={"device": "cuda"})
    with pytest.raises(DeviceError, match=r"Device was cuda; this machine has cpu\. Pick"):
        next(train(spec))


@pytest.mark.parametrize("name", [DeviceName.CUDA, DeviceName.MPS])
def test_an_accelerator_trains_what_the_cpu_trains(name):
    if name not in device.available():
        pytest.skip(f"this machine has no {name.value}")
    losses = ("cross_entropy", "bce", "mse", "hinge")
    where = [{"batch_size": 32, "epochs": 2, "device": each} for each in (name, "cpu")]
    there, here = (list(train(spec_of(losses, seeds=(0, 1), training=each))) for each in where)
    assert there[0].facts.device == name
    np.testing.assert_allclose(recorded(there), recorded(here), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_the_training_loss_and_accuracy_are_those_of_256_rows_of_each_seed(seeds):
    """Judged apart: at the start, from the weights that training starts with."""
    spec = spec_of(("cross_entropy", "mse"), seeds=seeds, epochs=1, data={"name": "digits"})
    groups = make_groups(spec)
    networks = plain.networks_of(make_stack(spec, groups, torch.device("cpu")), groups)
    first = next(report for report in train(spec) if report.evaluations)
    found = {(each.run, each.split, each.measure): each.value for each in scores(first.evaluations)}
    for run, network in enumerate(networks):
        entrant, seed = spec.entrant_of(run), spec.seed_of(run)
        data = load(spec.data, seed)
        x, y = torch.from_numpy(data.x_train[:256]), torch.from_numpy(data.y_train[:256])
        assert len(x) == 256
        z = network(x)
        loss = plain.loss_function(entrant.loss, spec.dataset.task)(z, y).item()
        right = (z.argmax(1) == y).float().mean().item()
        assert found[run, Split.TRAIN, Measure.LOSS] == pytest.approx(loss, rel=1e-5)
        assert found[run, Split.TRAIN, Measure.ACCURACY] == pytest.approx(right, rel=1e-6)
