"""One neuron that starts sure and wrong, as in Nielsen, "Neural networks and deep learning", ch. 3.

It has one input x = 1, the target 0, and starts at w = b = 2, where it says 0.98. His squared
error is (p - y)^2 / 2; the lab's is (p - y)^2, which takes the same steps at half his rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from core.records import Measure
from core.spec import ExperimentSpec
from core.training import train
from tests.core.tidy import scores

EPOCHS = 300
#: dL/dz of each loss at p, the target being 0.
SLOPES: dict[str, Callable[[float], float]] = {
    "mse": lambda p: 2 * p * p * (1 - p),
    "bce": lambda p: p,
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSLAB_THREADS", "1")
    torch.set_num_threads(1)
    # So that each step is judged.
    monkeypatch.setattr("core.spec.schedule.ALL_JUDGED", EPOCHS)


def spec_of(**rates: float) -> ExperimentSpec:
    start = {"scheme": "by_hand", "weights": [2, 2]}
    return ExperimentSpec.parse(
        {
            "data": {"name": "neuron"},
            "network": {"hidden_sizes": [], "start": start},
            "optimizer": {"name": "sgd"},
            "training": {"batch_size": 1, "epochs": EPOCHS, "device": "cpu"},
            "entrants": [{"loss": loss, "learning_rate": rate} for loss, rate in rates.items()],
        }
    )


def probabilities(spec: ExperimentSpec) -> list[list[float]]:
    """p of each entrant before training and after each step, from the NLL: 1 - p of class 0."""
    found: list[list[float]] = [[] for _ in spec.entrants]
    for report in train(spec):
        for each in scores(report.evaluations):
            if each.measure is Measure.NLL:
                found[each.run].append(1 - math.exp(-each.value))
    return found


def by_recursion(loss: str, rate: float) -> list[float]:
    """The same in plain numbers: w -= rate dL/dz x, b -= rate dL/dz."""
    w = b = 2.0
    course = []
    for _ in range(EPOCHS + 1):
        p = 1 / (1 + math.exp(-(w + b)))
        course.append(p)
        slope = SLOPES[loss](p)
        w, b = w - rate * slope, b - rate * slope
    return course


def first_below(course: list[float], level: float) -> int:
    return next(step for step, p in enumerate(course) if p < level)


@pytest.mark.parametrize(("mse", "bce"), [(0.075, 0.075), (0.075, 0.03), (1.0, 0.3)])
def test_squared_error_starts_slowly_and_log_loss_at_once(mse: float, bce: float) -> None:
    rates = {"mse": mse, "bce": bce}
    found = dict(zip(rates, probabilities(spec_of(**rates)), strict=True))
    expected = {loss: by_recursion(loss, rate) for loss, rate in rates.items()}
    for loss, course in expected.items():
        assert found[loss] == pytest.approx(course, abs=2e-5)
        assert first_below(found[loss], 0.5) == first_below(course, 0.5)
    steps = {loss: first_below(course, 0.5) for loss, course in found.items()}
    assert steps["mse"] > steps["bce"]
    # Of the way to p = 0.5, half of the steps of squared error cover little, as it is flat there.
    covered = {
        loss: (course[0] - course[steps[loss] // 2]) / (course[0] - 0.5)
        for loss, course in found.items()
    }
    assert covered["mse"] < 0.2
    assert covered["bce"] > covered["mse"]


def test_the_first_step_of_log_loss_is_1_by_2_times_1_minus_p_times_larger() -> None:
    """2 p^2 (1 - p) against p at p = 0.982: 28 times."""
    (mse, bce) = probabilities(spec_of(mse=0.01, bce=0.01))
    p = 1 / (1 + math.exp(-4))
    assert (bce[0] - bce[1]) / (mse[0] - mse[1]) == pytest.approx(1 / (2 * p * (1 - p)), rel=0.02)
    assert 1 / (2 * p * (1 - p)) == pytest.approx(28.3, abs=0.1)


def test_at_his_learning_rate_the_neuron_ends_where_his_does() -> None:
    """0.15 of his cost is 0.075 of the lab's; after 300 epochs his output is 0.20."""
    (mse,) = probabilities(spec_of(mse=0.075))
    assert mse[0] == pytest.approx(0.982, abs=1e-3)
    assert mse[-1] == pytest.approx(0.20, abs=5e-3)
