"""Each entrant's runs by one measure, epoch by epoch.

Needs no torch. Shapes: S seeds, E epochs judged so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.compare.curves import Curves, RunCurves
from core.judging.yardsticks import Reading, Shared
from core.records import Facts, Measure, Split
from core.spec import Entrant, ExperimentSpec


class CurveAxis(StrEnum):
    """What a curve is drawn over."""

    STEP = "step"
    EPOCH = "epoch"
    SECONDS = "seconds"


@dataclass(frozen=True)
class Course:
    """One entrant's runs by one measure at the end of each epoch, epoch 0 before training.

    ``values`` ``[S, E]`` are NaN from where a seed's loss was not finite any more, and where
    the measure has no value.
    """

    entrant: Entrant
    seeds: tuple[int, ...]
    epochs: NDArray[np.int32]
    steps: NDArray[np.int32]
    values: NDArray[np.float64]
    diverged_steps: tuple[int | None, ...]

    def skill(self, null: Sequence[float]) -> Course:
        """1 - L / L_null, ``null`` having one score a seed."""
        return replace(self, values=1 - self.values / np.asarray(null)[:, None])

    def error(self, rows: int) -> Course:
        """1 - share, as a logarithmic axis can show it: no error among ``rows`` is half a row."""
        return replace(self, values=np.maximum(1 - self.values, 0.5 / rows))

    def thinned(self, limit: int) -> Course:
        """At most ``limit`` epochs, evenly chosen, the first and the newest among them."""
        if len(self.epochs) <= limit:
            return self
        kept = np.linspace(0, len(self.epochs) - 1, limit).round().astype(int)
        return replace(
            self, epochs=self.epochs[kept], steps=self.steps[kept], values=self.values[:, kept]
        )

    def apart(self, step: int, *, is_over_epochs: bool = False) -> Course:
        """With no value between what was before and after the step, where the units change.

        Where values are means over an epoch's steps, there is none either of the epoch that had
        both, if that was judged.
        """
        place = int(np.searchsorted(self.steps, step, side="right"))
        if place == len(self.steps):
            return self
        epoch, end = int(self.epochs[place]), int(self.steps[place])
        values = self.values.copy()
        if is_over_epochs and end - end // epoch < step:
            values[:, place] = np.nan
        if not place:
            return replace(self, values=values)
        return replace(
            self,
            epochs=np.insert(self.epochs, place, self.epochs[place - 1]),
            steps=np.insert(self.steps, place, self.steps[place - 1]),
            values=np.insert(values, place, np.nan, axis=1),
        )

    def position_of(self, step: int, axis: CurveAxis, curves: Curves) -> float:
        """Where a step, which may lie within an epoch, stands on the axis."""
        if axis is CurveAxis.EPOCH:
            return float(np.interp(step, self.steps, self.epochs))
        steps = np.array([step], np.int32)
        return float(curves.seconds_at(steps)[0] if axis is CurveAxis.SECONDS else step)

    def positions(self, axis: CurveAxis, curves: Curves) -> NDArray[np.float64]:
        """Where each epoch stands on the axis."""
        if axis is CurveAxis.SECONDS:
            return curves.seconds_at(self.steps)
        return (self.steps if axis is CurveAxis.STEP else self.epochs).astype(np.float64)


def judged_split(spec: ExperimentSpec) -> Split:
    """The rows that yardsticks are about: those held out, or all where none are."""
    return Split.VAL if spec.data.validation_rows else Split.TRAIN


def judged_rows(spec: ExperimentSpec) -> int:
    """How many rows yardsticks are computed from."""
    return spec.data.validation_rows or spec.data.train_rows


def courses(
    runs: Sequence[RunCurves], spec: ExperimentSpec, split: Split, measure: Measure
) -> list[Course]:
    """One for each entrant, in the order of the experiment."""
    return [
        _course(entrant, runs[spec.runs_of(entrant.place)], split, measure)
        for entrant in spec.lineup
    ]


def _course(entrant: Entrant, runs: Sequence[RunCurves], split: Split, measure: Measure) -> Course:
    lines = [run.evaluation(split, measure) for run in runs]
    epochs = min(len(line.epochs) for line in lines)
    steps = lines[0].steps[:epochs]
    values = np.stack([line.values[:epochs] for line in lines]).astype(np.float64)
    diverged = tuple(run.diverged_step for run in runs)
    for row, step in zip(values, diverged, strict=True):
        if step is not None:
            row[steps >= step] = np.nan
    values[~np.isfinite(values)] = np.nan
    seeds = tuple(run.run.seed for run in runs)
    return Course(entrant, seeds, lines[0].epochs[:epochs], steps, values, diverged)


def shared_courses(
    runs: Sequence[RunCurves], spec: ExperimentSpec, facts: Facts, shared: Shared
) -> list[Course]:
    """What all entrants can share an axis by: a yardstick, the skill of one, or an error."""
    judged = courses(runs, spec, judged_split(spec), shared.measure)
    match shared.reading:
        case Reading.PLAIN:
            return judged
        case Reading.SKILL:
            return [course.skill(facts.null_scores[shared.measure]) for course in judged]
        case Reading.ERROR:
            return [course.error(judged_rows(spec)) for course in judged]
