"""The y axis of curves by epoch."""

from __future__ import annotations

import numpy as np
import pytest

from core.figures.drawing import value_range


def test_a_single_value_has_room_on_both_sides() -> None:
    low, high = value_range([np.array([0.1])], log=False)
    assert low < 0.1 < high


def test_a_run_that_is_about_to_diverge_is_cut_off() -> None:
    line = np.concatenate([np.linspace(2, 1, 100), [1e9, np.nan]])
    low, high = value_range([line], log=False)
    assert 0 < low < 1
    assert 2 < high < 3


@pytest.mark.parametrize("log", [False, True])
def test_a_line_across_has_room_for_its_label(log: bool) -> None:
    ends = value_range([np.array([5.0, 0.2, 0.1])], log=log, also=0.9)
    at = np.log10(0.9) if log else 0.9
    assert ends[1] - at >= 0.1 * (at - ends[0])


def test_nothing_finite_has_no_range() -> None:
    assert value_range([np.array([np.nan, np.inf])], log=False) is None
    assert value_range([], log=False) is None
    assert value_range([np.array([-1.0, 0.0])], log=True) is None
