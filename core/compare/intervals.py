"""What a few seeds can show: intervals, paired differences and times of arrival.

Conventions
-----------
``scores``  final scores ``[L, S]``: L entrants from S seeds, NaN where a run has none.
A seed is a block: within it every entrant started from the same trunk weights and saw the
same batches, so entrants are compared seed by seed. Values that are not finite are left
out and counted. Intervals are Student's t: mean +- t(n - 1) s / sqrt(n), with s the
standard deviation of n - 1; below two values there is none, and its ends are NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Numbers, or arrays of them: NumPy gives scalars where the seeds were the only axis.
Floats = Any
Scores = NDArray[np.float64]

CONFIDENCE = 0.95
#: The share of the best entrant's score whose reaching is timed.
REACHED = 0.95
#: Scores are computed in float32; what is closer than its rounding is as good.
_ROUNDING = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Interval:
    """Mean of n values with its confidence interval; ``missing`` were not finite."""

    mean: float
    low: float
    high: float
    n: int
    missing: int


@dataclass(frozen=True)
class Difference(Interval):
    """a - b, seed by seed, over the n seeds where both have a score.

    In ``wins`` of them a is better, in ``losses`` b is, in ``ties`` they are equal.
    """

    wins: int
    losses: int
    ties: int

    @property
    def shows_difference(self) -> bool:
        """Whether the interval excludes 0. Equal differences have an interval of no width."""
        return self.n >= 2 and not self.low <= 0 <= self.high

    def reversed(self) -> Difference:
        """b - a."""
        return Difference(
            -self.mean,
            -self.high,
            -self.low,
            self.n,
            self.missing,
            self.losses,
            self.wins,
            self.ties,
        )


@dataclass(frozen=True)
class Arrivals:
    """steps_a / steps_b to a threshold: geometric mean over seeds, and its interval.

    Over the n of ``seeds`` where both arrived after a first step. Where both arrived
    but one was there before it (``at_start``), there is no ratio. ``never_a`` and
    ``never_b`` count the seeds in which each did not arrive.
    """

    ratio: float
    low: float
    high: float
    n: int
    seeds: int
    never_a: int
    never_b: int
    at_start: int

    @property
    def shows_difference(self) -> bool:
        """Whether the interval of the ratio excludes 1."""
        return self.n >= 2 and not self.low <= 1 <= self.high

    def reversed(self) -> Arrivals:
        """steps_b / steps_a."""
        return replace(
            self,
            ratio=1 / self.ratio,
            low=1 / self.high,
            high=1 / self.low,
            never_a=self.never_b,
            never_b=self.never_a,
        )


class Spread(StrEnum):
    """What a band around a mean shows of the seeds."""

    SD = "standard deviation"
    INTERVAL = "95 % interval"
    RANGE = "min to max"


@dataclass(frozen=True)
class Band:
    """Mean, edges and number of finite seeds at each point; NaN where there is none."""

    mean: Scores
    low: Scores
    high: Scores
    n: NDArray[np.intp]


@dataclass(frozen=True)
class _Sample:
    """The finite values along the first axis, summed up; NaN where undefined."""

    mean: Floats
    sd: Floats
    lowest: Floats
    highest: Floats
    n: Any

    @classmethod
    def of(cls, values: ArrayLike) -> _Sample:
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

    def interval(self, confidence: float) -> tuple[Floats, Floats]:
        # Loaded when first needed: a page's first paint does not wait for SciPy.
        from scipy.special import stdtrit

        quantile = stdtrit(self.n - 1.0, (1 + confidence) / 2)
        half = quantile * self.sd / np.sqrt(np.maximum(self.n, 1))
        return self.mean - half, self.mean + half


_EDGES: dict[Spread, Callable[[_Sample], tuple[Floats, Floats]]] = {
    Spread.SD: lambda sample: (sample.mean - sample.sd, sample.mean + sample.sd),
    Spread.INTERVAL: lambda sample: sample.interval(CONFIDENCE),
    Spread.RANGE: lambda sample: (sample.lowest, sample.highest),
}


def interval(values: ArrayLike, confidence: float = CONFIDENCE) -> Interval:
    """Mean of ``values [S]`` and its t interval, as ``scipy.stats.t.interval`` gives it."""
    sample = _Sample.of(values)
    low, high = sample.interval(confidence)
    n = int(sample.n)
    return Interval(float(sample.mean), float(low), float(high), n, np.size(values) - n)


def spread(values: ArrayLike, kind: Spread) -> Band:
    """The band over seeds, the first axis of ``values [S, ...]``, at every point."""
    sample = _Sample.of(values)
    low, high = _EDGES[kind](sample)
    return Band(np.asarray(sample.mean), np.asarray(low), np.asarray(high), np.asarray(sample.n))


def paired(a: ArrayLike, b: ArrayLike, higher_is_better: bool) -> Difference:
    """a - b ``[S]`` seed by seed, as ``scipy.stats.ttest_rel(a, b).confidence_interval()``."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    differences = np.subtract(a, b, where=both, out=np.full(both.shape, np.nan))
    mean = interval(differences)
    above, below = int((differences > 0).sum()), int((differences < 0).sum())
    wins, losses = (above, below) if higher_is_better else (below, above)
    ties = mean.n - above - below
    return Difference(mean.mean, mean.low, mean.high, mean.n, mean.missing, wins, losses, ties)


def best_in_column(scores: Scores, higher_is_better: bool) -> int | None:
    """The place of the entrant with the best mean, if it is shown to beat every other.

    It is, where its paired interval is better than 0 against each.
    Entrants without a score are not compared; None if fewer than two are left or the
    best is not shown to differ from one of them.
    """
    upward = scores if higher_is_better else -scores
    means = _Sample.of(upward.T).mean
    scored = np.flatnonzero(np.isfinite(means))
    if len(scored) < 2:
        return None
    best = int(scored[means[scored].argmax()])
    others = scored[scored != best]
    beaten = [paired(upward[best], upward[other], True).low > 0 for other in others]
    return best if all(beaten) else None


def threshold(final: Scores, *, higher_is_better: bool, fraction: float = REACHED) -> float | None:
    """``fraction`` of the best mean of ``final [L, S]``; None where that says nothing.

    A share of a score has a meaning only if more is better and the best is above 0.
    """
    means = _Sample.of(final.T).mean
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
    reached = np.isfinite(values) & (margin >= -_ROUNDING * abs(threshold))
    return int(np.asarray(steps)[reached.argmax()]) if reached.any() else None


def compare_arrivals(a: ArrayLike, b: ArrayLike) -> Arrivals:
    """Steps to reach a threshold, ``[S]`` each, NaN (or None) where a run never did.

    The interval is the t interval of the mean log ratio, put through exp.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    arrived_a, arrived_b = np.isfinite(a), np.isfinite(b)
    compared = arrived_a & arrived_b & (a > 0) & (b > 0)
    logs = np.log(np.divide(a, b, where=compared, out=np.full(compared.shape, np.nan)))
    mean = interval(logs)
    ratio, low, high = np.exp([mean.mean, mean.low, mean.high]).tolist()
    return Arrivals(
        ratio,
        low,
        high,
        mean.n,
        seeds=len(compared),
        never_a=int((~arrived_a).sum()),
        never_b=int((~arrived_b).sum()),
        at_start=int((arrived_a & arrived_b).sum()) - mean.n,
    )
