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

#: Steps recorded before a report is due whatever the clock says.
_MOST_STEPS = 1024


class Recorder:
    """Keeps the losses of the steps since the last report, and the clock; makes the reports."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._batch = prepared.batches.first
        runs = prepared.spec.run_count
        self._record = torch.zeros(_MOST_STEPS, runs, device=prepared.device)
        groups = prepared.learner.groups
        columns = [self._record[:, group.runs].unbind(0) for group in groups]
        self._rows = list(zip(*columns, strict=True))
        self._sizes: list[int] = []
        self._step = 0
        self._epoch = 0
        self._epoch_sums = np.zeros(runs)
        self._diverged: list[int | None] = [None] * runs
        self._seconds = 0.0
        self._next_snapshot = 0.0
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
        return self._progress(losses, (), self._snapshot() if self._outcome() else None)

    def report_start(self) -> Progress:
        """The report before the first step: facts, evaluation and snapshot of the start."""
        return replace(
            self._progress(self._take_losses(), self._prepared.evaluator.evaluate(0, 0)),
            facts=self._prepared.facts(),
            snapshot=self._newest_snapshot(),
        )

    def report_epoch(self, epoch: int) -> Progress:
        """The report that ends an epoch, with its evaluation, and a snapshot if one is due."""
        losses = self._take_losses()
        self._epoch = epoch
        means = self._epoch_sums / self._prepared.batches.x.shape[1]
        self._epoch_sums = np.zeros_like(means)
        printed = [
            Evaluation(run, epoch, self._step, Split.TRAIN, Measure.EPOCH_LOSS, float(mean))
            for run, mean in enumerate(means)
        ]
        judged = self._prepared.evaluator.evaluate(epoch, self._step)
        return self._progress(losses, [*printed, *judged], self._snapshot())

    def _snapshot(self) -> Snapshot | None:
        """At the end, and before it so seldom that training is hardly slower for it."""
        begin = time.perf_counter()
        if not self._outcome() and begin < self._next_snapshot:
            return None
        snapshot = self._newest_snapshot()
        end = time.perf_counter()
        self._next_snapshot = end + max(SNAPSHOT_EVERY, (end - begin) / _SNAPSHOT_SHARE)
        return snapshot

    def _newest_snapshot(self) -> Snapshot:
        """What the runs are now, with the newest whole batch, or the first rows before any."""
        learner, batch = self._prepared.learner, self._batch
        if not self._step:
            learner.stack.batch(batch.size).forward(batch.x)
        return self._prepared.observer.snapshot(
            self._epoch,
            self._step,
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
            outcome=self._outcome(),
        )

    def _outcome(self) -> Status | None:
        if all(self._diverged):
            return Status.DIVERGED
        return Status.FINISHED if self._epoch == self._prepared.spec.training.epochs else None
