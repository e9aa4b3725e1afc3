"""A long series kept short: its lows and highs, and its moving average.

Shapes: series come as ``[n, K]``, n steps of K runs, and are extended piece by piece.
"""

from __future__ import annotations

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
        self._low: Floats = np.empty((0, run_count), np.float32)
        self._high: Floats = self._low
        self._low_at: Steps = np.empty((0, run_count), np.int32)
        self._high_at: Steps = self._low_at
        self._newest: Floats = np.full(run_count, np.nan, np.float32)

    def extend(self, values: Floats) -> None:
        """Take in the next n steps; a row of its own is a stretch of one step."""
        if not len(values):
            return
        finite = np.isfinite(values)
        steps = np.arange(self.count + 1, self.count + 1 + len(values), dtype=np.int32)
        at = np.broadcast_to(steps[:, None], values.shape)
        low = np.concatenate([self._low, np.where(finite, values, np.float32(np.inf))])
        high = np.concatenate([self._high, np.where(finite, values, np.float32(-np.inf))])
        self._newest = values[-1].copy()
        self.count += len(values)
        while self.count > self.width * MAX_BUCKETS:
            self.width *= 2

        low_at = np.concatenate([self._low_at, at])
        buckets = (low_at[:, 0] - 1) // self.width
        starts = np.flatnonzero(np.diff(buckets, prepend=-1))
        self._low, self._low_at = _lowest(low, low_at, starts)
        high_at = np.concatenate([self._high_at, at])
        minus_high, self._high_at = _lowest(-high, high_at, starts)
        self._high = -minus_high

    def points(self, run: int) -> tuple[Steps, Floats]:
        """One run's lows and highs and its newest value, in order of step: x and y."""
        low_at, high_at = self._low_at[:, run], self._high_at[:, run]
        low, high = self._low[:, run], self._high[:, run]
        rises = low_at <= high_at
        x = np.stack([np.minimum(low_at, high_at), np.maximum(low_at, high_at)], axis=1)
        y = np.stack([np.where(rises, low, high), np.where(rises, high, low)], axis=1)
        drawn = np.isfinite(y)
        drawn[:, 1] &= low_at != high_at
        x, y = x[drawn], y[drawn]
        if np.isfinite(self._newest[run]) and x[-1] != self.count:
            return np.append(x, np.int32(self.count)), np.append(y, self._newest[run])
        return x, y


def _lowest(values: Floats, at: Steps, starts: NDArray[np.intp]) -> tuple[Floats, Steps]:
    """The lowest value of each group of rows, and the first step that has it."""
    lowest = np.minimum.reduceat(values, starts, axis=0)
    sizes = np.diff(starts, append=len(values))
    elsewhere = np.iinfo(np.int32).max
    places = np.where(values == np.repeat(lowest, sizes, axis=0), at, elsewhere)
    return lowest, np.minimum.reduceat(places, starts, axis=0)


class MovingAverage:
    """Exponential moving average with its start corrected, as TensorBoard draws it.

    s_t = w s_{t-1} + (1 - w) x_t from s_0 = 0, and s_t / (1 - w^t) is given: a weighted
    mean of all values so far. It ends where a run's value first is not finite.
    Written in NumPy alone because importing SciPy or pandas would cost a first paint a second.
    """

    _BLOCK = 128

    def __init__(self, weight: float, run_count: int) -> None:
        self.count = 0
        self._state = np.zeros(run_count)
        self._ended = np.zeros(run_count, bool)
        powers = np.arange(self._BLOCK)
        #: Within a block of n values, s = kernel x + decay s_before.
        self._decay = weight ** (powers + 1.0)
        lags = powers[:, None] - powers
        self._kernel = (1 - weight) * np.tril(weight ** np.maximum(lags, 0.0))
        self._weight = weight

    def extend(self, values: Floats) -> NDArray[np.float64]:
        """The average at each of the next n steps; NaN from where a run broke off."""
        n, run_count = values.shape
        ended = np.logical_or.accumulate(~np.isfinite(values), axis=0) | self._ended
        blocks = -(-n // self._BLOCK)
        padded = np.zeros((blocks * self._BLOCK, run_count))
        padded[:n] = np.where(ended, 0, values)
        sums = self._kernel @ padded.reshape(blocks, self._BLOCK, run_count)
        for block in sums:
            block += self._decay[:, None] * self._state
            self._state = block[-1]
        sums = sums.reshape(-1, run_count)[:n]
        if n:
            self._state, self._ended = sums[-1].copy(), ended[-1]
        corrections = 1 - self._weight ** np.arange(self.count + 1.0, self.count + 1.0 + n)
        self.count += n
        averages: NDArray[np.float64] = sums / corrections[:, None]
        averages[ended] = np.nan
        return averages
