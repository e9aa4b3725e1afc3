"""The simulations of ``tests/core/compare``, with so many races that chance hides nothing.

``make verify`` prints the figures.
"""

from __future__ import annotations

import math

import pytest

from tests.core.compare import simulated

RACES = 20_000
ERROR = 3 * math.sqrt(0.05 * 0.95 / RACES)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_95_percent_intervals_cover_the_true_difference(seeds: int) -> None:
    covered = simulated.coverage(RACES, seeds)
    print(f"\n{seeds} seeds: {covered:.1%} of {RACES:,} intervals cover the true difference")
    assert abs(covered - 0.95) <= ERROR


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("entrants", [3, 6, 10])
def test_equal_entrants_are_told_apart_in_at_most_5_percent(entrants: int, seeds: int) -> None:
    told_apart = simulated.false_alarms(RACES, entrants, seeds)
    print(f"\n{entrants} equal entrants, {seeds} seeds: {told_apart:.1%} of {RACES:,} told apart")
    assert told_apart <= 0.05 + ERROR


@pytest.mark.parametrize("seeds", [3, 5, 10, 20])
def test_intervals_on_new_data_cover_though_seeds_share_rows(seeds: int) -> None:
    new, splits = simulated.coverage_of_new_data(RACES, seeds)
    print(f"\n{seeds} splits: on new data {new:.1%} of {RACES:,} cover, plain ones {splits:.1%}")
    # The correction is an approximation; plain intervals get worse with every seed.
    assert new >= 0.93
    assert splits < 0.92
