"""What goes wrong in an experiment, and what would help, as both pages say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.compare.curves import RunCurves
from core.compare.diagnosis import Finding, diagnose
from core.live import blocks
from core.live.blocks import Block, Part
from core.live.reading import State
from core.spec import ExperimentSpec, changes

#: How the name of a button begins that fills the form with a remedy.
TRY = "try_"


def part_of(state: State, runs: Sequence[RunCurves]) -> Part:
    """Nothing at all where nothing is found. As often as a snapshot is made is soon enough."""
    diverged = tuple(run.diverged_step for run in runs)
    shown = state.looked_at, state.experiment.status, diverged
    return Part("diagnosed", shown, lambda: _drawn(state.experiment.spec, _of(state, runs)))


def remedy_of(state: State, action: str) -> ExperimentSpec | None:
    """What a button of that name would try, found anew; None where there is no such any more."""
    runs = state.curves.evaluated(state.runs)
    remedies = {_action(finding): finding.remedy for finding in _of(state, runs)}
    return remedies.get(action)


def _of(state: State, runs: Sequence[RunCurves]) -> tuple[Finding, ...]:
    experiment = state.experiment
    if experiment.facts is None:
        return ()
    return diagnose(experiment.spec, experiment.facts, runs, state.snapshot)


def _action(finding: Finding) -> str:
    return f"{TRY}{finding.kind.value}_{finding.entrant}"


def _drawn(spec: ExperimentSpec, found: Sequence[Finding]) -> Iterator[Block]:
    if found:
        yield blocks.findings("findings", [_line(spec, finding) for finding in found])


def _line(spec: ExperimentSpec, finding: Finding) -> Block:
    remedy = finding.remedy
    return {
        "text": blocks.typed(finding.sentence),
        "action": _action(finding) if remedy else "",
        "title": f"Try it: {', '.join(changes(spec, remedy))}" if remedy else "",
    }
