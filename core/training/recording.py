"""What training reports: losses of steps, evaluations of epochs, snapshots, and the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.network.groups import Group
from core.records import (
    Checkpoint,
    Column,
    Evaluation,
    Measure,
    Progress,
    Snapshot,
    Split,
    Status,
)
from core.records.checkpoint import named
from core.spec.schedule import is_judged, next_judged
from core.training.batches import Block
from core.training.preparation import Prepared

#: Seconds of training between reports, and before the first one.
REPORT_EVERY = 0.05
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
#: looks. One takes some 2 ms for 15 runs of 64-128-10.
_LOOKS = 30

_PRINTED = Column(Split.TRAIN, Measure.EPOCH_LOSS)

#: Instead of a step, where a run has not diverged.
_NEVER = -1

#: A group, with the logits and the targets ``[S, C, B]`` of a batch.
_OfGroup = tuple[Group, Tensor, Tensor]

#: Seconds between checkpoints, the share of the time that they may take, and what one may have:
#: a larger one would take the memory that training needs, and its like is trained anew.
CHECKPOINT_EVERY = 5.0
_CHECKPOINT_SHARE = 0.02
_MOST_CHECKPOINT_BYTES = 512 * 2**20

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
        # The newest whole batch's block, and the groups that it trained.
        self._block = prepared.batches.first
        self._block_step = 0
        self._groups = prepared.groups
        #: The same of before a checkpoint: the groups with their logits and targets.
        self._batch_before: list[_OfGroup] = []
        runs = prepared.spec.run_count
        #: The losses ``[n, K]`` of the blocks since the last report.
        self._losses: list[Tensor] = []
        self._none = np.empty((0, runs), np.float32)
        self._sizes: list[int] = []
        self._step = 0
        self._epoch = 0
        # The newest complete epoch: its last step, the mean of its steps' losses, its end's
        # parameters, whether it was judged, whether one has seen it.
        self._epoch_step = 0
        self._epoch_means = np.zeros(runs)
        self._at_epoch = prepared.learner.stack.flat.clone()
        self._groups_at_epoch = prepared.groups
        self._was_judged = False
        self._is_seen = False
        self._epoch_sums = np.zeros(runs)
        self._diverged: list[int | None] = [None] * runs
        self._seconds = 0.0
        self._next_snapshot = 0.0
        epochs = prepared.spec.training.epochs
        self._to_keep = kept_epochs(epochs)
        self._looked_at = {next_judged(each, epochs) for each in kept_epochs(epochs, _LOOKS)}
        self._keeping_seconds = 0.0
        self._resumed = self._reported = time.perf_counter()
        self._next_checkpoint = self._resumed + CHECKPOINT_EVERY
        #: What the newest checkpoint took until it was reported; None once that is counted.
        self._checkpoint_took: float | None = None

    @property
    def epoch(self) -> int:
        """The newest complete epoch."""
        return self._epoch

    @property
    def step(self) -> int:
        """The newest step that was reported."""
        return self._step

    def resume(self) -> None:
        """Start the clock again: what passed since the report was the caller's time."""
        self._resumed = time.perf_counter()
        if self._checkpoint_took is not None:
            # The caller has stored it, which takes its time too.
            took = self._checkpoint_took + self._resumed - self._reported
            self._next_checkpoint = self._resumed + max(CHECKPOINT_EVERY, took / _CHECKPOINT_SHARE)
            self._checkpoint_took = None

    def add(self, block: Block, losses: Tensor) -> None:
        """Take in the losses ``[n, K]`` of a block that was trained."""
        self._losses.append(losses)
        self._sizes += [block.size] * block.count
        if block.size == self._block.size:
            self._block, self._groups = block, self._prepared.groups
            self._block_step = self._step + len(self._sizes)
            self._batch_before = []

    @property
    def is_due(self) -> bool:
        wait = REPORT_EVERY if self._step else FIRST_REPORT_AFTER
        waited = time.perf_counter() - self._resumed
        return bool(self._sizes) and (waited >= wait or len(self._sizes) >= _MOST_STEPS)

    def report(self) -> Progress:
        """What came since the last report; if nothing comes after it, all of the newest epoch."""
        losses = self._take_losses()
        if not self._outcome():
            return self._progress(losses)
        judged = None
        if not self._was_judged:
            with self._back_at_epoch():
                judged = self._judged()
        return self._progress(losses, judged, self._newest_snapshot(), is_kept=True)

    def report_start(self) -> Progress:
        """The report before the first step: facts, evaluation and snapshot of the start."""
        start = self._progress(self._take_losses(), self._judged())
        self._prepared.observer.note(0, 0)
        self._prepared.learner.differentiate(self._block)
        self._prepared.observer.look(0, 0)
        first = self._newest_snapshot()
        return replace(start, facts=self._prepared.facts(), snapshot=first, kept=(first,))

    def report_epoch(self, epoch: int) -> Progress:
        """The report that ends an epoch: its evaluation, if it is one that is judged, and then a
        snapshot, if one is due."""
        losses = self._take_losses()
        self._epoch, self._epoch_step = epoch, self._step
        self._was_judged = self._is_seen = False
        if self._prepared.spec.steps_per_epoch > 1:
            # With one step an epoch, where a copy would take 3 % of a large network's time, nobody
            # looks between two ends.
            self._at_epoch.copy_(self._prepared.learner.stack.flat)
        self._groups_at_epoch = self._prepared.groups
        self._epoch_means = self._epoch_sums / self._prepared.batches.x.shape[1]
        self._epoch_sums = np.zeros_like(self._epoch_means)
        is_last = self._outcome() is not None
        if not (is_last or is_judged(epoch, self._prepared.spec.training.epochs)):
            return self._progress(losses)
        judged = self._judged()
        self._prepared.observer.note(epoch, self._step)
        if epoch in self._looked_at:
            self._prepared.observer.look(epoch, self._step)
        begin = time.perf_counter()
        is_kept = self._is_to_keep()
        if not (is_last or is_kept or begin >= self._next_snapshot):
            return self._progress(losses, judged)
        snapshot = self._newest_snapshot()
        end = time.perf_counter()
        self._next_snapshot = end + max(SNAPSHOT_EVERY, (end - begin) / _SNAPSHOT_SHARE)
        if is_kept:
            self._keeping_seconds += end - begin
        return self._progress(losses, judged, snapshot, is_kept=is_last or is_kept)

    def report_look(self) -> Progress:
        """What the newest complete epoch still lacks of evaluation and snapshot, between two steps.

        Who stops there sees all of one epoch. Training goes on as if nothing had been.
        """
        losses = self._take_losses()
        if self._is_seen:
            return self._progress(losses, is_rest=True)
        with self._back_at_epoch():
            judged = None if self._was_judged else self._judged()
            snapshot = self._newest_snapshot()
        return self._progress(losses, judged, snapshot, is_rest=True)

    @property
    def _parameters_at_epoch(self) -> Tensor:
        """Those of all runs at the end of the newest complete epoch."""
        is_now = self._step == self._epoch_step
        return self._prepared.learner.stack.flat if is_now else self._at_epoch

    @contextmanager
    def _back_at_epoch(self) -> Iterator[None]:
        """The runs as they were at the end of the newest complete epoch."""
        parameters = self._prepared.learner.stack.flat
        now = parameters.clone()
        parameters.copy_(self._parameters_at_epoch)
        self._prepared.judge_by(self._groups_at_epoch)
        yield
        self._prepared.judge_by(self._prepared.groups)
        parameters.copy_(now)

    def _judged(self) -> Evaluation:
        """The evaluation of the newest complete epoch, at whose end the runs are."""
        judged = self._prepared.evaluator.evaluate(self._epoch, self._epoch_step)
        self._was_judged = True
        if not self._epoch:
            return judged
        values = np.concatenate([self._epoch_means[None].astype(np.float32), judged.values])
        return replace(judged, columns=(_PRINTED, *judged.columns), values=values)

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
        self._is_seen = True
        return self._prepared.observer.snapshot(
            self._epoch,
            self._step if self._outcome() else self._epoch_step,
            self._prepared.batches.order_sha256,
            self._newest_batch(),
        )

    def _newest_batch(self) -> list[_OfGroup]:
        """The groups that the newest whole batch trained, each with its logits and targets."""
        if self._batch_before:
            return self._batch_before
        logits = self._prepared.learner.logits(self._block.size)
        return list(zip(self._groups, logits, self._block.newest, strict=True))

    def _take_losses(self) -> NDArray[np.float32]:
        """The losses since the last report ``[n, K]``, booked to epoch and divergence."""
        losses = self._none if not self._losses else torch.cat(self._losses).cpu().numpy()
        with np.errstate(invalid="ignore", over="ignore"):
            sums = np.array(self._sizes, dtype=np.float64) @ losses
        self._epoch_sums += sums
        # In double precision finite losses have a finite sum, and others have not.
        if not np.isfinite(sums).all():
            self._find_divergence(losses)
        self._step += len(self._sizes)
        self._sizes.clear()
        self._losses.clear()
        return losses

    def _find_divergence(self, losses: NDArray[np.float32]) -> None:
        finite = np.isfinite(losses)
        for run in np.flatnonzero(~finite.all(axis=0)):
            if self._diverged[run] is None:
                self._diverged[run] = self._step + int(finite[:, run].argmin()) + 1

    def _progress(
        self,
        losses: NDArray[np.float32],
        judged: Evaluation | None = None,
        snapshot: Snapshot | None = None,
        is_kept: bool = False,
        is_rest: bool = False,
    ) -> Progress:
        """``is_rest`` has a checkpoint in it, others only where one is due."""
        outcome = self._outcome()
        checkpoint = None if outcome else self._checkpoint(is_rest)
        self._reported = time.perf_counter()
        self._seconds += self._reported - self._resumed
        return Progress(
            step=self._step,
            epoch=self._epoch,
            seconds=self._seconds,
            losses=losses,
            evaluations=(judged,) if judged else (),
            diverged_steps=tuple(self._diverged),
            snapshot=snapshot,
            kept=(snapshot,) if snapshot and is_kept else (),
            checkpoint=checkpoint,
            outcome=outcome,
        )

    def _checkpoint(self, is_rest: bool) -> Checkpoint | None:
        """What training can go on from after the newest step, if that is due or it is to rest."""
        begin = time.perf_counter()
        if not self._step or not (is_rest or begin >= self._next_checkpoint):
            return None
        if self._prepared.learner.state_bytes > _MOST_CHECKPOINT_BYTES:
            return None
        state = self._prepared.state() | named("recorder", self._state())
        if not is_rest:
            self._checkpoint_took = time.perf_counter() - begin
        return Checkpoint(self._step, state)

    def _state(self) -> dict[str, NDArray[Any]]:
        diverged = [_NEVER if step is None else step for step in self._diverged]
        batch: dict[str, NDArray[Any]] = {}
        for place, (_group, logits, targets) in enumerate(self._newest_batch()):
            batch |= {f"logits{place}": _array(logits), f"targets{place}": _array(targets)}
        return batch | {
            "epoch": np.array(self._epoch),
            "epoch_step": np.array(self._epoch_step),
            "epoch_means": self._epoch_means,
            "epoch_sums": self._epoch_sums.copy(),
            "at_epoch": _array(self._parameters_at_epoch),
            "flags": np.array([self._was_judged, self._is_seen]),
            "diverged": np.array(diverged),
            "seconds": np.array([self._seconds, self._keeping_seconds]),
            "to_keep": np.array(self._to_keep),
            "block_step": np.array(self._block_step),
        }

    def go_on(self, after: Checkpoint) -> None:
        """Go on as the recorder would have that made the checkpoint, and have all parts do so."""
        state = after.of("recorder")
        self._step, self._epoch = after.step, int(state["epoch"])
        self._prepared.go_on(after, self._epoch)
        self._epoch_step, self._block_step = int(state["epoch_step"]), int(state["block_step"])
        self._epoch_means, self._epoch_sums = state["epoch_means"], state["epoch_sums"]
        self._at_epoch.copy_(torch.from_numpy(state["at_epoch"]))
        self._was_judged, self._is_seen = state["flags"].tolist()
        self._diverged = [None if at == _NEVER else at for at in state["diverged"].tolist()]
        self._seconds, self._keeping_seconds = state["seconds"].tolist()
        self._to_keep = state["to_keep"].tolist()
        self._groups_at_epoch = tuple(self._prepared.groups_of(max(1, self._epoch_step)))
        self._batch_before = [
            (group, self._tensor(state[f"logits{place}"]), self._tensor(state[f"targets{place}"]))
            for place, group in enumerate(self._prepared.groups_of(max(1, self._block_step)))
        ]

    def _tensor(self, values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values).to(self._prepared.device)

    def _outcome(self) -> Status | None:
        if all(self._diverged):
            return Status.DIVERGED
        return Status.FINISHED if self._epoch == self._prepared.spec.training.epochs else None


def _array(values: Tensor) -> NDArray[Any]:
    """A copy that training has no part in any more."""
    return values.cpu().numpy().copy()
