"""The training loop. Pausing is not asking for the next report, stopping is closing the
generator."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import torch

from core.losses import check
from core.records import Checkpoint, Progress
from core.spec import ExperimentSpec
from core.training import device
from core.training.plan import takes_onednn
from core.training.preparation import Prepared, prepare
from core.training.recording import KEPT_SECONDS, Recorder


def train(
    spec: ExperimentSpec,
    kept_seconds: float = KEPT_SECONDS,
    after: Checkpoint | None = None,
) -> Generator[Progress, bool | None, None]:
    """Train all runs of ``spec`` together; report every 50 ms and at each epoch's end.

    The first report with facts has the evaluation before training as well; where learning
    rates are looked for, empty ones come before it. The last has the outcome: finished, or
    diverged once no run's loss is finite any more. Raises ``DeviceError`` for a device that
    is not there, ``LossExpressionError`` for a person's own loss that can't be trained and
    ``SpecError`` for targets that a loss does not take. ``kept_seconds`` is the time for
    snapshots to be replayed, as ``Recorder`` has it. Who sends True for a report gets another one
    next, with the snapshot of the newest complete epoch if it has none yet, and a checkpoint.

    From a checkpoint the training goes on ``after`` it, to the same bits as if it had never been
    interrupted; facts and evaluation of the start are not reported again.

    Same spec, device, versions and threads give the same bits. Numbers closer to 0 than 1.2e-38
    are 0 here, as processors are many times slower with them: once losses are near 0, gradients
    and what Adam keeps of them are such, and training slowed down to half its pace.
    """
    reports = _trained(spec, kept_seconds, after)
    is_looked_at: bool | None = None
    by_onednn = takes_onednn(spec)
    while True:
        with device.without_denormals(), device.operators(by_onednn):
            try:
                report = reports.send(is_looked_at)
            except StopIteration:
                return
        is_looked_at = yield report


@torch.inference_mode()
def _trained(
    spec: ExperimentSpec, kept_seconds: float, after: Checkpoint | None
) -> Generator[Progress, bool | None, None]:
    for choice in (choice for entrant in spec.entrants for choice in entrant.choices):
        if choice.expression is not None:
            check(choice.expression, spec.dataset.task, spec.dataset.outputs)
    prepared = prepare(spec)
    torch.set_num_threads(prepared.plan.threads_within)
    if after is None:
        for _rate in prepared.settle():
            yield _nothing_yet(spec)
    recorder = Recorder(prepared, kept_seconds)
    if after is not None:
        recorder.go_on(after)
    for report in _reports(prepared, recorder):
        is_looked_at = yield report
        if report.outcome:
            return
        if is_looked_at:
            yield recorder.report_look()
        recorder.resume()


def _reports(prepared: Prepared, recorder: Recorder) -> Iterator[Progress]:
    done, begin = recorder.epoch, recorder.step
    if not begin:
        yield recorder.report_start()
    for epoch in range(done + 1, prepared.spec.training.epochs + 1):
        for block in prepared.epoch(epoch, after=begin):
            # Not after the last one: who pauses with all steps of an epoch done has its end too.
            if recorder.is_due:
                yield recorder.report()
            recorder.add(block, prepared.learner.step(block))
        yield recorder.report_epoch(epoch)


def _nothing_yet(spec: ExperimentSpec) -> Progress:
    none = np.empty((0, spec.run_count), np.float32)
    return Progress(0, 0, 0.0, none, (), (None,) * spec.run_count)
