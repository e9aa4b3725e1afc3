"""What training reports: losses of steps, evaluations of epochs, snapshots, and the clock."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.records import Evaluation, Measure, Progress, Snapshot, Split, Status
from core.training.batches import MiniBatch
from core.training.preparation import Prepared

#: Seconds of training between reports, and before the first one.
REPORT_EVERY = 0.1
FIRST_REPORT_AFTER = 0.02

#: Seconds between snapshots, and the share of the time that they may take.
SNAPSHOT_EVERY = 1.0
_SNAPSHOT_SHARE = 0.02

#: So many snapshots of an experiment are kept, to be replayed; they may take this share of the
#: time, and so many seconds more, so that the start is there, where most happens.
MOST_KEPT = 60
_KEPT_SHARE = 0.01
KEPT_SECONDS = 0.04

#: So many times the networks' health is looked at, whatever the clock says: same settings, same
#: looks. One takes less than a millisecond.
_LOOKS = 30

#: Steps recorded before a report is due whatever the clock says.
_MOST_STEPS = 1024


def kept_epochs(epochs: int, count: int = MOST_KEPT - 1) -> list[int]:
    """The epochs whose snapshots are to be kept: all of few, of many more at the start.

    With that of the start they are at most ``MOST_KEPT``: the i-th of n is epoch E (i / n)^2.
    """
    if epochs <= count:
        return list(range(1, epochs + 1))
    return sorted({max(1, round(epochs * (at / count) ** 2)) for at in range(1, count + 1)})


class Recorder:
    """Keeps the losses of the steps since the last report, and the clock; makes the reports.

    ``kept_seconds`` may be spent on snapshots that are kept, beside a share of the time.
    """

    def __init__(self, prepared: Prepared, kept_seconds: float = KEPT_SECONDS) -> None:
        self._prepared = prepared
        self._kept_seconds = kept_seconds
        self._batch = prepared.batches.first
        runs = prepared.spec.run_count
        self._record = torch.zeros(_MOST_STEPS, runs, device=prepared.device)
        groups = prepared.learner.groups
        columns = [self._record[:, group.runs].unbind(0) for group in groups]
        self._rows = list(zip(*columns, strict=True))
        self._sizes: list[int] = []
        self._step = 0
        self._epoch = 0
        # The newest complete epoch: its last step, its end's parameters, whether one has seen it.
        self._epoch_step = 0
        self._at_epoch = prepared.learner.stack.parameters.clone()
        self._is_seen = False
        self._epoch_sums = np.zeros(runs)
        self._diverged: list[int | None] = [None] * runs
        self._seconds = 0.0
        self._next_snapshot = 0.0
        self._to_keep = kept_epochs(prepared.spec.training.epochs)
        self._looked_at = set(kept_epochs(prepared.spec.training.epochs, _LOOKS))
        self._keeping_seconds = 0.0
        self._resumed = time.perf_counter()

    def resume(self) -> None:
        """Start the clock again: what passed since the report was the caller's time."""
        self._resumed = time.perf_counter()

    def next_row(self, batch: MiniBatch) -> tuple[Tensor, ...]:
        """Where the step on the batch is to write its losses, ``[S]`` for each entrant."""
        if batch.size == self._batch.size:
            self._batch = batch
        self._sizes.append(batch.size)
        return self._rows[len(self._sizes) - 1]

    @property
    def is_due(self) -> bool:
        wait = REPORT_EVERY if self._step else FIRST_REPORT_AFTER
        waited = time.perf_counter() - self._resumed
        return waited >= wait or len(self._sizes) == _MOST_STEPS

    def report(self) -> Progress:
        """What came since the last report, and a snapshot if nothing comes after it."""
        losses = self._take_losses()
        if not self._outcome():
            return self._progress(losses, ())
        last = self._newest_snapshot()
        return self._progress(losses, (), last, is_kept=True)

    def report_start(self) -> Progress:
        """The report before the first step: facts, evaluation and snapshot of the start."""
        start = self._progress(self._take_losses(), self._prepared.evaluator.evaluate(0, 0))
        learner, batch = self._prepared.learner, self._batch
        learner.differentiate(batch, learner.room_for_losses())
        self._prepared.observer.look(0, 0)
        first = self._newest_snapshot()
        return replace(start, facts=self._prepared.facts(), snapshot=first, kept=(first,))

    def report_epoch(self, epoch: int) -> Progress:
        """The report that ends an epoch, with its evaluation, and a snapshot if one is due."""
        losses = self._take_losses()
        self._epoch, self._epoch_step, self._is_seen = epoch, self._step, False
        self._at_epoch.copy_(self._prepared.learner.stack.parameters)
        means = self._epoch_sums / self._prepared.batches.x.shape[1]
        self._epoch_sums = np.zeros_like(means)
        printed = [
            Evaluation(run, epoch, self._step, Split.TRAIN, Measure.EPOCH_LOSS, float(mean))
            for run, mean in enumerate(means)
        ]
        judged = self._prepared.evaluator.evaluate(epoch, self._step)
        rows = [*printed, *judged]
        if epoch in self._looked_at:
            self._prepared.observer.look(epoch, self._step)
        begin = time.perf_counter()
        is_last, is_kept = self._outcome() is not None, self._is_to_keep()
        if not (is_last or is_kept or begin >= self._next_snapshot):
            return self._progress(losses, rows)
        snapshot = self._newest_snapshot()
        end = time.perf_counter()
        self._next_snapshot = end + max(SNAPSHOT_EVERY, (end - begin) / _SNAPSHOT_SHARE)
        if is_kept:
            self._keeping_seconds += end - begin
        return self._progress(losses, rows, snapshot, is_kept=is_last or is_kept)

    def report_look(self) -> Progress:
        """The snapshot of the newest complete epoch, if it has none yet, between two steps.

        Who stops there sees all of one epoch. Training goes on as if nothing had been.
        """
        losses = self._take_losses()
        if self._is_seen:
            return self._progress(losses, ())
        parameters = self._prepared.learner.stack.parameters
        now = parameters.clone()
        parameters.copy_(self._at_epoch)
        snapshot = self._newest_snapshot()
        parameters.copy_(now)
        return self._progress(losses, (), snapshot)

    def _is_to_keep(self) -> bool:
        """Whether the epoch is reached whose snapshot is to be kept, and there is time for it."""
        is_reached = self._epoch >= self._to_keep[0]
        seconds = self._seconds + time.perf_counter() - self._resumed
        has_time = self._keeping_seconds <= self._kept_seconds + _KEPT_SHARE * seconds
        if is_reached and has_time:
            self._to_keep = [epoch for epoch in self._to_keep if epoch > self._epoch] or [
                self._prepared.spec.training.epochs
            ]
        return is_reached and has_time

    def _newest_snapshot(self) -> Snapshot:
        """What the runs are now, with the newest whole batch, or the first rows before any.

        That is at the end of an epoch, or where all runs have diverged within one.
        """
        learner, batch = self._prepared.learner, self._batch
        self._is_seen = True
        return self._prepared.observer.snapshot(
            self._epoch,
            self._step if self._outcome() else self._epoch_step,
            self._prepared.batches.order_sha256,
            list(zip(learner.logits(batch.size), batch.targets, strict=True)),
        )

    def _take_losses(self) -> NDArray[np.float32]:
        """The losses since the last report ``[n, K]``, booked to epoch and divergence."""
        losses = self._record[: len(self._sizes)].cpu().numpy().copy()
        with np.errstate(invalid="ignore", over="ignore"):
            self._epoch_sums += np.array(self._sizes, dtype=np.float64) @ losses
        finite = np.isfinite(losses)
        for run in np.flatnonzero(~finite.all(axis=0)):
            if self._diverged[run] is None:
                self._diverged[run] = self._step + int(finite[:, run].argmin()) + 1
        self._step += len(self._sizes)
        self._sizes.clear()
        return losses

    def _progress(
        self,
        losses: NDArray[np.float32],
        evaluations: Iterable[Evaluation],
        snapshot: Snapshot | None = None,
        is_kept: bool = False,
    ) -> Progress:
        rows = tuple(evaluations)
        self._seconds += time.perf_counter() - self._resumed
        return Progress(
            step=self._step,
            epoch=self._epoch,
            seconds=self._seconds,
            losses=losses,
            evaluations=rows,
            diverged_steps=tuple(self._diverged),
            snapshot=snapshot,
            kept=(snapshot,) if snapshot and is_kept else (),
            outcome=self._outcome(),
        )

    def _outcome(self) -> Status | None:
        if all(self._diverged):
            return Status.DIVERGED
        return Status.FINISHED if self._epoch == self._prepared.spec.training.epochs else None
