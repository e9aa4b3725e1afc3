"""Races that were really trained and stored, as the pages get to see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.compare.curves import Curves, CurveSet, RunCurves
from core.records import Evaluation, Experiment, Run, Snapshot, Status
from core.spec import ExperimentSpec
from core.store import Store
from core.training import train


@dataclass(frozen=True)
class Race:
    """What a database has of one experiment that has ended."""

    experiment: Experiment
    runs: tuple[Run, ...]
    evaluations: tuple[Evaluation, ...]
    snapshot: Snapshot
    curves: Curves

    @property
    def spec(self) -> ExperimentSpec:
        return self.experiment.spec

    @property
    def drawn(self) -> tuple[RunCurves, ...]:
        return self.curves.evaluated(self.runs)

    @property
    def view(self) -> CurveSet:
        return self.curves.view(self.runs)


def raced(folder: Path, spec: ExperimentSpec) -> Race:
    store = Store(f"sqlite:///{folder}/lab.db")
    key = store.create(spec)
    for progress in train(spec):
        store.report(key, progress, progress.outcome or Status.RUNNING)
    snapshot = store.snapshot(key)
    assert snapshot is not None
    curves = Curves(key, spec.run_count)
    evaluations = store.evaluations(key)
    curves.extend(store.chunks(key), evaluations)
    return Race(store.get(key), store.runs(key), tuple(evaluations), snapshot, curves)
