"""What one experiment of an exhibit came to, as numbers by seed. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.courses import Course, courses, judged_split
from core.compare.curves import RunCurves
from core.records import Facts, Measure, Snapshot, Split
from core.spec import ExperimentSpec

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evidence:
    """A training that has ended: its evaluations by epoch, and its last snapshot.

    Entrants go by their place in the experiment. All is of the rows that yardsticks are about, and
    NaN for seeds whose run diverged.
    """

    spec: ExperimentSpec
    facts: Facts
    runs: Sequence[RunCurves]
    snapshot: Snapshot

    def course(self, place: int, measure: Measure, split: Split | None = None) -> Course:
        """An entrant's runs by a measure that is taken at each epoch: values ``[S, E]``."""
        split = split or judged_split(self.spec)
        return courses(self.runs, self.spec, split, measure)[place]

    def at(self, place: int, measure: Measure, epoch: int) -> Values:
        """``[S]`` at the end of an epoch; 0 is before training, -1 the last."""
        course = self.course(place, measure)
        place_of = (
            len(course.epochs) - 1 if epoch < 0 else int(np.searchsorted(course.epochs, epoch))
        )
        values: Values = course.values[:, place_of]
        return values

    def end(self, place: int, measure: Measure) -> Values:
        """``[S]`` at the end of training, for every yardstick, also those of snapshots alone."""
        scores = self.snapshot.score(measure)[self.spec.runs_of(place)]
        diverged = [run.diverged_step is not None for run in self.runs[self.spec.runs_of(place)]]
        return np.where(diverged, np.nan, scores)

    def best(self, place: int, measure: Measure, *, highest: bool) -> Values:
        """``[S]``: each seed's best value over all epochs."""
        values = self.course(place, measure).values
        found: Values = np.nanmax(values, axis=1) if highest else np.nanmin(values, axis=1)
        return found

    def first_epoch(self, place: int, measure: Measure, threshold: float) -> Values:
        """``[S]``: the first epoch at whose end the measure was at or above the threshold.

        Where a seed never got there it is the last epoch, the least that it can have taken.
        """
        course = self.course(place, measure)
        reached = course.values >= threshold
        first = np.where(reached.any(axis=1), reached.argmax(axis=1), len(course.epochs) - 1)
        return course.epochs[first].astype(np.float64)
