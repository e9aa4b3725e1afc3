"""The verdict on a whole race: as few sentences as say it, and each pair in numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from core.compare.pairs import FEWEST_SEEDS, Difference, fewest_for_signed_rank
from core.compare.power import smallest_shown
from core.compare.sentences import (
    AFTER_TRAINING,
    NO_SPREAD,
    ONE_SEED,
    TWO_SEEDS,
    adjusted,
    by_seeds,
    confidence,
    could_have_shown,
    ends,
    goal_of,
    in_a_row,
    more,
    more_steps,
    noise_floor,
    number,
    possessive,
    sentences,
    units,
    without_score,
)
from core.compare.verdict import EntrantScores, Verdict
from core.judging.yardsticks import Yardstick

#: So many pairs have sentences of their own; more are told together.
FEW_PAIRS = 3
_NOTHING = "–"


def summary(
    verdicts: Sequence[Verdict], yardstick: Yardstick, opening: str = AFTER_TRAINING
) -> tuple[str, ...]:
    """What there is to say of all pairs, each sentence once."""
    if sum(each.difference is not None for each in verdicts) > FEW_PAIRS:
        return tuple(_together(verdicts, yardstick, opening))
    lines = [line for each in verdicts for line in sentences(each, yardstick, opening)]
    if len(verdicts) == 1 and (difference := _unshown(verdicts[0])):
        lines.append(could_have_shown(difference, yardstick))
    return tuple(dict.fromkeys(lines))


def _unshown(verdict: Verdict) -> Difference | None:
    """The difference of a pair that was tested and shows none, if there could be one."""
    difference = verdict.difference
    if difference is None or not difference.is_tested or difference.shows_difference:
        return None
    return None if verdict.is_aa_check else difference


# ------------------------------------------------------------------ many pairs


def _together(verdicts: Sequence[Verdict], yardstick: Yardstick, opening: str) -> Iterator[str]:
    entrants = list(dict.fromkeys(each for pair in verdicts for each in (pair.a, pair.b)))
    yield from without_score(entrants, yardstick)
    if verdicts[0].seeds < 2:
        yield ONE_SEED
        return
    yield from _gaps(entrants)
    compared = [each for each in verdicts if each.difference and each.difference.n >= 2]
    races = [each for each in compared if not each.is_aa_check]
    side = "higher" if yardstick.higher_is_better else "lower"
    yield from _said(
        races,
        lambda each: each.winner,
        lambda winner: (
            f"{opening}, {possessive(winner.title)} {yardstick.name} is {side} than that of"
        ),
        f"in {yardstick.name}",
    )
    yield from _unfit(races)
    yield from _steps(races, yardstick)
    for each in compared:
        if each.is_aa_check and each.difference:
            yield noise_floor(each, each.difference, yardstick)


def _gaps(entrants: Sequence[EntrantScores]) -> Iterator[str]:
    seeds = len(entrants[0].scores)
    if counts := [(x.title, int(x.diverged.sum())) for x in entrants if x.diverged.any()]:
        yield f"{by_seeds('diverged', counts, seeds)}; each pair is compared over the others."
    lacking = [
        (x.title, int((~np.isfinite(x.scores) & ~x.diverged).sum()))
        for x in entrants
        if x.no_score is None
    ]
    if lacking := [(title, count) for title, count in lacking if count]:
        yield f"{by_seeds('has no score', lacking, seeds)}."


def _said(
    verdicts: Sequence[Verdict],
    better: Callable[[Verdict], EntrantScores | None],
    beats: Callable[[EntrantScores], str],
    by: str,
) -> Iterator[str]:
    """A sentence for each entrant that beats others, and one for all pairs without a winner."""
    beaten: dict[EntrantScores, list[str]] = {}
    for each in verdicts:
        if winner := better(each):
            beaten.setdefault(winner, []).append(each.other(winner).title)
    how = next((adjusted(each.difference) for each in verdicts if each.difference), "")
    note = f" ({how})" if how else ""
    for winner, titles in beaten.items():
        yield f"{beats(winner)} {in_a_row(titles)}{note}."
    total, shown = len(verdicts), sum(map(len, beaten.values()))
    if total and not shown:
        yield f"No difference shown {by} between any two of them{note}."
    elif total > shown:
        yield f"No difference shown {by} in the other {total - shown} of {total} pairs."


def _unfit(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Why some pairs can have no winner."""
    untested = [x.difference.n for x in verdicts if x.difference and not x.difference.is_tested]
    if any(n < FEWEST_SEEDS for n in untested):
        yield TWO_SEEDS
    if any(n >= FEWEST_SEEDS for n in untested):
        yield f"In some pairs all seeds have the same difference. {NO_SPREAD}"


def _steps(verdicts: Sequence[Verdict], yardstick: Yardstick) -> Iterator[str]:
    timed = [each for each in verdicts if each.arrivals and each.arrivals.logs.n >= 2]
    if not timed or timed[0].threshold is None:
        return
    goal = goal_of(timed[0].threshold, yardstick)
    yield from _said(
        timed,
        lambda each: each.quicker,
        lambda winner: f"{winner.title} reached {goal} in fewer steps than",
        f"in steps to {goal}",
    )


# ------------------------------------------------------------------ each pair in numbers


def pairs_table(
    verdicts: Sequence[Verdict], yardstick: Yardstick
) -> tuple[list[str], dict[str, list[str]]]:
    """The columns, and a row for each pair of which two seeds or more are compared."""
    columns = ["", f"{yardstick.title}: difference", "Interval", "p, Holm", "p, Wilcoxon",
               "Could show", "More seeds"]  # fmt: skip
    goals = {each.threshold for each in verdicts if each.arrivals and each.threshold is not None}
    columns += [f"Steps to {goal_of(goal, yardstick)}" for goal in goals]
    rows = {
        f"{each.a.title} less {each.b.title}": [
            *_of_scores(each, each.difference, yardstick), *([_of_steps(each)] if goals else [])
        ]
        for each in verdicts
        if each.difference and each.difference.n >= 2
    }  # fmt: skip
    return columns, rows


def _of_scores(verdict: Verdict, difference: Difference, yardstick: Yardstick) -> list[str]:
    scale, decimals, unit = units(yardstick)
    low, high = ends(difference, yardstick)
    unshown = _unshown(verdict)
    could = needs = _NOTHING
    if unshown:
        smallest = smallest_shown(unshown.sd, unshown.n, unshown.level, unshown.overlap)
        could, needs = f"{number(scale * smallest, decimals)}{unit}", more(unshown)
    return [
        f"{number(scale * difference.mean, decimals)}{unit}",
        f"{low} to {high} ({confidence(difference)}%)",
        f"{difference.p:.2g}" if difference.is_tested else "not tested",
        _wilcoxon(verdict, difference),
        could,
        needs,
    ]


def _wilcoxon(verdict: Verdict, difference: Difference) -> str:
    fewest = fewest_for_signed_rank(difference.level)
    if difference.n < fewest:
        return f"from {fewest} seeds"
    p = verdict.signed_rank
    return f"{p:.2g}" if np.isfinite(p) else _NOTHING


def _of_steps(verdict: Verdict) -> str:
    arrivals = verdict.arrivals
    if arrivals is None or arrivals.logs.n < 2:
        return _NOTHING
    ratio, low, high = map(more_steps, (arrivals.ratio, arrivals.low, arrivals.high))
    return f"{ratio} ({low} to {high})"
