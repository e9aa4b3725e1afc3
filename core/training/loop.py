"""The training loop. Pausing is not asking for the next report, stopping is closing the
generator."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import torch

from core.losses import check
from core.records import Progress
from core.spec import ExperimentSpec
from core.training import device
from core.training.preparation import Prepared, prepare
from core.training.recording import KEPT_SECONDS, Recorder


@torch.inference_mode()
def train(
    spec: ExperimentSpec, kept_seconds: float = KEPT_SECONDS
) -> Generator[Progress, bool | None, None]:
    """Train all runs of ``spec`` together; report every 100 ms and at each epoch's end.

    The first report with facts has the evaluation before training as well; where learning
    rates are looked for, empty ones come before it. The last has the outcome: finished, or
    diverged once no run's loss is finite any more. Raises ``DeviceError`` for a device that
    is not there, ``LossExpressionError`` for a person's own loss that can't be trained and
    ``SpecError`` for targets that a loss does not take. ``kept_seconds`` is the time for
    snapshots to be replayed, as ``Recorder`` has it. Who sends True for a report gets another one
    next, with the snapshot of the newest complete epoch if it has none yet. Same spec, device,
    versions and threads give the same bits.
    """
    torch.set_num_threads(device.thread_count(spec))
    for entrant in spec.entrants:
        if entrant.expression is not None:
            check(entrant.expression, spec.dataset.task, spec.dataset.outputs)
    prepared = prepare(spec)
    for _rate in prepared.settle():
        yield _nothing_yet(spec)
    recorder = Recorder(prepared, kept_seconds)
    for report in _reports(prepared, recorder):
        is_looked_at = yield report
        if report.outcome:
            return
        if is_looked_at:
            yield recorder.report_look()
        recorder.resume()


def _reports(prepared: Prepared, recorder: Recorder) -> Iterator[Progress]:
    yield recorder.report_start()
    for epoch in range(1, prepared.spec.training.epochs + 1):
        for batch in prepared.batches.epoch():
            prepared.learner.step(batch, recorder.next_row(batch))
            if recorder.is_due:
                yield recorder.report()
        yield recorder.report_epoch(epoch)


def _nothing_yet(spec: ExperimentSpec) -> Progress:
    none = np.empty((0, spec.run_count), np.float32)
    return Progress(0, 0, 0.0, none, (), (None,) * spec.run_count)
