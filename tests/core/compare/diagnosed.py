"""Trainings to diagnose: really trained, whole or as far as an epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from core.compare.curves import Curves, RunCurves
from core.compare.diagnosis import Finding, diagnose
from core.records import Facts, Run, Snapshot, Status
from core.spec import ExperimentSpec
from core.training import train

_OF_LOOKS = ("looks", "constancy", "gradients", "dead", "saturated")


@dataclass(frozen=True)
class Trained:
    """What is recorded of a training that went to its end."""

    spec: ExperimentSpec
    facts: Facts
    runs: tuple[RunCurves, ...]
    snapshot: Snapshot

    @classmethod
    def of(cls, spec: ExperimentSpec) -> Trained:
        torch.set_num_threads(1)
        reports = list(train(spec))
        curves = Curves("", spec.run_count)
        curves.extend([], [each for report in reports for each in report.evaluations])
        seeds, last = len(spec.seeds), reports[-1]
        runs = tuple(
            Run(k, k // seeds, spec.seed_of(k), Status.FINISHED, step)
            for k, step in enumerate(last.diverged_steps)
        )
        facts = next(report.facts for report in reports if report.facts)
        assert last.snapshot is not None
        return cls(spec, facts, curves.evaluated(runs), last.snapshot)

    @property
    def found(self) -> tuple[Finding, ...]:
        return diagnose(self.spec, self.facts, self.runs, self.snapshot)

    def until(self, epoch: int) -> Trained:
        """As it stood after an epoch."""
        snapshot = self.snapshot
        if snapshot.looks is not None:
            seen = np.flatnonzero(snapshot.looks <= epoch)
            courses = {name: getattr(snapshot, name) for name in _OF_LOOKS}
            snapshot = replace(
                snapshot,
                **{name: None if each is None else each[seen] for name, each in courses.items()},
            )
        runs = tuple(
            replace(
                run,
                evaluations={
                    key: replace(
                        line,
                        epochs=line.epochs[line.epochs <= epoch],
                        steps=line.steps[line.epochs <= epoch],
                        values=line.values[line.epochs <= epoch],
                    )
                    for key, line in run.evaluations.items()
                },
            )
            for run in self.runs
        )
        return replace(self, runs=runs, snapshot=snapshot)

    def found_by_epoch(self) -> dict[str, list[int]]:
        """Each sentence's kind and entrant with the epochs at which it would have been said."""
        said: dict[str, list[int]] = {}
        for epoch in range(self.spec.training.epochs + 1):
            for finding in self.until(epoch).found:
                said.setdefault(f"{finding.kind.value} {finding.entrant}", []).append(epoch)
        return said
