"""The envelope against a plain loop over all the steps, and its way through bytes."""

from __future__ import annotations

import numpy as np
import pytest

from core.records.envelope import MAX_BUCKETS, Envelope
from tests.core.compare.test_smoothing import noise


def test_envelope_keeps_the_low_and_high_of_every_stretch() -> None:
    losses = noise(10_000)
    envelope = Envelope(1)
    envelope.extend(losses)
    x, y = envelope.points(0)
    for start in range(0, len(losses), envelope.width):
        stretch = losses[start : start + envelope.width, 0]
        kept = y[(x > start) & (x <= start + envelope.width)]
        assert kept.min() == stretch.min()
        assert kept.max() == stretch.max()
    assert envelope.width == 16
    assert -(-len(losses) // envelope.width) <= MAX_BUCKETS


def extended(losses: np.ndarray, *ends: int) -> Envelope:
    envelope = Envelope(losses.shape[1])
    for piece in np.split(losses, ends):
        envelope.extend(piece)
    return envelope


@pytest.mark.parametrize("steps", [0, 1, 700, 5_000])
def test_it_goes_on_from_its_bytes_as_if_it_had_never_been_written(steps: int) -> None:
    losses = noise(9_000, 3)
    losses[4_000:, 1] = np.nan
    read = Envelope.from_bytes(extended(losses[:steps]).to_bytes())
    read.extend(losses[steps:])
    whole = extended(losses)
    assert (read.width, read.count) == (whole.width, whole.count)
    for run in range(3):
        for ours, theirs in zip(read.points(run), whole.points(run), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("content", [b"", b"PK", extended(noise(9)).to_bytes()[:-40]])
def test_damaged_bytes_are_said_to_be(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The envelope can't be read: "):
        Envelope.from_bytes(content)
