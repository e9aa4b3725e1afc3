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
#: What can be taken from 1 in float64 without changing it.
_ROUNDED_AWAY = np.finfo(np.float64).epsneg / 4


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
        self._newest: Floats = np.full(run_count, np.nan, np.float32)

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


def _lowest(values: Floats, at: Steps, groups: Steps) -> tuple[Floats, Steps]:
    """The lowest value of each group of neighbouring rows, and the first step that has it."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
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
        # Later than this, 1 - w^t is 1 in float64, and powers cost more than all the rest.
        if self._weight ** (self.count + 1) > _ROUNDED_AWAY:
            powers = self._weight ** np.arange(self.count + 1.0, self.count + 1.0 + n)
            sums = sums / (1 - powers)[:, None]
        self.count += n
        averages: NDArray[np.float64] = sums
        averages[ended] = np.nan
        return averages
