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
from core.records import Column, Evaluation, Facts, Measure, Progress, Snapshot, Split, Status
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


def ensure(store: Store, page: str) -> str:
    """The id of the page's example in the store, where it is put if it is not there whole."""
    example = EXAMPLES[page]
    if not _is_whole(store, example.id):
        store.record(example.id, example.spec, list(recorded(example)))
    return example.id


def _is_whole(store: Store, example_id: str) -> bool:
    try:
        return store.get(example_id).status is Status.FINISHED
    except UnknownExperiment:
        return False


def recorded(example: Example) -> Iterator[Progress]:
    """The file's reports: an epoch's each, so that seconds have their steps."""
    spec = example.spec
    with np.load(example.file, allow_pickle=False) as file:
        columns = tuple(
            Column(Split(split), Measure(measure)) for split, measure in file["columns"].tolist()
        )
        # Nothing is printed of the start.
        judged = {0: (columns[1:], file["start"])} | {
            epoch: (columns, values)
            for epoch, values in zip(file["epochs"].tolist(), file["judged"], strict=True)
        }
        losses, clock = file["losses"], file["clock"]
        facts = Facts.from_json(str(file["facts"]))
        ends = np.cumsum(file["sizes"])[:-1]
        packed = np.split(file["snapshots"], ends)
        kept = {each.epoch: each for each in map(_unpacked, packed)}
    per_epoch = spec.steps_per_epoch
    for epoch, seconds in enumerate(clock.tolist()):
        is_last, step = epoch == spec.training.epochs, epoch * per_epoch
        at_end = (Evaluation(epoch, step, *judged[epoch]),) if epoch in judged else ()
        yield Progress(
            step=step,
            epoch=epoch,
            seconds=seconds,
            losses=losses[max(0, step - per_epoch) : step],
            evaluations=at_end,
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
    start, *judged = (each for report in reports for each in report.evaluations)
    facts = next(report.facts for report in reports if report.facts)
    packed = [np.frombuffer(each.to_bytes(), np.uint8) for each in _thinned(reports)]
    ends = {report.epoch: report.seconds for report in reversed(reports)}
    np.savez_compressed(
        example.file,
        losses=np.concatenate([report.losses for report in reports]),
        clock=np.array([ends[epoch] for epoch in range(spec.training.epochs + 1)]),
        columns=np.array(judged[0].columns),
        start=start.values,
        epochs=np.array([each.epoch for each in judged]),
        judged=np.stack([each.values for each in judged]),
        facts=np.array(json.dumps(asdict(replace(facts, device="cpu")))),
        snapshots=np.concatenate(packed),
        sizes=np.array([len(each) for each in packed]),
    )


if __name__ == "__main__":
    for each in EXAMPLES.values():
        record(each)
