"""What would help against what was found: each a change of an experiment's spec, pure.

A remedy that the spec does not allow, or that changes nothing, is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import BaseModel

from core.bounds import Bounds
from core.errors import SpecError
from core.spec import (
    EPOCHS,
    LEARNING_RATE,
    Activation,
    EntrantSpec,
    ExperimentSpec,
    Protocol,
    Scheme,
    StartSpec,
)

#: ``None`` where it does not apply.
Remedy = Callable[[ExperimentSpec], ExperimentSpec | None]

#: What a network without hidden layers gets.
_FIRST_HIDDEN = (32,)


def first_that_applies(spec: ExperimentSpec, remedies: Iterable[Remedy]) -> ExperimentSpec | None:
    """The spec as the first of the remedies has it that the spec allows and that changes it.

    What is changed from its first step on is no branch of another experiment.
    """
    spec = spec.model_copy(update={"branched_from": None})
    for remedy in remedies:
        changed = _allowed(remedy(spec))
        if changed is not None and changed != spec:
            return changed
    return None


def _allowed(spec: ExperimentSpec | None) -> ExperimentSpec | None:
    if spec is None:
        return None
    try:
        return ExperimentSpec.parse(spec.model_dump())
    except SpecError:
        return None


def rate_times(factor: float, place: int) -> Remedy:
    """The learning rate of the entrant, its own if it has one, else that of all.

    Not where each entrant's rate is searched for: there the spec's is not read.
    """

    def remedy(spec: ExperimentSpec) -> ExperimentSpec | None:
        entrant = spec.entrants[place]
        if spec.training.protocol is Protocol.BEST_RATE:
            return None
        if entrant.learning_rate is None:
            rate = _scaled(spec.optimizer.learning_rate, factor, LEARNING_RATE)
            return _with(spec, "optimizer", learning_rate=rate)
        rate = _scaled(entrant.learning_rate, factor, LEARNING_RATE)
        entrants: list[EntrantSpec] = list(spec.entrants)
        entrants[place] = entrant.model_copy(update={"learning_rate": rate})
        return spec.model_copy(update={"entrants": tuple(entrants)})

    return remedy


def _scaled(value: float, factor: float, bounds: Bounds) -> float:
    """A product as a person would write it, within the bounds."""
    return min(max(bounds.low, float(f"{value * factor:.3g}")), bounds.high)


def epochs_to(count: int) -> Remedy:
    """Training that ends after so many epochs."""
    return lambda spec: _with(spec, "training", epochs=max(int(EPOCHS.low), count))


def activation_of(activation: Activation) -> Remedy:
    def remedy(spec: ExperimentSpec) -> ExperimentSpec | None:
        if not spec.network.hidden_sizes:
            return None
        return _with(spec, "network", activation=activation)

    return remedy


def first_weights_drawn(spec: ExperimentSpec) -> ExperimentSpec | None:
    """Random first weights in place of zeros, from which units never come to differ."""
    start = spec.network.start
    if start.scheme is not Scheme.ZEROS:
        return None
    return _with(spec, "network", start=start.model_copy(update={"scheme": Scheme.DEFAULT}))


def no_head_factor(spec: ExperimentSpec) -> ExperimentSpec | None:
    """The last layer's first weights as they are drawn, where they were multiplied up."""
    start = spec.network.start
    if start.head_factor <= 1:
        return None
    return _with(spec, "network", start=start.model_copy(update={"head_factor": 1.0}))


def hidden_layer(spec: ExperimentSpec) -> ExperimentSpec | None:
    """A hidden layer where there is none: without one only straight borders are learned.

    Weights by hand are of a network without one, so that they are drawn then.
    """
    network = spec.network
    if network.hidden_sizes:
        return None
    start = StartSpec() if network.start.scheme is Scheme.BY_HAND else network.start
    return _with(spec, "network", hidden_sizes=_FIRST_HIDDEN, start=start)


def fewer_layers(spec: ExperimentSpec) -> ExperimentSpec | None:
    """The first half of the hidden layers, where there are more than one."""
    sizes = spec.network.hidden_sizes
    return _with(spec, "network", hidden_sizes=sizes[: len(sizes) // 2]) if len(sizes) > 1 else None


def _with(spec: ExperimentSpec, part: str, **values: Any) -> ExperimentSpec:
    old: BaseModel = getattr(spec, part)
    return spec.model_copy(update={part: old.model_copy(update=values)})
