"""The reliability diagram: how sure each point is."""

from __future__ import annotations

import numpy as np

from core.figures import FEW_ROWS, reliability_figure
from core.records.snapshot import RELIABILITY_BINS
from tests.core.figures.test_figures import values


def test_each_share_has_its_interval_and_that_of_few_rows_is_an_open_point() -> None:
    table = np.zeros((3, RELIABILITY_BINS), np.float32)
    table[:, -3:] = [[3, FEW_ROWS, 200], [2.4, 9, 196], [2, 8, 190]]
    rows, points = reliability_figure("#0072b2", table, "abc")["data"]
    assert values(rows["y"])[-3:].tolist() == [3, FEW_ROWS, 200]
    np.testing.assert_allclose(values(points["x"]), [0.8, 0.9, 0.98], rtol=1e-6)
    share = values(points["y"])
    np.testing.assert_allclose(share, [2 / 3, 0.8, 0.95], rtol=1e-6)
    assert points["marker"]["symbol"] == ["circle-open", "circle", "circle"]
    # SciPy: binomtest(right, rows).proportion_ci(method="wilson").
    ends = [
        share - values(points["error_y"]["arrayminus"]),
        share + values(points["error_y"]["array"]),
    ]
    np.testing.assert_allclose(ends[0], [0.207660, 0.490162, 0.910422], atol=1e-5)
    np.testing.assert_allclose(ends[1], [0.938508, 0.943318, 0.972617], atol=1e-5)
