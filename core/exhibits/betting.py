"""Bets on an exhibit: what can be bet on, who was right, and how far sketches were off.

All is about one chart of the first part: the first whose curve can be sketched, else the first. Who
bets picks the entrant that ends best by its
measure, or that none is shown to; and may sketch where the curve of the first entrant ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.compare.courses import judged_split, shared_courses
from core.compare.scores import Standing
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Chart, Drawing, Exhibit
from core.exhibits.judged import shared_of, yardstick_of
from core.judging.yardsticks import Reading, Shared, within_sentence
from core.records import NO_DIFFERENCE, Bet
from core.spec import ExperimentSpec

#: The lowest value that can be sketched of a score that is no share; 0 is a constant's.
_LOWEST_SCORE = -0.5


@dataclass(frozen=True)
class Sketch:
    """Where a curve ends, in its chart's own units from ``low`` to ``high``."""

    question: str
    judged_by: Shared
    low: float
    high: float = 1.0

    def written(self, value: float) -> str:
        return f"{value:{self.judged_by.digits.format}}"

    def distance(self, value: float) -> str:
        """As in "3.2 points"."""
        if self.judged_by.digits.is_share:
            return f"{100 * value:.1f} points"
        return f"{value:{self.judged_by.digits.format}}"


@dataclass(frozen=True)
class Game:
    """What can be bet on; ``picks`` are titles by the entrants' places, none of a lone entrant."""

    question: str
    picks: Mapping[int, str]
    sketch: Sketch | None


@dataclass(frozen=True)
class Result:
    """What it came to: who is shown to end best, or ``NO_DIFFERENCE``; and where the curve
    ended, the mean over seeds."""

    winner: int
    end: float | None


@dataclass(frozen=True)
class Tally:
    """How many picked what, in the order of the picks, and how far off sketches were, the mean."""

    picked: Mapping[int, int]
    right: int
    sketches: int
    off: float | None

    @property
    def picks(self) -> int:
        return sum(self.picked.values())


def game_of(exhibit: Exhibit) -> Game:
    spec, chart = exhibit.parts[0].spec, _chart_of(exhibit)
    yardstick = yardstick_of(spec, chart)
    titles = {entrant.place: entrant.title for entrant in spec.lineup}
    picks = titles | {NO_DIFFERENCE: "No difference"} if len(titles) > 1 else {}
    where = f"{judged_split(spec).word} {yardstick.name}"
    sketch = None
    if _can_be_sketched(spec, chart):
        judged_by = shared_of(spec, chart)
        measured = f"{judged_split(spec).word} {within_sentence(judged_by.title)}"
        low = 0.0 if judged_by.digits.is_share else _LOWEST_SCORE
        sketch = Sketch(f"Where does {titles[0]} end? ({measured})", judged_by, low)
    return Game(f"Which one ends with the best {where}?", picks, sketch)


def _chart_of(exhibit: Exhibit) -> Chart:
    part = exhibit.parts[0]
    return next((each for each in part.charts if _can_be_sketched(part.spec, each)), part.charts[0])


def _can_be_sketched(spec: ExperimentSpec, chart: Chart) -> bool:
    """Whether it is a curve, of which everybody knows between which ends it lies."""
    judged_by = shared_of(spec, chart)
    has_ends = judged_by.digits.is_share or judged_by.reading is Reading.SKILL
    return chart.drawing is Drawing.COURSE and has_ends


def result_of(exhibit: Exhibit, evidence: Evidence) -> Result:
    """What the first part came to, for bets on it."""
    spec, chart = evidence.spec, _chart_of(exhibit)
    diverged_steps = [run.diverged_step for run in evidence.runs]
    standing = Standing.of(spec, evidence.snapshot, diverged_steps)
    yardstick = yardstick_of(spec, chart)
    (best,) = (each.best for each in standing.matrix if each.yardstick == yardstick)
    end = None
    if chart.drawing is Drawing.COURSE:
        judged_by = shared_of(spec, chart)
        course = shared_courses(evidence.runs, spec, evidence.facts, judged_by)[0]
        last = course.values[:, -1]
        end = float(np.mean(last[np.isfinite(last)])) if np.isfinite(last).any() else None
    return Result(NO_DIFFERENCE if best is None else best, end)


def tally(bets: Sequence[Bet], game: Game, result: Result | None) -> Tally:
    """``result`` is None while it is not known, or never will be."""
    counts = Counter(bet.pick for bet in bets if bet.pick in game.picks)
    sketched = [bet.sketched for bet in bets if bet.sketched is not None]
    off = None
    if sketched and result is not None and result.end is not None:
        off = float(np.mean([abs(value - result.end) for value in sketched]))
    return Tally(
        picked={place: counts[place] for place in game.picks},
        right=counts[result.winner] if result else 0,
        sketches=len(sketched),
        off=off,
    )
