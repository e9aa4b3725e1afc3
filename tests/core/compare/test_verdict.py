"""The sentences, one case each, on numbers that a reader can check."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.sentences import NO_SPREAD, ONE_SEED, TWO_SEEDS, sentences
from core.compare.summary import pairs_table, summary
from core.compare.verdict import NOT_PROBABILITIES, EntrantScores, verdicts
from core.judging.yardsticks import yardsticks
from core.losses import Task

NAN = math.nan


ACCURACY, NLL, BRIER, *_ = yardsticks(Task.BINARY)
R2, *_ = yardsticks(Task.REGRESSION)


def entrant(title, scores, arrivals=None, diverged=(), no_score=None, **options):
    broken = np.isin(np.arange(len(scores)), diverged)
    times = None if arrivals is None else np.array(arrivals, np.float64)
    return EntrantScores(title, np.array(scores, float), broken, times, no_score, **options)


def said(a, b, yardstick=ACCURACY, threshold=None, overlap=0.0, **options):
    (pair,) = verdicts([a, b], yardstick, threshold, overlap)
    return sentences(pair, yardstick, **options)


def around(center, half, n=5):
    """n values whose mean is ``center`` and whose 95% interval is +- ``half``."""
    quantile = {2: 12.7062047, 3: 4.3026527, 5: 2.7764451}[n]
    shape = np.linspace(-1, 1, n)
    return center + shape / shape.std(ddof=1) * half * math.sqrt(n) / quantile


# ------------------------------------------------------------------ the final score

CE = entrant("CrossEntropy", [0.9] * 5)


def test_the_better_loss_is_named_with_its_lead():
    mse = entrant("MSE", 0.9 - around(0.008, 0.006))
    expected = (
        "After training, CrossEntropy's accuracy is 0.8 points higher than MSE's "
        "(95% interval 0.2 to 1.4, n = 5, wins 5 of 5)."
    )
    assert said(CE, mse) == said(mse, CE) == (expected,)
    assert said(CE, mse, opening="So far") == (expected.replace("After training", "So far"),)


def test_where_less_is_better_the_better_is_lower():
    a, b = entrant("BCE", [0.3] * 3), entrant("MSE", 0.3 + around(0.02, 0.01, 3))
    expected = (
        "After training, BCE's {} is 0.0200 lower than MSE's "
        "(95% interval 0.0100 to 0.0300, n = 3, wins 3 of 3)."
    )
    for yardstick, name in ((NLL, "NLL"), (BRIER, "Brier")):
        assert said(a, b, yardstick) == said(b, a, yardstick) == (expected.format(name),)


def test_no_winner_is_named_where_the_interval_includes_0():
    bce = entrant("BCE", 0.9 + around(0.001, 0.004))
    assert said(CE, bce) == (
        "No difference shown between CrossEntropy and BCE in accuracy: -0.1 points "
        "(95% interval -0.5 to 0.3, n = 5).",
    )
    assert said(bce, CE) == (
        "No difference shown between BCE and CrossEntropy in accuracy: 0.1 points "
        "(95% interval -0.3 to 0.5, n = 5).",
    )


def test_a_loss_against_itself_has_no_sign():
    assert said(CE, CE) == (
        "No difference shown between CrossEntropy and CrossEntropy in accuracy: 0.0 points "
        f"in each of 5 seeds. {NO_SPREAD}",
    )


def test_equal_differences_name_no_winner_and_say_why():
    a, b = entrant("BCE", [0.9, 0.8, 0.7]), entrant("MSE", [0.85, 0.75, 0.65])
    assert said(a, b) == (
        "No difference shown between BCE and MSE in accuracy: 5.0 points in each of 3 seeds. "
        "Equal differences show no spread to judge by.",
    )


def test_two_seeds_name_no_winner_and_say_why():
    a, b = entrant("BCE", [0.9, 0.91]), entrant("MSE", 0.9 - around(0.5, 0.1, 2))
    (line,) = said(a, b)
    assert line.startswith("No difference shown between BCE and MSE in accuracy: 50.5 points (95%")
    assert line.endswith(
        "n = 2). Two seeds give an interval on one degree of freedom, too few to name a winner."
    )
    equal = entrant("MSE", [0.8, 0.81])
    assert said(a, equal)[0].endswith(TWO_SEEDS)


def test_on_new_data_the_interval_says_so_and_is_wider():
    mse = entrant("MSE", 0.9 - around(0.008, 0.004))
    assert "(95% interval 0.4 to 1.2, n = 5" in said(CE, mse)[0]
    # (1/5 + 1/4) in place of 1/5 makes it 1.5 times as wide.
    assert "(95% interval on new data 0.2 to 1.4, n = 5" in said(CE, mse, overlap=0.25)[0]
    assert said(CE, mse, overlap=1.0)[0].startswith("No difference shown")


def test_a_second_opinion_is_given_from_six_seeds_on():
    a = entrant("BCE", [0.9] * 6)
    (line,) = said(a, entrant("MSE", [0.8, 0.81, 0.82, 0.83, 0.84, 0.85]))
    assert line.endswith("n = 6, wins 6 of 6, Wilcoxon p = 0.031).")
    (line,) = said(a, entrant("MSE", [0.8, 0.81, 0.93, 0.96, 0.88, 0.95]))
    assert "Wilcoxon p = 0.84)" in line
    assert "Wilcoxon" not in said(CE, entrant("MSE", [0.8, 0.81, 0.82, 0.83, 0.84]))[0]


def test_what_rounds_to_0_has_no_sign():
    (line,) = said(CE, entrant("MSE", 0.9 + around(0.0001, 0.0004)))
    assert "in accuracy: 0.0 points (95% interval -0.1 to 0.0, n = 5)" in line


def test_a_difference_that_is_shown_is_never_written_as_0():
    (line,) = said(CE, entrant("MSE", 0.9 - around(0.00004, 0.00001)))
    assert "0.004 points higher" in line
    assert "95% interval 0.003 to 0.005" in line


@given(st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 2), min_size=2, max_size=6))
def test_a_winner_is_named_exactly_where_a_difference_is_shown(rows):
    a, b = np.array(rows).T
    pair = entrant("BCE", a), entrant("MSE", b)
    (difference,) = (each.difference for each in verdicts(pair, ACCURACY))
    (line,) = said(*pair)
    assert line.startswith("No difference shown") == (not difference.shows_difference)
    if difference.shows_difference:
        better, worse = ("BCE", "MSE") if a.mean() > b.mean() else ("MSE", "BCE")
        assert line.startswith(f"After training, {better}'s accuracy is")
        assert f"higher than {worse}'s" in line


# ------------------------------------------------------------------ a loss against itself


def test_a_loss_against_itself_from_another_head_shows_the_noise_floor():
    one = entrant("CE", [0.9] * 5, settings="ce")
    other = entrant("CE, last layer 1", 0.9 - around(0.008, 0.006), settings="ce", head_seed=1)
    assert said(one, other) == (
        "A/A check: CE and CE, last layer 1 are the same but for the start of their last layers, "
        "so this difference is the noise floor: in accuracy 0.8 points (95% interval 0.2 to 1.4, "
        "n = 5), and from one seed to the next it varies by 0.5 points (SD).",
    )
    (pair,) = verdicts([one, other], ACCURACY)
    assert pair.difference.shows_difference
    assert pair.winner is None
    assert len(summary([pair], ACCURACY)) == 1
    same_head = entrant("CE #2", other.scores, settings="ce")
    assert said(one, same_head)[0].startswith("After training, CE's")


def test_among_many_entrants_the_noise_floor_is_told_as_well():
    random = np.random.default_rng(3)
    them = [entrant(title, random.normal(0.9, 0.01, 5), settings=title) for title in "ABC"]
    them.append(entrant("A, last layer 1", random.normal(0.9, 0.01, 5), settings="A", head_seed=1))
    lines = summary(verdicts(them, ACCURACY), ACCURACY)
    (line,) = [line for line in lines if line.startswith("A/A check: A and A, last layer 1")]
    assert "adjusted for 6 pairs by Holm" in line


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


def test_a_run_that_diverged_did_not_arrive_either():
    a = entrant("BCE", [0.9, 0.91, 0.9, 0.92], [10, 20, 30, 40])
    b = entrant("MSE", [0.9, 0.9, 0.92, 0.9], [5, 30, 60, 50], diverged=[0])
    left_out, _, ratio = said(a, b, threshold=0.8)
    assert left_out == "MSE diverged in 1 of 4 seeds; the comparison has the other 3."
    assert "n = 3)" in ratio
    # It was quick before it diverged, which is no arrival: nor is it one that never came.
    assert "reached 80% accuracy in" not in ratio


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
        "BCE and MSE share one seed, which can't tell a difference from luck.",
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
        "MSE took 80% more steps to 93% accuracy than BCE (95% interval 54 to 110% more, n = 5)."
    )
    assert timed(quick, late) == (expected,)
    swapped = expected.replace("MSE", "*").replace("BCE", "MSE").replace("*", "BCE")
    assert timed(late, quick) == (swapped,)


def test_no_later_loss_is_named_where_the_interval_includes_1():
    times = 100 * np.exp(around(0, math.log(2)))
    assert timed(times, np.full(5, 100.0)) == (
        "No difference shown between BCE and MSE in steps to 93% accuracy: BCE took as many "
        "(95% interval 50% fewer to 100% more, n = 5).",
    )


def test_a_ratio_that_is_shown_is_never_written_as_1():
    late = 100 * np.exp(around(math.log(1.02), math.log(1.01)))
    (line,) = timed(np.full(5, 100.0), late)
    assert line.startswith("MSE took 2% more steps to")
    assert "95% interval 1 to 3% more" in line
    late = 100 * np.exp(around(math.log(1.002), math.log(1.001)))
    assert "took 0.2% more steps" in timed(np.full(5, 100.0), late)[0]


def test_seeds_that_never_arrived_are_counted():
    lines = timed([10, 20, 30, 40, 50], [20, 40, 60, None, None])
    assert lines == (
        "BCE reached 93% accuracy in 5 of 5 seeds, MSE in 3 of 5.",
        "No difference shown between BCE and MSE in steps to 93% accuracy: BCE took 50% "
        f"fewer in each of 3 seeds. {NO_SPREAD}",
    )
    assert timed([10, 20], [None, None]) == (
        "BCE reached 93% accuracy in 2 of 2 seeds, MSE in 0 of 2.",
    )


def test_seeds_that_started_beyond_the_threshold_are_told():
    assert timed([0, 20, 40], [10, 20, 40])[0] == (
        "In 1 of 3 seeds BCE or MSE had 93% accuracy before its first step; "
        "those have no ratio of steps."
    )


@pytest.mark.parametrize(
    ("threshold", "yardstick", "goal"),
    [(0.931, ACCURACY, "93.1% accuracy"), (0.9, ACCURACY, "90% accuracy"), (0.81, R2, "R² 0.81")],
)
def test_the_threshold_is_written_plainly(threshold, yardstick, goal):
    lines = timed([10, 20], [None, 20], threshold, yardstick)
    assert lines == (f"BCE reached {goal} in 2 of 2 seeds, MSE in 1 of 2.",)


def test_nothing_is_said_of_steps_that_were_not_timed():
    assert timed([10, 20], [20, 10], threshold=None) == ()
    assert len(said(CE, entrant("MSE", [0.8] * 5), threshold=0.9)) == 1


# ------------------------------------------------------------------ many pairs


def test_every_pair_has_its_verdict_in_order():
    losses = [entrant(title, [0.5, 0.6]) for title in "ABCD"]
    pairs = [(each.a.title, each.b.title) for each in verdicts(losses, ACCURACY)]
    assert pairs == [("A", "B"), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"), ("C", "D")]


#: Alone, the pairs have p = 0.003 (A and C), 0.04 (B and C) and 0.5 (A and B).
THREE = [
    entrant("A", [0.90, 0.91, 0.92]),
    entrant("B", [0.88, 0.93, 0.86]),
    entrant("C", [0.80, 0.82, 0.81]),
]


def test_three_pairs_are_adjusted_and_say_so():
    lines = summary(verdicts(THREE, ACCURACY), ACCURACY)
    assert len(lines) == 3
    assert lines[1] == (
        "After training, A's accuracy is 10.0 points higher than C's (98.3% interval 5.6 to 14.4, "
        "adjusted for 3 pairs by Holm, n = 3, wins 3 of 3)."
    )
    # Alone B beats C; beside the others it is not shown, and its interval says the same.
    assert said(*THREE[1:])[0].startswith("After training, B's")
    assert lines[2].startswith("No difference shown between B and C in accuracy: 8.0 points (97.5")


def test_ratios_of_steps_are_adjusted_as_well():
    late = [(100, 110, 121), (50, 60, 52), (50, 70, 60)]
    three = [
        entrant(title, [0.9, 0.92, 0.95], times) for title, times in zip("ABC", late, strict=True)
    ]
    lines = [line for line in summary(verdicts(three, ACCURACY, 0.8), ACCURACY) if "steps" in line]
    assert len(lines) == 3
    assert all("adjusted for 3 pairs by Holm" in line for line in lines)


def test_many_pairs_are_told_in_few_sentences():
    more = [entrant("D", [0.5, 0.52, 0.51]), entrant("E", [0.3, 0.31, 0.33], diverged=[1])]
    lines = summary(verdicts([*THREE, *more], ACCURACY), ACCURACY)
    # D is 30 points below C in every seed; with E two seeds are left.
    assert lines == (
        "E diverged in 1 of 3 seeds; each pair is compared over the others.",
        "After training, A's accuracy is higher than that of C and D "
        "(adjusted for 10 pairs by Holm).",
        "After training, B's accuracy is higher than that of D (adjusted for 10 pairs by Holm).",
        "No difference shown in accuracy in the other 7 of 10 pairs.",
        TWO_SEEDS,
        f"In some pairs all seeds have the same difference. {NO_SPREAD}",
    )
    close_by = [entrant(title, row) for title, row in zip("ABCD", np.eye(4), strict=True)]
    assert summary(verdicts(close_by, ACCURACY), ACCURACY) == (
        "No difference shown in accuracy between any two of them (adjusted for 6 pairs by Holm).",
    )


def test_six_entrants_take_no_wall_of_words():
    random = np.random.default_rng(0)
    them = [
        entrant(title, random.normal(0.9 - place / 50, 0.005, 8), random.integers(10, 90, 8))
        for place, title in enumerate("ABCDEF")
    ]
    lines = summary(verdicts(them, ACCURACY, 0.85), ACCURACY)
    assert len(lines) <= 8
    assert all("15 pairs" in line for line in lines)


def test_a_pair_that_cannot_be_compared_is_adjusted_for_nothing():
    hinge = entrant("Hinge", [NAN] * 3, no_score=NOT_PROBABILITIES)
    why = "Hinge's outputs are not probabilities, so it has no NLL."
    lines = summary(verdicts([*THREE, hinge], NLL), NLL)
    assert lines.count(why) == 1
    assert [("adjusted for 3 pairs by Holm" in line) for line in lines if line != why] == [True] * 3
    lines = summary(verdicts([*THREE[:2], hinge, hinge], NLL), NLL)
    assert lines[0].startswith("No difference shown between A and B in NLL")
    assert "adjusted" not in " ".join(lines)


# ------------------------------------------------------------------ each pair in numbers


def test_the_table_has_a_row_for_each_pair_that_is_compared():
    columns, rows = pairs_table(verdicts(THREE, ACCURACY), ACCURACY)
    assert columns == ["", "Accuracy: difference", "Interval", "p, Holm", "p, Wilcoxon",
                       "Could show", "More seeds"]  # fmt: skip
    assert list(rows) == ["A less B", "A less C", "B less C"]
    assert rows["A less C"][:2] == ["10.0 points", "5.6 to 14.4 (98.3%)"]
    # Three seeds cannot show anything by their signs; at the level of three pairs it takes seven.
    assert rows["A less C"][3:] == ["from 7 seeds", "–", "–"]
    assert rows["B less C"][4].endswith(" points")
    assert int(rows["B less C"][5]) > 0


def test_the_table_has_the_steps_where_they_were_timed():
    two = [entrant("A", [0.9, 0.92, 0.95], [100, 110, 121]),
           entrant("B", [0.9, 0.93, 0.94], [50, 60, 52])]  # fmt: skip
    columns, rows = pairs_table(verdicts(two, ACCURACY, 0.855), ACCURACY)
    assert columns[-1] == "Steps to 85.5% accuracy"
    assert rows["A less B"][-1] == "104% more (51% more to 176% more)"


def test_what_so_many_seeds_could_have_shown_is_said_of_one_pair_that_shows_nothing():
    bce = entrant("BCE", 0.9 + around(0.001, 0.004))
    line = summary(verdicts([CE, bce], ACCURACY), ACCURACY)[-1]
    assert line == (
        "A true difference of 0.5 points is the smallest that 5 seeds show with a chance of 80% "
        "(two-sided t test at 5%); to show the 0.1 points that were seen, it would take 79 more."
    )
    shown = entrant("MSE", 0.9 - around(0.008, 0.006))
    assert len(summary(verdicts([CE, shown], ACCURACY), ACCURACY)) == 1


def test_one_seed_is_said_once_for_all_pairs():
    losses = [entrant(title, [0.5]) for title in "ABC"]
    assert summary(verdicts(losses, ACCURACY), ACCURACY) == (ONE_SEED,)
