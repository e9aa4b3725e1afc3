"""A long series kept short: its lows and highs.

Shapes: series come as ``[n, K]``, n steps of K runs, and are extended piece by piece.
"""

from __future__ import annotations

import io
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Steps = NDArray[np.int32]

#: Stretches that a series is divided into, at most.
MAX_BUCKETS = 1024


class Envelope:
    """The lowest and highest value, and where, in each of ``MAX_BUCKETS`` stretches.

    Stretches are ``width`` steps long; when there are too many, the width doubles and
    neighbours are merged. Steps are counted from 1. Values that are not finite are left out.
    """

    def __init__(self, run_count: int) -> None:
        self.width = 1
        self.count = 0
        #: For each stretch the lowest of every run's values, then of their negatives.
        self._lowest: Floats = np.empty((0, 2 * run_count), np.float32)
        self._at: Steps = np.empty((0, 2 * run_count), np.int32)
        #: The newest step's values; NaN before the first.
        self._newest: Floats = np.full(run_count, np.nan, np.float32)

    @property
    def run_count(self) -> int:
        return len(self._newest)

    def extend(self, values: Floats) -> None:
        """Take in the next n steps; a row of its own is a stretch of one step."""
        if not len(values):
            return
        steps = np.arange(self.count + 1, self.count + 1 + len(values), dtype=np.int32)
        self._newest = values[-1].copy()
        self.count += len(values)
        # While the width stays, all stretches but the newest are as they will ever be.
        settled = max(len(self._lowest) - 1, 0)
        while self.count > self.width * MAX_BUCKETS:
            self.width *= 2
            settled = 0

        both = np.concatenate([values, -values], axis=1)
        both = np.where(np.isfinite(both), both, np.float32(np.inf))
        both = np.concatenate([self._lowest[settled:], both])
        at = np.broadcast_to(steps[:, None], (len(values), both.shape[1]))
        at = np.concatenate([self._at[settled:], at])
        lowest, at = _lowest(both, at, (at[:, 0] - 1) // self.width)
        self._lowest = np.concatenate([self._lowest[:settled], lowest])
        self._at = np.concatenate([self._at[:settled], at])

    def points(self, run: int) -> tuple[Steps, Floats]:
        """One run's lows and highs and its newest value, in order of step: x and y."""
        of_high = run + len(self._newest)
        low, high = self._lowest[:, run], -self._lowest[:, of_high]
        low_at, high_at = self._at[:, run], self._at[:, of_high]
        rises = low_at <= high_at
        x = np.stack([np.minimum(low_at, high_at), np.maximum(low_at, high_at)], axis=1)
        y = np.stack([np.where(rises, low, high), np.where(rises, high, low)], axis=1)
        drawn = np.isfinite(y)
        drawn[:, 1] &= low_at != high_at
        x, y = x[drawn], y[drawn]
        if np.isfinite(self._newest[run]) and x[-1] != self.count:
            return np.append(x, np.int32(self.count)), np.append(y, self._newest[run])
        return x, y

    def to_bytes(self) -> bytes:
        """As an ``.npz`` file."""
        file = io.BytesIO()
        reach = np.array([self.width, self.count])
        np.savez(file, reach=reach, lowest=self._lowest, at=self._at, newest=self._newest)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises ``ValueError`` for bytes that are none."""
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                envelope = cls(len(file["newest"]))
                envelope.width, envelope.count = file["reach"].tolist()
                envelope._lowest, envelope._at = file["lowest"], file["at"]
                envelope._newest = file["newest"]
        except Exception as error:
            # Where bytes are damaged decides what numpy or zipfile raise of it.
            raise ValueError(f"The envelope can't be read: {type(error).__name__}.") from error
        return envelope


def _lowest(values: Floats, at: Steps, groups: Steps) -> tuple[Floats, Steps]:
    """The lowest value of each group of neighbouring rows, and the first step that has it."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    lowest = np.minimum.reduceat(values, starts, axis=0)
    sizes = np.diff(starts, append=len(values))
    elsewhere = np.iinfo(np.int32).max
    places = np.where(values == np.repeat(lowest, sizes, axis=0), at, elsewhere)
    return lowest, np.minimum.reduceat(places, starts, axis=0)
