"""A race as data: every loss's runs on one measure, its scores, and what holds them equal.

Needs no torch. Shapes: S seeds, E epochs judged so far; run k of the experiment has loss
k // S and seed k % S.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.curves import Curves, RunCurves
from core.datasets import split_sizes
from core.intervals import best_in_column, steps_to_reach, threshold
from core.losses import LOSSES, LossSpec
from core.records import Experiment, Facts, Measure, Split
from core.snapshot import Snapshot
from core.spec import ExperimentSpec, Protocol
from core.verdict import NOT_PROBABILITIES, Entrant, Verdict, verdicts
from core.yardsticks import Shared, Yardstick, gives_probabilities, yardsticks

Floats = NDArray[np.float64]


class Axis(StrEnum):
    """What a curve is drawn over."""

    STEP = "step"
    EPOCH = "epoch"
    SECONDS = "seconds"


@dataclass(frozen=True)
class Course:
    """One loss's runs by one measure at the end of each epoch, epoch 0 before training.

    ``values`` ``[S, E]`` are NaN from where a seed's loss was not finite any more, and where
    the measure has no value.
    """

    loss: str
    seeds: tuple[int, ...]
    epochs: NDArray[np.int32]
    steps: NDArray[np.int32]
    values: Floats
    diverged_steps: tuple[int | None, ...]

    def skill(self, null: Sequence[float]) -> Course:
        """1 - L / L_null, ``null`` having one score a seed."""
        return replace(self, values=1 - self.values / np.asarray(null)[:, None])

    def thinned(self, limit: int) -> Course:
        """At most ``limit`` epochs, evenly chosen, the first and the newest among them."""
        if len(self.epochs) <= limit:
            return self
        kept = np.linspace(0, len(self.epochs) - 1, limit).round().astype(int)
        return replace(
            self, epochs=self.epochs[kept], steps=self.steps[kept], values=self.values[:, kept]
        )

    def positions(self, axis: Axis, curves: Curves) -> NDArray[np.float64]:
        """Where each epoch stands on the axis."""
        if axis is Axis.SECONDS:
            return curves.seconds_at(self.steps)
        return (self.steps if axis is Axis.STEP else self.epochs).astype(np.float64)


def judged_split(spec: ExperimentSpec) -> Split:
    """The rows that yardsticks are about: those held out, or all where none are."""
    return Split.VAL if split_sizes(spec.data)[1] else Split.TRAIN


def courses(runs: Sequence[RunCurves], split: Split, measure: Measure) -> list[Course]:
    """One for each loss, in the order of the experiment."""
    by_loss: dict[str, list[RunCurves]] = {}
    for run in runs:
        by_loss.setdefault(run.run.loss, []).append(run)
    return [_course(loss, of_loss, split, measure) for loss, of_loss in by_loss.items()]


def _course(loss: str, runs: list[RunCurves], split: Split, measure: Measure) -> Course:
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
    return Course(loss, seeds, lines[0].epochs[:epochs], steps, values, diverged)


def shared_courses(
    runs: Sequence[RunCurves], spec: ExperimentSpec, facts: Facts, shared: Shared
) -> list[Course]:
    """What all losses can share an axis by: a yardstick, or the skill of one."""
    found = courses(runs, judged_split(spec), shared.measure)
    if not shared.is_skill:
        return found
    return [course.skill(facts.null_scores[shared.measure]) for course in found]


# ------------------------------------------------------------------ scores


def scores(snapshot: Snapshot, spec: ExperimentSpec, measure: Measure) -> Floats:
    """Scores ``[L, S]`` at the snapshot's step; NaN where a run has none."""
    return snapshot.score(measure).reshape(len(spec.losses), len(spec.seeds))


@dataclass(frozen=True)
class Column:
    """One yardstick of the matrix: scores ``[L, S]``, and which loss is best, if one is."""

    yardstick: Yardstick
    scores: Floats
    best: int | None


def matrix(snapshot: Snapshot, spec: ExperimentSpec) -> list[Column]:
    """Every loss by every yardstick; a best one only where paired intervals show it."""
    columns = []
    for yardstick in yardsticks(spec.dataset.task):
        found = scores(snapshot, spec, yardstick.measure)
        best = best_in_column(found, yardstick.higher_is_better)
        columns.append(Column(yardstick, found, best))
    return columns


def compare(
    runs: Sequence[RunCurves], spec: ExperimentSpec, snapshot: Snapshot, yardstick: Yardstick
) -> tuple[Verdict, ...]:
    """Each pair of losses by one yardstick: final scores, and when 95 % of the best came."""
    final = scores(snapshot, spec, yardstick.measure)
    found = courses(runs, judged_split(spec), yardstick.measure)
    diverged = np.array([[step is not None for step in course.diverged_steps] for course in found])
    final = np.where(diverged, np.nan, final)
    goal = None
    if yardstick.is_judged_each_epoch:
        goal = threshold(final, higher_is_better=yardstick.higher_is_better)
    entrants = [
        Entrant(
            key=course.loss,
            title=LOSSES[course.loss].title,
            scores=final[index],
            diverged=diverged[index],
            arrivals=None if goal is None else _arrivals(course, goal, yardstick),
            no_score=_why_no_score(spec.loss(course.loss), spec, yardstick),
        )
        for index, course in enumerate(found)
    ]
    return verdicts(entrants, yardstick, goal)


def _arrivals(course: Course, goal: float, yardstick: Yardstick) -> Floats:
    """The step at which each seed was first judged as good as ``goal``; NaN for never."""
    arrived = [
        steps_to_reach(course.steps, row, goal, yardstick.higher_is_better) for row in course.values
    ]
    return np.array([np.nan if step is None else step for step in arrived])


def _why_no_score(loss: LossSpec, spec: ExperimentSpec, yardstick: Yardstick) -> str | None:
    task = spec.dataset.task
    has_score = not yardstick.needs_probabilities or gives_probabilities(loss, task)
    return None if has_score else NOT_PROBABILITIES


# ------------------------------------------------------------------ conditions


_PROTOCOLS = {
    Protocol.SAME_RATE: "the same learning rate for all",
    Protocol.BEST_RATE: "each loss with its own best learning rate from the same budget",
    Protocol.MATCHED_GRADIENTS: "first gradients of one size, the same learning rate",
    Protocol.ONE_FUNCTION: "one function of p: the BCE head learns twice as fast",
}


def protocol_line(spec: ExperimentSpec, facts: Facts | None) -> str:
    """What the fairness protocol was, with its numbers: printed on every shared chart."""
    line = _PROTOCOLS[spec.training.protocol]
    if spec.training.protocol is Protocol.SAME_RATE or facts is None:
        return f"{line}: {spec.optimizer.learning_rate:g}"
    numbers = {
        Protocol.BEST_RATE: facts.learning_rates,
        Protocol.MATCHED_GRADIENTS: facts.gradient_scales,
    }.get(spec.training.protocol)
    if numbers is None:
        return line
    said = ", ".join(f"{LOSSES[loss].title} {number:.3g}" for loss, number in numbers.items())
    times = "gradients times " if spec.training.protocol is Protocol.MATCHED_GRADIENTS else ""
    return f"{line}: {times}{said}"


def trunks_agree(experiment: Experiment) -> bool | None:
    """Whether within each seed every loss started from the same trunk; None while unknown."""
    if experiment.facts is None:
        return None
    seeds = len(experiment.spec.seeds)
    trunks = experiment.facts.trunk_sha256
    return all(trunk == trunks[run % seeds] for run, trunk in enumerate(trunks))
