"""Verdicts on simulated races are right as often as they say; ``make verify`` has more of them."""

from __future__ import annotations

import math

import pytest

from tests.core.compare import simulated

RACES = 2000
#: Three standard errors of a share of 5% in so many races.
ERROR = 3 * math.sqrt(0.05 * 0.95 / RACES)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_an_interval_has_the_true_difference_in_it_as_often_as_it_says(seeds: int) -> None:
    assert 0.93 <= simulated.coverage(RACES, seeds) <= 0.97


@pytest.mark.parametrize("entrants", [3, 6])
def test_equal_entrants_are_told_apart_in_one_race_of_twenty_at_most(entrants: int) -> None:
    assert simulated.false_alarms(RACES, entrants) <= 0.05 + ERROR


def test_without_the_adjustment_they_would_be_told_apart_far_more_often() -> None:
    assert simulated.false_alarms_alone(500, 6) > 0.3


@pytest.mark.some(1)
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_seeds_that_share_rows_need_the_wider_interval_to_speak_of_new_data(seeds: int) -> None:
    new, splits = simulated.coverage_of_new_data(RACES, seeds)
    # The correction is an approximation, which errs to the side of caution for many seeds.
    assert new >= 0.95 - ERROR - 0.01
    assert splits < 0.95 - 2 * ERROR
