"""What stands beside the printed losses: differences by hand, and the sentence about them."""

from __future__ import annotations

import math

import pytest

from core.program.comparing import Comparison, compare, sentence


def test_the_difference_is_relative_to_the_lab() -> None:
    assert compare([2.0, 1.5], {1: 2.0, 2: 2.0}, 10) == Comparison(2, 0.25, 2, 20, 0.25)


def test_only_epochs_that_both_have_are_compared() -> None:
    found = compare([2.0, 1.0, 1.0], {0: 9.0, 1: 2.0, 3: 2.0, 4: 7.0}, 1)
    assert found == Comparison(2, 0.5, 2, 2, 0.5)
    assert compare([1.0], {2: 1.0}, 1) is None
    assert compare([], {1: 1.0}, 1) is None


@pytest.mark.parametrize(("steps", "first_epochs"), [(100, 2), (200, 1), (45, 4), (900, 1)])
def test_the_first_200_steps_are_whole_epochs_and_at_least_one(
    steps: int, first_epochs: int
) -> None:
    printed = [1.0] * first_epochs + [3.0] * 5
    found = compare(printed, dict.fromkeys(range(1, 20), 1.0), steps)
    assert found == Comparison(first_epochs + 5, 2.0, first_epochs, first_epochs * steps, 0.0)


@pytest.mark.parametrize(
    ("printed", "lab", "difference"),
    [
        (math.nan, math.nan, 0.0),
        (math.inf, math.inf, 0.0),
        (0.0, 0.0, 0.0),
        (math.nan, 1.0, math.inf),
        (1.0, math.nan, math.inf),
        (math.inf, 1.0, math.inf),
        (1.0, 0.0, math.inf),
        (-1.0, -2.0, 0.5),
    ],
)
def test_losses_that_are_0_or_not_finite(printed: float, lab: float, difference: float) -> None:
    found = compare([printed], {1: lab}, 1)
    assert found is not None
    assert found.largest == difference


def test_the_sentences() -> None:
    assert sentence(Comparison(10, 1.2e-7, 10, 10, 1.2e-7), True) == (
        "The largest relative difference from the lab's losses is 1e-07, over 10 epochs."
    )
    amplified = sentence(Comparison(100, 3e-3, 4, 180, 2e-7), True)
    assert amplified.startswith(
        "The largest relative difference from the lab's losses is 2e-07 over the first 180 steps "
        "(4 epochs), and 0.003 over 100 epochs. This training amplifies rounding:"
    )
    assert sentence(Comparison(1, 3e-3, 1, 9, 3e-3), True).startswith(
        "The largest relative difference from the lab's losses is 0.003 over the first 9 steps "
        "(1 epoch). This training"
    )
    assert ", and without bound (one is not finite) over 15 epochs." in sentence(
        Comparison(15, math.inf, 4, 180, 1e-6), True
    )
    assert "press Train" in sentence(None, False)
    assert "none of these epochs yet" in sentence(None, True)
