"""What seeds can show, against the noncentral t of SciPy and against simulated tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from core.compare.pairs import paired
from core.compare.power import MOST_SEEDS, POWER, more_seeds, power, smallest_shown

LEVELS = (0.05, 0.05 / 3, 0.05 / 15, 0.05 / 45)


def by_scipy(shift: float, n: int, level: float) -> float:
    quantile = scipy.stats.t.isf(level / 2, n - 1)
    beyond = scipy.stats.nct.sf(quantile, n - 1, shift) + np.nan_to_num(
        scipy.stats.nct.cdf(-quantile, n - 1, shift)
    )
    return float(beyond)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [3, 5, 10, 20, 300])
@pytest.mark.parametrize("shift", [0.0, 0.7, 2.5, -2.5, 6.0, 15.0])
def test_the_power_is_that_of_the_noncentral_t(shift, n, level):
    assert power(shift, n, level) == pytest.approx(by_scipy(abs(shift), n, level), abs=1e-7)


def test_the_power_is_how_often_a_test_shows_the_difference():
    random = np.random.default_rng(5)
    n, shift = 5, 1.5
    a = random.normal(shift, 1, (4000, n))
    shown = np.mean([paired([row], [np.zeros(n)], True)[0].shows_difference for row in a])
    # Three standard errors of a share in 4,000 are 0.024.
    assert abs(shown - power(shift * math.sqrt(n), n, 0.05)) < 0.024


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("overlap", [0.0, 0.25])
def test_the_smallest_difference_is_shown_with_the_power(n, level, overlap):
    smallest = smallest_shown(0.02, n, level, overlap)
    shift = smallest / (0.02 * math.sqrt(1 / n + overlap))
    assert by_scipy(shift, n, level) == pytest.approx(POWER, abs=1e-6)


@pytest.mark.parametrize(("mean", "sd"), [(0.01, 0.02), (-0.01, 0.02), (0.002, 0.01), (1, 5)])
@pytest.mark.parametrize("level", LEVELS)
def test_so_many_more_seeds_have_the_power_and_one_fewer_has_not(mean, sd, level):
    more = more_seeds(mean, sd, 5, level)
    assert more is not None
    enough, short = (
        by_scipy(abs(mean) / sd * math.sqrt(n), n, level) for n in (5 + more, 4 + more)
    )
    assert enough >= POWER > short


def test_more_than_are_counted_are_not_told_apart():
    assert more_seeds(0.0, 0.01, 5, 0.05) is None
    assert more_seeds(0.0001, 0.01, 5, 0.05) is None
    needed = more_seeds(0.0009, 0.01, 5, 0.05)
    assert needed is not None
    assert MOST_SEEDS > needed > 900


def test_on_new_data_seeds_may_never_be_enough():
    assert more_seeds(0.01, 0.02, 5, 0.05) is not None
    assert more_seeds(0.01, 0.02, 5, 0.05, overlap=0.25) is None
    assert more_seeds(0.04, 0.02, 5, 0.05, overlap=0.25) is not None
