"""Chunks -> ``CurveSet``: what a chart needs, as plain arrays of bounded size.

One ``Curves`` follows one experiment. Recorded steps grow without end while a chart
stays as wide as a screen, so everything drawn comes from an ``Envelope``, which costs
the same to extend and to read whether it stands for a thousand steps or a million. Of long
trainings the store has one ready, and the steps themselves are read when something asks for them.
"""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxDownsampler

from core.compare.smoothing import MovingAverage
from core.records import Chunk, Column, Envelope, Evaluation, Measure, Overview, Run, Split

#: Points of one trace by step, and by epoch, where many runs share a chart.
#: Even, as the downsampler takes a low and a high at a time.
MAX_POINTS = 1000
MAX_EPOCH_POINTS = 500
#: Smoothing weights remembered at once: several viewers, each with a slider.
MAX_SMOOTHINGS = 4
#: Steps reduced at a time: few enough to need little memory, enough to be quick.
_SLICE = 65_536

_NO_SWITCHES: Mapping[int, int] = MappingProxyType({})

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
    """One measure on one split at the end of each epoch that was judged; 0 is before training."""

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
    """All curves of one run. ``smoothed`` is None where no smoothing was asked for."""

    run: Run
    raw: Line
    smoothed: Line | None
    evaluations: Mapping[Column, EpochLine]

    @property
    def diverged_step(self) -> int | None:
        """As training found it, and the store has it."""
        return self.run.diverged_step

    def evaluation(self, split: Split, measure: Measure) -> EpochLine:
        return self.evaluations.get(Column(split, measure), _NO_EPOCHS)


@dataclass(frozen=True)
class CurveSet:
    """The curves of some runs up to ``step``."""

    experiment_id: str
    step: int
    runs: tuple[RunCurves, ...]


_NO_LINE = Line(np.empty(0, "i4"), np.empty(0, "f4"))
_NO_EPOCHS = EpochLine(np.empty(0, "i4"), np.empty(0, "i4"), np.empty(0, "f4"))


class Curves:
    """An experiment's curves in memory, extended with what its cursors have not seen.

    ``last_chunk`` and ``last_epoch`` say what is known (-1: nothing). Several sessions
    may share one and each hand over the same chunks: what is known already is ignored.
    ``switches`` has the steps after which the losses of these runs are in other units, so that no
    average is taken over both. ``read`` gives the chunks up to one of a number, of which an
    overview was taken in.
    """

    def __init__(
        self,
        experiment_id: str,
        run_count: int,
        switches: Mapping[int, int] = _NO_SWITCHES,
        read: Callable[[int], Iterable[Chunk]] = lambda _last: (),
    ) -> None:
        self.experiment_id = experiment_id
        self.last_chunk = -1
        self.last_epoch = -1
        self._read = read
        #: Up to this one an overview of the chunks is known, and not the chunks.
        self._last_unread = -1
        self._losses = _Rows(np.dtype(np.float32), run_count)
        self._clock = _Rows(np.dtype(np.float64), 2)
        self._envelope = Envelope(run_count)
        self._smoothings: OrderedDict[float, _Smoothing] = OrderedDict()
        self._evaluations: dict[Column, _Rows] = {}
        #: How the values of all runs at the end of an epoch are kept.
        self._epoch = np.dtype([("epoch", "i4"), ("step", "i4"), ("values", "f4", (run_count,))])
        #: For two runs: of how many steps the largest difference is known, and what it is.
        self._differences: dict[tuple[int, int], tuple[int, float]] = {}
        self._run_count = run_count
        self._switches = switches
        self._lock = Lock()

    def extend(
        self,
        chunks: Iterable[Chunk],
        evaluations: Iterable[Evaluation],
        overview: Overview | None = None,
    ) -> None:
        """Take in chunks in order of index, and evaluations in order of epoch.

        Where nothing is known yet, an overview stands for the chunks up to its last.
        """
        with self._lock:
            if overview is not None and self.last_chunk < 0:
                self._envelope = overview.envelope
                self.last_chunk = self._last_unread = overview.last_chunk
                self._clock.extend(overview.clock)
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
            losses = self._all_losses()
            known, largest = self._differences.get((run, other), (0, -math.inf))
            if len(losses) > known:
                new = np.abs(losses[known:, run] - losses[known:, other]).max()
                largest = float(np.maximum(largest, new))
                self._differences[run, other] = len(losses), largest
        return largest if len(losses) else math.nan

    def evaluated(self, runs: Sequence[Run]) -> tuple[RunCurves, ...]:
        """The runs with their evaluations alone, which costs less than ``view``."""
        with self._lock:
            judged = self._judged()
            return tuple(RunCurves(run, _NO_LINE, None, _Lines(judged, run.index)) for run in runs)

    @property
    def step(self) -> int:
        """The newest step known."""
        with self._lock:
            return self._envelope.count

    def view(
        self, runs: Sequence[Run], smoothing: float = 0.0, points: int = MAX_POINTS
    ) -> CurveSet:
        """What is to be drawn of ``runs``, a line with so many points at most; ``smoothing`` is
        the weight, 0 to 0.99."""
        with self._lock:
            smoothed = self._smoothed(smoothing) if smoothing else None
            judged = self._judged()
            run_curves = tuple(
                RunCurves(
                    run,
                    _line(self._envelope, run.index, points),
                    _line(smoothed, run.index, points) if smoothed else None,
                    _Lines(judged, run.index),
                )
                for run in runs
            )
            return CurveSet(self.experiment_id, self._envelope.count, run_curves)

    def _judged(self) -> dict[Column, NDArray[Any]]:
        return {column: rows.array for column, rows in self._evaluations.items()}

    def _all_losses(self) -> NDArray[np.float32]:
        """Those of every step; reads what was left unread."""
        if self._last_unread >= 0:
            unread = [chunk.losses for chunk in self._read(self._last_unread)]
            losses = np.concatenate([*unread, self._losses.array])
            self._losses = _Rows(losses.dtype, losses.shape[1])
            self._losses.extend(losses)
            self._last_unread = -1
        return self._losses.array

    def _add_losses(self, losses: NDArray[np.float32]) -> None:
        self._losses.extend(losses)
        for rows in _slices(losses):
            self._envelope.extend(rows)

    def _add_evaluations(self, evaluations: Iterable[Evaluation]) -> None:
        fresh: dict[Column, list[tuple[int, int, NDArray[np.float32]]]] = {}
        for judged in evaluations:
            if judged.epoch > self.last_epoch:
                self.last_epoch = judged.epoch
                for column, values in zip(judged.columns, judged.values, strict=True):
                    fresh.setdefault(column, []).append((judged.epoch, judged.step, values))
        for column, rows in fresh.items():
            kept = self._evaluations.setdefault(column, _Rows(self._epoch))
            kept.extend(np.array(rows, self._epoch))

    def _smoothed(self, weight: float) -> Envelope:
        smoothing = self._smoothings.pop(weight, None)
        if smoothing is None:
            smoothing = _Smoothing(weight, self._run_count, self._switches)
        self._smoothings[weight] = smoothing
        if len(self._smoothings) > MAX_SMOOTHINGS:
            self._smoothings.popitem(last=False)
        smoothing.follow(self._all_losses())
        return smoothing.envelope


class _Lines(Mapping[Column, EpochLine]):
    """The lines of one run, each made when it is asked for: of many runs few are drawn."""

    def __init__(self, judged: Mapping[Column, NDArray[Any]], run: int) -> None:
        self._judged = judged
        self._run = run

    def __getitem__(self, column: Column) -> EpochLine:
        rows = self._judged[column]
        return EpochLine(rows["epoch"], rows["step"], rows["values"][:, self._run])

    def __iter__(self) -> Iterator[Column]:
        return iter(self._judged)

    def __len__(self) -> int:
        return len(self._judged)


class _Smoothing:
    """The moving average of all runs with one weight, as far as it was followed."""

    def __init__(self, weight: float, run_count: int, switches: Mapping[int, int]) -> None:
        self.envelope = Envelope(run_count)
        self._average = MovingAverage(weight, run_count)
        self._switches = switches

    def follow(self, losses: NDArray[np.float32]) -> None:
        known, count = self._average.count, len(losses)
        switches = {step for step in self._switches.values() if known <= step < count}
        for start, end in itertools.pairwise([known, *sorted(switches), count]):
            if start in switches:
                self._average.begin_anew(
                    [run for run, step in self._switches.items() if step == start]
                )
            for rows in _slices(losses[start:end]):
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


def _kept(y: NDArray[np.float32], limit: int) -> Any:
    """Which points to draw: all, or the low and high of equal stretches and the newest."""
    if len(y) <= limit:
        return slice(None)
    pairs = (limit - 2) // 2
    extremes = _thin.downsample(y[:-1], n_out=2 * pairs).astype(np.intp)
    return np.append(extremes, len(y) - 1)
