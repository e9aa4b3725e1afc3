"""The verdict on one pair of entrants in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.compare.intervals import LEVEL
from core.compare.pairs import (
    FEWEST_SEEDS,
    Arrivals,
    Difference,
    Scope,
    fewest_for_signed_rank,
)
from core.compare.power import MOST_SEEDS, POWER, more_seeds, smallest_shown
from core.compare.verdict import EntrantScores, Verdict
from core.judging.yardsticks import Yardstick

ONE_SEED = "One seed can't tell a better loss from luck: pick three or more to compare."
AFTER_TRAINING = "After training"
TWO_SEEDS = "Two seeds give an interval on one degree of freedom, too few to name a winner."
NO_SPREAD = "Equal differences show no spread to judge by."
_MOST_DECIMALS = 9


def sentences(
    verdict: Verdict, yardstick: Yardstick, opening: str = AFTER_TRAINING
) -> tuple[str, ...]:
    """A pair's verdict in words; ``opening`` says when it holds."""
    difference = verdict.difference
    if difference is None:
        return tuple(without_score([verdict.a, verdict.b], yardstick))
    left_out = _left_out(verdict, difference)
    if verdict.seeds < 2:
        return (*left_out, ONE_SEED)
    compared = _compared(verdict, difference, yardstick, opening)
    return (*left_out, *compared, *_arrivals(verdict, yardstick))


def without_score(entrants: Sequence[EntrantScores], yardstick: Yardstick) -> Iterator[str]:
    for entrant in entrants:
        if entrant.no_score:
            yield f"{possessive(entrant.title)} {entrant.no_score}, so it has no {yardstick.name}."


def _left_out(verdict: Verdict, difference: Difference) -> Iterator[str]:
    """Which seeds are not compared, and why."""
    if not difference.missing:
        return
    seeds, pair = verdict.seeds, (verdict.a, verdict.b)
    why = []
    if counts := [(x.title, int(x.diverged.sum())) for x in pair if x.diverged.any()]:
        why.append(by_seeds("diverged", counts, seeds))
    if lacking := difference.missing - int((verdict.a.diverged | verdict.b.diverged).sum()):
        why.append(f"a score is missing in {lacking} of {seeds} seeds")
    left = f"the comparison has the other {difference.n}" if difference.n else "none is left"
    sentence = f"{' and '.join(why)}; {left}."
    yield sentence[0].upper() + sentence[1:]


# ------------------------------------------------------------------ the final score


def _compared(
    verdict: Verdict, difference: Difference, yardstick: Yardstick, opening: str
) -> Iterator[str]:
    if difference.n < 2:
        if difference.n:
            titles = f"{verdict.a.title} and {verdict.b.title}"
            yield f"{titles} share one seed, which can't tell a difference from luck."
    elif verdict.is_aa_check:
        yield noise_floor(verdict, difference, yardstick)
    elif verdict.winner:
        yield _better(verdict, difference, yardstick, opening)
    else:
        yield _no_difference(verdict, difference, yardstick)


def noise_floor(verdict: Verdict, difference: Difference, yardstick: Yardstick) -> str:
    """What a loss against itself shows."""
    scale, decimals, unit = units(yardstick)
    mean, sd = (number(scale * x, decimals) for x in (difference.mean, difference.sd))
    return (
        f"A/A check: {verdict.a.title} and {verdict.b.title} are the same but for the start of "
        f"their last layers, so this difference is the noise floor: in {yardstick.name} "
        f"{mean}{unit} {evidence(difference, *ends(difference, yardstick))}, and from one seed to "
        f"the next it varies by {sd}{unit} (SD)."
    )


def _no_difference(verdict: Verdict, difference: Difference, yardstick: Yardstick) -> str:
    scale, decimals, unit = units(yardstick)
    amount = f"{number(scale * difference.mean, decimals)}{unit}"
    shown = evidence(difference, *ends(difference, yardstick), _second_opinion(verdict, difference))
    return (
        f"No difference shown between {verdict.a.title} and {verdict.b.title} "
        f"in {yardstick.name}: {_untested_or(difference, amount, shown)}"
    )


def _untested_or(difference: Difference, amount: str, shown: str) -> str:
    """The end of a sentence that shows no difference: the numbers, and why they can show none."""
    if difference.n < FEWEST_SEEDS:
        return f"{amount} {shown}. {TWO_SEEDS}"
    if not difference.is_tested:
        return f"{amount} in each of {difference.n} seeds. {NO_SPREAD}"
    return f"{amount} {shown}."


def _better(verdict: Verdict, difference: Difference, yardstick: Yardstick, opening: str) -> str:
    """Whose score is better and by how much, the better entrant named first."""
    a, b = verdict.a.title, verdict.b.title
    if verdict.winner is verdict.b:
        a, b, difference = b, a, difference.reversed()
    scale, decimals, unit = units(yardstick)
    near, far = sorted(scale * abs(x) for x in (difference.low, difference.high))
    decimals = telling(near, decimals)
    side = "higher" if yardstick.higher_is_better else "lower"
    wins = f"wins {difference.wins} of {difference.n}"
    shown = evidence(
        difference, number(near, decimals), number(far, decimals), wins,
        _second_opinion(verdict, difference),
    )  # fmt: skip
    return (
        f"{opening}, {possessive(a)} {yardstick.name} is "
        f"{number(scale * abs(difference.mean), decimals)}{unit} {side} than {possessive(b)} "
        f"{shown}."
    )


def evidence(difference: Difference, low: str, high: str, *more: str) -> str:
    """The interval and what it rests on, in brackets."""
    about = f" {Scope.NEW_DATA.value}" if difference.overlap else ""
    parts = [f"{confidence(difference)}% interval{about} {low} to {high}", adjusted(difference)]
    parts += [f"n = {difference.n}", *more]
    return f"({', '.join(filter(None, parts))})"


def adjusted(difference: Difference) -> str:
    return f"adjusted for {difference.pairs} pairs by Holm" if difference.pairs > 1 else ""


def confidence(difference: Difference) -> str:
    """That of the interval, in percent."""
    return f"{100 * (1 - difference.level):.3g}"


def ends(difference: Difference, yardstick: Yardstick) -> tuple[str, str]:
    """Of the interval."""
    scale, decimals, _ = units(yardstick)
    return number(scale * difference.low, decimals), number(scale * difference.high, decimals)


def _second_opinion(verdict: Verdict, difference: Difference) -> str:
    """The p of a test that assumes no normal distribution, where there are seeds enough for it."""
    if difference.n < fewest_for_signed_rank(difference.level):
        return ""
    p = verdict.signed_rank
    return f"Wilcoxon p = {p:.2g}" if p == p else ""


# ------------------------------------------------------------------ what more seeds could show


def could_have_shown(difference: Difference, yardstick: Yardstick) -> str:
    """What so many seeds would probably have shown, and how many the difference seen would take."""
    scale, decimals, unit = units(yardstick)
    smallest = smallest_shown(difference.sd, difference.n, difference.level, difference.overlap)
    seen = number(scale * abs(difference.mean), decimals)
    return (
        f"A true difference of {number(scale * smallest, decimals)}{unit} is the smallest that "
        f"{difference.n} seeds show with a chance of {100 * POWER:g}% (two-sided t test at "
        f"{100 * LEVEL:g}%); to show the {seen}{unit} that were seen, it would take "
        f"{more(difference)} more."
    )


def more(difference: Difference) -> str:
    """How many more seeds would show the difference that was seen."""
    d = difference
    count = more_seeds(d.mean, d.sd, d.n, d.level, d.overlap)
    return f"more than {MOST_SEEDS:,}" if count is None else f"{count:,}"


# ------------------------------------------------------------------ steps to the threshold


def _arrivals(verdict: Verdict, yardstick: Yardstick) -> Iterator[str]:
    """Who reached the threshold, and how much later; silent where nothing was timed."""
    arrivals = verdict.arrivals
    if arrivals is None or verdict.threshold is None or not arrivals.seeds or verdict.is_aa_check:
        return
    goal = goal_of(verdict.threshold, yardstick)
    seeds, titles = arrivals.seeds, (verdict.a.title, verdict.b.title)
    if arrivals.never_a or arrivals.never_b:
        reached = (seeds - arrivals.never_a, seeds - arrivals.never_b)
        yield by_seeds(f"reached {goal}", list(zip(titles, reached, strict=True)), seeds) + "."
    if arrivals.at_start:
        yield (
            f"In {arrivals.at_start} of {seeds} seeds {titles[0]} or {titles[1]} had {goal} "
            "before its first step; those have no ratio of steps."
        )
    if arrivals.logs.n >= 2:
        yield _ratio(verdict, arrivals, goal)


def _ratio(verdict: Verdict, arrivals: Arrivals, goal: str) -> str:
    a, b = verdict.a.title, verdict.b.title
    if not verdict.quicker:
        ratio, low, high = map(more_steps, (arrivals.ratio, arrivals.low, arrivals.high))
        shown = evidence(arrivals.logs, low, high)
        return (
            f"No difference shown between {a} and {b} in steps to {goal}: "
            f"{_untested_or(arrivals.logs, f'{a} took {ratio}', shown)}"
        )
    if verdict.quicker is verdict.a:
        a, b, arrivals = b, a, arrivals.reversed()
    return f"{slower(a, b, arrivals, goal)} {_interval_of_steps(arrivals)}."


def slower(a: str, b: str, arrivals: Arrivals, goal: str) -> str:
    """As in "MSE took 60% more steps to 93% accuracy than BCE": a is shown to be later."""
    return f"{a} took {more_steps(arrivals.ratio, _percents(arrivals))} steps to {goal} than {b}"


def _interval_of_steps(arrivals: Arrivals) -> str:
    decimals = _percents(arrivals)
    low, high = (number(100 * (x - 1), decimals) for x in (arrivals.low, arrivals.high))
    return evidence(arrivals.logs, low, f"{high}% more")


def _percents(arrivals: Arrivals) -> int:
    """Decimals with which the low end of the interval is not written as no more at all."""
    return telling(100 * (arrivals.low - 1), 0)


def more_steps(ratio: float, decimals: int = 0) -> str:
    """A ratio of steps in percent, as in "60% more", "20% fewer" and "as many"."""
    percent = number(100 * abs(ratio - 1), decimals)
    if not float(percent.replace(",", "")):
        return "as many"
    return f"{percent}% {'more' if ratio > 1 else 'fewer'}"


# ------------------------------------------------------------------ words and numbers


def by_seeds(did: str, counts: Sequence[tuple[str, int]], seeds: int) -> str:
    """As in "BCE diverged in 1 of 5 seeds, MSE in 2 of 5"."""
    (title, count), *rest = counts
    return ", ".join(
        [f"{title} {did} in {count} of {seeds} seeds"]
        + [f"{title} in {count} of {seeds}" for title, count in rest]
    )


def goal_of(threshold: float, yardstick: Yardstick) -> str:
    """As in "93% accuracy" or "R2 0.912"."""
    scale, decimals, _ = units(yardstick)
    value = f"{round(scale * threshold, decimals):.12g}"
    name = yardstick.name
    return f"{value}% {name}" if yardstick.digits.is_share else f"{name} {value}"


def possessive(title: str) -> str:
    """As in "BCE's" and "MSE on raw outputs'"."""
    return f"{title}'" if title.endswith("s") else f"{title}'s"


def units(yardstick: Yardstick) -> tuple[int, int, str]:
    """Scale, decimals and unit of a difference; that of percentages is in points."""
    decimals = yardstick.digits.decimals
    return (100, decimals, " points") if yardstick.digits.is_share else (1, decimals, "")


def number(value: float, decimals: int) -> str:
    """Fixed decimals; what rounds to 0 has no sign."""
    return format(value, f"z,.{decimals}f")


def telling(value: float, decimals: int) -> int:
    """Decimals, no fewer than given, that do not round ``value`` to 0."""
    enough = (d for d in range(decimals, _MOST_DECIMALS) if round(value, d))
    return next(enough, _MOST_DECIMALS)


def in_a_row(titles: Sequence[str]) -> str:
    """As in "BCE, MSE and Hinge"."""
    *first, last = titles
    return f"{', '.join(first)} and {last}" if first else last
