"""What a diagnosis is made from: the losses by epoch and the networks' health of each run.

Needs no torch. Shapes: A runs that have not diverged, E epochs judged so far, epoch 0 among them,
n looks at the networks, H hidden layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.compare.curves import RunCurves
from core.records import Facts, Measure, Snapshot, Split
from core.spec import ExperimentSpec

#: Before so many steps, and this share of the epochs that are planned (of few 5, of many 50), a
#: slow start can't be told from a trouble.
FEWEST_STEPS = 500
_ENOUGH_SHARE = 1 / 3
FEWEST_EPOCHS, _MOST_AWAITED = 5, 50
#: What holds "at the end" is the median over this share of the epochs, and 5 to 100 of them.
_WINDOW_SHARE = 1 / 3
_LONGEST_WINDOW = 100

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Evidence:
    """The runs ``alive`` ``[A]``, by their numbers; ``training`` and ``validation`` ``[A, E]`` are
    their own losses at the end of each of the ``epochs`` ``[E]``, the latter None where nothing is
    held out."""

    spec: ExperimentSpec
    facts: Facts
    alive: NDArray[np.intp]
    epochs: NDArray[np.int32]
    training: Numbers
    validation: Numbers | None
    snapshot: Snapshot | None

    @classmethod
    def of(
        cls,
        spec: ExperimentSpec,
        facts: Facts,
        runs: Sequence[RunCurves],
        snapshot: Snapshot | None,
    ) -> Evidence:
        training = _losses(runs, Split.TRAIN)
        is_alive = np.array([run.diverged_step is None for run in runs])
        if training.shape[1]:
            # A run may have left the numbers since its newest step.
            is_alive &= np.isfinite(training[:, -1])
        validation = _losses(runs, Split.VAL)[is_alive] if spec.data.validation_rows else None
        alive = np.flatnonzero(is_alive)
        epochs = runs[0].evaluation(Split.TRAIN, Measure.LOSS).epochs[: training.shape[1]]
        return cls(spec, facts, alive, epochs, training[is_alive], validation, snapshot)

    @property
    def epoch(self) -> int:
        """The newest one that was judged."""
        return int(self.epochs[-1]) if len(self.epochs) else -1

    def place_of(self, epoch: int) -> int:
        """Where an epoch that was judged stands among them."""
        return int(np.searchsorted(self.epochs, epoch))

    @property
    def has_enough(self) -> bool:
        """Whether so much was trained that what is seen is no slow start."""
        planned = self.spec.training.epochs
        awaited = min(max(FEWEST_EPOCHS, int(_ENOUGH_SHARE * planned)), _MOST_AWAITED)
        steps = self.epoch * self.spec.steps_per_epoch
        return self.epoch >= awaited and steps >= FEWEST_STEPS

    @property
    def window(self) -> int:
        """So many of the newest epochs that were judged count as the end of what was trained."""
        span = min(int(_WINDOW_SHARE * self.epoch), _LONGEST_WINDOW)
        return max(FEWEST_EPOCHS, len(self.epochs) - self.place_of(self.epoch - span + 1))

    @cached_property
    def baseline(self) -> Numbers:
        """The loss of the best constant predictor, in each run's own units: ``[A]``."""
        seeds = len(self.spec.seeds)
        return np.array(self.facts.baselines, np.float64)[self.alive // seeds]

    @cached_property
    def is_of_one_loss(self) -> NDArray[np.bool_]:
        """Whether all losses of a run so far are in the same units: ``[A]``. Those of an entrant
        that has switched its loss can't be held against each other, nor against one constant."""
        newest = self.epoch * self.spec.steps_per_epoch
        is_one = [each.loss_of(newest) == each.loss for each in self.spec.lineup]
        return np.array(is_one)[self.alive // len(self.spec.seeds)]

    @cached_property
    def scale(self) -> Numbers:
        """By what a difference of losses is measured: the best constant's loss, or how far below
        it a run came, where that is more, as of a loss whose baseline is near 0: ``[A]``."""
        below = self.baseline - self.training.min(1)
        scale: Numbers = np.maximum(np.abs(self.baseline), below)
        return scale

    @property
    def looks(self) -> NDArray[np.int32] | None:
        """The epochs at which the networks were looked at; none in what was recorded before."""
        return None if self.snapshot is None else self.snapshot.looks

    def of_alive(self, course: NDArray[np.floating] | None) -> Numbers | None:
        """A part of the snapshot's health of these runs alone: ``[n, A, ...]``."""
        return None if course is None else course[:, self.alive].astype(np.float64)


def _losses(runs: Sequence[RunCurves], split: Split) -> Numbers:
    lines = [run.evaluation(split, Measure.LOSS).values for run in runs]
    epochs = min(map(len, lines))
    return np.stack([line[:epochs] for line in lines])


def at_end(course: Numbers, window: int) -> Numbers:
    """The median of the newest ``window`` values, the upper one of two: ``[A, E]`` to ``[A]``."""
    newest = course[:, -window:]
    middle = newest.shape[1] // 2
    level: Numbers = np.partition(newest, middle, axis=1)[:, middle]
    return level


def lasting(is_so: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Since which place along the first axis it has been so without a gap; the number of places
    where it is not so at the last: ``[n, ...]`` to ``[...]``."""
    ended = np.concatenate([np.zeros((1, *is_so.shape[1:]), np.bool_), is_so])
    count: NDArray[np.intp] = np.argmin(ended[::-1], axis=0)
    return len(is_so) - count
