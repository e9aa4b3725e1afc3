"""The sentences, one case each, on numbers that a reader can check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.intervals import paired
from core.compare.verdict import (
    NOT_PROBABILITIES,
    ONE_SEED,
    EntrantScores,
    chance_note,
    sentences,
    summary,
    verdict,
    verdicts,
)
from core.judging.yardsticks import yardsticks
from core.losses import Task

NAN = math.nan


ACCURACY, NLL, BRIER, *_ = yardsticks(Task.BINARY)
R2, *_ = yardsticks(Task.REGRESSION)


def entrant(title, scores, arrivals=None, diverged=(), no_score=None):
    broken = np.isin(np.arange(len(scores)), diverged)
    times = None if arrivals is None else np.array(arrivals, np.float64)
    return EntrantScores(title, np.array(scores, float), broken, times, no_score)


def said(a, b, yardstick=ACCURACY, threshold=None, **options):
    return sentences(verdict(a, b, yardstick, threshold), yardstick, **options)


def around(center, half, n=5):
    """n values whose mean is ``center`` and whose 95 % interval is +- ``half``."""
    quantile = {2: 12.7062047, 3: 4.3026527, 5: 2.7764451}[n]
    shape = np.linspace(-1, 1, n)
    return center + shape / shape.std(ddof=1) * half * math.sqrt(n) / quantile


# ------------------------------------------------------------------ the final score

CE = entrant("CrossEntropy", [0.9] * 5)


def test_the_better_loss_is_named_with_its_lead():
    mse = entrant("MSE", 0.9 - around(0.008, 0.006))
    expected = (
        "After training, CrossEntropy's accuracy is 0.8 points higher than MSE's "
        "(95 % interval 0.2 to 1.4, n = 5, wins 5 of 5)."
    )
    assert said(CE, mse) == said(mse, CE) == (expected,)
    assert said(CE, mse, finished=False) == (expected.replace("After training", "So far"),)


def test_where_less_is_better_the_better_is_lower():
    a, b = entrant("BCE", [0.3] * 3), entrant("MSE", 0.3 + around(0.02, 0.01, 3))
    expected = (
        "After training, BCE's {} is 0.0200 lower than MSE's "
        "(95 % interval 0.0100 to 0.0300, n = 3, wins 3 of 3)."
    )
    for yardstick, name in ((NLL, "NLL"), (BRIER, "Brier")):
        assert said(a, b, yardstick) == said(b, a, yardstick) == (expected.format(name),)


def test_no_winner_is_named_where_the_interval_includes_0():
    bce = entrant("BCE", 0.9 + around(0.001, 0.004))
    assert said(CE, bce) == (
        "No difference shown between CrossEntropy and BCE in accuracy: -0.1 points "
        "(95 % interval -0.5 to 0.3, n = 5).",
    )
    assert said(bce, CE) == (
        "No difference shown between BCE and CrossEntropy in accuracy: 0.1 points "
        "(95 % interval -0.3 to 0.5, n = 5).",
    )


def test_a_loss_against_itself_has_no_sign():
    assert said(CE, CE) == (
        "No difference shown between CrossEntropy and CrossEntropy in accuracy: 0.0 points "
        "(95 % interval 0.0 to 0.0, n = 5).",
    )


def test_what_rounds_to_0_has_no_sign():
    (line,) = said(CE, entrant("MSE", 0.9 + around(0.0001, 0.0004)))
    assert "in accuracy: 0.0 points (95 % interval -0.1 to 0.0, n = 5)" in line


def test_a_difference_that_is_shown_is_never_written_as_0():
    (line,) = said(CE, entrant("MSE", 0.9 - around(0.00004, 0.00001)))
    assert "0.004 points higher" in line
    assert "95 % interval 0.003 to 0.005" in line


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 2), min_size=2, max_size=6))
def test_a_winner_is_named_exactly_where_a_difference_is_shown(rows):
    a, b = np.array(rows).T
    difference = paired(a, b, True)
    (line,) = said(entrant("BCE", a), entrant("MSE", b))
    assert line.startswith("No difference shown") == (not difference.shows_difference)
    if difference.shows_difference:
        better, worse = ("BCE", "MSE") if a.mean() > b.mean() else ("MSE", "BCE")
        assert line.startswith(f"After training, {better}'s accuracy is")
        assert f"higher than {worse}'s" in line


# ------------------------------------------------------------------ what cannot be compared


def test_one_seed_shows_nothing():
    assert said(entrant("BCE", [0.9], [10]), entrant("MSE", [0.5], [20]), threshold=0.4) == (
        ONE_SEED,
    )


def test_a_loss_without_such_a_score_says_why():
    hinge = entrant("Hinge", [NAN] * 5, no_score=NOT_PROBABILITIES)
    expected = "Hinge's outputs are not probabilities, so it has no NLL."
    assert said(CE, hinge, NLL) == said(hinge, CE, NLL) == (expected,)
    three = verdicts([CE, hinge, entrant("MSE", [0.9] * 5)], NLL)
    assert summary(three, NLL).count(expected) == 1


def test_diverged_seeds_are_told_and_left_out():
    # Weights that are not finite still predict some class: such a score is no score.
    scores = [0.7, 0.71, 0.72, 0.99, 0.99]
    lines = said(CE, entrant("MSE", scores, diverged=[3, 4]))
    assert lines[0] == "MSE diverged in 2 of 5 seeds; the comparison has the other 3."
    assert "accuracy is 19.0 points higher than MSE's" in lines[1]
    assert "n = 3, wins 3 of 3" in lines[1]


def test_both_may_diverge():
    a = entrant("BCE", [0.9, 0.9, 0.8, NAN, 0.7], diverged=[3])
    b = entrant("MSE", [NAN, 0.8, 0.8, NAN, 0.7], diverged=[0, 3])
    assert said(a, b)[0] == (
        "BCE diverged in 1 of 5 seeds, MSE in 2 of 5; the comparison has the other 3."
    )


def test_scores_missing_for_other_reasons_are_told():
    a, b = entrant("BCE", [0.9, 0.8, NAN, 0.7]), entrant("MSE", [0.9, NAN, 0.8, 0.7])
    assert said(a, b)[0] == "A score is missing in 2 of 4 seeds; the comparison has the other 2."
    a = entrant("BCE", [0.9, 0.8, NAN, 0.7], diverged=[2])
    assert said(a, b)[0] == (
        "BCE diverged in 1 of 4 seeds and a score is missing in 1 of 4 seeds; "
        "the comparison has the other 2."
    )


def test_one_or_no_seed_left_compares_nothing():
    a = entrant("BCE", [0.9, 0.9, 0.9])
    assert said(a, entrant("MSE", [0.9, NAN, NAN], diverged=[1, 2])) == (
        "MSE diverged in 2 of 3 seeds; the comparison has the other 1.",
        "BCE and MSE share one seed, and one shows nothing.",
    )
    assert said(a, entrant("MSE", [NAN] * 3, diverged=[0, 1, 2])) == (
        "MSE diverged in 3 of 3 seeds; none is left.",
    )


# ------------------------------------------------------------------ steps to a threshold


def timed(a, b, threshold=0.93, yardstick=ACCURACY):
    one, other = entrant("BCE", [0.9] * len(a), a), entrant("MSE", [0.9] * len(b), b)
    return said(one, other, yardstick, threshold)[1:]


def test_the_later_loss_is_named_with_its_ratio():
    quick = np.full(5, 100.0)
    half = math.log(2.1 / 1.8)
    late = 100 * np.exp(around(math.log(1.8), half))
    expected = (
        "MSE reached 93 % accuracy after 1.8 times as many steps as BCE, "
        "5 of 5 seeds (95 % interval 1.5 to 2.1)."
    )
    assert timed(quick, late) == (expected,)
    swapped = expected.replace("MSE", "*").replace("BCE", "MSE").replace("*", "BCE")
    assert timed(late, quick) == (swapped,)


def test_no_later_loss_is_named_where_the_interval_includes_1():
    times = 100 * np.exp(around(0, math.log(2)))
    assert timed(times, np.full(5, 100.0)) == (
        "No difference shown between BCE and MSE in steps to 93 % accuracy: 1.0 times "
        "(95 % interval 0.5 to 2.0, n = 5).",
    )


def test_a_ratio_that_is_shown_is_never_written_as_1():
    late = 100 * np.exp(around(math.log(1.02), math.log(1.01)))
    (line,) = timed(np.full(5, 100.0), late)
    assert "after 1.02 times as many steps" in line
    assert "95 % interval 1.01 to 1.03" in line


def test_seeds_that_never_arrived_are_counted():
    lines = timed([10, 20, 30, 40, 50], [20, 40, 60, None, None])
    assert lines == (
        "BCE reached 93 % accuracy in 5 of 5 seeds, MSE in 3 of 5.",
        "MSE reached 93 % accuracy after 2.0 times as many steps as BCE, "
        "3 of 5 seeds (95 % interval 2.0 to 2.0).",
    )
    assert timed([10, 20], [None, None]) == (
        "BCE reached 93 % accuracy in 2 of 2 seeds, MSE in 0 of 2.",
    )


def test_seeds_that_started_beyond_the_threshold_are_told():
    assert timed([0, 20, 40], [10, 20, 40])[0] == (
        "In 1 of 3 seeds BCE or MSE had 93 % accuracy before its first step; "
        "those have no ratio of steps."
    )


@pytest.mark.parametrize(
    ("threshold", "yardstick", "goal"),
    [(0.931, ACCURACY, "93.1 % accuracy"), (0.9, ACCURACY, "90 % accuracy"), (0.81, R2, "R² 0.81")],
)
def test_the_threshold_is_written_plainly(threshold, yardstick, goal):
    lines = timed([10, 20], [None, 20], threshold, yardstick)
    assert lines == (f"BCE reached {goal} in 2 of 2 seeds, MSE in 1 of 2.",)


def test_nothing_is_said_of_steps_that_were_not_timed():
    assert timed([10, 20], [20, 10], threshold=None) == ()
    assert len(said(CE, entrant("MSE", [0.8] * 5), threshold=0.9)) == 1


def test_arrivals_are_told_though_scores_cannot_be_compared():
    a = entrant("BCE", [0.9, 0.9], [10, 20])
    b = entrant("MSE", [NAN, NAN], [None, 20], diverged=[0, 1])
    assert said(a, b, threshold=0.5) == (
        "MSE diverged in 2 of 2 seeds; none is left.",
        "BCE reached 50 % accuracy in 2 of 2 seeds, MSE in 1 of 2.",
    )


# ------------------------------------------------------------------ many pairs


def test_every_pair_has_its_verdict_in_order():
    losses = [entrant(title, [0.5, 0.6]) for title in "ABCD"]
    pairs = [(each.a.title, each.b.title) for each in verdicts(losses, ACCURACY)]
    assert pairs == [("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")]


def test_chance_is_mentioned_once_pairs_are_many():
    note = (
        "6 pairs, each with its own 95 % interval; about one in twenty would exclude 0 by chance."
    )
    assert chance_note(6) == note
    assert chance_note(3) is None
    losses = [entrant(title, [0.5, 0.6]) for title in "ABCD"]
    assert summary(verdicts(losses, ACCURACY), ACCURACY)[-1] == note
    assert len(summary(verdicts(losses[:3], ACCURACY), ACCURACY)) == 3
    # Pairs that cannot be compared give chance no occasion.
    losses[3] = entrant("D", [NAN, NAN], no_score=NOT_PROBABILITIES)
    assert note not in summary(verdicts(losses, ACCURACY), ACCURACY)


def test_one_seed_is_said_once_for_all_pairs():
    losses = [entrant(title, [0.5]) for title in "ABC"]
    assert summary(verdicts(losses, ACCURACY), ACCURACY) == (ONE_SEED,)
