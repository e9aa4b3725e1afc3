"""Intervals of shares, against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from core.compare.shares import wilson


@pytest.mark.parametrize("rows", [1, 3, 10, 200])
def test_the_interval_is_wilsons(rows: int) -> None:
    right = np.arange(rows + 1)
    expected = [binomtest(int(count), rows).proportion_ci(0.95, method="wilson") for count in right]
    low, high = wilson(right.astype(float), np.full(rows + 1, float(rows)))
    np.testing.assert_allclose(low, [each.low for each in expected], atol=1e-12)
    np.testing.assert_allclose(high, [each.high for each in expected], atol=1e-12)


def test_two_of_three_say_little() -> None:
    """By hand, with z = 1.96: (2/3 + 0.640 +- 1.96 sqrt(2/27 + 0.1067)) / 2.281."""
    low, high = wilson(np.array([2.0]), np.array([3.0]))
    assert low[0] == pytest.approx(0.208, abs=5e-4)
    assert high[0] == pytest.approx(0.939, abs=5e-4)
