"""Runs an exhibit's experiments in this process: for tests, and to record thumbnails."""

from __future__ import annotations

from core.compare.curves import Curves
from core.exhibits.evidence import Evidence
from core.exhibits.exhibit import Exhibit
from core.exhibits.outcome import Outcome, decide
from core.records import Run, Status
from core.spec import ExperimentSpec


def evidence(spec: ExperimentSpec) -> Evidence:
    """Train the experiment to its end. Raises as ``core.training.train`` does."""
    from core.training import train

    curves = Curves("", spec.run_count)
    facts = snapshot = None
    diverged: tuple[int | None, ...] = (None,) * spec.run_count
    for report in train(spec, kept_seconds=0):
        curves.extend([], report.evaluations)
        facts, snapshot = report.facts or facts, report.snapshot or snapshot
        diverged = report.diverged_steps
    # Every training reports both.
    assert facts is not None
    assert snapshot is not None
    runs = [
        Run(
            run,
            spec.entrant_of(run).place,
            spec.seed_of(run),
            Status.FINISHED if step is None else Status.DIVERGED,
            step,
        )
        for run, step in enumerate(diverged)
    ]
    return Evidence(spec, facts, curves.evaluated(runs), snapshot)


def outcome(exhibit: Exhibit) -> Outcome:
    """Run all parts, one after another, and decide."""
    return decide(exhibit.judge([evidence(part.spec) for part in exhibit.parts]))
