"""A loss that is switched in mid-training: all before it as it was, and all after it by the other.

The oracles are the experiment that does not switch, bit for bit, and a plain PyTorch program whose
criterion is exchanged.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from core.network.groups import make_groups, make_stack
from core.records import Measure, Progress, Split
from core.spec import ExperimentSpec, OptimizerName, branched
from core.training import train
from core.training.preparation import prepare
from tests.core import plain
from tests.core.tidy import scores


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)


ORIGIN = "0123456789"


def spec_of(data: str, *losses: str, **parts: Any) -> ExperimentSpec:
    """Batches of 32, the last of an epoch shorter; several entrants and seeds."""
    described = {
        "data": {"name": data, "rows": 200},
        "network": {"hidden_sizes": [8]},
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "training": {"batch_size": 32, "epochs": 4, "device": "cpu"},
        "entrants": [{"loss": loss} for loss in losses],
        "seeds": [0, 5],
    }
    return ExperimentSpec.parse(described | parts)


def recorded(reports: list[Progress]) -> np.ndarray:
    """All step losses ``[steps, K]``."""
    return np.concatenate([report.losses for report in reports])


def judged(reports: list[Progress]) -> dict[tuple[Any, ...], float]:
    return {
        (row.run, row.step, row.split, row.measure): row.value
        for report in reports
        for row in scores(report.evaluations)
    }


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


#: Data, entrants of which the first switches, and the loss that it goes on with: one of other
#: targets among them, and both ways from and to one of other probabilities.
CASES = [
    ("iris", ("mse", "cross_entropy", "hinge"), "cross_entropy"),
    ("iris", ("hinge", "cross_entropy", "mse"), "bce"),
    ("moons", ("bce", "cross_entropy", "mse"), "mse"),
    ("diabetes", ("mse", "l1"), "poisson_nll"),
    ("diabetes", ("poisson_nll", "l1"), "huber"),
]
#: Of epochs of 4, 5 and 12 steps: within one, at the end of one, before the last batch of one.
STEPS = {"iris": (5, 8, 3), "moons": (7, 10, 4), "diabetes": (17, 24, 11)}


@pytest.mark.parametrize(
    ("data", "losses", "second", "step"),
    [(*case, step) for case in CASES for step in STEPS[case[0]]],
)
def test_a_branch_is_its_origin_bit_for_bit_up_to_its_step(data, losses, second, step):
    origin = spec_of(data, *losses)
    branch = branched(origin, ORIGIN, 0, step, {"loss": second})
    before, after = list(train(origin)), list(train(branch))
    one, other = recorded(before), recorded(after)
    mine = origin.runs_of(0)
    assert one.shape == other.shape
    assert other[:step].tobytes() == one[:step].tobytes()
    # The other entrants never hear of it.
    assert other[:, mine.stop :].tobytes() == one[:, mine.stop :].tobytes()
    assert (other[step:, mine] != one[step:, mine]).all()
    ours, theirs = judged(before), judged(after)
    assert ours.keys() == theirs.keys()
    for (run, at, split, measure), value in ours.items():
        if run >= mine.stop or (at <= step and measure is not Measure.EPOCH_LOSS):
            assert same(theirs[run, at, split, measure], value), (run, at, split, measure)
    assert after[0].facts.baselines == before[0].facts.baselines
    assert after[0].facts.lens == before[0].facts.lens
    assert before[0].facts.later_baselines is None


@pytest.mark.parametrize("optimizer", OptimizerName)
@pytest.mark.parametrize(
    ("data", "first", "second"),
    [("iris", "mse", "cross_entropy"), ("moons", "bce", "mse"), ("diabetes", "huber", "mse")],
)
def test_it_trains_as_plain_pytorch_does_with_the_criterion_exchanged(
    data, first, second, optimizer
):
    """The optimizer's state stays, as does the order of the batches."""
    switch = {"loss": first, "then": {"loss": second, "step": 6}}
    spec = spec_of(
        data,
        entrants=[switch],
        seeds=[0],
        optimizer={"name": optimizer, "learning_rate": 0.02, "weight_decay": 0.01},
    )
    prepared, task = prepare(spec), spec.dataset.task
    entrant = spec.lineup[0]
    start = make_stack(spec, make_groups(spec), torch.device("cpu"))
    network = plain.network_of(start, 0, prepared.groups[0].width)
    optimizer_ = plain.optimizer(spec.optimizer, list(network.parameters()))
    criteria = [plain.loss_function(loss, task) for loss in entrant.losses]
    expected = []
    for _epoch in range(spec.training.epochs):
        for batch in prepared.batches.epoch():
            x, targets = batch.rows[0], batch.newest[0][0]
            y = targets.argmax(0) if len(targets) > 1 else targets[0]
            loss = criteria[len(expected) >= 6](network(x), y.float())
            optimizer_.zero_grad()
            loss.backward()
            optimizer_.step()
            expected.append(loss.item())
    found = recorded(list(train(spec)))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)
    # One that had not been switched is another.
    unswitched = spec_of(data, first, seeds=[0], optimizer=spec.optimizer.model_dump())
    assert np.abs(recorded(list(train(unswitched)))[6:, 0] - found[6:]).min() > 0


def test_an_entrant_is_judged_by_the_loss_in_force():
    """By its own loss in its units, and as its probabilities are read: hinge has none."""
    spec = spec_of("iris", entrants=[{"loss": "hinge", "then": {"loss": "mse", "step": 8}}])
    reports = list(train(spec))
    rows = judged(reports)
    nll = [rows[0, step, Split.VAL, Measure.NLL] for step in (0, 4, 8, 12, 16)]
    assert [math.isnan(value) for value in nll] == [True, True, True, False, False]
    # MSE on probabilities is at most 2 / 3 with three classes, and hinge is about 2 / 3 to begin.
    last = rows[0, 16, Split.VAL, Measure.LOSS]
    assert last == pytest.approx(rows[0, 16, Split.VAL, Measure.BRIER] / 3, rel=1e-4)
    assert reports[-1].snapshot.score(Measure.NLL)[0] == pytest.approx(nll[-1], rel=1e-5)
    facts = reports[0].facts
    assert facts.later_baselines == [pytest.approx(2 / 9, rel=1e-2)]
    assert facts.baselines != facts.later_baselines
    assert facts.lens_at(8, spec.lineup) == facts.lens
    assert facts.lens_at(9, spec.lineup) == facts.later_lens
    assert facts.later_lens != facts.lens


def test_a_look_at_the_epoch_before_a_switch_reads_it_as_it_was_trained(monkeypatch):
    """Who rests after a switch within an epoch sees the end of the last one, by the first loss."""
    monkeypatch.setattr("core.training.plan._MOST_STEPS", 1)
    monkeypatch.setattr("core.training.recording.REPORT_EVERY", 0)
    spec = spec_of("iris", entrants=[{"loss": "hinge", "then": {"loss": "mse", "step": 9}}])
    # No time for snapshots of epochs, so that the look has one to make.
    reports = train(spec, kept_seconds=-math.inf)
    report = next(each for each in reports if each.step == 11)
    look = reports.send(True)
    assert report.step == look.step == 11
    assert look.snapshot.step == 8
    assert np.isnan(look.snapshot.score(Measure.NLL)).all()
    rest = [report, look, *reports]
    assert np.isfinite(rest[-1].snapshot.score(Measure.NLL)).all()
    undisturbed = recorded(list(train(spec)))
    assert recorded(rest)[-5:].tobytes() == undisturbed[-5:].tobytes()


def test_a_rate_is_searched_for_the_first_loss():
    """The short trainings go on past the step of the switch, and do not switch."""
    training = {"batch_size": 32, "epochs": 4, "device": "cpu", "protocol": "best_rate"}
    origin = spec_of("diabetes", "poisson_nll", "l1", training=training, seeds=[0])
    branch = branched(origin, ORIGIN, 0, 20, {"loss": "mse"})
    before, after = list(train(origin)), list(train(branch))
    facts = [next(each.facts for each in reports if each.facts) for reports in (before, after)]
    assert facts[0].range_test == facts[1].range_test
    assert facts[0].learning_rates == facts[1].learning_rates
    assert recorded(after)[:20].tobytes() == recorded(before)[:20].tobytes()


def test_several_entrants_switch_each_at_its_own_step():
    def entrant(step: int) -> dict[str, Any]:
        return {"loss": "mse", "then": {"loss": "cross_entropy", "step": step}}

    spec = spec_of("iris", entrants=[entrant(3), entrant(9), {"loss": "mse"}])
    assert spec.switch_steps == (3, 9)
    first, second, third = np.split(recorded(list(train(spec))), 3, axis=1)
    np.testing.assert_allclose(first[:3], third[:3], rtol=1e-5)
    np.testing.assert_allclose(second[:9], third[:9], rtol=1e-5)
    assert (np.abs(first[3:] - third[3:]) > 1e-3).all()
    assert (np.abs(second[9:] - third[9:]) > 1e-3).all()
    # The first step of the second loss is from the same weights as that of the first would be.
    alone = spec_of("iris", entrants=[entrant(9)])
    np.testing.assert_allclose(recorded(list(train(alone))), second, rtol=1e-4, atol=1e-5)


def test_where_a_loss_was_lowest_is_looked_for_anew_after_its_switch() -> None:
    """MSE is below any BCE of the same network, so its epochs would stay the lowest for ever."""
    spec = ExperimentSpec.parse(
        {
            "data": {"name": "moons", "rows": 100},
            "network": {"hidden_sizes": [8]},
            "training": {"batch_size": 40, "epochs": 6, "device": "cpu"},
            "entrants": [{"loss": "mse", "then": {"loss": "bce", "step": 6}}, {"loss": "bce"}],
        }
    )
    last = [report for report in train(spec) if report.outcome][-1].snapshot
    assert last is not None
    assert last.risen is not None
    switched, _other = last.risen[:, 0, 0]
    assert switched > 3
