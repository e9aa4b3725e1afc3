"""Intervals, paired differences and arrivals against SciPy and plain arithmetic."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from core.compare.intervals import (
    Spread,
    best_in_column,
    compare_arrivals,
    interval,
    paired,
    spread,
    steps_to_reach,
    threshold,
)

NAN = math.nan
scores = st.floats(-1e3, 1e3, allow_subnormal=False)
maybe = st.one_of(scores, st.sampled_from([NAN, math.inf, -math.inf]))
pairs = st.lists(st.tuples(maybe, maybe), min_size=1, max_size=9).map(lambda rows: np.array(rows).T)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def close(seen: object, expected: object) -> None:
    np.testing.assert_allclose(seen, expected, rtol=1e-9, atol=1e-9)


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


# ------------------------------------------------------------------ pairs


@given(pairs, st.booleans())
def test_a_paired_difference_is_scipys(ab, higher_is_better):
    a, b = ab
    both = np.isfinite(a) & np.isfinite(b)
    differences = a[both] - b[both]
    seen = paired(a, b, higher_is_better)
    assert (seen.n, seen.missing) == (both.sum(), len(a) - both.sum())
    assert seen.wins + seen.losses + seen.ties == seen.n
    better = differences > 0 if higher_is_better else differences < 0
    assert (seen.wins, seen.ties) == (better.sum(), (differences == 0).sum())
    assume(seen.n >= 2 and differences.std() > 1e-6)
    expected = scipy.stats.ttest_rel(a[both], b[both])
    close(seen.mean, differences.mean())
    close((seen.low, seen.high), expected.confidence_interval(0.95))
    assume(abs(expected.pvalue - 0.05) > 1e-9)
    assert seen.shows_difference == (expected.pvalue < 0.05)


@given(pairs, st.booleans())
def test_a_loss_does_not_differ_from_itself(ab, higher_is_better):
    seen = paired(ab[0], ab[0], higher_is_better)
    assert not seen.shows_difference
    assert (seen.wins, seen.losses, seen.ties) == (0, 0, np.isfinite(ab[0]).sum())


@given(pairs, st.booleans())
def test_swapping_the_two_turns_the_difference_round(ab, higher_is_better):
    a, b = ab
    turned, back = paired(b, a, higher_is_better), paired(a, b, higher_is_better).reversed()
    close((turned.mean, turned.low, turned.high), (back.mean, back.low, back.high))
    assert (turned.wins, turned.losses, turned.ties) == (back.wins, back.losses, back.ties)
    assert (turned.n, turned.missing) == (back.n, back.missing)


@given(pairs, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_seeds_changes_nothing(ab, higher_is_better, random):
    order = random.sample(range(ab.shape[1]), ab.shape[1])
    seen, moved = (paired(a, b, higher_is_better) for a, b in (ab, ab[:, order]))
    close((seen.mean, seen.low, seen.high), (moved.mean, moved.low, moved.high))
    assert (seen.n, seen.wins, seen.losses) == (moved.n, moved.wins, moved.losses)


def test_seeds_are_paired_and_not_pooled():
    a, b = np.array([0.5, 0.7, 0.9]), np.array([0.49, 0.69, 0.888])
    assert paired(a, b, True).shows_difference
    assert not paired(a, b[[1, 2, 0]], True).shows_difference


def test_equal_differences_show_one_unless_they_are_zero():
    seen = paired([1.0, 2.0, 3.0], [0.5, 1.5, 2.5], True)
    assert (seen.low, seen.mean, seen.high, seen.shows_difference) == (0.5, 0.5, 0.5, True)
    # SciPy agrees, in the words of a p value of 0, though it warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert scipy.stats.ttest_rel([1.0, 2.0, 3.0], [0.5, 1.5, 2.5]).pvalue == 0
    assert not paired([1.0, 2.0], [1.0, 2.0], True).shows_difference


def test_one_seed_shows_no_difference():
    for b in ([0.1], [0.1, NAN]):
        assert not paired([0.9] * len(b), b, True).shows_difference


# ------------------------------------------------------------------ the best of a column

CLEAR = np.array([[0.9, 0.91, 0.92], [0.8, 0.82, 0.81], [0.5, 0.52, 0.5]])


def test_the_best_must_beat_every_other():
    assert best_in_column(CLEAR, higher_is_better=True) == 0
    assert best_in_column(CLEAR, higher_is_better=False) == 2
    close_second = np.vstack([CLEAR, [0.95, 0.9, 0.9]])
    assert best_in_column(close_second, higher_is_better=True) is None
    assert best_in_column(close_second, higher_is_better=False) == 2


def test_losses_without_a_score_are_not_compared():
    none = np.full(3, NAN)
    assert best_in_column(np.vstack([none, CLEAR]), True) == 1
    assert best_in_column(np.vstack([none, CLEAR[:1]]), True) is None
    assert best_in_column(np.vstack([none, none]), True) is None


def test_a_loss_with_one_score_cannot_be_beaten():
    assert best_in_column(np.vstack([CLEAR, [0.1, NAN, NAN]]), True) is None
    assert best_in_column(CLEAR[:, :1], True) is None


def test_the_best_is_better_in_the_seeds_that_are_compared():
    # Row 0 has the best mean only for lack of the hard seed; where both ran, it is worse.
    flattered = np.array([[0.90, 0.91, NAN], [0.93, 0.942, 0.2]])
    assert paired(*flattered, True).shows_difference
    assert best_in_column(flattered, True) is None


@given(st.lists(st.lists(maybe, min_size=4, max_size=4), min_size=1, max_size=4), st.booleans())
def test_the_best_is_what_its_definition_says(rows, higher_is_better):
    table = np.array(rows)
    means = {i: interval(row).mean for i, row in enumerate(table) if np.isfinite(row).any()}
    pick = max if higher_is_better else min
    seen = best_in_column(table, higher_is_better)
    if seen is None:
        return
    assert means[seen] == pytest.approx(pick(means.values()))
    assert len(means) > 1
    for other in means.keys() - {seen}:
        difference = paired(table[seen], table[other], higher_is_better)
        assert difference.shows_difference
        assert (difference.mean > 0) == higher_is_better


# ------------------------------------------------------------------ arrivals


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


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=2, max_size=8),
)
def test_the_ratio_of_steps_is_a_geometric_mean_with_the_interval_of_its_log(rows):
    a, b = np.array(rows, np.float64).T
    seen = compare_arrivals(a, b)
    logs = np.log(a) - np.log(b)
    close(seen.ratio, scipy.stats.gmean(a) / scipy.stats.gmean(b))
    assume(logs.std() > 1e-6)
    np.testing.assert_allclose(np.log([seen.low, seen.high]), scipy_interval(logs), atol=1e-7)
    assert seen.shows_difference == (seen.low > 1 or seen.high < 1)
    turned = compare_arrivals(b, a)
    back = seen.reversed()
    np.testing.assert_allclose(
        (turned.ratio, turned.low, turned.high), (back.ratio, back.low, back.high), rtol=1e-7
    )


def test_arrivals_that_have_no_ratio_are_counted():
    seen = compare_arrivals([100, 200, None, 0, NAN], [50, 100, 80, 30, NAN])
    assert (seen.n, seen.seeds, seen.at_start) == (2, 5, 1)
    assert (seen.never_a, seen.never_b) == (2, 1)
    assert (seen.low, seen.ratio, seen.high) == pytest.approx((2, 2, 2))
    assert seen.shows_difference
    back = seen.reversed()
    assert (back.never_a, back.never_b, back.ratio) == (1, 2, pytest.approx(0.5))


def test_arriving_together_shows_no_difference():
    seen = compare_arrivals([100, 200, 300], [100, 200, 300])
    assert (seen.low, seen.ratio, seen.high, seen.shows_difference) == (1, 1, 1, False)
    assert not compare_arrivals([100], [10]).shows_difference
    assert compare_arrivals([None, None], [10, 0]).n == 0


# ------------------------------------------------------------------ the web server


def test_nothing_heavy_is_loaded():
    program = (
        "import sys, core.compare.intervals, core.compare.verdict\n"
        "assert 'scipy' not in sys.modules\n"
        "core.compare.intervals.interval([1.0, 2.0])\n"
        "heavy = ('torch', 'sklearn', 'pandas', 'scipy.stats', 'streamlit')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert shown.stdout.strip() == "[]", shown.stderr
