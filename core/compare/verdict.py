"""What a race showed about each pair of entrants, as data.

Nobody is a winner unless the paired test shows it, adjusted for all pairs of the race.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.compare.pairs import Arrivals, Difference, compare_arrivals, paired, signed_rank
from core.judging.yardsticks import Yardstick

NOT_PROBABILITIES = "outputs are not probabilities"


@dataclass(frozen=True, eq=False)
class EntrantScores:
    """One entrant of a race: what its S runs came to, seed by seed in the same order.

    ``arrivals`` are steps to the threshold, NaN where it was never reached; None where
    nothing was timed. ``no_score`` says why the entrant can have no score, as in "Hinge's
    outputs are not probabilities". ``settings`` are all that it trains with but for the start of
    its last layer, which is that of its ``head_seed``.
    """

    title: str
    scores: NDArray[np.float64]
    diverged: NDArray[np.bool_]
    arrivals: NDArray[np.float64] | None = None
    no_score: str | None = None
    settings: Hashable = None
    head_seed: int | None = None

    @property
    def comparable(self) -> NDArray[np.float64]:
        """Scores without those of diverged runs, whose weights mean nothing."""
        return np.where(self.diverged, np.nan, self.scores)


@dataclass(frozen=True)
class Verdict:
    """One pair: ``difference`` is a's score less b's, ``arrivals`` a's steps by b's.

    Both None where an entrant can have no score; ``arrivals`` also where nothing was timed.
    """

    a: EntrantScores
    b: EntrantScores
    higher_is_better: bool
    difference: Difference | None = None
    arrivals: Arrivals | None = None
    threshold: float | None = None

    @property
    def seeds(self) -> int:
        return len(self.a.scores)

    @property
    def is_aa_check(self) -> bool:
        """Whether they differ in the start of their last layers alone: then neither is better."""
        a, b = self.a, self.b
        return a.settings is not None and a.settings == b.settings and a.head_seed != b.head_seed

    @property
    def winner(self) -> EntrantScores | None:
        """Whose score is shown to be better."""
        difference = self.difference
        if difference is None or not difference.shows_difference or self.is_aa_check:
            return None
        return self.a if (difference.mean > 0) == self.higher_is_better else self.b

    @property
    def quicker(self) -> EntrantScores | None:
        """Who is shown to need fewer steps to the threshold."""
        arrivals = self.arrivals
        if arrivals is None or not arrivals.logs.shows_difference or self.is_aa_check:
            return None
        return self.a if arrivals.logs.mean < 0 else self.b

    @property
    def signed_rank(self) -> float:
        """The p of Wilcoxon's test, adjusted for nothing."""
        return signed_rank(self.a.comparable, self.b.comparable)

    def other(self, entrant: EntrantScores) -> EntrantScores:
        return self.b if entrant is self.a else self.a


def verdicts(
    entrants: Sequence[EntrantScores],
    yardstick: Yardstick,
    threshold: float | None = None,
    overlap: float = 0.0,
) -> tuple[Verdict, ...]:
    """Every pair, in the order of ``entrants``, adjusted for all that can be compared.

    ``overlap`` is that of ``core.compare.pairs``: 0 for a verdict on these splits.
    """
    higher = yardstick.higher_is_better
    pairs = list(combinations(entrants, 2))
    scored = [pair for pair in pairs if not any(each.no_score for each in pair)]
    differences = iter(_differences(scored, higher, overlap))
    ratios = iter(_ratios(scored, overlap) if threshold is not None else ())
    return tuple(
        Verdict(a, b, higher)
        if a.no_score or b.no_score
        else Verdict(a, b, higher, next(differences), next(ratios, None), threshold)
        for a, b in pairs
    )


_Pairs = Sequence[tuple[EntrantScores, EntrantScores]]


def _differences(pairs: _Pairs, higher: bool, overlap: float) -> tuple[Difference, ...]:
    if not pairs:
        return ()
    a, b = (np.stack([each.comparable for each in side]) for side in zip(*pairs, strict=True))
    return paired(a, b, higher, overlap)


def _ratios(pairs: _Pairs, overlap: float) -> tuple[Arrivals, ...]:
    """Of the seeds in which neither of a pair diverged; none where an entrant was not timed."""
    times = [(a.arrivals, b.arrivals) for a, b in pairs if a.arrivals is not None is not b.arrivals]
    if not times or len(times) < len(pairs):
        return ()
    a, b = (np.stack(side) for side in zip(*times, strict=True))
    compared = ~np.stack([one.diverged | other.diverged for one, other in pairs])
    return compare_arrivals(a, b, compared, overlap)


def best_of(verdicts: Sequence[Verdict]) -> EntrantScores | None:
    """The entrant that is shown to beat every other; those without any score are not compared."""
    compared = [each for each in verdicts if _has_scores(each.a) and _has_scores(each.b)]
    winners = {id(each.winner): each.winner for each in compared}
    for winner in winners.values():
        if winner is None:
            continue
        fought = [each for each in compared if winner in (each.a, each.b)]
        if all(each.winner is winner for each in fought):
            return winner
    return None


def _has_scores(entrant: EntrantScores) -> bool:
    return entrant.no_score is None and bool(np.isfinite(entrant.comparable).any())
