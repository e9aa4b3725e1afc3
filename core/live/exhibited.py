"""What a showing of an exhibit came to, from what the store has of its experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.exhibits import Exhibit
from core.exhibits.betting import Result, result_of
from core.exhibits.evidence import Evidence
from core.exhibits.outcome import Outcome, decide
from core.live.reading import Reading, State
from core.records import Experiment, Showing, Status
from core.store import Store


@dataclass(frozen=True)
class Came:
    """``outcome`` and what bets are held against; or ``trouble``, why there is no verdict."""

    outcome: Outcome | None = None
    result: Result | None = None
    trouble: str = ""


def evidence_of(state: State) -> Evidence | None:
    """A training as exhibits judge it; None where nothing of it was recorded."""
    facts, snapshot = state.experiment.facts, state.snapshot
    if facts is None or snapshot is None:
        return None
    spec = state.experiment.spec
    return Evidence(spec, facts, state.curves.evaluated(state.runs), snapshot)


def came_of(exhibit: Exhibit, showing: Showing, store: Store) -> Came:
    """What the experiments of a showing that has ended came to. Raises ``StoreError``."""
    return judged(exhibit, [Reading(store, each).state() for each in showing.experiments])


def judged(exhibit: Exhibit, states: Sequence[State]) -> Came:
    """One for each part of the exhibit, in their order."""
    if len(states) != len(exhibit.parts) or any(
        state.experiment.spec != part.spec
        for state, part in zip(states, exhibit.parts, strict=True)
    ):
        return Came(trouble="No verdict: it was run when this exhibit had other settings.")
    titles = [part.title for part in exhibit.parts]
    for title, state in zip(titles, states, strict=True):
        if state.experiment.status is not Status.FINISHED:
            name = f" of “{title}”" if len(titles) > 1 else ""
            return Came(trouble=_trouble(state.experiment, name))
    found = [evidence for state in states if (evidence := evidence_of(state))]
    if len(found) < len(states):
        return Came(trouble="No verdict: what was measured is not complete.")
    return Came(decide(exhibit.judge(found)), result_of(exhibit, found[0]))


_WHY = {
    Status.STOPPED: "was stopped",
    Status.DIVERGED: "came to no end, as the loss of every run was not finite any more,",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "was interrupted",
}


def _trouble(experiment: Experiment, name: str) -> str:
    epochs = experiment.spec.training.epochs
    why = _WHY.get(experiment.status, "has not ended")
    reason = f" {experiment.reason}" if experiment.reason else ""
    return (
        f"No verdict: the training{name} {why} after epoch {experiment.epoch:,} of {epochs:,}."
        f"{reason}"
    )
