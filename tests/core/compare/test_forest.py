"""The rows of the forest plot against SciPy's paired t intervals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from core.compare.forest import MOST_PAIRS, forest
from core.compare.verdict import verdicts
from core.judging.yardsticks import yardsticks
from core.losses import Task
from tests.core.compare.numbers import NAN, close
from tests.core.compare.test_verdict import around, entrant

ACCURACY, NLL, *_ = yardsticks(Task.BINARY)
R2, *_ = yardsticks(Task.REGRESSION)
SCALE = {ACCURACY: 100, NLL: 1, R2: 1}


@pytest.mark.parametrize("yardstick", [ACCURACY, NLL, R2])
@given(
    rows=st.lists(st.tuples(*[st.floats(0, 1, width=16)] * 2), min_size=3, max_size=8),
    lost=st.booleans(),
)
def test_a_row_is_scipys_paired_t_interval(yardstick, rows, lost):
    a, b = np.array(rows).T
    diverged = [0] if lost and len(a) > 3 else []
    (row,) = forest(
        verdicts([entrant("A", a), entrant("B", b, diverged=diverged)], yardstick), yardstick
    )
    kept = np.arange(len(a)) >= len(diverged)
    better, worse = (b, a) if yardstick.higher_is_better else (a, b)
    ahead = better[kept] - worse[kept]
    scale = SCALE[yardstick]
    close(row.mean, scale * ahead.mean())
    if np.ptp(ahead):
        expected = scipy.stats.ttest_rel(better[kept], worse[kept]).confidence_interval(0.95)
        close((row.low, row.high), (scale * expected.low, scale * expected.high))
    else:
        close((row.low, row.high), (row.mean, row.mean))
        assert not row.is_tested


def test_intervals_of_several_pairs_are_at_the_level_that_holm_held_them_against():
    random = np.random.default_rng(4)
    them = [entrant(title, random.normal(0.9, 0.02, 6)) for title in "ABC"]
    pairs = verdicts(them, ACCURACY)
    for row, pair in zip(forest(pairs, ACCURACY), pairs, strict=True):
        expected = scipy.stats.ttest_rel(pair.b.scores, pair.a.scores).confidence_interval(
            1 - pair.difference.level
        )
        close((row.low, row.high), (100 * expected.low, 100 * expected.high))
        assert (row.left, row.right) == (pair.a.title, pair.b.title)
        assert (row.low > 0 or row.high < 0) == pair.difference.shows_difference


def test_the_right_side_favours_the_right_entrant_whichever_way_is_better():
    good, bad = entrant("good", [0.9] * 5), entrant("bad", 0.9 - around(0.1, 0.02))
    (row,) = forest(verdicts([good, bad], ACCURACY), ACCURACY)
    assert (row.left, row.right) == ("good", "bad")
    assert row.high < 0
    (row,) = forest(verdicts([good, bad], NLL), NLL)
    assert row.low > 0
    assert row.said == (
        "bad's mean NLL is 0.1000 lower than good's (95% interval 0.0800 to 0.1200, n = 5)"
    )
    (row,) = forest(verdicts([bad, good], ACCURACY), ACCURACY)
    assert row.said.startswith("good's mean accuracy is 10.0 points higher than bad's (95%")


def test_many_pairs_are_shown_against_the_best_mean():
    levels = {"A": 0.7, "B": 0.9, "C": 0.8, "D": 0.6, "E": 0.5}
    random = np.random.default_rng(2)
    them = [entrant(title, random.normal(mean, 0.01, 5)) for title, mean in levels.items()]
    assert len(forest(verdicts(them[:4], ACCURACY), ACCURACY)) == MOST_PAIRS == 6
    rows = forest(verdicts(them, ACCURACY), ACCURACY)
    assert [(row.left, row.right) for row in rows] == [("B", other) for other in "ACDE"]
    assert {row.left for row in forest(verdicts(them, NLL), NLL)} == {"E"}


def test_pairs_that_cannot_be_compared_have_no_row():
    gone = entrant("MSE", [NAN, NAN, 0.5], diverged=[0, 1])
    them = [entrant("A", [0.9, 0.8, 0.7]), entrant("B", [0.8, 0.8, 0.9]), gone]
    (row,) = forest(verdicts(them, ACCURACY), ACCURACY)
    assert (row.left, row.right) == ("A", "B")
    assert forest(verdicts([entrant("A", [0.9]), entrant("B", [0.8])], ACCURACY), ACCURACY) == ()
