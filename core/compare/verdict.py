"""What a race showed about each pair of entrants: data first, then plain sentences.

No sentence names a winner unless the paired 95 % interval excludes "no difference".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.compare.intervals import Arrivals, Difference, compare_arrivals, paired
from core.judging.yardsticks import Yardstick

NOT_PROBABILITIES = "outputs are not probabilities"
ONE_SEED = "One seed shows nothing: pick two or more to compare."
#: More pairs than this, and chance alone is worth a word.
FEW_PAIRS = 3
_MOST_DECIMALS = 9


@dataclass(frozen=True, eq=False)
class EntrantScores:
    """One entrant of a race: what its S runs came to, seed by seed in the same order.

    ``arrivals`` are steps to the threshold, NaN where it was never reached; None where
    nothing was timed. ``no_score`` says why the entrant can have no score, as in "Hinge's
    outputs are not probabilities".
    """

    title: str
    scores: NDArray[np.float64]
    diverged: NDArray[np.bool_]
    arrivals: NDArray[np.float64] | None = None
    no_score: str | None = None

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
    difference: Difference | None
    arrivals: Arrivals | None
    threshold: float | None

    @property
    def seeds(self) -> int:
        return len(self.a.scores)


def verdict(
    a: EntrantScores, b: EntrantScores, yardstick: Yardstick, threshold: float | None = None
) -> Verdict:
    if a.no_score or b.no_score:
        return Verdict(a, b, None, None, threshold)
    difference = paired(a.comparable, b.comparable, yardstick.higher_is_better)
    arrivals = None
    if threshold is not None and a.arrivals is not None and b.arrivals is not None:
        arrivals = compare_arrivals(a.arrivals, b.arrivals)
    return Verdict(a, b, difference, arrivals, threshold)


def verdicts(
    entrants: Sequence[EntrantScores], yardstick: Yardstick, threshold: float | None = None
) -> tuple[Verdict, ...]:
    """Every pair, in the order of ``entrants``."""
    return tuple(verdict(a, b, yardstick, threshold) for a, b in combinations(entrants, 2))


# ------------------------------------------------------------------ words


def summary(
    verdicts: Sequence[Verdict], yardstick: Yardstick, finished: bool = True
) -> tuple[str, ...]:
    """The sentences of all pairs, each said once, and a word on chance if pairs are many."""
    lines = [line for each in verdicts for line in sentences(each, yardstick, finished)]
    note = chance_note(sum(each.difference is not None for each in verdicts))
    return tuple(dict.fromkeys([*lines, note] if note else lines))


def chance_note(pairs: int) -> str | None:
    """What unadjusted intervals mean for many pairs; None for few."""
    if pairs <= FEW_PAIRS:
        return None
    return (
        f"{pairs} pairs, each with its own 95 % interval; "
        "about one in twenty would exclude 0 by chance."
    )


def sentences(verdict: Verdict, yardstick: Yardstick, finished: bool = True) -> tuple[str, ...]:
    """A pair's verdict in words; while runs still train, ``finished`` is False."""
    if verdict.difference is None:
        return tuple(_without_score(verdict, yardstick))
    difference = verdict.difference
    left_out = _left_out(verdict, difference)
    if verdict.seeds < 2:
        return (*left_out, ONE_SEED)
    opening = "After training" if finished else "So far"
    compared = _compared(verdict, difference, yardstick, opening)
    return (*left_out, *compared, *_arrivals(verdict, yardstick))


def _without_score(verdict: Verdict, yardstick: Yardstick) -> Iterator[str]:
    for entrant in (verdict.a, verdict.b):
        if entrant.no_score:
            yield f"{_possessive(entrant.title)} {entrant.no_score}, so it has no {yardstick.name}."


def _left_out(verdict: Verdict, difference: Difference) -> Iterator[str]:
    """Which seeds are not compared, and why."""
    if not difference.missing:
        return
    seeds, pair = verdict.seeds, (verdict.a, verdict.b)
    why = []
    if counts := [(x.title, int(x.diverged.sum())) for x in pair if x.diverged.any()]:
        why.append(_by_seeds("diverged", counts, seeds))
    if lacking := difference.missing - int((verdict.a.diverged | verdict.b.diverged).sum()):
        why.append(f"a score is missing in {lacking} of {seeds} seeds")
    left = f"the comparison has the other {difference.n}" if difference.n else "none is left"
    sentence = f"{' and '.join(why)}; {left}."
    yield sentence[0].upper() + sentence[1:]


def _compared(
    verdict: Verdict, difference: Difference, yardstick: Yardstick, opening: str
) -> Iterator[str]:
    if difference.shows_difference:
        yield _better(verdict, difference, yardstick, opening)
    elif difference.n >= 2:
        yield _no_difference(verdict, difference, yardstick)
    elif difference.n == 1:
        yield f"{verdict.a.title} and {verdict.b.title} share one seed, and one shows nothing."


def _no_difference(verdict: Verdict, difference: Difference, yardstick: Yardstick) -> str:
    scale, decimals, unit = _units(yardstick)
    ends = (difference.mean, difference.low, difference.high)
    mean, low, high = (_number(scale * x, decimals) for x in ends)
    return (
        f"No difference shown between {verdict.a.title} and {verdict.b.title} "
        f"in {yardstick.name}: {mean}{unit} "
        f"(95 % interval {low} to {high}, n = {difference.n})."
    )


def _better(verdict: Verdict, difference: Difference, yardstick: Yardstick, opening: str) -> str:
    """Whose score is better and by how much, the better entrant named first."""
    a, b = verdict.a.title, verdict.b.title
    if (difference.mean > 0) != yardstick.higher_is_better:
        a, b, difference = b, a, difference.reversed()
    scale, decimals, unit = _units(yardstick)
    near, far = sorted(scale * abs(x) for x in (difference.low, difference.high))
    decimals = _telling(near, 0, decimals)
    amount = _number(scale * abs(difference.mean), decimals)
    side = "higher" if yardstick.higher_is_better else "lower"
    return (
        f"{opening}, {_possessive(a)} {yardstick.name} is {amount}{unit} {side} than "
        f"{_possessive(b)} "
        f"(95 % interval {_number(near, decimals)} to {_number(far, decimals)}, "
        f"n = {difference.n}, wins {difference.wins} of {difference.n})."
    )


def _arrivals(verdict: Verdict, yardstick: Yardstick) -> Iterator[str]:
    """Who reached the threshold, and how much later; silent where nothing was timed."""
    arrivals = verdict.arrivals
    if arrivals is None or verdict.threshold is None:
        return
    goal = _goal(verdict.threshold, yardstick)
    seeds, titles = arrivals.seeds, (verdict.a.title, verdict.b.title)
    if arrivals.never_a or arrivals.never_b:
        reached = (seeds - arrivals.never_a, seeds - arrivals.never_b)
        yield _by_seeds(f"reached {goal}", list(zip(titles, reached, strict=True)), seeds) + "."
    if arrivals.at_start:
        yield (
            f"In {arrivals.at_start} of {seeds} seeds {titles[0]} or {titles[1]} had {goal} "
            "before its first step; those have no ratio of steps."
        )
    if arrivals.n >= 2:
        yield _ratio(arrivals, titles, goal)


def _ratio(arrivals: Arrivals, titles: tuple[str, str], goal: str) -> str:
    a, b = titles
    if not arrivals.shows_difference:
        ratio, low, high = (_number(x, 1) for x in (arrivals.ratio, arrivals.low, arrivals.high))
        return (
            f"No difference shown between {a} and {b} in steps to {goal}: {ratio} times "
            f"(95 % interval {low} to {high}, n = {arrivals.n})."
        )
    if arrivals.ratio < 1:
        a, b, arrivals = b, a, arrivals.reversed()
    decimals = _telling(arrivals.low, 1, 1)
    ratio, low, high = (_number(x, decimals) for x in (arrivals.ratio, arrivals.low, arrivals.high))
    return (
        f"{a} reached {goal} after {ratio} times as many steps as {b}, "
        f"{arrivals.n} of {arrivals.seeds} seeds (95 % interval {low} to {high})."
    )


def _by_seeds(did: str, counts: Sequence[tuple[str, int]], seeds: int) -> str:
    """As in "BCE diverged in 1 of 5 seeds, MSE in 2 of 5"."""
    (title, count), *rest = counts
    return ", ".join(
        [f"{title} {did} in {count} of {seeds} seeds"]
        + [f"{title} in {count} of {seeds}" for title, count in rest]
    )


def _goal(threshold: float, yardstick: Yardstick) -> str:
    """As in "93 % accuracy" or "R2 0.912"."""
    scale, decimals, _ = _units(yardstick)
    value = f"{round(scale * threshold, decimals):.12g}"
    name = yardstick.name
    return f"{value} % {name}" if yardstick.digits.is_share else f"{name} {value}"


def _possessive(title: str) -> str:
    """As in "BCE's" and "MSE on raw outputs'"."""
    return f"{title}'" if title.endswith("s") else f"{title}'s"


def _units(yardstick: Yardstick) -> tuple[int, int, str]:
    """Scale, decimals and unit of a difference; that of percentages is in points."""
    decimals = yardstick.digits.decimals
    return (100, decimals, " points") if yardstick.digits.is_share else (1, decimals, "")


def _number(value: float, decimals: int) -> str:
    """Fixed decimals; what rounds to 0 has no sign."""
    return format(value, f"z,.{decimals}f")


def _telling(value: float, neutral: float, decimals: int) -> int:
    """Decimals, no fewer than given, that do not round ``value`` to ``neutral``."""
    enough = (d for d in range(decimals, _MOST_DECIMALS) if round(value, d) != neutral)
    return next(enough, _MOST_DECIMALS)
