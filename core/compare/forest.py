"""The rows of a forest plot: paired differences with their intervals, and whom each side favours.

Values are in the yardstick's own units, of an accuracy in points (hundredths).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.compare.pairs import Difference
from core.compare.sentences import confidence, number, possessive, units
from core.compare.verdict import EntrantScores, Verdict
from core.judging.yardsticks import Yardstick

#: So many pairs have a row each; of more, each entrant has one against the best.
MOST_PAIRS = 6


@dataclass(frozen=True)
class Row:
    """One pair: ``mean``, ``low`` and ``high`` are by how much ``right`` is better than ``left``.

    Negative values favour ``left``. A row of an A/A check favours nobody. ``said`` is the row in
    words.
    """

    left: str
    right: str
    mean: float
    low: float
    high: float
    is_tested: bool
    is_aa_check: bool
    said: str


def forest(verdicts: Sequence[Verdict], yardstick: Yardstick) -> tuple[Row, ...]:
    """A row for each pair that shares two seeds or more; many are shown against the best mean."""
    compared = [each for each in verdicts if each.difference and each.difference.n >= 2]
    if len(compared) <= MOST_PAIRS:
        return tuple(_row(each, each.a, yardstick) for each in compared)
    best = _best_mean(compared, yardstick)
    fought = [each for each in compared if best in (each.a, each.b)]
    return tuple(_row(each, best, yardstick) for each in fought)


def _best_mean(verdicts: Sequence[Verdict], yardstick: Yardstick) -> EntrantScores:
    sign = 1 if yardstick.higher_is_better else -1
    entrants = dict.fromkeys(each for pair in verdicts for each in (pair.a, pair.b))
    return max(entrants, key=lambda each: sign * float(np.nanmean(each.comparable)))


def _row(verdict: Verdict, left: EntrantScores, yardstick: Yardstick) -> Row:
    right, difference = verdict.other(left), verdict.difference
    if difference is None:
        raise ValueError("A pair without a difference has no row.")
    # The difference is a's less b's; a row has what speaks for its right side above 0.
    if (right is verdict.a) != yardstick.higher_is_better:
        difference = difference.reversed()
    scale, *_ = units(yardstick)
    return Row(
        left=left.title,
        right=right.title,
        mean=scale * difference.mean,
        low=scale * difference.low,
        high=scale * difference.high,
        is_tested=difference.is_tested,
        is_aa_check=verdict.is_aa_check,
        said=_said(left, right, difference, yardstick),
    )


def _said(
    left: EntrantScores, right: EntrantScores, ahead: Difference, yardstick: Yardstick
) -> str:
    """The entrant with the better mean is named first."""
    if ahead.mean < 0:
        left, right, ahead = right, left, ahead.reversed()
    scale, decimals, unit = units(yardstick)
    mean, low, high = (
        number(scale * each, decimals) for each in (ahead.mean, ahead.low, ahead.high)
    )
    side = "higher" if yardstick.higher_is_better else "lower"
    return (
        f"{possessive(right.title)} mean {yardstick.name} is {mean}{unit} {side} than "
        f"{possessive(left.title)} "
        f"({confidence(ahead)}% interval {low} to {high}, n = {ahead.n})"
    )
