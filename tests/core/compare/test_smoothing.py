"""The moving average against a plain loop over all the steps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.compare.smoothing import MovingAverage

Losses = NDArray[np.float32]


def noise(steps: int, run_count: int = 1) -> Losses:
    return np.random.default_rng(0).standard_normal((steps, run_count)).astype(np.float32)


def naive_average(values: Losses, weight: float) -> list[float]:
    """TensorBoard's loop."""
    last, averages = 0.0, []
    for count, value in enumerate(values, start=1):
        last = last * weight + (1 - weight) * float(value)
        averages.append(last / (1 - weight**count))
    return averages


@pytest.mark.parametrize("weight", [0.01, 0.6, 0.9, 0.99])
def test_moving_average_is_the_naive_loop(weight: float) -> None:
    losses = noise(1_000)
    average = MovingAverage(weight, 1)
    pieces = [average.extend(piece) for piece in np.split(losses, [1, 1, 130, 300, 555])]
    expected = naive_average(losses[:, 0], weight)
    np.testing.assert_allclose(np.concatenate(pieces)[:, 0], expected, rtol=1e-9, atol=1e-12)


def test_a_constant_stays_what_it_is_from_the_first_step() -> None:
    averages = MovingAverage(0.99, 1).extend(np.full((500, 1), 3, np.float32))
    np.testing.assert_allclose(averages, 3)
