"""The training loop: every run of an experiment as one stack, step by step.

``train(spec)`` is what the app, the benchmarks and the tests call; there is no other
way to train. It knows nothing of pages, databases or processes: pausing is not asking
for the next report, stopping is closing the generator.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import datasets, device, protocol
from core.errors import SpecError
from core.evaluation import Evaluator, Group
from core.losses import CUSTOM, Form, Link, check
from core.network import Stack
from core.observer import Observer, fingerprint, gradient_lens, null_scores
from core.optimizers import make_update
from core.records import Evaluation, Facts, Measure, Progress, RangeTest, Split, Status
from core.snapshot import Snapshot
from core.spec import ExperimentSpec, Protocol

#: Seconds of training between reports, and before the first one.
REPORT_EVERY = 0.1
FIRST_REPORT_AFTER = 0.02

#: Seconds between snapshots, and the share of the time that they may take.
SNAPSHOT_EVERY = 1.0
_SNAPSHOT_SHARE = 0.02

#: One training row in so many is judged at each epoch's end, among all seeds; every one where
#: none are held out. The first ones are a random sample, as a split's rows come shuffled.
_TRAINING_SHARE = 16

#: Steps recorded before a report is due whatever the clock says.
_MOST_STEPS = 1024

#: What an amount of 0 may have become by being standardised, in standard deviations.
_ROUNDING = 1e-3

#: Bytes of rows that are gathered at once for the batches ahead.
_BLOCK_BYTES = 32 * 2**20


@torch.inference_mode()
def train(spec: ExperimentSpec) -> Iterator[Progress]:
    """Train all runs of ``spec`` together; report every 100 ms and at each epoch's end.

    The first report with facts has the evaluation before training as well; where learning
    rates are looked for, empty ones come before it. The last has the outcome: finished, or
    diverged once no run's loss is finite any more. Raises ``DeviceError`` for a device that
    is not there, ``LossExpressionError`` for a person's own loss that can't be trained and
    ``SpecError`` for targets that a loss does not take. Same spec, device, versions and
    threads give the same bits.
    """
    torch.set_num_threads(device.thread_count(spec))
    if CUSTOM in spec.losses and spec.custom_loss is not None:
        check(spec.custom_loss, spec.dataset.task, spec.dataset.outputs)
    trainer = Trainer(spec)
    for _rate in trainer.settle():
        yield _nothing_yet(spec)
    log = _Log(trainer)
    for report in _reports(trainer, log):
        yield report
        if report.outcome:
            return
        log.resume()


def _reports(trainer: Trainer, log: _Log) -> Iterator[Progress]:
    yield log.report_start()
    for epoch in range(1, trainer.spec.training.epochs + 1):
        for batch in trainer.batches():
            trainer.step(batch, log.next_row(batch.size))
            if log.is_due:
                yield log.report()
        yield log.report_epoch(epoch)


def _nothing_yet(spec: ExperimentSpec) -> Progress:
    none = np.empty((0, spec.run_count), np.float32)
    return Progress(0, 0, 0.0, none, (), (None,) * spec.run_count)


@dataclass(frozen=True)
class MiniBatch:
    """x ``[K, B, D]`` and, for each loss, its targets ``[S, C, B]``."""

    size: int
    x: Tensor
    targets: tuple[Tensor, ...]


class Trainer:
    """An experiment made ready: data on its device, the stack, its groups, its update.

    ``settle`` comes before the first step: it finds what the fairness protocol asks for.
    """

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.device = device.resolve(spec.training.device)
        splits = [datasets.load(spec.data, seed) for seed in spec.seeds]
        self.x = self._to_device(split.x_train for split in splits)
        self.y = self._to_device(split.y_train for split in splits)
        task = spec.dataset.task
        self.groups = make_groups(spec, self._offset(splits))
        self.targets = [group.encode(self.y, task) for group in self.groups]
        self.baselines = {g.loss.key: g.baseline(self.y, task) for g in self.groups}
        self.stack = make_stack(spec, self.groups, self.device)
        self._start = self.stack.parameters.clone()
        x_val = self._to_device(split.x_val for split in splits)
        y_val = self._to_device(split.y_val for split in splits)
        self._val_rows = x_val.shape[1]
        self._target_scale = splits[0].target_scale
        share = -(-self.x.shape[1] // (_TRAINING_SHARE * len(spec.seeds)))
        rows = slice(share if self._val_rows else None)
        judged = {Split.TRAIN: (self.x[:, rows], self.y[:, rows])}
        if self._val_rows:
            judged[Split.VAL] = (x_val, y_val)
        self.evaluator = Evaluator(self.stack, self.groups, task, judged)
        self._observer = Observer(self.stack, self.groups, self.evaluator, task, self.x)
        self._heads_by_size: dict[int, list[_Head]] = {}
        self._gradient_scales = [1.0] * len(self.groups)
        self._head_factors = protocol.head_factors(self)
        self._range_test: RangeTest | None = None
        self.restart([spec.optimizer.learning_rate] * len(self.groups))

    def _offset(self, splits: Sequence[datasets.Split]) -> Tensor:
        """``[S, 1]`` for ``make_groups``; ``SpecError`` where a loss cannot take the targets."""
        spec = self.spec
        for loss in spec.loss_specs:
            if loss.forms[spec.dataset.task].link is Link.EXP:
                _check_amounts(loss.title, spec.dataset.title, splits)
        return torch.tensor([[split.target_offset] for split in splits], device=self.device)

    def _to_device(self, arrays: Iterable[NDArray[np.float32]]) -> Tensor:
        """One array a seed, as ``[S, ...]``."""
        return torch.from_numpy(np.stack(list(arrays))).to(self.device)

    def restart(self, learning_rates: Sequence[float]) -> None:
        """Back to the start, before the first batch, with a learning rate for each loss."""
        self.stack.parameters.copy_(self._start)
        self.learning_rates = list(learning_rates)
        self.update = make_update(
            self.spec.optimizer,
            self.stack.parameters,
            self.stack.gradients,
            [(group.runs, rate) for group, rate in zip(self.groups, learning_rates, strict=True)],
        )
        self._order = [
            torch.Generator().manual_seed(datasets.derive_seed(seed, "order"))
            for seed in self.spec.seeds
        ]
        first = slice(self.spec.training.batch_size)
        self._newest_targets = tuple(target[:, :, first] for target in self.targets)
        self._order_hashes = [hashlib.sha256() for _ in self.spec.seeds]

    def settle(self) -> Iterator[float]:
        """Find what the protocol asks for; yields each learning rate that was tried."""
        match self.spec.training.protocol:
            case Protocol.MATCHED_GRADIENTS:
                self._gradient_scales = protocol.matching_scales(self)
            case Protocol.BEST_RATE:
                self._range_test = yield from protocol.range_test(self)
                self.restart(protocol.best_rates(self._range_test, self.spec))

    def facts(self) -> Facts:
        spec, task = self.spec, self.spec.dataset.task
        keys = [group.loss.key for group in self.groups]
        trunks = self._start[:, : self.stack.trunk_size]
        return Facts(
            device=self.device.type,
            threads=torch.get_num_threads(),
            parameters=spec.parameters,
            train_rows=self.x.shape[1],
            val_rows=self._val_rows,
            steps_per_epoch=spec.steps_per_epoch,
            total_steps=spec.total_steps,
            target_scale=self._target_scale,
            baselines=self.baselines,
            torch_version=torch.__version__,
            null_scores=null_scores(self.y, self.evaluator.judged.y, spec.dataset),
            trunk_sha256=[fingerprint(trunk) for trunk in trunks],
            learning_rates=dict(zip(keys, self.learning_rates, strict=True)),
            gradient_scales=dict(zip(keys, self._gradient_scales, strict=True)),
            range_test=self._range_test,
            lens=gradient_lens(self.groups, task),
        )

    def snapshot(self, epoch: int, step: int) -> Snapshot:
        """What the runs are now, with the newest batch, or the first rows before any."""
        size = self.spec.training.batch_size
        buffers = self.stack.batch(size)
        if not step:
            buffers.forward(self.x[:, :size].repeat(len(self.groups), 1, 1))
        logits = [head.logits for head in self._heads(size)]
        orders = tuple(digest.hexdigest() for digest in self._order_hashes)
        batch = list(zip(logits, self._newest_targets, strict=True))
        return self._observer.snapshot(epoch, step, orders, batch)

    def batches(self) -> Iterator[MiniBatch]:
        """One epoch in a new random order, the same for every loss of a seed.

        Rows are gathered for many batches at once, losses of a seed side by side.
        """
        seeds, rows, features = self.x.shape
        size = self.spec.training.batch_size
        row_bytes = 4 * features * self.spec.run_count
        block_rows = max(1, _BLOCK_BYTES // row_bytes // size) * size
        epoch_order = self._epoch_order(seeds, rows)
        for order in epoch_order.to(self.device).split(block_rows, dim=1):
            x = self._gather(self.x, order).repeat(len(self.groups), 1, 1)
            targets = [
                self._gather(target.transpose(1, 2), order).transpose(1, 2).contiguous()
                for target in self.targets
            ]
            parts = [target.split(size, dim=2) for target in targets]
            for x_batch, *y_batches in zip(x.split(size, dim=1), *parts, strict=True):
                yield MiniBatch(x_batch.shape[1], x_batch, tuple(y_batches))
        for digest, order in zip(self._order_hashes, epoch_order, strict=True):
            digest.update(order.contiguous().numpy().tobytes())

    def _epoch_order(self, seeds: int, rows: int) -> Tensor:
        """Row numbers ``[S, N]``; as they come where one batch holds them all."""
        if self.spec.training.batch_size == rows:
            return torch.arange(rows).expand(seeds, rows)
        return torch.stack([torch.randperm(rows, generator=g) for g in self._order])

    @staticmethod
    def _gather(values: Tensor, order: Tensor) -> Tensor:
        """Rows ``[S, n, D]`` of values ``[S, N, D]`` in the order ``[S, n]``, seed by seed."""
        return torch.stack([v.index_select(0, o) for v, o in zip(values, order, strict=True)])

    def step(self, batch: MiniBatch, mean_losses: tuple[Tensor, ...]) -> None:
        """One update of every run; writes each group's losses on the batch, before it."""
        self.differentiate(batch, mean_losses)
        self.update()

    def differentiate(self, batch: MiniBatch, mean_losses: tuple[Tensor, ...]) -> None:
        """Fill the stack's gradients of the mean losses over the batch, and write these."""
        buffers = self.stack.batch(batch.size)
        buffers.forward(batch.x)
        if batch.size == self.spec.training.batch_size:
            self._newest_targets = batch.targets
        parts = zip(
            self._heads(batch.size), batch.targets, mean_losses, self._gradient_scales, strict=True
        )
        for head, y, mean_loss, scale in parts:
            losses, saved = head.form.forward(head.logits, y)
            gradients = head.form.backward(saved, y)
            if head.form.example_weights is None:
                torch.mean(losses, 1, out=mean_loss)
                torch.mul(gradients, scale / batch.size, out=head.logit_gradients)
            else:
                total = head.form.example_weights(y).sum(1)
                torch.div(losses.sum(1), total, out=mean_loss)
                torch.mul(gradients, (scale / total)[:, None, None], out=head.logit_gradients)
        buffers.backward(batch.x)
        for gradients, factor in self._head_factors:
            gradients.mul_(factor)

    def _heads(self, batch_size: int) -> list[_Head]:
        """Each group's part of the buffers for one batch size, made at first use."""
        if batch_size not in self._heads_by_size:
            buffers = self.stack.batch(batch_size)
            self._heads_by_size[batch_size] = [
                _Head(
                    group.form,
                    buffers.logits[group.runs, : group.width],
                    buffers.logit_gradients[group.runs, : group.width],
                )
                for group in self.groups
            ]
        return self._heads_by_size[batch_size]


@dataclass(frozen=True)
class _Head:
    """A group's form with its views of the buffers, ``[S, C, B]``."""

    form: Form
    logits: Tensor
    logit_gradients: Tensor


def _check_amounts(loss: str, data: str, splits: Sequence[datasets.Split]) -> None:
    for split in splits:
        lowest = float(min(y.min() for y in (split.y_train, split.y_val) if len(y)))
        amount = lowest + split.target_offset
        if amount < -_ROUNDING:
            raise SpecError(
                f"{loss} predicts amounts of 0 or more; a target of {data} was "
                f"{amount * split.target_scale:g}."
            )


def make_groups(spec: ExperimentSpec, offset: Tensor | None = None) -> list[Group]:
    """The runs of each loss, in the order of ``spec.losses``.

    ``offset`` ``[S, 1]`` is what losses of amounts add to the targets.
    """
    seeds = len(spec.seeds)
    groups = []
    for index, loss in enumerate(spec.loss_specs):
        form = loss.forms[spec.dataset.task]
        runs = slice(index * seeds, (index + 1) * seeds)
        width = loss.head.width(spec.dataset.outputs)
        groups.append(Group(loss, form, runs, width, offset if form.link is Link.EXP else None))
    return groups


def make_stack(spec: ExperimentSpec, groups: list[Group], where: torch.device) -> Stack:
    """The networks of all runs, each at the start that its seed gives."""
    stack = Stack(spec.run_count, spec.layer_sizes, spec.network.activation, where)
    for group in groups:
        for offset, seed in enumerate(spec.seeds):
            stack.initialise(group.runs.start + offset, seed, group.width)
    if spec.training.protocol is Protocol.ONE_FUNCTION:
        protocol.start_as_one_function(stack, groups)
    return stack


class _Log:
    """Keeps the losses of the steps since the last report, and the clock."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        runs = trainer.spec.run_count
        self._record = torch.zeros(_MOST_STEPS, runs, device=trainer.device)
        columns = [self._record[:, group.runs].unbind(0) for group in trainer.groups]
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

    def next_row(self, batch_size: int) -> tuple[Tensor, ...]:
        """Where the next step is to write its losses, ``[S]`` for each group."""
        self._sizes.append(batch_size)
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
            self._progress(self._take_losses(), self._trainer.evaluator.evaluate(0, 0)),
            facts=self._trainer.facts(),
            snapshot=self._trainer.snapshot(0, 0),
        )

    def report_epoch(self, epoch: int) -> Progress:
        """The report that ends an epoch, with its evaluation, and a snapshot if one is due."""
        losses = self._take_losses()
        self._epoch = epoch
        means = self._epoch_sums / self._trainer.x.shape[1]
        self._epoch_sums = np.zeros_like(means)
        printed = [
            Evaluation(run, epoch, self._step, Split.TRAIN, Measure.EPOCH_LOSS, float(mean))
            for run, mean in enumerate(means)
        ]
        judged = self._trainer.evaluator.evaluate(epoch, self._step)
        return self._progress(losses, [*printed, *judged], self._snapshot())

    def _snapshot(self) -> Snapshot | None:
        """At the end, and before it so seldom that training is hardly slower for it."""
        begin = time.perf_counter()
        if not self._outcome() and begin < self._next_snapshot:
            return None
        snapshot = self._trainer.snapshot(self._epoch, self._step)
        end = time.perf_counter()
        self._next_snapshot = end + max(SNAPSHOT_EVERY, (end - begin) / _SNAPSHOT_SHARE)
        return snapshot

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
        return Status.FINISHED if self._epoch == self._trainer.spec.training.epochs else None
