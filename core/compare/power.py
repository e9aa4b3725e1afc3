"""What so many seeds could have shown, and how many more it would take: the power of a t test.

The test is two-sided, at a level, of the mean of n paired differences with the standard deviation
sd; ``overlap`` is that of ``core.compare.pairs``. If the true difference is d, its t has the
noncentral t distribution with n - 1 degrees of freedom around d / (sd sqrt(1/n + overlap)).
"""

from __future__ import annotations

import math
from functools import lru_cache

#: The chance with which a difference that is there is to be shown.
POWER = 0.8
#: More seeds than these are not counted.
MOST_SEEDS = 1000
_HALVINGS = 60


def power(shift: float, n: int, level: float) -> float:
    """The chance that n differences show one whose t is spread around ``shift``."""
    from scipy.special import nctdtr, stdtrit

    quantile = -stdtrit(n - 1, level / 2)
    # Where a tail is too small to compute, it is none.
    below, beyond = (float(nctdtr(n - 1, abs(shift), each)) for each in (quantile, -quantile))
    return 1 - (0.0 if math.isnan(below) else below) + (0.0 if math.isnan(beyond) else beyond)


def smallest_shown(sd: float, n: int, level: float, overlap: float = 0.0) -> float:
    """The smallest true difference that n seeds show with the power."""
    return sd * math.sqrt(1 / n + overlap) * _smallest_shift(n, level)


@lru_cache(maxsize=1024)
def _smallest_shift(n: int, level: float) -> float:
    low, high = 0.0, 1.0
    while power(high, n, level) < POWER:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, n, level) >= POWER else (middle, high)
    return high


def more_seeds(
    mean: float, sd: float, n: int, level: float, overlap: float = 0.0, chance: float = POWER
) -> int | None:
    """How many seeds beside the n would show a true difference of ``mean`` with this chance.

    None for more than ``MOST_SEEDS``. On new data there may be no such number, as seeds that
    share rows bring ever less that is new.
    """

    def is_enough(more: int) -> bool:
        shift = mean / (sd * math.sqrt(1 / (n + more) + overlap))
        return power(shift, n + more, level) >= chance

    if not is_enough(MOST_SEEDS):
        return None
    low, high = 0, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
