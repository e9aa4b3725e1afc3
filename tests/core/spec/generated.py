"""Experiments of every kind that can be stored, for Hypothesis to choose from."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from core import spec as bounds
from core.bounds import Bounds
from core.data import DATASETS, NOISE, VALIDATION_FRACTION, DataSpec
from core.losses import LOSSES, Kind, Parameter, fitting
from core.spec import (
    Activation,
    DeviceName,
    ExperimentSpec,
    OptimizerName,
    Protocol,
    Scheme,
)

EXPRESSIONS = ("(p - y)**2", "-y*log(p)", "abs(p - y)**1.5")
#: The protocol that fits few experiments.
_RARE = Protocol.ONE_FUNCTION
MOST_SEEDS = 5
NAMES = ("mine", "  #2 ", "Größe 日本", "MSE")


def allowed(parameter: Parameter, classes: int) -> st.SearchStrategy[Any]:
    one = st.floats(parameter.low, parameter.high)
    return {
        Kind.NUMBER: one,
        Kind.WHOLE_NUMBER: st.integers(int(parameter.low), int(parameter.high)),
        Kind.CLASS_WEIGHTS: st.lists(one, min_size=classes, max_size=classes),
    }[parameter.kind]


@st.composite
def specs(draw: st.DrawFn) -> ExperimentSpec:
    def number(limits: Bounds) -> st.SearchStrategy[float]:
        return st.floats(limits.low, limits.high)

    data = {
        "name": draw(st.sampled_from(list(DATASETS))),
        "rows": draw(st.integers(50, 20_000)),
        "noise": draw(number(NOISE)),
        "validation_fraction": draw(number(VALIDATION_FRACTION)),
    }
    entry = DATASETS[data["name"]]
    losses = [loss.key for loss in fitting(entry.task)]
    assume(not any(DataSpec(**data).problems()))
    train_rows = DataSpec(**data).train_rows

    def entrant(key: str) -> st.SearchStrategy[dict[str, Any]]:
        parameters = {each.name: allowed(each, entry.outputs) for each in LOSSES[key].parameters}
        optional = {
            "parameters": st.fixed_dictionaries({}, optional=parameters),
            "name": st.none() | st.sampled_from(NAMES),
            "learning_rate": st.none() | number(bounds.LEARNING_RATE),
            "head_seed": st.none() | st.integers(0, 2**31 - 1),
        }
        of_loss = {"loss": st.just(key)}
        if key == "custom":
            of_loss["expression"] = st.sampled_from(EXPRESSIONS)
        return st.fixed_dictionaries(of_loss, optional=optional)

    parts = {
        "data": data,
        "network": {
            "hidden_sizes": draw(st.lists(st.integers(1, 64), max_size=6)),
            "activation": draw(st.sampled_from(Activation)),
            "start": {
                "scheme": draw(st.sampled_from(Scheme)),
                "head_factor": draw(number(bounds.HEAD_FACTOR)),
            },
        },
        "optimizer": {
            "name": draw(st.sampled_from(OptimizerName)),
            "learning_rate": draw(number(bounds.LEARNING_RATE)),
            "momentum": draw(number(bounds.MOMENTUM)),
            "weight_decay": draw(number(bounds.WEIGHT_DECAY)),
        },
        "training": {
            "batch_size": draw(st.integers(1, min(500, train_rows))),
            "epochs": draw(st.integers(1, 20)),
            "device": draw(st.sampled_from(DeviceName)),
            "protocol": draw(st.sampled_from([each for each in Protocol if each is not _RARE])),
        },
        "entrants": draw(
            st.lists(st.sampled_from(losses).flatmap(entrant), min_size=1, max_size=10)
        ),
        "seeds": draw(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=5, unique=True)),
    }
    if parts["training"]["protocol"] is Protocol.MATCHED_GRADIENTS:
        plain = [OptimizerName.SGD, OptimizerName.MOMENTUM]
        parts["optimizer"]["name"] = draw(st.sampled_from(plain))
    return ExperimentSpec.parse(parts)
