"""The scores of a race: every entrant by every yardstick, and what each pair comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course, courses, judged_split
from core.compare.curves import RunCurves
from core.compare.intervals import best_in_column, interval, steps_to_reach, threshold
from core.compare.verdict import NOT_PROBABILITIES, EntrantScores, Verdict, verdicts
from core.judging.yardsticks import Yardstick, gives_probabilities, yardsticks
from core.losses import LossSpec
from core.records import Measure, Snapshot
from core.spec import ExperimentSpec


def scores(snapshot: Snapshot, spec: ExperimentSpec, measure: Measure) -> NDArray[np.float64]:
    """Scores ``[L, S]`` at the snapshot's step; NaN where a run has none."""
    return snapshot.score(measure).reshape(len(spec.entrants), len(spec.seeds))


@dataclass(frozen=True)
class Column:
    """One yardstick of the matrix: scores ``[L, S]``, and the place of the best entrant, if
    one is shown to be best."""

    yardstick: Yardstick
    scores: NDArray[np.float64]
    best: int | None


def matrix(snapshot: Snapshot, spec: ExperimentSpec) -> list[Column]:
    """Every entrant by every yardstick; a best one only where paired intervals show it."""
    columns = []
    for yardstick in yardsticks(spec.dataset.task):
        table = scores(snapshot, spec, yardstick.measure)
        best = best_in_column(table, yardstick.higher_is_better)
        columns.append(Column(yardstick, table, best))
    return columns


def score_text(column: Column, place: int) -> str | None:
    """An entrant's mean ± half its 95 % interval over seeds; None where no seed has a score.

    Where only some have one, it says how many.
    """
    mean, spec = interval(column.scores[place]), column.yardstick.digits.format
    if not mean.n:
        return None
    text = f"{mean.mean:{spec}}"
    if mean.n > 1:
        text += f" ± {mean.high - mean.mean:{spec}}".rstrip("%")
    if mean.missing:
        text += f" ({mean.n} of {mean.n + mean.missing} seeds)"
    return text


def can_score(loss: LossSpec, spec: ExperimentSpec, yardstick: Yardstick) -> bool:
    """Whether what the loss trains has a score by the yardstick at all."""
    return not yardstick.needs_probabilities or gives_probabilities(loss, spec.dataset.task)


def compare(
    runs: Sequence[RunCurves], spec: ExperimentSpec, snapshot: Snapshot, yardstick: Yardstick
) -> tuple[Verdict, ...]:
    """Each pair of entrants by one yardstick: final scores, and when 95 % of the best came."""
    final = scores(snapshot, spec, yardstick.measure)
    by_entrant = courses(runs, spec, judged_split(spec), yardstick.measure)
    diverged = np.array(
        [[step is not None for step in course.diverged_steps] for course in by_entrant]
    )
    final = np.where(diverged, np.nan, final)
    goal = None
    if yardstick.is_judged_each_epoch:
        goal = threshold(final, higher_is_better=yardstick.higher_is_better)
    entrants = [
        EntrantScores(
            title=course.entrant.title,
            scores=final[place],
            diverged=diverged[place],
            arrivals=None if goal is None else _arrivals(course, goal, yardstick),
            no_score=(
                None if can_score(course.entrant.loss, spec, yardstick) else NOT_PROBABILITIES
            ),
        )
        for place, course in enumerate(by_entrant)
    ]
    return verdicts(entrants, yardstick, goal)


def _arrivals(course: Course, goal: float, yardstick: Yardstick) -> NDArray[np.float64]:
    """The step at which each seed was first judged as good as ``goal``; NaN for never."""
    arrived = [
        steps_to_reach(course.steps, row, goal, yardstick.higher_is_better) for row in course.values
    ]
    return np.array([np.nan if step is None else step for step in arrived])
