"""What a training shows so far: who came first to a mark, and where each entrant stands.

Nothing is concluded here, as ``core.compare.verdict`` does from several seeds. With more than one
seed all numbers are means over those that did not diverge. Needs no torch.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course
from core.compare.sentences import goal_of
from core.judging.yardsticks import Yardstick

#: The marks that arrivals are told of: the highest one that all reached, or that anybody did.
_MARKS = (0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
#: So many entrants are all told of; of more, the first two and the last.
_MOST_TOLD = 4
NONE_LEFT = "No entrant is left: the loss of each is no longer a finite number."
_NONE_YET = "The first epoch is not complete yet."
_ENDED_EARLY = "It ended before the first epoch was complete."


@dataclass(frozen=True)
class SoFar:
    """Where each entrant stands, in the order of the experiment.

    ``scores`` are the newest, None for an entrant of which every seed diverged. ``mark`` is what
    ``arrivals`` are about: the epoch at which each entrant first was as good, None for one that
    has not been; there is none before anybody reached the lowest.
    """

    titles: tuple[str, ...]
    epoch: int
    scores: tuple[float | None, ...]
    mark: float | None
    arrivals: tuple[int | None, ...]

    @classmethod
    def of(cls, courses: Sequence[Course]) -> SoFar:
        """``courses`` are by a yardstick of which more is better, as accuracy and R\u00b2 are."""
        epoch = min((len(course.epochs) for course in courses), default=0) - 1
        means = [_mean(course)[: epoch + 1] for course in courses]
        scores = [
            float(mean[-1]) if len(mean) and np.isfinite(mean[-1]) else None for mean in means
        ]
        # Who diverged is not told of, and so has no say in the mark either.
        best = [
            float(np.nanmax(mean))
            for mean, score in zip(means, scores, strict=True)
            if score is not None
        ]
        mark = _mark(_at_first(means, courses), min(best), max(best)) if best else None
        return cls(
            titles=tuple(course.entrant.title for course in courses),
            epoch=int(courses[0].epochs[epoch]) if epoch >= 0 else 0,
            scores=tuple(scores),
            mark=mark,
            arrivals=tuple(
                None if mark is None else _arrival(mean, course.epochs, mark)
                for mean, course in zip(means, courses, strict=True)
            ),
        )


def _mean(course: Course) -> NDArray[np.float64]:
    if len(course.seeds) == 1:
        alone: NDArray[np.float64] = course.values[0]
        return alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where every seed diverged
        mean: NDArray[np.float64] = np.nanmean(course.values, 0)
    return mean


def _at_first(means: Sequence[NDArray[np.float64]], courses: Sequence[Course]) -> float:
    """The best score before training: a mark below it is reached by nobody's training."""
    at_first = [
        float(mean[0])
        for mean, course in zip(means, courses, strict=True)
        if len(mean) and course.epochs[0] == 0 and np.isfinite(mean[0])
    ]
    return max(at_first, default=-math.inf)


def _mark(at_first: float, worst: float, best: float) -> float | None:
    """The highest mark that the worst entrant has reached, else the highest of the best."""
    trained = [mark for mark in _MARKS if mark > at_first]
    return next((mark for mark in trained if worst >= mark), None) or next(
        (mark for mark in trained if best >= mark), None
    )


def _arrival(mean: NDArray[np.float64], epochs: NDArray[np.int32], mark: float) -> int | None:
    reached = np.flatnonzero(mean >= mark)
    return int(epochs[reached[0]]) if len(reached) else None


def sentence(
    so_far: SoFar, yardstick: Yardstick, *, is_finished: bool, is_any_left: bool = True
) -> str:
    """As in "CE reached 90% accuracy at epoch 18 (now 96.5%), BCE not yet (81.0%)".

    ``is_any_left`` says whether the loss of any run is still finite: where none is, a training
    may end within its first epoch.
    """
    if not is_any_left:
        return NONE_LEFT
    if so_far.epoch == 0:
        return _ENDED_EARLY if is_finished else _NONE_YET
    standing = [
        _Standing(title, arrival, f"{score:{yardstick.digits.format}}")
        for title, arrival, score in zip(so_far.titles, so_far.arrivals, so_far.scores, strict=True)
        if score is not None
    ]
    if not standing:
        return NONE_LEFT
    standing.sort(key=lambda each: math.inf if each.arrival is None else each.arrival)
    if so_far.mark is None:
        now = ", ".join(f"{each.title} {each.score}" for each in _told(standing))
        return f"After epoch {so_far.epoch:,}, {yardstick.name}: {now}."
    return _arrivals_told(_told(standing), goal_of(so_far.mark, yardstick), is_finished)


@dataclass(frozen=True)
class _Standing:
    title: str
    arrival: int | None
    score: str


def _told(standing: Sequence[_Standing]) -> Sequence[_Standing]:
    return standing if len(standing) <= _MOST_TOLD else [*standing[:2], standing[-1]]


def _arrivals_told(standing: Sequence[_Standing], goal: str, is_finished: bool) -> str:
    (first, *others), when = standing, "at the end" if is_finished else "now"
    told = [f"{first.title} reached {goal} at epoch {first.arrival:,} ({when} {first.score})"]
    never = "never" if is_finished else "not yet"
    for each in others:
        arrived = never if each.arrival is None else f"at {each.arrival:,}"
        told.append(f"{each.title} {arrived} ({each.score})")
    return f"{', '.join(told)}."
