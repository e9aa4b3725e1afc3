"""The parameters of several losses, as an experiment holds them: by loss and name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.bounds import shown
from core.losses.catalogue import LOSSES
from core.losses.entry import LossSpec
from core.losses.parameters import FrozenMapping, Value

LossParameters = FrozenMapping[FrozenMapping[Value]]

#: What to call them, and what they may be.
PARAMETERS_BY_LOSS = ("Loss parameters", "an object with parameters by loss and name")


def parse_parameters(given: object) -> LossParameters:
    """Checked and frozen; ``ValueError`` with a sentence for the first that is not allowed."""
    by_loss = _object(given, *PARAMETERS_BY_LOSS)
    for name in by_loss:
        if name not in LOSSES:
            raise ValueError(f"Loss was {shown(name)}; allowed is any of {', '.join(LOSSES)}.")
    return FrozenMapping({name: _of_loss(LOSSES[name], by_loss[name]) for name in by_loss})


def _of_loss(loss: LossSpec, given: object) -> FrozenMapping[Value]:
    known = {parameter.name: parameter for parameter in loss.parameters}
    values = _object(given, f"Parameters of {loss.title}", "an object with values by name")
    for name in values:
        if name not in known:
            allowed = f"allowed is any of {', '.join(known)}" if known else "it has none"
            raise ValueError(f"Parameter of {loss.title} was {shown(name)}; {allowed}.")
    return FrozenMapping({name: known[name].parse(value) for name, value in values.items()})


def _object(given: object, label: str, allowed: str) -> Mapping[Any, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{label} was {shown(given)}; allowed is {allowed}.")
    return given


def plain(parameters: LossParameters) -> dict[str, dict[str, Value]]:
    """As JSON takes them."""
    return {loss: dict(values) for loss, values in parameters.items()}
