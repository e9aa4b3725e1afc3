"""What a few seeds can show of one entrant: means with their intervals, and times of arrival.

Values that are not finite are left out and counted. Intervals are Student's t: mean +- t(n - 1)
s sqrt(1/n + overlap), with s the standard deviation of n - 1; below two values there is none,
and its ends are NaN. ``overlap`` is 0 but for intervals on new data, where it is the number of
held-out rows by that of training rows: ``core.compare.pairs`` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Numbers, or arrays of them: NumPy gives scalars where the seeds were the only axis.
Floats = Any
Scores = NDArray[np.float64]

#: How often a test may show a difference where there is none.
LEVEL = 0.05
CONFIDENCE = 1 - LEVEL
#: The share of the best entrant's score whose reaching is timed.
REACHED = 0.95
#: Scores are computed in float32; what is closer than its rounding is as good.
ROUNDING = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Interval:
    """Mean of n values with its confidence interval; ``missing`` were not finite."""

    mean: float
    low: float
    high: float
    n: int
    missing: int


class Spread(StrEnum):
    """What a band around a mean shows of the seeds."""

    SD = "standard deviation"
    INTERVAL = "95% interval"
    RANGE = "min to max"


@dataclass(frozen=True)
class Band:
    """Mean, edges and number of finite seeds at each point; NaN where there is none."""

    mean: Scores
    low: Scores
    high: Scores
    n: NDArray[np.intp]


@dataclass(frozen=True)
class Sample:
    """The finite values along the first axis, summed up; NaN where undefined."""

    mean: Floats
    sd: Floats
    lowest: Floats
    highest: Floats
    n: Any

    @classmethod
    def of(cls, values: ArrayLike) -> Sample:
        values = np.asarray(values, np.float64)
        finite = np.isfinite(values)
        n = finite.sum(axis=0)
        some = n > 0
        lowest = np.where(some, values.min(axis=0, where=finite, initial=np.inf), np.nan)
        highest = np.where(some, values.max(axis=0, where=finite, initial=-np.inf), np.nan)
        # Counted from the lowest, so that equal values have exactly no variance.
        above = np.where(finite, values, lowest) - lowest
        mean = above.sum(axis=0) / np.maximum(n, 1)
        squares = np.where(finite, above - mean, 0.0) ** 2
        sd = np.sqrt(squares.sum(axis=0) / np.where(n > 1, n - 1, np.nan))
        return cls(lowest + mean, sd, lowest, highest, n)

    def error(self, overlap: float = 0.0) -> Floats:
        """The standard error of the mean."""
        return self.sd * np.sqrt(1 / np.maximum(self.n, 1) + overlap)

    def interval(self, confidence: Floats, overlap: float = 0.0) -> tuple[Floats, Floats]:
        # Loaded when first needed: a page's first paint does not wait for SciPy.
        from scipy.special import stdtrit

        half = stdtrit(self.n - 1.0, (1 + confidence) / 2) * self.error(overlap)
        return self.mean - half, self.mean + half


_EDGES: dict[Spread, Callable[[Sample], tuple[Floats, Floats]]] = {
    Spread.SD: lambda sample: (sample.mean - sample.sd, sample.mean + sample.sd),
    Spread.INTERVAL: lambda sample: sample.interval(CONFIDENCE),
    Spread.RANGE: lambda sample: (sample.lowest, sample.highest),
}


def interval(values: ArrayLike, confidence: float = CONFIDENCE, overlap: float = 0.0) -> Interval:
    """Mean of ``values [S]`` and its t interval, as ``scipy.stats.t.interval`` gives it."""
    sample = Sample.of(values)
    low, high = sample.interval(confidence, overlap)
    n = int(sample.n)
    return Interval(float(sample.mean), float(low), float(high), n, np.size(values) - n)


def spread(values: ArrayLike, kind: Spread) -> Band:
    """The band over seeds, the first axis of ``values [S, ...]``, at every point."""
    sample = Sample.of(values)
    low, high = _EDGES[kind](sample)
    return Band(np.asarray(sample.mean), np.asarray(low), np.asarray(high), np.asarray(sample.n))


def threshold(final: Scores, *, higher_is_better: bool, fraction: float = REACHED) -> float | None:
    """``fraction`` of the best mean of ``final [L, S]``; None where that says nothing.

    A share of a score has a meaning only if more is better and the best is above 0.
    """
    means = Sample.of(final.T).mean
    best = float(np.max(means, where=np.isfinite(means), initial=-np.inf))
    return fraction * best if higher_is_better and best > 0 else None


def steps_to_reach(
    steps: ArrayLike, values: ArrayLike, threshold: float, higher_is_better: bool
) -> int | None:
    """The first of ``steps [E]``, in rising order, whose value is as good as ``threshold``.

    Values are as exact as float32, so its rounding is allowed for. None: never.
    """
    values = np.asarray(values, np.float64)
    margin = values - threshold if higher_is_better else threshold - values
    reached = np.isfinite(values) & (margin >= -ROUNDING * abs(threshold))
    return int(np.asarray(steps)[reached.argmax()]) if reached.any() else None
