"""The example race: one that was really run, recorded in a file beside this module.

``python -m core.example`` runs it and records it anew; it is to be done again whenever
what training reports has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from core.errors import UnknownExperiment
from core.losses import RIVALS
from core.records import Evaluation, Facts, Measure, Progress, Snapshot, Split, Status
from core.spec import DeviceName, EntrantSpec, ExperimentSpec, TrainingSpec
from core.store import Store
from core.store.database import EXAMPLE_ID

SPEC = ExperimentSpec(
    entrants=tuple(EntrantSpec(loss=key) for key in RIVALS),
    seeds=(0, 1, 2, 3, 4),
    training=TrainingSpec(epochs=30, device=DeviceName.CPU),
)
FILE = Path(__file__).with_suffix(".npz")

#: What of an evaluation is a whole number, in this order, and what is a word.
_NUMBERS = ("run", "epoch", "step")


def ensure(store: Store) -> str:
    """The id of the example in the store, where it is put if it is not there."""
    try:
        store.get(EXAMPLE_ID)
    except UnknownExperiment:
        store.create(SPEC, experiment_id=EXAMPLE_ID)
        for progress in recorded():
            store.report(EXAMPLE_ID, progress, progress.outcome or Status.RUNNING)
    return EXAMPLE_ID


def recorded() -> Iterator[Progress]:
    """The file's reports: an epoch's each, so that seconds have their steps."""
    with np.load(FILE, allow_pickle=False) as file:
        rows = [
            Evaluation(int(run), int(epoch), int(step), Split(split), Measure(measure), value)
            for (run, epoch, step), split, measure, value in zip(
                file["numbers"].tolist(),
                file["splits"].tolist(),
                file["measures"].tolist(),
                file["values"].astype(float).tolist(),
                strict=True,
            )
        ]
        losses, clock = file["losses"], file["clock"]
        facts = Facts.from_plain(json.loads(str(file["facts"])))
        snapshot = Snapshot.from_bytes(file["snapshot"].tobytes())
    per_epoch = SPEC.steps_per_epoch
    for epoch, seconds in enumerate(clock.tolist()):
        is_last = epoch == SPEC.training.epochs
        yield Progress(
            step=epoch * per_epoch,
            epoch=epoch,
            seconds=seconds,
            losses=losses[max(0, epoch - 1) * per_epoch : epoch * per_epoch],
            evaluations=tuple(row for row in rows if row.epoch == epoch),
            diverged_steps=(None,) * SPEC.run_count,
            facts=None if epoch else facts,
            snapshot=snapshot if is_last else None,
            outcome=Status.FINISHED if is_last else None,
        )


def record() -> None:
    """Run the example and write the file."""
    from core.training import train

    reports = list(train(SPEC))
    rows = [row for report in reports for row in report.evaluations]
    facts = next(report.facts for report in reports if report.facts)
    snapshot = reports[-1].snapshot
    assert snapshot is not None
    ends = {report.epoch: report.seconds for report in reversed(reports)}
    np.savez_compressed(
        FILE,
        losses=np.concatenate([report.losses for report in reports]),
        clock=np.array([ends[epoch] for epoch in range(SPEC.training.epochs + 1)]),
        numbers=np.array([[getattr(row, name) for name in _NUMBERS] for row in rows], np.int32),
        splits=np.array([row.split.value for row in rows]),
        measures=np.array([row.measure.value for row in rows]),
        values=np.array([row.value for row in rows], np.float32),
        facts=np.array(json.dumps(asdict(replace(facts, device="cpu")))),
        snapshot=np.frombuffer(snapshot.to_bytes(), np.uint8),
    )


if __name__ == "__main__":
    record()
