"""The examples that the pages open on: really run, and recorded in files beside this module.

``python -m core.example`` runs them and records them anew; it is to be done again whenever
what training reports has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.data import DataSpec
from core.errors import UnknownExperiment
from core.losses import RIVALS
from core.records import Evaluation, Facts, Measure, Progress, Snapshot, Split, Status
from core.spec import (
    EntrantSpec,
    ExperimentSpec,
    NetworkSpec,
    OptimizerName,
    OptimizerSpec,
    TrainingSpec,
)
from core.store import Store
from core.store.database import EXAMPLE_IDS

#: An experiment in which CrossEntropy, BCE and MSE part: all learn the spirals, but under plain
#: SGD the gradient of MSE is small where a network is sure and wrong, and it comes last.
SPEC = ExperimentSpec(
    data=DataSpec(name="spirals"),
    network=NetworkSpec(hidden_sizes=(32, 32)),
    optimizer=OptimizerSpec(name=OptimizerName.SGD, learning_rate=0.03),
    training=TrainingSpec(batch_size=8, epochs=120),
    entrants=tuple(EntrantSpec(loss=key) for key in RIVALS),
)


@dataclass(frozen=True)
class Example:
    """One recorded experiment: ``SPEC`` from these seeds."""

    id: str
    name: str
    seeds: tuple[int, ...]

    @property
    def spec(self) -> ExperimentSpec:
        return SPEC.model_copy(update={"seeds": self.seeds})

    @property
    def file(self) -> Path:
        return Path(__file__).with_name(f"example_{self.name}.npz")


#: By the page that opens on it.
EXAMPLES = {
    "train": Example(EXAMPLE_IDS[0], "train", (0,)),
    "compare": Example(EXAMPLE_IDS[1], "compare", (0, 1, 2, 3, 4)),
}

#: Snapshots of an example, whose file comes with the program.
_MOST_KEPT = 24
#: No training is so long.
_RECORDING_SECONDS = 1000.0

#: What of an evaluation is a whole number, in this order, and what is a word.
_NUMBERS = ("run", "epoch", "step")


def ensure(store: Store, page: str) -> str:
    """The id of the page's example in the store, where it is put if it is not there."""
    example = EXAMPLES[page]
    try:
        store.get(example.id)
    except UnknownExperiment:
        store.create(example.spec, experiment_id=example.id)
        for progress in recorded(example):
            store.report(example.id, progress, progress.outcome or Status.RUNNING)
    return example.id


def recorded(example: Example) -> Iterator[Progress]:
    """The file's reports: an epoch's each, so that seconds have their steps."""
    spec = example.spec
    with np.load(example.file, allow_pickle=False) as file:
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
        ends = np.cumsum(file["sizes"])[:-1]
        packed = np.split(file["snapshots"], ends)
        kept = {each.epoch: each for each in map(_unpacked, packed)}
    per_epoch = spec.steps_per_epoch
    for epoch, seconds in enumerate(clock.tolist()):
        is_last = epoch == spec.training.epochs
        yield Progress(
            step=epoch * per_epoch,
            epoch=epoch,
            seconds=seconds,
            losses=losses[max(0, epoch - 1) * per_epoch : epoch * per_epoch],
            evaluations=tuple(row for row in rows if row.epoch == epoch),
            diverged_steps=(None,) * spec.run_count,
            facts=None if epoch else facts,
            snapshot=kept.get(epoch),
            kept=(kept[epoch],) if epoch in kept else (),
            outcome=Status.FINISHED if is_last else None,
        )


def _unpacked(content: NDArray[np.uint8]) -> Snapshot:
    return Snapshot.from_bytes(content.tobytes())


def _thinned(reports: Sequence[Progress]) -> list[Snapshot]:
    """Of the snapshots that were kept so many, the first and the last among them."""
    kept = [snapshot for report in reports for snapshot in report.kept]
    places = np.linspace(0, len(kept) - 1, min(len(kept), _MOST_KEPT)).round().astype(int)
    return [kept[place] for place in places]


def record(example: Example) -> None:
    """Run the example and write the file."""
    from core.training import train

    spec = example.spec
    reports = list(train(spec, kept_seconds=_RECORDING_SECONDS))
    rows = [row for report in reports for row in report.evaluations]
    facts = next(report.facts for report in reports if report.facts)
    packed = [np.frombuffer(each.to_bytes(), np.uint8) for each in _thinned(reports)]
    ends = {report.epoch: report.seconds for report in reversed(reports)}
    np.savez_compressed(
        example.file,
        losses=np.concatenate([report.losses for report in reports]),
        clock=np.array([ends[epoch] for epoch in range(spec.training.epochs + 1)]),
        numbers=np.array([[getattr(row, name) for name in _NUMBERS] for row in rows], np.int32),
        splits=np.array([row.split.value for row in rows]),
        measures=np.array([row.measure.value for row in rows]),
        values=np.array([row.value for row in rows], np.float32),
        facts=np.array(json.dumps(asdict(replace(facts, device="cpu")))),
        snapshots=np.concatenate(packed),
        sizes=np.array([len(each) for each in packed]),
    )


if __name__ == "__main__":
    for each in EXAMPLES.values():
        record(each)
