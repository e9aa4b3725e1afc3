"""Chunks -> ``CurveSet``: what a chart needs, as plain arrays of bounded size.

One ``Curves`` follows one experiment. Recorded steps grow without end while a chart
stays as wide as a screen, so everything drawn comes from an ``Envelope``, which costs
the same to extend and to read whether it stands for a thousand steps or a million.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

from core.compare.envelope import Envelope, MovingAverage
from core.records import Chunk, Evaluation, Measure, Run, Split

#: Points of one trace by step, and by epoch, where many runs share a chart.
#: Even, as the downsampler takes a low and a high at a time.
MAX_POINTS = 1000
MAX_EPOCH_POINTS = 500
#: Smoothing weights remembered at once: several viewers, each with a slider.
MAX_SMOOTHINGS = 4
#: Steps reduced at a time: few enough to need little memory, enough to be quick.
_SLICE = 65_536

_thin = MinMaxDownsampler()


@dataclass(frozen=True)
class Line:
    """Finite points of a run's loss by step, counted from 1; at most ``MAX_POINTS``.

    Lows, highs and the newest step are among them, so spikes stay.
    """

    x: NDArray[np.int32]
    y: NDArray[np.float32]


@dataclass(frozen=True)
class EpochLine:
    """One measure on one split at the end of each epoch; epoch 0 is before training."""

    epochs: NDArray[np.int32]
    steps: NDArray[np.int32]
    values: NDArray[np.float32]

    def thinned(self) -> EpochLine:
        """What a chart draws of it: finite values, at most ``MAX_EPOCH_POINTS``."""
        finite = np.flatnonzero(np.isfinite(self.values))
        kept = finite[_kept(self.values[finite], MAX_EPOCH_POINTS)]
        return EpochLine(self.epochs[kept], self.steps[kept], self.values[kept])


@dataclass(frozen=True)
class RunCurves:
    """All curves of one run. ``smoothed`` is None where no smoothing was asked for.

    ``newest_loss`` is the newest step's, None before the first; it may be not finite.
    """

    run: Run
    raw: Line
    smoothed: Line | None
    newest_loss: float | None
    evaluations: Mapping[tuple[Split, Measure], EpochLine]

    @property
    def diverged_step(self) -> int | None:
        """As training found it, and the store has it."""
        return self.run.diverged_step

    def evaluation(self, split: Split, measure: Measure) -> EpochLine:
        return self.evaluations.get((split, measure), _NO_EPOCHS)


@dataclass(frozen=True)
class CurveSet:
    """The curves of some runs up to ``step``."""

    experiment_id: str
    step: int
    runs: tuple[RunCurves, ...]


#: How evaluations of one run, split and measure are kept.
_EPOCH = np.dtype([("epoch", np.int32), ("step", np.int32), ("value", np.float32)])
_NO_LINE = Line(np.empty(0, "i4"), np.empty(0, "f4"))
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
        self._losses = _Rows(np.dtype(np.float32), run_count)
        self._clock = _Rows(np.dtype(np.float64), 2)
        self._envelope = Envelope(run_count)
        self._smoothings: OrderedDict[float, _Smoothing] = OrderedDict()
        self._evaluations: list[dict[tuple[Split, Measure], _Rows]] = [{} for _ in range(run_count)]
        #: For two runs: of how many steps the largest difference is known, and what it is.
        self._differences: dict[tuple[int, int], tuple[int, float]] = {}
        self._run_count = run_count
        self._lock = Lock()

    def extend(self, chunks: Iterable[Chunk], evaluations: Iterable[Evaluation]) -> None:
        """Take in chunks in order of index, and evaluations of whole epochs."""
        with self._lock:
            fresh = []
            for chunk in chunks:
                if chunk.index == self.last_chunk + 1:
                    fresh.append(chunk.losses)
                    self.last_chunk = chunk.index
                    last_step = chunk.first_step + len(chunk.losses) - 1
                    self._clock.extend(np.array([[last_step, chunk.seconds]]))
            if fresh:
                self._add_losses(np.concatenate(fresh))
            self._add_evaluations(evaluations)

    def seconds_at(self, steps: NDArray[np.int32]) -> NDArray[np.float64]:
        """Seconds of training until each step, as far as was recorded: linear in a chunk."""
        with self._lock:
            clock = self._clock.array
        seconds: NDArray[np.float64] = np.interp(
            steps, np.append(0, clock[:, 0]), np.append(0, clock[:, 1])
        )
        return seconds

    def largest_difference(self, run: int, other: int) -> float:
        """The largest |difference| of two runs' losses at any step; NaN before the first."""
        with self._lock:
            losses = self._losses.array
            known, largest = self._differences.get((run, other), (0, -math.inf))
            if len(losses) > known:
                new = np.abs(losses[known:, run] - losses[known:, other]).max()
                largest = float(np.maximum(largest, new))
                self._differences[run, other] = len(losses), largest
        return largest if len(losses) else math.nan

    def evaluated(self, runs: Sequence[Run]) -> tuple[RunCurves, ...]:
        """The runs with their evaluations alone, which costs less than ``view``."""
        with self._lock:
            return tuple(self._evaluated(run) for run in runs)

    @property
    def step(self) -> int:
        """The newest step known."""
        with self._lock:
            return len(self._losses.array)

    def view(
        self, runs: Sequence[Run], smoothing: float = 0.0, points: int = MAX_POINTS
    ) -> CurveSet:
        """What is to be drawn of ``runs``, a line with so many points at most; ``smoothing`` is
        the weight, 0 to 0.99."""
        with self._lock:
            smoothed = self._smoothed(smoothing) if smoothing else None
            run_curves = tuple(self._run_curves(run, smoothed, points) for run in runs)
            return CurveSet(self.experiment_id, len(self._losses.array), run_curves)

    def _run_curves(self, run: Run, smoothed: Envelope | None, points: int) -> RunCurves:
        return replace(
            self._evaluated(run),
            raw=_line(self._envelope, run.index, points),
            smoothed=_line(smoothed, run.index, points) if smoothed else None,
        )

    def _evaluated(self, run: Run) -> RunCurves:
        losses = self._losses.array
        return RunCurves(
            run,
            _NO_LINE,
            None,
            float(losses[-1, run.index]) if len(losses) else None,
            {key: _epoch_line(rows) for key, rows in self._evaluations[run.index].items()},
        )

    def _add_losses(self, losses: NDArray[np.float32]) -> None:
        self._losses.extend(losses)
        for rows in _slices(losses):
            self._envelope.extend(rows)

    def _add_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        newest = self.last_epoch
        fresh = defaultdict(list)
        for row in evaluations:
            if row.epoch > self.last_epoch:
                newest = max(newest, row.epoch)
                key = (row.run, row.split, row.measure)
                fresh[key].append((row.epoch, row.step, row.value))
        for (run, split, measure), rows in fresh.items():
            kept = self._evaluations[run].setdefault((split, measure), _Rows(_EPOCH))
            kept.extend(np.array(rows, _EPOCH))
        self.last_epoch = newest

    def _smoothed(self, weight: float) -> Envelope:
        smoothing = self._smoothings.pop(weight, None)
        if smoothing is None:
            smoothing = _Smoothing(weight, self._run_count)
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
        for rows in _slices(losses[self._average.count :]):
            self.envelope.extend(self._average.extend(rows).astype(np.float32))


class _Rows:
    """An array that grows, doubling its room so that each row is moved O(1) times.

    Rows once written stay as they are, so what ``array`` gave remains true.
    """

    def __init__(self, dtype: np.dtype[Any], *columns: int) -> None:
        self._room: NDArray[Any] = np.empty((64, *columns), dtype)
        self._count = 0

    @property
    def array(self) -> NDArray[Any]:
        return self._room[: self._count]

    def extend(self, rows: NDArray[Any]) -> None:
        count = self._count + len(rows)
        if count > len(self._room):
            room = np.empty((max(count, 2 * self._count), *self._room.shape[1:]), self._room.dtype)
            room[: self._count] = self.array
            self._room = room
        self._room[self._count : count] = rows
        self._count = count


def _slices(rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), _SLICE):
        yield rows[start : start + _SLICE]


def _line(envelope: Envelope, run: int, points: int) -> Line:
    x, y = envelope.points(run)
    kept = _kept(y, points)
    return Line(x[kept], y[kept])


def _epoch_line(rows: _Rows) -> EpochLine:
    return EpochLine(rows.array["epoch"], rows.array["step"], rows.array["value"])


def _kept(y: NDArray[np.float32], limit: int) -> Any:
    """Which points to draw: all, or the low and high of equal stretches and the newest."""
    if len(y) <= limit:
        return slice(None)
    pairs = (limit - 2) // 2
    extremes = _thin.downsample(y[:-1], n_out=2 * pairs).astype(np.intp)
    return np.append(extremes, len(y) - 1)
