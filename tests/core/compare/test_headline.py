"""The one sentence on a race: hand-made races, and that it claims what the verdicts show."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.headline import ALONE, headline
from core.compare.sentences import ONE_SEED
from core.compare.verdict import NOT_PROBABILITIES, EntrantScores, verdicts
from core.judging.yardsticks import yardsticks
from core.losses import Task
from tests.core.compare.numbers import NAN
from tests.core.compare.test_verdict import around, entrant

ACCURACY, NLL, *_ = yardsticks(Task.BINARY)
CE = entrant("CrossEntropy", [0.9] * 5)
MSE = entrant("MSE", 0.9 - around(0.008, 0.006))


def said(*entrants, yardstick=ACCURACY, threshold=None, **options):
    return headline(verdicts(entrants, yardstick, threshold), yardstick, **options)


def test_the_better_of_two_is_named_with_its_lead():
    expected = "So far, CrossEntropy's accuracy is 0.8 points higher than MSE's."
    assert said(CE, MSE, opening="So far") == said(MSE, CE, opening="So far") == expected


def test_where_less_is_better_it_is_lower():
    low, high = entrant("BCE", [0.3] * 3), entrant("MSE", 0.3 + around(0.02, 0.01, 3))
    assert said(low, high, yardstick=NLL) == (
        "After training, BCE's NLL is 0.0200 lower than MSE's."
    )


def test_the_slower_of_two_is_told_in_percent():
    quick = entrant("BCE", [0.9] * 5, [100] * 5)
    late = entrant("MSE", 0.9 - around(0.008, 0.006), 160 * np.exp(around(0, 0.05)))
    expected = (
        "After training, BCE's accuracy is 0.8 points higher than MSE's; "
        "MSE took 60% more steps to 85% accuracy than BCE."
    )
    assert said(quick, late, threshold=0.85) == said(late, quick, threshold=0.85) == expected


def test_the_best_of_many_is_better_than_every_other_and_may_be_the_quickest():
    random = np.random.default_rng(1)
    best = entrant("A", 0.95 + random.normal(0, 0.001, 5), 100 + random.normal(0, 3, 5))
    others = [
        entrant(title, 0.9 + random.normal(0, 0.001, 5), 400 + random.normal(0, 3, 5))
        for title in "BC"
    ]
    assert said(*others, best, threshold=0.85) == (
        "After training, A's accuracy is higher than that of every other; "
        "A took the fewest steps to 85% accuracy."
    )


def test_where_nobody_is_best_of_all_it_says_who_is_better_than_whom():
    random = np.random.default_rng(1)
    level = {"A": 0.95, "B": 0.95, "C": 0.8}
    them = [entrant(title, center + random.normal(0, 0.002, 6)) for title, center in level.items()]
    assert said(*them) == (
        "After training, A's accuracy is higher than that of C; "
        "B's accuracy is higher than that of C; 1 of 3 pairs shows no difference."
    )


def test_without_a_difference_it_names_nobody():
    near = entrant("BCE", 0.9 + around(0.001, 0.004))
    nobody = "After training, no difference is shown in accuracy between"
    assert said(CE, near) == f"{nobody} CrossEntropy and BCE."
    assert said(CE, near, entrant("MSE", 0.9 + around(0, 0.01))) == (
        f"{nobody} any two of CrossEntropy, BCE and MSE."
    )
    many = [entrant(title, [0.9] * 3) for title in "ABCDE"]
    assert said(*many) == f"{nobody} any two of 5 entrants."
    two = entrant("A", [0.9, 0.91]), entrant("B", [0.5, 0.6])
    assert said(*two) == f"{nobody} A and B, as two seeds are too few to name a winner."


def test_what_cannot_be_compared_is_said():
    assert said(CE) == ALONE
    assert said(entrant("A", [0.9]), entrant("B", [0.8])) == ONE_SEED
    hinge = entrant("Hinge", [NAN] * 5, no_score=NOT_PROBABILITIES)
    assert said(CE, hinge, yardstick=NLL) == (
        "After training, no two entrants can be compared by NLL."
    )
    gone = entrant("MSE", [NAN] * 5, diverged=range(5))
    assert said(CE, gone) == "After training, no two entrants can be compared by accuracy."
    one, other = (entrant("CE", [0.9] * 5, settings="ce", head_seed=seed) for seed in (None, 1))
    assert said(one, other) == (
        "After training, an A/A check: what differs in accuracy is the noise floor."
    )


def test_who_shares_too_few_seeds_with_one_is_not_called_the_quickest():
    # B and C have only seed 0 in common, so that C is compared with A alone.
    early, late = 100 + around(0, 3), 200 + around(0, 3)
    a = entrant("A", 0.9 + around(0, 0.001), late)
    b = entrant("B", 0.9 + around(0, 0.001), late, (1, 2))
    c = entrant("C", 0.9 + around(0, 0.001), early, (3, 4))
    assert "C took the fewest steps" in said(a, c, entrant("B", [0.9] * 5, late), threshold=0.8)
    assert "fewest" not in said(a, b, c, threshold=0.8)


# ------------------------------------------------------------------ whatever the race


@st.composite
def races(draw: st.DrawFn) -> tuple[list[EntrantScores], float | None]:
    """Two to five entrants, some better than others, some seeds diverged, at times timed."""
    seeds = draw(st.integers(1, 6))
    is_timed = draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    them = []
    for title in "ABCDE"[: draw(st.integers(2, 5))]:
        level = draw(st.sampled_from([0.5, 0.7, 0.702, 0.9]))
        lost = draw(st.sets(st.integers(0, seeds - 1), max_size=2))
        times = 100 / level * random.lognormal(0, 0.1, seeds) if is_timed else None
        them.append(entrant(title, random.normal(level, 0.01, seeds), times, tuple(lost)))
    return them, 0.6 if is_timed else None


def better_pairs(sentence: str, titles: list[str]) -> set[tuple[str, str]]:
    """(better, worse) as the sentence claims them."""
    claimed = set()
    for one, other in re.findall(r"(\w)'s \w+ is [\d.]+(?: points)? \w+ than (\w)'s", sentence):
        claimed.add((one, other))
    for one, others in re.findall(r"(\w)'s \w+ is \w+ than that of ([^;.]+)", sentence):
        told = [each for each in titles if each != one]
        if others != "every other":
            told = re.findall(r"\b[A-E]\b", others)
        claimed |= {(one, each) for each in told}
    return claimed


@pytest.mark.parametrize("yardstick", [ACCURACY, NLL])
@given(race=races())
def test_it_claims_just_what_the_verdicts_show(yardstick, race):
    them, threshold = race
    pairs = verdicts(them, yardstick, threshold)
    sentence = headline(pairs, yardstick)
    compared = [each for each in pairs if each.difference.n >= 2]
    shown = {(x.winner.title, x.other(x.winner).title) for x in compared if x.winner}
    titles = sorted({each.title for pair in compared for each in (pair.a, pair.b)})
    claimed = better_pairs(sentence, titles)
    if "every other" in sentence:
        # Pairs that the best has no part in are left to the plot.
        (best,) = {one for one, _ in claimed}
        shown = {pair for pair in shown if pair[0] == best}
    assert claimed == shown
    assert ("no difference is shown" in sentence) == (bool(compared) and not shown)
    assert "nan" not in sentence
    assert sentence.count(". ") == 0


@given(race=races())
def test_its_steps_are_those_of_the_verdicts(race):
    them, threshold = race
    pairs = verdicts(them, ACCURACY, threshold)
    compared = [each for each in pairs if each.difference.n >= 2]
    sentence = headline(pairs, ACCURACY)
    titles = sorted({each.title for pair in compared for each in (pair.a, pair.b)})
    for later, percent, quick in re.findall(
        r"(\w) took ([\d.,]+) % more steps .* than (\w)", sentence
    ):
        (pair,) = compared
        assert pair.quicker.title == quick
        assert pair.other(pair.quicker).title == later
        ratio = math.exp(abs(pair.arrivals.logs.mean))
        assert float(percent.replace(",", "")) == pytest.approx(100 * (ratio - 1), abs=0.51)
    for quickest in re.findall(r"(\w) took the fewest", sentence):
        fought = [x for x in compared if quickest in (x.a.title, x.b.title)]
        assert len(fought) == len(titles) - 1
        assert all(each.quicker.title == quickest for each in fought)
    if len(compared) == 1 and compared[0].quicker:
        assert "% more steps" in sentence
