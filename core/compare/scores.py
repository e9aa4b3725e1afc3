"""The scores of a race: every entrant by every yardstick, and what each pair comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course, courses, judged_split
from core.compare.curves import RunCurves
from core.compare.intervals import interval, steps_to_reach, threshold
from core.compare.pairs import Scope
from core.compare.verdict import NOT_PROBABILITIES, EntrantScores, Verdict, best_of, verdicts
from core.judging.yardsticks import Digits, Yardstick, gives_probabilities, yardsticks
from core.records import Measure, Snapshot
from core.spec import Entrant, ExperimentSpec


def scopes(spec: ExperimentSpec) -> tuple[Scope, ...]:
    """What a comparison can be about, the plain one first.

    On new data needs rows that are held out, and is a question of its own only where seeds share
    their rows: data that each seed generates anew is new data as it is.
    """
    has_both = spec.data.validation_rows > 0 and spec.data.seeds_share_rows
    return (Scope.SPLITS, Scope.NEW_DATA) if has_both else (Scope.SPLITS,)


def recorded(spec: ExperimentSpec, snapshot: Snapshot | None) -> list[Yardstick]:
    """The task's yardsticks, without those that are younger than the snapshot."""
    known = yardsticks(spec.dataset.task)
    if snapshot is None:
        return list(known)
    return [each for each in known if each.measure in snapshot.measures]


@dataclass(frozen=True, eq=False)
class Standing:
    """A race at the epoch of one snapshot: all that is compared is read here, at that epoch.

    ``diverged`` ``[L, S]`` are the runs that have no scores, as their loss was not finite at some
    step: they count as missing everywhere, however good they once were. ``scope`` is what is
    concluded from the others.
    """

    spec: ExperimentSpec
    snapshot: Snapshot
    diverged: NDArray[np.bool_]
    scope: Scope = Scope.SPLITS

    @classmethod
    def of(
        cls,
        spec: ExperimentSpec,
        snapshot: Snapshot,
        diverged_steps: Sequence[int | None],
        scope: Scope = Scope.SPLITS,
    ) -> Standing:
        """``diverged_steps`` has one for each run; a scope that there is not counts as plain."""
        diverged = np.array([step is not None for step in diverged_steps])
        shape = (len(spec.entrants), len(spec.seeds))
        scope = scope if scope in scopes(spec) else Scope.SPLITS
        return cls(spec, snapshot, diverged.reshape(shape), scope)

    @property
    def overlap(self) -> float:
        """What seeds that share rows add to the variance of a mean: ``core.compare.pairs``."""
        if self.scope is Scope.SPLITS:
            return 0.0
        return self.spec.data.validation_rows / self.spec.data.train_rows

    def scores(self, measure: Measure) -> NDArray[np.float64]:
        """``[L, S]``; NaN where a run has none."""
        scores = self.snapshot.score(measure).reshape(self.diverged.shape)
        return np.where(self.diverged, np.nan, scores)

    def entrants(
        self, yardstick: Yardstick, arrivals: Sequence[NDArray[np.float64]] | None = None
    ) -> list[EntrantScores]:
        scores = self.scores(yardstick.measure)
        return [
            EntrantScores(
                title=entrant.title,
                scores=scores[entrant.place],
                diverged=self.diverged[entrant.place],
                arrivals=arrivals[entrant.place] if arrivals is not None else None,
                no_score=None if self._can_score(entrant, yardstick) else NOT_PROBABILITIES,
                settings=_settings(entrant, self.spec),
                head_seed=entrant.head_seed,
            )
            for entrant in self.spec.lineup
        ]

    @cached_property
    def matrix(self) -> list[Column]:
        """Every entrant by every recorded yardstick; a best one only where the verdicts show it."""
        return [self._column(yardstick) for yardstick in recorded(self.spec, self.snapshot)]

    def _column(self, yardstick: Yardstick) -> Column:
        entrants = self.entrants(yardstick)
        best = best_of(verdicts(entrants, yardstick, overlap=self.overlap))
        scores = self.scores(yardstick.measure)
        lacking = frozenset(
            each.place for each in self.spec.lineup if not self._can_score(each, yardstick)
        )
        place = entrants.index(best) if best else None
        return Column(yardstick, scores, place, self.overlap, lacking)

    def _can_score(self, entrant: Entrant, yardstick: Yardstick) -> bool:
        """Whether what the entrant's loss at the snapshot trains has a score at all."""
        loss, task = entrant.loss_of(self.snapshot.step), self.spec.dataset.task
        return not yardstick.needs_probabilities or gives_probabilities(loss, task)

    def verdicts(self, runs: Sequence[RunCurves], yardstick: Yardstick) -> tuple[Verdict, ...]:
        """Each pair by one yardstick: scores, and when 95% of the best came."""
        goal = None
        if yardstick.is_judged_each_epoch:
            higher = yardstick.higher_is_better
            goal = threshold(self.scores(yardstick.measure), higher_is_better=higher)
        arrivals = None if goal is None else self._arrivals(runs, goal, yardstick)
        return verdicts(self.entrants(yardstick, arrivals), yardstick, goal, self.overlap)

    def _arrivals(
        self, runs: Sequence[RunCurves], goal: float, yardstick: Yardstick
    ) -> list[NDArray[np.float64]]:
        """Until the snapshot's epoch: the step at which each seed was first as good as ``goal``."""
        by_entrant = courses(runs, self.spec, judged_split(self.spec), yardstick.measure)
        return [
            np.where(self.diverged[place], np.nan, self._reached(course, goal, yardstick))
            for place, course in enumerate(by_entrant)
        ]

    def _reached(self, course: Course, goal: float, yardstick: Yardstick) -> NDArray[np.float64]:
        known = course.epochs <= self.snapshot.epoch
        steps, higher = course.steps[known], yardstick.higher_is_better
        arrived = [steps_to_reach(steps, row[known], goal, higher) for row in course.values]
        return np.array([np.nan if step is None else step for step in arrived])


def _settings(entrant: Entrant, spec: ExperimentSpec) -> object:
    """What an entrant trains with but for the start of its last layer, equal for equal ones."""
    own = {"name": None, "head_seed": None, "learning_rate": entrant.learning_rate}
    return spec.entrants[entrant.place].model_copy(update=own)


@dataclass(frozen=True)
class Column:
    """One yardstick of the matrix: scores ``[L, S]``, and the place of the best entrant, if
    one is shown to be best. ``overlap`` is that of the intervals. ``lacking`` are the places of the
    entrants whose outputs can have no such score."""

    yardstick: Yardstick
    scores: NDArray[np.float64]
    best: int | None
    overlap: float = 0.0
    lacking: frozenset[int] = frozenset()


def score_text(column: Column, place: int) -> str | None:
    """An entrant's mean ± half its 95% interval over seeds; None where no seed has a score.

    Where only some have one, it says how many.
    """
    return mean_text(column.scores[place], column.yardstick.digits, column.overlap)


def mean_text(scores: NDArray[np.float64], digits: Digits, overlap: float = 0.0) -> str | None:
    """The same of one score a seed ``[S]``."""
    spec = digits.format
    mean = interval(scores, overlap=overlap)
    if not mean.n:
        return None
    text = f"{mean.mean:{spec}}"
    if mean.n > 1:
        text += f" ± {mean.high - mean.mean:{spec}}".rstrip("%")
    if mean.missing:
        text += f" ({mean.n} of {mean.n + mean.missing} seeds)"
    return text
