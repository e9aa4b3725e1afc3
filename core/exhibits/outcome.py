"""Whether a claim is seen: paired statistics over seeds, and one of three sentences.

A claim is a few contrasts, each one number a seed that is above 0 where the claim holds, as
"CrossEntropy's accuracy less MSE's". Each is put to a two-sided t test of its mean, at 5%.

- *Seen here*: every contrast is shown to be above 0. All must be shown at once, so that each may be
  tested at the full level (an intersection-union test: Berger, "Multiparameter hypothesis testing
  and acceptance sampling", Technometrics 24, 1982). A claim of which any contrast is truly 0 or
  below is seen by chance at most 2.5% of the time, one side of the 5%.
- *The opposite here*: some contrast is shown to be below 0, adjusted by Holm for all of them. A
  claim says all of its contrasts at once, so one that is the other way round refutes it; the
  others may hold all the same.
- *Unclear*: neither, with how many seeds would be needed to show what the means say.

A tie is claimed by two contrasts, as two one-sided tests have it: a margin less the difference, and
the difference added to the margin (Schuirmann, "A comparison of the two one-sided tests procedure
and the power approach", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987). It is seen
where the 95% interval of the difference lies within the margins, which is stricter than the usual
90%. The opposite of a tie is a difference that is shown to be larger than the margin.

*Here* is on these data sets, under other seeds. Seeds whose run diverged have no value and are left
out: what is said is of those that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.compare.intervals import LEVEL, Sample
from core.compare.pairs import FEWEST_SEEDS, Difference, holm, paired
from core.compare.power import POWER, more_seeds


class Finding(StrEnum):
    SEEN = "seen here"
    OPPOSITE = "the opposite here"
    UNCLEAR = "unclear"


@dataclass(frozen=True, eq=False)
class Contrast:
    """``values`` ``[S]`` are above 0 where the claim holds; NaN for seeds without one.

    ``words`` say what they are, as in "CrossEntropy's accuracy less MSE's after training".
    ``scale`` and ``unit`` write them: multiplied, and with the unit behind. ``is_exact`` says that
    nothing about it is drawn at random: it holds where every value is above 0, and one below is
    enough against it.
    """

    words: str
    values: NDArray[np.float64]
    scale: float = 1.0
    unit: str = ""
    is_exact: bool = False

    @property
    def known(self) -> NDArray[np.float64]:
        return self.values[np.isfinite(self.values)]


@dataclass(frozen=True)
class Tested:
    """A contrast and what its test came to, its interval at 95%.

    ``p`` is of this test alone; NaN where there is none. ``is_above`` is whether this test shows
    the mean to be above 0, and ``is_below`` whether it is shown to be below 0, adjusted for all
    contrasts of the claim.
    """

    contrast: Contrast
    mean: float
    low: float
    high: float
    n: int
    p: float
    is_above: bool
    is_below: bool


@dataclass(frozen=True)
class Outcome:
    """What an exhibit came to. ``needed`` seeds would show what the means say, if it is unclear
    and they say it truly; None where that is not known or too many."""

    finding: Finding
    tested: tuple[Tested, ...]
    needed: int | None = None

    @property
    def seeds(self) -> int:
        """The fewest of any contrast; of exact ones only where there are no others."""
        drawn = [each.n for each in self.tested if not each.contrast.is_exact]
        return min(drawn or [each.n for each in self.tested])


def tie(
    words: str, difference: ArrayLike, margin: float, scale: float = 1.0, unit: str = ""
) -> tuple[Contrast, Contrast]:
    """Two contrasts that are both above 0 where the difference is smaller than the margin."""
    values = np.asarray(difference, np.float64)
    within = f"within {margin * scale:g}{unit}"
    return (
        Contrast(f"{words}, {within} from above", margin - values, scale, unit),
        Contrast(f"{words}, {within} from below", margin + values, scale, unit),
    )


def decide(contrasts: Sequence[Contrast]) -> Outcome:
    """One of three findings, from all contrasts of a claim together."""
    differences = [_difference(contrast) for contrast in contrasts]
    counted = np.array([each.is_tested for each in differences])
    p = np.array([each.p if each.is_tested else 1.0 for each in differences])
    adjusted, _levels, _count = holm(p, counted)
    tested = tuple(
        _exact(contrast) if contrast.is_exact else _tested(contrast, difference, float(chance))
        for contrast, difference, chance in zip(contrasts, differences, adjusted, strict=True)
    )
    if all(each.is_above for each in tested):
        return Outcome(Finding.SEEN, tested)
    if any(each.is_below for each in tested):
        return Outcome(Finding.OPPOSITE, tested)
    return Outcome(Finding.UNCLEAR, tested, _needed(tested))


def _difference(contrast: Contrast) -> Difference:
    """From 0; not tested where nothing is drawn at random."""
    values = np.full(len(contrast.values), np.nan) if contrast.is_exact else contrast.values
    (difference,) = paired(values[np.newaxis], np.zeros_like(values)[np.newaxis], True)
    return difference


def _tested(contrast: Contrast, difference: Difference, adjusted: float) -> Tested:
    return Tested(
        contrast,
        difference.mean,
        difference.low,
        difference.high,
        difference.n,
        difference.p,
        is_above=difference.shows_difference and difference.mean > 0,
        is_below=difference.is_tested and adjusted < LEVEL and difference.mean < 0,
    )


def _exact(contrast: Contrast) -> Tested:
    known = contrast.known
    mean = float(known.mean()) if len(known) else float("nan")
    is_above = len(known) > 0 and bool((known > 0).all())
    return Tested(
        contrast, mean, mean, mean, len(known), float("nan"), is_above, bool((known < 0).any())
    )


# ------------------------------------------------------------------ how many seeds it would take


def _needed(tested: Sequence[Tested]) -> int | None:
    """Seeds with which what the means say would be shown, with the usual power.

    Where all means are above 0, that is the claim: all that is unclear has to be shown at once, so
    the chance to miss is shared out among it. Where some are below 0 it is the opposite: one of
    these is enough, at the level that Holm holds the first of all against.
    """
    unclear = [each for each in tested if not each.is_above]
    against = [each for each in unclear if each.mean < 0]
    if against:
        level = LEVEL / sum(not each.contrast.is_exact for each in tested)
        counts = [_seeds(each, level, POWER) for each in against]
        return min((count for count in counts if count is not None), default=None)
    counts = [_seeds(each, LEVEL, 1 - (1 - POWER) / len(unclear)) for each in unclear]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def _seeds(tested: Tested, level: float, chance: float) -> int | None:
    """Seeds with which a mean like this one would be shown with this chance."""
    sd = float(Sample.of(tested.contrast.values).sd)
    if np.isnan(tested.p) or tested.n < FEWEST_SEEDS or not sd > 0 or tested.mean == 0:
        return None
    more = more_seeds(tested.mean, sd, tested.n, level, chance=chance)
    return None if more is None else tested.n + more
