"""Paired tests, their adjustment and arrivals, against SciPy, plain arithmetic and definitions."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from core.compare.intervals import LEVEL, ROUNDING
from core.compare.pairs import (
    Arrivals,
    Difference,
    compare_arrivals,
    fewest_for_signed_rank,
    holm,
    paired,
    signed_rank,
)
from core.compare.verdict import EntrantScores, best_of, verdicts
from core.judging.yardsticks import yardsticks
from core.losses import Task
from tests.core.compare.numbers import NAN, close, maybe, scores

pytestmark = pytest.mark.usefixtures("no_warnings")
ACCURACY, NLL, *_ = yardsticks(Task.BINARY)
pairs = st.lists(st.tuples(maybe, maybe), min_size=1, max_size=9).map(lambda rows: np.array(rows).T)


def one(a: object, b: object, higher_is_better: bool = True, overlap: float = 0.0) -> Difference:
    """Of a single pair."""
    (difference,) = paired([a], [b], higher_is_better, overlap)
    return difference


# ------------------------------------------------------------------ one pair


@given(pairs, st.booleans())
def test_a_paired_difference_is_scipys(ab, higher_is_better):
    a, b = ab
    both = np.isfinite(a) & np.isfinite(b)
    differences = a[both] - b[both]
    seen = one(a, b, higher_is_better)
    assert (seen.n, seen.missing) == (both.sum(), len(a) - both.sum())
    assert seen.wins + seen.losses + seen.ties == seen.n
    better = differences > 0 if higher_is_better else differences < 0
    assert (seen.wins, seen.ties) == (better.sum(), (differences == 0).sum())
    assume(seen.n >= 2 and differences.std() > 1e-3)
    expected = scipy.stats.ttest_rel(a[both], b[both])
    close((seen.mean, seen.sd), (differences.mean(), differences.std(ddof=1)))
    close((seen.low, seen.high), expected.confidence_interval(0.95))
    assert seen.is_tested == (seen.n >= 3)
    if seen.is_tested:
        close(seen.p, expected.pvalue)
        assert seen.shows_difference == (expected.pvalue < 0.05)


def test_two_seeds_show_no_difference():
    seen = one([0.9, 0.91], [0.1, 0.1101])
    assert scipy.stats.ttest_rel([0.9, 0.91], [0.1, 0.1101]).pvalue < 0.001
    assert seen.low > 0
    assert not seen.is_tested
    assert not seen.shows_difference


@pytest.mark.parametrize("n", [2, 3, 9])
def test_equal_differences_show_none(n):
    a = np.linspace(1, 3, n)
    seen = one(a, a - 0.5)
    assert (seen.low, seen.mean, seen.high) == (0.5, 0.5, 0.5)
    assert not seen.is_tested
    assert not seen.shows_difference


@given(st.lists(st.floats(0.125, 1, width=32), min_size=3, max_size=9))
def test_differences_that_are_equal_but_for_rounding_show_none(values):
    a = np.array(values)
    # Scores are float32, so what is left of the last digit is no spread.
    b = np.float32(a - 0.0625).astype(float)
    assert not one(a, b).shows_difference
    assert not one(a, b + a * ROUNDING / 4).shows_difference


@given(pairs, st.booleans())
def test_a_loss_does_not_differ_from_itself(ab, higher_is_better):
    seen = one(ab[0], ab[0], higher_is_better)
    assert not seen.shows_difference
    assert (seen.wins, seen.losses, seen.ties) == (0, 0, np.isfinite(ab[0]).sum())


@given(pairs, st.booleans())
def test_swapping_the_two_turns_the_difference_round(ab, higher_is_better):
    a, b = ab
    turned, back = one(b, a, higher_is_better), one(a, b, higher_is_better).reversed()
    close((turned.mean, turned.low, turned.high), (back.mean, back.low, back.high))
    close(turned.p, back.p)
    assert (turned.wins, turned.losses, turned.ties) == (back.wins, back.losses, back.ties)
    assert (turned.n, turned.missing) == (back.n, back.missing)


@given(pairs, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_seeds_changes_nothing(ab, higher_is_better, random):
    order = random.sample(range(ab.shape[1]), ab.shape[1])
    seen, moved = (one(a, b, higher_is_better) for a, b in (ab, ab[:, order]))
    close((seen.mean, seen.low, seen.high), (moved.mean, moved.low, moved.high))
    assert (seen.n, seen.wins, seen.losses) == (moved.n, moved.wins, moved.losses)


def test_seeds_are_paired_and_not_pooled():
    a, b = np.array([0.5, 0.7, 0.9]), np.array([0.49, 0.69, 0.888])
    assert one(a, b).shows_difference
    assert not one(a, b[[1, 2, 0]]).shows_difference


def test_one_seed_shows_no_difference():
    for b in ([0.1], [0.1, NAN]):
        assert not one([0.9] * len(b), b).shows_difference


def test_on_new_data_the_standard_error_is_that_of_nadeau_and_bengio():
    a, b = np.array([0.95, 0.93, 0.96, 0.97, 0.94]), np.array([0.92, 0.91, 0.94, 0.93, 0.92])
    d, n = a - b, 5
    error = d.std(ddof=1) * math.sqrt(1 / n + 360 / 1437)
    seen = one(a, b, overlap=360 / 1437)
    close((seen.low, seen.high), scipy.stats.t.interval(0.95, n - 1, d.mean(), error))
    close(seen.p, 2 * scipy.stats.t.sf(abs(d.mean() / error), n - 1))
    assert seen.p > one(a, b).p


# ------------------------------------------------------------------ many pairs


def plain_holm(p: list[float]) -> list[bool]:
    """Which are shown, step by step as Holm wrote it."""
    shown = [False] * len(p)
    for step, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[place] >= LEVEL / (len(p) - step):
            break
        shown[place] = True
    return shown


p_values = st.lists(st.one_of(st.floats(0, 0.06), st.floats(0, 1)), min_size=1, max_size=15)


@given(p_values)
def test_holm_shows_what_its_steps_show(p):
    # At its own border a p may fall to either side by rounding.
    assume(all(abs(x * left - LEVEL) > 1e-9 for x in p for left in range(1, 16)))
    adjusted, levels, count = holm(np.array(p), np.full(len(p), True))
    assert count == len(p)
    shown = plain_holm(p)
    assert (adjusted < LEVEL).tolist() == shown
    # Below its level exactly where it is shown: so no interval can contradict it.
    assert (np.array(p) < levels).tolist() == shown
    assert (levels >= LEVEL / len(p) - 1e-15).all()


def test_holm_by_hand():
    adjusted, levels, count = holm(np.array([0.04, 0.01, 0.03]), np.full(3, True))
    close(adjusted, [0.06, 0.03, 0.06])
    close(levels, [0.025, 0.05 / 3, 0.025])
    # 0.01 is of three; what is not counted is adjusted for nothing.
    adjusted, levels, count = holm(np.array([0.04, 0.01, 1.0]), np.array([True, True, False]))
    assert count == 2
    close(adjusted, [0.04, 0.02, 1.0])


@given(
    st.lists(st.lists(scores, min_size=6, max_size=6), min_size=2, max_size=5).map(np.array),
    st.sampled_from([0.0, 0.25]),
)
def test_an_interval_excludes_0_exactly_where_the_adjusted_test_shows_a_difference(table, overlap):
    a, b = (table[list(side)] for side in zip(*combinations(range(len(table)), 2), strict=True))
    for each in paired(a, b, True, overlap):
        assert each.pairs == len(a)
        if each.is_tested:
            assume(abs(each.p - LEVEL) > 1e-9)
            assert each.shows_difference == (not each.low <= 0 <= each.high)


def test_more_pairs_make_it_harder_to_show_a_difference():
    better, worse = [0.95, 0.93, 0.96], [0.9, 0.89, 0.93]
    noise = [[0.5, 0.7, 0.6], [0.6, 0.5, 0.7], [0.7, 0.5, 0.6]]
    assert one(better, worse).shows_difference
    assert not paired([better, *noise], [worse, *noise[1:], noise[0]], True)[0].shows_difference


# ------------------------------------------------------------------ the best of a column

CLEAR = np.array([[0.9, 0.91, 0.92], [0.8, 0.82, 0.81], [0.5, 0.52, 0.5]])


def best_in_column(table: np.ndarray, higher_is_better: bool) -> int | None:
    them = [EntrantScores(str(i), row, np.isnan(row)) for i, row in enumerate(np.array(table))]
    best = best_of(verdicts(them, ACCURACY if higher_is_better else NLL))
    return None if best is None else them.index(best)


def test_the_best_must_beat_every_other():
    assert best_in_column(CLEAR, higher_is_better=True) == 0
    assert best_in_column(CLEAR, higher_is_better=False) == 2
    close_second = np.vstack([CLEAR, [0.95, 0.9, 0.9]])
    assert best_in_column(close_second, higher_is_better=True) is None
    assert best_in_column(close_second, higher_is_better=False) == 2


def test_the_best_must_beat_every_other_by_the_adjusted_test():
    table = np.array([[0.95, 0.93, 0.96], [0.9, 0.89, 0.93], [0.1, 0.5, 0.3]])
    assert all(scipy.stats.ttest_rel(table[0], other).pvalue < 0.05 for other in table[1:])
    assert best_in_column(table, True) is None
    assert best_in_column(table[:2], True) == 0


def test_neither_two_seeds_nor_equal_differences_make_a_best():
    assert best_in_column(np.array([[0.9, 0.91], [0.1, 0.1101]]), True) is None
    assert best_in_column(np.array([[1.0, 2.0, 3.0], [0.5, 1.5, 2.5]]), True) is None


def test_losses_without_a_score_are_not_compared():
    none = np.full(3, NAN)
    assert best_in_column(np.vstack([none, CLEAR]), True) == 1
    assert best_in_column(np.vstack([none, CLEAR[:1]]), True) is None
    assert best_in_column(np.vstack([none, none]), True) is None


def test_a_loss_with_one_score_cannot_be_beaten():
    assert best_in_column(np.vstack([CLEAR, [0.1, NAN, NAN]]), True) is None
    assert best_in_column(CLEAR[:, :1], True) is None


@given(st.lists(st.lists(maybe, min_size=4, max_size=4), min_size=1, max_size=4), st.booleans())
def test_the_best_is_what_its_definition_says(rows, higher_is_better):
    table = np.array(rows)
    scored = [i for i, row in enumerate(table) if np.isfinite(row).any()]
    seen = best_in_column(table, higher_is_better)
    if seen is None:
        return
    assert len(scored) > 1
    for other in set(scored) - {seen}:
        difference = one(table[seen], table[other], higher_is_better)
        assert difference.shows_difference
        assert (difference.mean > 0) == higher_is_better


# ------------------------------------------------------------------ without a normal distribution

distinct = st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=12, unique_by=abs).map(
    lambda values: np.array(values, float)
)


@given(distinct)
def test_the_signed_rank_test_is_scipys(differences):
    a = 100 + differences
    expected = scipy.stats.wilcoxon(differences, method="exact").pvalue
    assert signed_rank(a, np.full(len(a), 100.0)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "differences", [[1, 1, -1, 2, 3, 3], [2, 2, 2, 2, 2], [0, 1, -2, 2, 5, 0, 7], [3, -3, 3, -3]]
)
def test_equal_distances_share_their_rank_as_in_every_flip_of_the_signs(differences):
    values = np.array(differences, float)
    kept = values[values != 0]
    ranks = scipy.stats.rankdata(np.abs(kept))
    expected = scipy.stats.permutation_test(
        (np.sign(kept) * ranks,), lambda x, axis: x.sum(axis), permutation_type="samples",
        n_resamples=np.inf, vectorized=True,
    ).pvalue  # fmt: skip
    assert signed_rank(10 + values, np.full(len(values), 10.0)) == pytest.approx(expected)


def test_ties_are_found_though_scores_are_rounded():
    a, b = np.float32([0.9, 0.8, 0.7, 0.45]).astype(float), np.float32([0.8, 0.7, 0.6, 0.55])
    assert signed_rank(a, b.astype(float)) == pytest.approx(10 / 16)
    assert math.isnan(signed_rank(a, a))
    assert math.isnan(signed_rank([NAN, 0.5], [0.1, NAN]))


def test_from_so_many_seeds_signs_alone_can_show_something():
    # Five seeds cannot fall below 2 of 32.
    assert signed_rank([1.0, 2.0, 3.0, 4.0, 5.0], [0.0] * 5) == 2 / 32
    for level in (0.05, 0.05 / 3, 0.05 / 15, 0.05 / 45):
        fewest = fewest_for_signed_rank(level)
        assert 2 / 2**fewest < level <= 2 / 2 ** (fewest - 1)
    assert fewest_for_signed_rank(0.05) == 6


# ------------------------------------------------------------------ arrivals


def arrivals(a: object, b: object) -> Arrivals:
    """Of a single pair in which no seed diverged."""
    (seen,) = compare_arrivals([a], [b], np.full((1, len(a)), True))
    return seen


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=3, max_size=8),
)
def test_the_ratio_of_steps_is_a_geometric_mean_with_the_interval_of_its_log(rows):
    a, b = np.array(rows, np.float64).T
    seen = arrivals(a, b)
    logs = np.log(a) - np.log(b)
    close(seen.ratio, scipy.stats.gmean(a) / scipy.stats.gmean(b))
    assume(logs.std() > 1e-4)
    expected = scipy.stats.ttest_1samp(logs, 0)
    interval = expected.confidence_interval(0.95)
    np.testing.assert_allclose(np.log([seen.low, seen.high]), interval, atol=1e-7)
    assert seen.logs.shows_difference == (expected.pvalue < 0.05)
    turned, back = arrivals(b, a), seen.reversed()
    np.testing.assert_allclose(
        (turned.ratio, turned.low, turned.high), (back.ratio, back.low, back.high), rtol=1e-7
    )


def test_ratios_of_many_pairs_are_adjusted_as_scores_are():
    slow, quick = [100, 110, 150], [50, 60, 52]
    noise = [[50, 90, 60], [70, 40, 60], [90, 50, 70]]
    assert arrivals(slow, quick).logs.shows_difference
    seen = compare_arrivals([slow, *noise], [quick, *noise[1:], noise[0]], np.full((4, 3), True))[
        0
    ].logs
    assert seen.pairs == 4
    assert not seen.shows_difference


def test_arrivals_that_have_no_ratio_are_counted():
    seen = arrivals([100, 200, NAN, 0, NAN], [50, 100, 80, 30, NAN])
    assert (seen.logs.n, seen.seeds, seen.at_start) == (2, 5, 1)
    assert (seen.never_a, seen.never_b) == (2, 1)
    assert (seen.low, seen.ratio, seen.high) == pytest.approx((2, 2, 2))
    assert not seen.logs.shows_difference
    back = seen.reversed()
    assert (back.never_a, back.never_b, back.ratio) == (1, 2, pytest.approx(0.5))


def test_seeds_that_are_not_compared_count_as_nothing():
    compared = np.array([[True, True, False, True]])
    (seen,) = compare_arrivals([[10, NAN, NAN, 5]], [[20, 30, 40, 10]], compared)
    assert (seen.seeds, seen.never_a, seen.never_b, seen.logs.n) == (3, 1, 0, 2)


def test_arriving_together_shows_no_difference():
    seen = arrivals([100, 200, 300], [100, 200, 300])
    assert (seen.low, seen.ratio, seen.high, seen.logs.shows_difference) == (1, 1, 1, False)
    assert not arrivals([100], [10]).logs.shows_difference
    assert arrivals([NAN, NAN], [10, 0]).logs.n == 0
