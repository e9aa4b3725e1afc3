"""A branch: an experiment that is another one up to a step, and goes on with another loss there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import SpecError
from core.spec.entrants import EntrantSpec
from core.spec.experiment import ExperimentSpec


def no_branch(spec: ExperimentSpec, place: int, step: int) -> str | None:
    """Why the entrant at ``place`` can't go on with another loss after ``step``; None: it can."""
    entrant = spec.lineup[place]
    if not 1 <= step < spec.total_steps:
        return (
            f"A branch goes on from a step between the first and the last; this was step {step:,} "
            f"of {spec.total_steps:,}."
        )
    if entrant.switch is not None and entrant.switch.step < step:
        return (
            f"{entrant.title} has switched its loss already, after step "
            f"{entrant.switch.step:,}; an entrant switches once."
        )
    return None


def branched(
    spec: ExperimentSpec, experiment_id: str, place: int, step: int, loss: Mapping[str, Any]
) -> ExperimentSpec:
    """The same experiment, but the entrant at ``place`` goes on with another loss after a step.

    ``loss`` has the fields of a ``LossChoice``; ``experiment_id`` is the id of the experiment.

    As training is deterministic, it shares every loss up to that step bit for bit with the
    experiment that ``spec`` describes, and those of all other entrants to the end. A name that the
    entrant was given is left to the one that does not switch. ``SpecError`` where the loss
    does not fit, or the entrant has switched before.
    """
    if refusal := no_branch(spec, place, step):
        raise SpecError(refusal)
    plain = spec.model_dump()
    entrants = list(plain["entrants"])
    entrants[place] |= {"then": {**loss, "step": step}, "name": None}
    origin = {"experiment": experiment_id, "step": step}
    return ExperimentSpec.parse(plain | {"entrants": entrants, "branched_from": origin})


def branching_place(spec: ExperimentSpec) -> int | None:
    """The place of the entrant for which the branch was made; None where ``spec`` is none."""
    if spec.branched_from is None:
        return None
    steps = (entrant.switch and entrant.switch.step for entrant in spec.lineup)
    return next(place for place, step in enumerate(steps) if step == spec.branched_from.step)


def race_with_origin(spec: ExperimentSpec, origin: EntrantSpec | None = None) -> ExperimentSpec:
    """A race of a branch's entrant against its origin and against its second loss from the start.

    On the same data, with the same network, batches and seeds. ``origin`` is the entrant as it was
    before the branch, where that is known; else the first loss is taken to have gone on.
    ``SpecError`` where ``spec`` is no branch.
    """
    place = branching_place(spec)
    if place is None:
        raise SpecError("Only a branch has an origin to race against; this experiment is none.")
    entrant = spec.entrants[place]
    then = entrant.then
    assert then is not None
    unswitched = entrant.model_copy(update={"then": None})
    second = {"loss": then.loss, "parameters": then.parameters, "expression": then.expression}
    racing = (origin or unswitched, entrant, unswitched.model_copy(update=second))
    changed = {"entrants": racing, "branched_from": None}
    return ExperimentSpec.parse(spec.model_copy(update=changed).model_dump())
