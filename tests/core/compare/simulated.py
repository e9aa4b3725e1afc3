"""Races of known truth, judged as real ones are: how often does a verdict say what is so?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from core.compare.verdict import EntrantScores, Verdict, verdicts
from core.judging.yardsticks import yardsticks
from core.losses import Task

ACCURACY, *_ = yardsticks(Task.BINARY)
#: What a seed does to all entrants alike, and what it does to each.
COMMON, OWN = 0.02, 0.01
#: Rows of a data set of which every seed holds out a fifth.
ROWS, HELD_OUT = 200, 40


def judged(table: np.ndarray, overlap: float = 0.0) -> tuple[Verdict, ...]:
    """The verdicts on scores ``[L, S]``, more being better."""
    entrants = [
        EntrantScores(str(place), row, np.zeros(len(row), bool)) for place, row in enumerate(table)
    ]
    return verdicts(entrants, ACCURACY, overlap=overlap)


def race(random: np.random.Generator, truths: Sequence[float], seeds: int) -> np.ndarray:
    """Scores of entrants that are truly so good, ``[L, S]``."""
    common = random.normal(0, COMMON, seeds)
    return np.array(truths)[:, None] + common + random.normal(0, OWN, (len(truths), seeds))


def coverage(races: int, seeds: int) -> float:
    """The share of races whose interval has the true difference in it."""
    random, truth = np.random.default_rng(seeds), 0.008
    covered = 0
    for _ in range(races):
        difference = judged(race(random, (0.9 + truth, 0.9), seeds))[0].difference
        covered += difference.low <= truth <= difference.high
    return covered / races


def false_alarms(races: int, entrants: int, seeds: int = 5) -> float:
    """The share of races of equal entrants in which a winner is named."""
    random, equal = np.random.default_rng(entrants), [0.9] * entrants
    told_apart = (judged(race(random, equal, seeds)) for _ in range(races))
    return sum(any(pair.winner for pair in pairs) for pairs in told_apart) / races


def false_alarms_alone(races: int, entrants: int, seeds: int = 5) -> float:
    """The same, if every pair were tested by itself."""
    random, equal = np.random.default_rng(entrants), [0.9] * entrants
    tables = (race(random, equal, seeds) for _ in range(races))
    places = list(combinations(range(entrants), 2))
    told_apart = sum(any(judged(table[[*pair]])[0].winner for pair in places) for table in tables)
    return told_apart / races


# ------------------------------------------------------------------ splits of one data set


def split_race(random: np.random.Generator, seeds: int) -> np.ndarray:
    """Two learners of a mean, from ``seeds`` splits of one data set of normal numbers.

    The first predicts the mean of its training rows, the second always a constant whose error on
    new data is the same. The scores are less the mean squared error on the held-out rows. So
    their difference on new data is truly 0, but the seeds of a race share its rows.
    """
    rows = random.normal(0, 1, ROWS)
    constant = 1 / math.sqrt(ROWS - HELD_OUT)
    scores = np.empty((2, seeds))
    for seed in range(seeds):
        random.shuffle(rows)
        held_out, training = rows[:HELD_OUT], rows[HELD_OUT:]
        for place, prediction in enumerate((training.mean(), constant)):
            scores[place, seed] = -np.square(held_out - prediction).mean()
    return scores


def coverage_of_new_data(races: int, seeds: int) -> tuple[float, float]:
    """The shares of races whose interval has 0 in it: on new data, and on these splits."""
    random = np.random.default_rng(100 + seeds)
    overlap = HELD_OUT / (ROWS - HELD_OUT)
    covered = np.zeros(2)
    for _ in range(races):
        table = split_race(random, seeds)
        for place, each in enumerate((overlap, 0.0)):
            difference = judged(table, each)[0].difference
            covered[place] += difference.low <= 0 <= difference.high
    new, splits = covered / races
    return float(new), float(splits)
