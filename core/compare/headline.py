"""The one sentence on a whole comparison: it claims what the verdicts show, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from core.compare.pairs import FEWEST_SEEDS
from core.compare.sentences import (
    AFTER_TRAINING,
    ONE_SEED,
    goal_of,
    in_a_row,
    number,
    possessive,
    slower,
    telling,
    units,
)
from core.compare.verdict import EntrantScores, Verdict, best_of
from core.judging.yardsticks import Yardstick

#: So many entrants are named where none is better; of more, the number is said.
_MOST_TOLD = 4
ALONE = "One entrant alone: nothing to compare."


def headline(
    verdicts: Sequence[Verdict], yardstick: Yardstick, opening: str = AFTER_TRAINING
) -> str:
    """Who is shown to be better, and who to need more steps, if anybody is.

    ``opening`` says when it holds. Pairs that share fewer than two seeds have no part in it.
    """
    if not verdicts:
        return ALONE
    if verdicts[0].seeds < 2:
        return ONE_SEED
    compared = [each for each in verdicts if each.difference and each.difference.n >= 2]
    races = [each for each in compared if not each.is_aa_check]
    if not compared:
        return f"{opening}, no two entrants can be compared by {yardstick.name}."
    if not races:
        return f"{opening}, an A/A check: what differs in {yardstick.name} is the noise floor."
    shown = [each for each in races if each.winner]
    told = _better(shown, verdicts, races, yardstick) if shown else _nobody(races, yardstick)
    return f"{opening}, {told}{_steps(races, yardstick)}."


def _nobody(races: Sequence[Verdict], yardstick: Yardstick) -> str:
    titles = list(dict.fromkeys(each.title for pair in races for each in (pair.a, pair.b)))
    told = in_a_row(titles) if len(titles) <= _MOST_TOLD else f"{len(titles)} entrants"
    between = told if len(titles) == 2 else f"any two of {told}"
    seeds = max(each.difference.n for each in races if each.difference)
    why = ", as two seeds are too few to name a winner" if seeds < FEWEST_SEEDS else ""
    return f"no difference is shown in {yardstick.name} between {between}{why}"


def _better(
    shown: Sequence[Verdict],
    verdicts: Sequence[Verdict],
    races: Sequence[Verdict],
    yardstick: Yardstick,
) -> str:
    side = "higher" if yardstick.higher_is_better else "lower"
    if len(races) == 1:
        return _by_how_much(shown[0], yardstick, side)
    beaten: dict[EntrantScores, list[str]] = {}
    for each in shown:
        if winner := each.winner:
            beaten.setdefault(winner, []).append(each.other(winner).title)
    if best := best_of(verdicts):
        beaten = {best: ["every other"]}
    told = [
        f"{possessive(winner.title)} {yardstick.name} is {side} than that of {in_a_row(titles)}"
        for winner, titles in beaten.items()
    ]
    left = 0 if best else len(races) - len(shown)
    show = "shows" if left == 1 else "show"
    rest = f"; {left} of {len(races)} pairs {show} no difference" if left else ""
    return "; ".join(told) + rest


def _by_how_much(verdict: Verdict, yardstick: Yardstick, side: str) -> str:
    winner, difference = verdict.winner, verdict.difference
    if winner is None or difference is None:
        return ""
    scale, decimals, unit = units(yardstick)
    lead = scale * abs(difference.mean)
    return (
        f"{possessive(winner.title)} {yardstick.name} is "
        f"{number(lead, telling(lead, decimals))}{unit} {side} than "
        f"{possessive(verdict.other(winner).title)}"
    )


# ------------------------------------------------------------------ steps to the threshold


def _steps(races: Sequence[Verdict], yardstick: Yardstick) -> str:
    """Of one pair by how much; of more, who is shown to be quicker than every other."""
    goal = races[0].threshold
    if goal is None:
        return ""
    if len(races) == 1:
        later = _later(races[0], goal_of(goal, yardstick))
        return f"; {later}" if later else ""
    entrants = dict.fromkeys(each for pair in races for each in (pair.a, pair.b))
    for entrant in entrants:
        # Entrants that share too few seeds are not compared, so that it may lack a pair.
        quicker = sum(each.quicker is entrant for each in races)
        if quicker == len(entrants) - 1:
            return f"; {entrant.title} took the fewest steps to {goal_of(goal, yardstick)}"
    return ""


def _later(verdict: Verdict, goal: str) -> str:
    quicker, arrivals = verdict.quicker, verdict.arrivals
    if quicker is None or arrivals is None:
        return ""
    if quicker is verdict.a:
        arrivals = arrivals.reversed()
    return slower(verdict.other(quicker).title, quicker.title, arrivals, goal)
