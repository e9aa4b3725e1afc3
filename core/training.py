"""The training loop: every run of an experiment as one stack, step by step.

``train(spec)`` is what the app, the benchmarks and the tests call; there is no other
way to train. It knows nothing of pages, databases or processes: pausing is not asking
for the next report, stopping is closing the generator.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core import datasets, device
from core.evaluation import Evaluator, Group, encode
from core.losses import Form
from core.network import Stack
from core.optimizers import make_update
from core.records import Evaluation, Facts, Measure, Progress, Split, Status
from core.spec import ExperimentSpec

#: Seconds of training between reports, and before the first one.
REPORT_EVERY = 0.1
FIRST_REPORT_AFTER = 0.02

#: Steps recorded before a report is due whatever the clock says.
_MOST_STEPS = 1024

#: Bytes of rows that are gathered at once for the batches ahead.
_BLOCK_BYTES = 32 * 2**20


@torch.inference_mode()
def train(spec: ExperimentSpec) -> Iterator[Progress]:
    """Train all runs of ``spec`` together; report every 100 ms and at each epoch's end.

    The first report has the facts and the evaluation before training, the last the
    outcome: finished, or diverged once no run's loss is finite any more. Raises
    ``DeviceError`` for a device that is not there. Same spec, device, versions and
    threads give the same bits.
    """
    torch.set_num_threads(device.thread_count(spec))
    trainer = Trainer(spec)
    log = _Log(trainer)
    for report in _reports(trainer, log):
        yield report
        if report.outcome:
            return
        log.resume()


def _reports(trainer: Trainer, log: _Log) -> Iterator[Progress]:
    yield log.report(trainer.evaluate(0, 0), facts=trainer.facts)
    for epoch in range(1, trainer.spec.training.epochs + 1):
        for batch in trainer.batches():
            trainer.step(batch, log.next_row(batch.size))
            if log.is_due:
                yield log.report()
        yield log.report_epoch(epoch)


@dataclass(frozen=True)
class MiniBatch:
    """x ``[K, B, D]`` and, for each loss, its targets ``[S, C, B]``."""

    size: int
    x: Tensor
    targets: tuple[Tensor, ...]


class Trainer:
    """An experiment made ready: data on its device, the stack, its groups, its update."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec = spec
        self.device = device.resolve(spec.training.device)
        splits = [datasets.load(spec.data, seed) for seed in spec.seeds]
        self._x = self._to_device(split.x_train for split in splits)
        self._y = self._to_device(split.y_train for split in splits)
        self.groups = make_groups(spec)
        task = spec.dataset.task
        self._targets = [encode(self._y, task, group.width) for group in self.groups]
        self.stack = make_stack(spec, self.groups, self.device)
        self._update = make_update(spec.optimizer, self.stack.parameters, self.stack.gradients)
        self._order = [
            torch.Generator().manual_seed(datasets.derive_seed(seed, "order"))
            for seed in spec.seeds
        ]
        x_val = self._to_device(split.x_val for split in splits)
        y_val = self._to_device(split.y_val for split in splits)
        val_rows = x_val.shape[1]
        judged = slice(val_rows or None)
        self._evaluator = Evaluator(self.stack, self.groups, task)
        self._evaluator.add(Split.TRAIN, self._x[:, judged], self._y[:, judged])
        if val_rows:
            self._evaluator.add(Split.VAL, x_val, y_val)
        self._heads_by_size: dict[int, list[_Head]] = {}
        self.evaluate = self._evaluator.evaluate
        self.facts = self._facts(val_rows, splits[0].target_scale)

    def _to_device(self, arrays: Iterable[NDArray[np.float32]]) -> Tensor:
        """One array a seed, as ``[S, ...]``."""
        return torch.from_numpy(np.stack(list(arrays))).to(self.device)

    def _facts(self, val_rows: int, target_scale: float) -> Facts:
        spec = self.spec
        return Facts(
            device=self.device.type,
            threads=torch.get_num_threads(),
            parameters=spec.parameters,
            train_rows=self._x.shape[1],
            val_rows=val_rows,
            steps_per_epoch=spec.steps_per_epoch,
            total_steps=spec.total_steps,
            target_scale=target_scale,
            baselines={g.loss.key: g.baseline(self._y, spec.dataset.task) for g in self.groups},
            torch_version=torch.__version__,
        )

    def batches(self) -> Iterator[MiniBatch]:
        """One epoch in a new random order, the same for every loss of a seed.

        Rows are gathered for many batches at once, losses of a seed side by side.
        """
        seeds, rows, features = self._x.shape
        size = self.spec.training.batch_size
        row_bytes = 4 * features * self.spec.run_count
        block_rows = max(1, _BLOCK_BYTES // row_bytes // size) * size
        for order in self._epoch_order(seeds, rows).split(block_rows, dim=1):
            x = self._gather(self._x, order).repeat(len(self.groups), 1, 1)
            targets = [
                self._gather(target.transpose(1, 2), order).transpose(1, 2).contiguous()
                for target in self._targets
            ]
            parts = [target.split(size, dim=2) for target in targets]
            for x_batch, *y_batches in zip(x.split(size, dim=1), *parts, strict=True):
                yield MiniBatch(x_batch.shape[1], x_batch, tuple(y_batches))

    def _epoch_order(self, seeds: int, rows: int) -> Tensor:
        """Row numbers ``[S, N]``; as they come where one batch holds them all."""
        if self.spec.training.batch_size == rows:
            return torch.arange(rows, device=self.device).expand(seeds, rows)
        order = torch.stack([torch.randperm(rows, generator=g) for g in self._order])
        return order.to(self.device)

    @staticmethod
    def _gather(values: Tensor, order: Tensor) -> Tensor:
        """Rows ``[S, n, D]`` of values ``[S, N, D]`` in the order ``[S, n]``, seed by seed."""
        return torch.stack([v.index_select(0, o) for v, o in zip(values, order, strict=True)])

    def step(self, batch: MiniBatch, mean_losses: tuple[Tensor, ...]) -> None:
        """One update of every run; writes each group's losses on the batch, before it."""
        buffers = self.stack.batch(batch.size)
        buffers.forward(batch.x)
        heads = zip(self._heads(batch.size), batch.targets, mean_losses, strict=True)
        for head, y, mean_loss in heads:
            losses, saved = head.form.forward(head.logits, y)
            torch.mean(losses, 1, out=mean_loss)
            torch.mul(head.form.backward(saved, y), 1 / batch.size, out=head.logit_gradients)
        buffers.backward(batch.x)
        self._update()

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


def make_groups(spec: ExperimentSpec) -> list[Group]:
    """The runs of each loss, in the order of ``spec.losses``."""
    seeds = len(spec.seeds)
    return [
        Group(
            loss,
            loss.forms[spec.dataset.task],
            slice(index * seeds, (index + 1) * seeds),
            loss.head.width(spec.dataset.outputs),
        )
        for index, loss in enumerate(spec.loss_specs)
    ]


def make_stack(spec: ExperimentSpec, groups: list[Group], where: torch.device) -> Stack:
    """The networks of all runs, each at the start that its seed gives."""
    stack = Stack(spec.run_count, spec.layer_sizes, spec.network.activation, where)
    for group in groups:
        for offset, seed in enumerate(spec.seeds):
            stack.initialise(group.runs.start + offset, seed, group.width)
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

    def report(
        self, evaluations: Iterable[Evaluation] = (), facts: Facts | None = None
    ) -> Progress:
        return self._progress(self._take_losses(), evaluations, facts)

    def report_epoch(self, epoch: int) -> Progress:
        """The report that ends an epoch, with its evaluation."""
        losses = self._take_losses()
        self._epoch = epoch
        means = self._epoch_sums / self._trainer.facts.train_rows
        self._epoch_sums = np.zeros_like(means)
        printed = [
            Evaluation(run, epoch, self._step, Split.TRAIN, Measure.EPOCH_LOSS, float(mean))
            for run, mean in enumerate(means)
        ]
        return self._progress(losses, [*printed, *self._trainer.evaluate(epoch, self._step)])

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
        facts: Facts | None = None,
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
            facts=facts,
            outcome=self._outcome(),
        )

    def _outcome(self) -> Status | None:
        if all(self._diverged):
            return Status.DIVERGED
        return Status.FINISHED if self._epoch == self._trainer.spec.training.epochs else None
