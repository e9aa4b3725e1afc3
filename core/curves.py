"""Chunks -> ``CurveSet``: what a chart needs, as plain arrays of bounded size.

One ``Curves`` follows one experiment. Recorded steps grow without end while a chart
stays as wide as a screen, so everything drawn comes from an ``Envelope``, which costs
the same to extend and to read whether it stands for a thousand steps or a million.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

from core.envelope import Envelope, MovingAverage
from core.records import Chunk, Evaluation, Measure, Run, Split

#: Points of one trace. Even, as the downsampler takes a low and a high at a time.
MAX_POINTS = 1000
#: Smoothing weights remembered at once: several viewers, each with a slider.
MAX_SMOOTHINGS = 4
#: Rows smoothed at a time, so that a new weight on a long run needs little memory.
_SLICE = 65_536

_thin = MinMaxDownsampler()


@dataclass(frozen=True)
class Line:
    """Finite points of a run's loss by step, counted from 1; at most ``MAX_POINTS``."""

    x: NDArray[np.int32]
    y: NDArray[np.float32]


@dataclass(frozen=True)
class EpochLine:
    """Finite values of one measure on one split; epoch 0 is before training."""

    epochs: NDArray[np.int32]
    steps: NDArray[np.int32]
    values: NDArray[np.float32]


@dataclass(frozen=True)
class RunCurves:
    """All curves of one run. ``smoothed`` is None where no smoothing was asked for."""

    run: Run
    raw: Line
    smoothed: Line | None
    evaluations: Mapping[tuple[Split, Measure], EpochLine]
    diverged_step: int | None

    def evaluation(self, split: Split, measure: Measure) -> EpochLine:
        return self.evaluations.get((split, measure), _NO_EPOCHS)


@dataclass(frozen=True)
class CurveSet:
    """The curves of the shown runs up to ``step``."""

    experiment_id: str
    step: int
    runs: tuple[RunCurves, ...]


_NO_EPOCHS = EpochLine(np.empty(0, "i4"), np.empty(0, "i4"), np.empty(0, "f4"))


class Curves:
    """An experiment's curves in memory, extended with what its cursors have not seen.

    ``last_chunk`` and ``last_epoch`` say what is known (-1: nothing). Several sessions
    may share one and each hand over the same chunks: what is known already is ignored.
    """

    def __init__(self, experiment_id: str, run_count: int) -> None:
        self.experiment_id = experiment_id
        self.last_chunk = -1
        self.last_epoch = -1
        self._losses = _Rows(run_count, np.float32)
        self._envelope = Envelope(run_count)
        self._smoothings: OrderedDict[float, _Smoothing] = OrderedDict()
        self._evaluations: dict[tuple[int, Split, Measure], _Rows] = {}
        self._diverged_steps: list[int | None] = [None] * run_count
        self._lock = Lock()

    def extend(self, chunks: Iterable[Chunk], evaluations: Iterable[Evaluation]) -> None:
        """Take in chunks in order of index, and evaluations of whole epochs."""
        with self._lock:
            for chunk in chunks:
                if chunk.index == self.last_chunk + 1:
                    self._add_losses(chunk.losses)
                    self.last_chunk = chunk.index
            self._add_evaluations(evaluations)

    def view(self, runs: Sequence[Run], smoothing: float = 0.0) -> CurveSet:
        """What is to be drawn of ``runs``; ``smoothing`` is the weight, 0 to 0.99."""
        with self._lock:
            smoothed = self._smoothed(smoothing) if smoothing else None
            shown = {run.index for run in runs}
            by_run: dict[int, dict[tuple[Split, Measure], EpochLine]] = defaultdict(dict)
            for (run, split, measure), rows in self._evaluations.items():
                if run in shown:
                    by_run[run][split, measure] = _epoch_line(rows.array)
            return CurveSet(
                self.experiment_id,
                len(self._losses.array),
                tuple(
                    RunCurves(
                        run,
                        _line(self._envelope, run.index),
                        _line(smoothed, run.index) if smoothed else None,
                        by_run[run.index],
                        self._diverged_steps[run.index],
                    )
                    for run in runs
                ),
            )

    def _add_losses(self, losses: NDArray[np.float32]) -> None:
        steps_before = len(self._losses.array)
        self._losses.extend(losses)
        self._envelope.extend(losses)
        broken = ~np.isfinite(losses)
        for run in np.flatnonzero(broken.any(axis=0)):
            if self._diverged_steps[run] is None:
                self._diverged_steps[run] = steps_before + 1 + int(broken[:, run].argmax())

    def _add_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        known, newest = self.last_epoch, self.last_epoch
        fresh = defaultdict(list)
        for row in evaluations:
            if row.epoch > known:
                key = (row.run, row.split, row.measure)
                fresh[key].append((row.epoch, row.step, row.value))
                newest = max(newest, row.epoch)
        for key, rows in fresh.items():
            self._evaluations.setdefault(key, _Rows(3, np.float64)).extend(np.array(rows))
        self.last_epoch = newest

    def _smoothed(self, weight: float) -> Envelope:
        smoothing = self._smoothings.pop(weight, None)
        if smoothing is None:
            smoothing = _Smoothing(weight, self._losses.columns)
        self._smoothings[weight] = smoothing
        if len(self._smoothings) > MAX_SMOOTHINGS:
            self._smoothings.popitem(last=False)
        smoothing.follow(self._losses.array)
        return smoothing.envelope


class _Smoothing:
    """The moving average of all runs with one weight, as far as it was followed."""

    def __init__(self, weight: float, run_count: int) -> None:
        self.envelope = Envelope(run_count)
        self._average = MovingAverage(weight, run_count)

    def follow(self, losses: NDArray[np.float32]) -> None:
        for start in range(self._average.count, len(losses), _SLICE):
            rows = losses[start : start + _SLICE]
            self.envelope.extend(self._average.extend(rows).astype(np.float32))


class _Rows:
    """A matrix that grows by rows, doubling its room so that each row is moved O(1) times."""

    def __init__(self, columns: int, dtype: type[np.generic]) -> None:
        self.columns = columns
        self._room: NDArray[Any] = np.empty((64, columns), dtype)
        self._count = 0

    @property
    def array(self) -> NDArray[Any]:
        return self._room[: self._count]

    def extend(self, rows: NDArray[Any]) -> None:
        count = self._count + len(rows)
        if count > len(self._room):
            room = np.empty((max(count, 2 * len(self._room)), self.columns), self._room.dtype)
            room[: self._count] = self.array
            self._room = room
        self._room[self._count : count] = rows
        self._count = count


def _line(envelope: Envelope, run: int) -> Line:
    x, y = envelope.points(run)
    kept = _kept(y)
    return Line(x[kept], y[kept])


def _epoch_line(rows: NDArray[np.float64]) -> EpochLine:
    rows = rows[np.isfinite(rows[:, 2])]
    rows = rows[_kept(np.ascontiguousarray(rows[:, 2]))]
    return EpochLine(
        rows[:, 0].astype(np.int32), rows[:, 1].astype(np.int32), rows[:, 2].astype(np.float32)
    )


def _kept(y: NDArray[Any]) -> Any:
    """Which of the points to draw: all, or the low and high of equal stretches."""
    return slice(None) if len(y) <= MAX_POINTS else _thin.downsample(y, n_out=MAX_POINTS)
