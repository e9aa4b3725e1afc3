"""Intervals, bands and the threshold against SciPy and plain arithmetic."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from core.compare.intervals import (
    Spread,
    interval,
    spread,
    steps_to_reach,
    threshold,
)
from tests.core.compare.numbers import NAN, close, maybe, scores

pytestmark = pytest.mark.usefixtures("no_warnings")


def scipy_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    n = len(values)
    scale = values.std(ddof=1) / math.sqrt(n)
    return scipy.stats.t.interval(confidence, n - 1, values.mean(), scale)


# ------------------------------------------------------------------ one sample


@given(st.lists(scores, min_size=2, max_size=12), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_an_interval_is_scipys(values, confidence):
    values = np.array(values)
    assume(values.std() > 1e-6)
    seen = interval(values, confidence)
    close(seen.mean, values.mean())
    close((seen.low, seen.high), scipy_interval(values, confidence))
    assert (seen.n, seen.missing) == (len(values), 0)


@given(st.lists(maybe, max_size=9))
def test_values_that_are_not_finite_are_left_out_and_counted(values):
    finite = [x for x in values if math.isfinite(x)]
    seen, expected = interval(values), interval(finite)
    close((seen.mean, seen.low, seen.high), (expected.mean, expected.low, expected.high))
    assert (seen.n, seen.missing) == (len(finite), len(values) - len(finite))


@given(scores, st.integers(2, 9))
def test_equal_values_have_an_interval_of_no_width(value, n):
    seen = interval([value] * n)
    assert seen.low == seen.mean == seen.high == value


def test_one_value_has_a_mean_and_no_interval():
    seen = interval([0.7])
    assert (seen.mean, seen.n) == (0.7, 1)
    assert math.isnan(seen.low)
    assert math.isnan(seen.high)


def test_no_value_has_neither():
    for values in ([], [NAN, NAN]):
        seen = interval(values)
        assert np.isnan([seen.mean, seen.low, seen.high]).all()
        assert (seen.n, seen.missing) == (0, len(values))


@pytest.mark.parametrize("seeds", [2, 5, 10])
def test_the_interval_covers_the_true_mean_as_often_as_it_says(seeds):
    draws = np.random.default_rng(7).normal(0.3, 2.0, (4_000, seeds))
    seen = [interval(row) for row in draws]
    coverage = np.mean([each.low <= 0.3 <= each.high for each in seen])
    # Four standard errors of a share of 0.95 in 4,000 draws are 0.014.
    assert abs(coverage - 0.95) < 0.014


def test_an_interval_on_new_data_is_wider_by_the_shares_of_rows():
    values = [0.91, 0.93, 0.96, 0.9]
    plain, wide = interval(values), interval(values, overlap=0.25)
    assert wide.mean == plain.mean
    # (1/4 + 1/4) in place of 1/4.
    close((wide.high - wide.low) / (plain.high - plain.low), math.sqrt(2))


# ------------------------------------------------------------------ bands


@given(
    st.integers(0, 6).flatmap(
        lambda seeds: st.lists(st.lists(maybe, min_size=seeds, max_size=seeds), min_size=1)
    )
)
def test_a_band_is_each_points_own(columns):
    values = np.array(columns, np.float64).T
    bands = {kind: spread(values, kind) for kind in Spread}
    for point, column in enumerate(columns):
        finite = np.array([x for x in column if math.isfinite(x)])
        one = interval(column)
        for band in bands.values():
            assert band.n[point] == len(finite)
            close(band.mean[point], finite.mean() if len(finite) else NAN)
        sd = finite.std(ddof=1) if len(finite) > 1 else NAN
        edges = {kind: (band.low[point], band.high[point]) for kind, band in bands.items()}
        close(edges[Spread.SD], (one.mean - sd, one.mean + sd))
        close(edges[Spread.INTERVAL], (one.low, one.high))
        extremes = (finite.min(), finite.max()) if len(finite) else (NAN, NAN)
        assert np.array_equal(edges[Spread.RANGE], extremes, equal_nan=True)


def test_bands_of_many_curves_come_at_once():
    values = np.random.default_rng(1).random((5, 3, 40))
    for kind in Spread:
        band = spread(values, kind)
        assert band.mean.shape == band.low.shape == band.high.shape == band.n.shape == (3, 40)
        close(band.high[2], spread(values[:, 2], kind).high)


def test_bands_of_float32_curves_are_computed_in_float64():
    values = np.float32([[0.1, 1e8], [0.3, 1e8 + 8]])
    band = spread(values, Spread.SD)
    close(band.mean, values.astype(np.float64).mean(0))
    assert band.mean.dtype == np.float64


# ------------------------------------------------------------------ the threshold


@given(
    st.lists(st.one_of(st.floats(0, 1, width=32), st.just(NAN)), max_size=12),
    st.floats(0.0625, 1, width=32),
    st.booleans(),
)
def test_steps_to_reach_is_the_first_that_is_as_good(values, goal, higher_is_better):
    steps = 7 * np.arange(len(values))
    as_good = [x >= goal if higher_is_better else x <= goal for x in values]
    # Nearer than the rounding of float32 counts as reached; not the matter here.
    assume(all(x == goal or abs(x - goal) > 1e-6 for x in values))
    expected = next((int(s) for s, good in zip(steps, as_good, strict=True) if good), None)
    assert steps_to_reach(steps, np.float32(values), goal, higher_is_better) == expected


def test_epoch_0_counts_and_a_broken_value_does_not():
    assert steps_to_reach([0, 10], [0.9, 0.2], 0.9, True) == 0
    assert steps_to_reach([0, 10, 20], [math.inf, NAN, 0.95], 0.9, True) == 20
    assert steps_to_reach([0, 10], [-math.inf, 0.2], 0.1, False) is None
    assert steps_to_reach([], [], 0.9, True) is None


def test_the_rounding_of_float32_keeps_no_run_from_arriving():
    assert float(np.float32(0.95)) < 0.95
    assert steps_to_reach([0, 10], np.float32([0.9, 0.95]), 0.95, True) == 10
    assert float(np.float32(0.1)) > 0.1
    assert steps_to_reach([0, 10], np.float32([0.9, 0.1]), 0.1, False) == 10
    assert steps_to_reach([0, 10], np.float32([0.9, 0.9499]), 0.95, True) is None


def test_the_threshold_is_a_share_of_the_best_mean():
    final = np.array([[0.9, 0.8, NAN], [0.6, 0.7, 0.95], [NAN, NAN, NAN]])
    assert threshold(final, higher_is_better=True) == pytest.approx(0.95 * 0.85)
    assert threshold(final, higher_is_better=True, fraction=0.5) == pytest.approx(0.425)
    assert threshold(final, higher_is_better=False) is None
    assert threshold(-final, higher_is_better=True) is None
    assert threshold(final[2:], higher_is_better=True) is None


# ------------------------------------------------------------------ the web server


def test_nothing_heavy_is_loaded():
    program = (
        "import sys, core.compare.intervals, core.compare.summary, core.compare.scores\n"
        "assert 'scipy' not in sys.modules\n"
        "import numpy as np\n"
        "from core.compare.verdict import EntrantScores, verdicts\n"
        "from core.judging.yardsticks import yardsticks\n"
        "from core.losses import Task\n"
        "yardstick = yardsticks(Task.BINARY)[0]\n"
        "rows = np.random.default_rng(0).random((4, 7))\n"
        "them = [EntrantScores(str(i), row, row > 1) for i, row in enumerate(rows)]\n"
        "pairs = verdicts(them, yardstick)\n"
        "assert core.compare.summary.summary(pairs, yardstick)\n"
        "assert core.compare.summary.pairs_table(pairs, yardstick)\n"
        "heavy = ('torch', 'sklearn', 'pandas', 'scipy.stats', 'streamlit')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr
