"""What a few seeds can show of pairs of entrants: paired t tests, adjusted for many pairs.

A seed is a block: within it every entrant started from the same hidden layers and saw the same
batches, so entrants are compared seed by seed. With n differences of mean d and standard
deviation s:

- The test is Student's two-sided paired t test, t = d / (s sqrt(1/n + overlap)) on n - 1 degrees
  of freedom. Fewer than three seeds, or equal differences, are not tested: two seeds leave one
  degree of freedom, and equal differences do not say how much seeds vary.
- ``overlap`` is 0 for what is said of these splits. The seeds of one data set train on largely
  the same rows, so their scores vary less than those of new data would. On new data it is
  n_test / n_train, the corrected resampled t test of Nadeau and Bengio ("Inference for the
  generalization error", Machine Learning 52, 2003).
- The p values of all pairs that share two seeds or more are adjusted by Holm ("A simple
  sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979):
  among equal entrants the chance that any difference is shown is at most 5%.
- Each pair's interval is at the level that Holm held its p against (for those after the first
  that was not shown, the level at which it stopped). So an interval excludes 0 exactly where the
  adjusted test shows a difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.compare.intervals import LEVEL, ROUNDING, Interval, Sample

FEWEST_SEEDS = 3


class Scope(StrEnum):
    """What a comparison is about: these rows under other seeds, or new rows of the same kind."""

    SPLITS = "on these splits"
    NEW_DATA = "on new data"


@dataclass(frozen=True)
class Difference(Interval):
    """a - b, seed by seed, over the n seeds where both have a score; ``sd`` is that of one seed.

    In ``wins`` of them a is better, in ``losses`` b is, in ``ties`` they are equal. ``p`` is
    adjusted for ``pairs`` by Holm, NaN where nothing could be tested; the interval has the
    confidence 1 - ``level``.
    """

    wins: int
    losses: int
    ties: int
    sd: float
    p: float
    level: float
    pairs: int
    overlap: float

    @property
    def is_tested(self) -> bool:
        return not math.isnan(self.p)

    @property
    def shows_difference(self) -> bool:
        return self.p < LEVEL

    def reversed(self) -> Difference:
        """b - a."""
        return replace(
            self,
            mean=-self.mean,
            low=-self.high,
            high=-self.low,
            wins=self.losses,
            losses=self.wins,
        )


@dataclass(frozen=True)
class Arrivals:
    """steps_a / steps_b to a threshold: geometric mean over seeds, and its interval.

    ``logs`` is the difference of the logarithms, over those of ``seeds`` where both arrived after
    a first step. Where both arrived but one was there before it (``at_start``), there is no
    ratio. ``never_a`` and ``never_b`` count the seeds in which each did not arrive.
    """

    logs: Difference
    seeds: int
    never_a: int
    never_b: int
    at_start: int

    @property
    def ratio(self) -> float:
        return math.exp(self.logs.mean)

    @property
    def low(self) -> float:
        return float(np.exp(self.logs.low))

    @property
    def high(self) -> float:
        return float(np.exp(self.logs.high))

    def reversed(self) -> Arrivals:
        """steps_b / steps_a."""
        return replace(self, logs=self.logs.reversed(), never_a=self.never_b, never_b=self.never_a)


def paired(
    a: ArrayLike, b: ArrayLike, higher_is_better: bool, overlap: float = 0.0
) -> tuple[Difference, ...]:
    """a - b for each of P pairs, ``[P, S]`` seed by seed, adjusted for all of them.

    A single pair's is as ``scipy.stats.ttest_rel(a, b)`` and its ``confidence_interval()``.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    differences = np.subtract(a, b, where=both, out=np.full(both.shape, np.nan))
    sample = Sample.of(differences.T)
    largest = np.max(np.maximum(np.abs(a), np.abs(b)), axis=1, where=both, initial=0.0)
    # Differences that are equal but for the rounding of the scores have no spread.
    tested = (sample.n >= FEWEST_SEEDS) & (sample.sd > ROUNDING * largest)
    p = _p_values(sample, tested, overlap)
    adjusted, levels, pairs = holm(p, sample.n >= 2)
    low, high = sample.interval(1 - levels, overlap)
    above, below = (differences > 0).sum(axis=1), (differences < 0).sum(axis=1)
    wins, losses = (above, below) if higher_is_better else (below, above)
    columns = (
        sample.mean, low, high, sample.n, both.shape[1] - sample.n,
        wins, losses, sample.n - above - below,
        sample.sd, np.where(tested, adjusted, np.nan), levels,
        np.full(len(a), pairs), np.full(len(a), overlap),
    )  # fmt: skip
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return tuple(Difference(*row) for row in rows)


def _p_values(sample: Sample, tested: NDArray[np.bool_], overlap: float) -> NDArray[np.float64]:
    """Of the two-sided t test; 1 for what is not tested."""
    from scipy.special import stdtr

    t = np.divide(sample.mean, sample.error(overlap), where=tested, out=np.zeros_like(sample.mean))
    p: NDArray[np.float64] = 2 * stdtr(np.maximum(sample.n, 2) - 1.0, -np.abs(t))
    return p


def holm(
    p: NDArray[np.float64], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Adjusted p values, the level of each one's interval, and how many were counted.

    What is not counted is adjusted for nothing, and has no part in the others.
    """
    adjusted, levels = p.copy(), np.full(p.shape, LEVEL)
    places = np.flatnonzero(counted)
    if len(places):
        order = places[np.argsort(p[places], kind="stable")]
        left = np.arange(len(order), 0, -1)
        adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * left), 1)
        shown = int((adjusted[order] < LEVEL).sum())
        levels[order] = LEVEL / left[np.minimum(np.arange(len(order)), min(shown, len(order) - 1))]
    return adjusted, levels, len(places)


def compare_arrivals(
    a: ArrayLike, b: ArrayLike, compared: NDArray[np.bool_], overlap: float = 0.0
) -> tuple[Arrivals, ...]:
    """Steps of P pairs to reach a threshold, ``[P, S]`` each, NaN where a run never did.

    ``compared [P, S]`` says which seeds of a pair count at all. Logarithms of the ratios are
    tested as scores are, adjusted for all pairs.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    arrived_a, arrived_b = (compared & np.isfinite(each) for each in (a, b))
    timed = arrived_a & arrived_b & (a > 0) & (b > 0)
    log_a, log_b = (np.log(each, where=timed, out=np.full(timed.shape, np.nan)) for each in (a, b))
    ratios = paired(log_a, log_b, False, overlap)
    seeds = compared.sum(axis=1)
    counts = (
        seeds, seeds - arrived_a.sum(axis=1), seeds - arrived_b.sum(axis=1),
        (arrived_a & arrived_b).sum(axis=1) - timed.sum(axis=1),
    )  # fmt: skip
    rows = zip(*(count.tolist() for count in counts), strict=True)
    return tuple(Arrivals(ratio, *row) for ratio, row in zip(ratios, rows, strict=True))


# ------------------------------------------------------------------ without a normal distribution


def signed_rank(a: Sequence[float] | NDArray[np.float64], b: ArrayLike) -> float:
    """The exact two-sided p of Wilcoxon's signed-rank test of a - b ``[S]``; NaN without any.

    Assumes of the differences only that either sign was as likely. Equal scores are left out, and
    equal distances share their mean rank: the distribution is that of these very ranks.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    both = np.isfinite(a) & np.isfinite(b)
    rounding = ROUNDING * np.max(np.maximum(np.abs(a), np.abs(b)), where=both, initial=0.0)
    differences = a[both] - b[both]
    differences = differences[np.abs(differences) > rounding]
    if not len(differences):
        return math.nan
    order = np.argsort(np.abs(differences))
    is_farther = np.diff(np.abs(differences)[order], prepend=0) > 2 * rounding
    is_farther[0] = True
    # Twice the mean rank is a whole number: the first and the last rank of the equal ones.
    group = np.cumsum(is_farther) - 1
    size = np.bincount(group)
    ranks = (2 * np.cumsum(size) - size + 1)[group]
    ways = np.ones(1)
    for rank in ranks:
        grown = np.zeros(len(ways) + rank)
        grown[: len(ways)] += ways
        grown[rank:] += ways
        ways = grown
    positive = int(ranks[differences[order] > 0].sum())
    smaller = min(positive, int(ranks.sum()) - positive)
    return min(1.0, float(ways[: smaller + 1].sum()) * 2.0 ** (1 - len(ranks)))


def fewest_for_signed_rank(level: float) -> int:
    """From how many seeds the signed-rank test can fall below the level: 2 / 2^n is its least."""
    return math.floor(1 - math.log2(level)) + 1
