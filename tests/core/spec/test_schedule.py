"""When an experiment is judged: often enough to see it, and seldom enough to keep all of it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import EPOCHS
from core.spec.schedule import ALL_JUDGED, is_judged, next_judged

pytestmark = pytest.mark.hypothesis
MOST = 2_000
ALL_EPOCHS = st.integers(int(EPOCHS.low), int(EPOCHS.high))


def judged(epochs: int) -> list[int]:
    return [epoch for epoch in range(epochs + 1) if is_judged(epoch, epochs)]


@given(ALL_EPOCHS)
def test_the_start_the_first_epochs_and_the_last_are_judged_and_never_too_many(epochs: int) -> None:
    found = judged(epochs)
    assert len(found) <= MOST
    first = min(epochs, ALL_JUDGED)
    assert found[: first + 1] == list(range(first + 1))
    assert found[-1] == epochs


@given(ALL_EPOCHS)
def test_gaps_are_a_small_share_of_the_epochs_before(epochs: int) -> None:
    gaps = [(later - epoch, epoch) for epoch, later in itertools.pairwise(judged(epochs))]
    assert all(gap <= max(1, epoch / 32) for gap, epoch in gaps)


@given(ALL_EPOCHS, ALL_EPOCHS)
def test_two_experiments_are_judged_at_the_same_epochs(epochs: int, other: int) -> None:
    fewer, more = sorted((epochs, other))
    assert judged(fewer)[:-1] == [epoch for epoch in judged(more) if epoch < fewer]


@given(ALL_EPOCHS, st.data())
def test_the_next_one_that_is_judged(epochs: int, data: st.DataObject) -> None:
    epoch = data.draw(st.integers(1, epochs))
    expected = next(each for each in judged(epochs) if each >= epoch)
    assert next_judged(epoch, epochs) == expected


def test_by_hand() -> None:
    assert judged(3) == [0, 1, 2, 3]
    assert [each for each in judged(135) if each > 62] == [
        *(63, 64, *range(66, 129, 2)), 132, 135
    ]  # fmt: skip
    assert len(judged(10_000)) == 1 + 64 + 32 * 7 + (10_000 - 8_192) // 256 + 1
