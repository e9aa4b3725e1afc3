"""The moving average of a long series, extended piece by piece: ``[n, K]``, n steps of K runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: What can be taken from 1 in float64 without changing it.
_ROUNDED_AWAY = np.finfo(np.float64).epsneg / 4


class MovingAverage:
    """Exponential moving average with its start corrected, as TensorBoard draws it.

    s_t = w s_{t-1} + (1 - w) x_t from s_0 = 0, and s_t / (1 - w^t) is given: a weighted
    mean of all values so far. It ends where a run's value first is not finite, and begins anew
    where it is told to.
    Written in NumPy alone because importing SciPy or pandas would cost a first paint a second.
    """

    _BLOCK = 128

    def __init__(self, weight: float, run_count: int) -> None:
        self.count = 0
        self._state = np.zeros(run_count)
        # After how many values each run began; one number as long as that is the same for all.
        self._began = np.zeros(1)
        self._ended = np.zeros(run_count, bool)
        powers = np.arange(self._BLOCK)
        #: Within a block of n values, s = kernel x + decay s_before.
        self._decay = weight ** (powers + 1.0)
        lags = powers[:, None] - powers
        self._kernel = (1 - weight) * np.tril(weight ** np.maximum(lags, 0.0))
        self._weight = weight

    def begin_anew(self, runs: Sequence[int]) -> None:
        """Forget what these runs had so far, as from here on it is something else."""
        self._began = np.broadcast_to(self._began, self._state.shape).copy()
        self._began[list(runs)] = self.count
        self._state[list(runs)] = 0

    def extend(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
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
        known = self.count - self._began
        if self._weight ** (known.min() + 1) > _ROUNDED_AWAY:
            powers = self._weight ** (np.arange(1.0, n + 1.0)[:, None] + known)
            sums = sums / (1 - powers)
        self.count += n
        averages: NDArray[np.float64] = sums
        averages[ended] = np.nan
        return averages
