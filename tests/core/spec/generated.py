"""Experiments of every kind that can be stored, for Hypothesis to choose from."""

from __future__ import annotations

from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from core import spec as bounds
from core.bounds import Bounds
from core.data import (
    DATASETS,
    NOISE,
    VALIDATION_FRACTION,
    Dataset,
    DataSpec,
    Flips,
    OutliersIn,
    conditions,
)
from core.losses import LOSSES, Kind, Parameter, fitting
from core.spec import (
    Activation,
    DeviceName,
    ExperimentSpec,
    OptimizerName,
    Protocol,
    Scheme,
    by_hand_bounds,
    takes_weights,
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


def stresses(entry: Dataset) -> st.SearchStrategy[dict[str, Any]]:
    """Conditions that fit the data; of what does nothing there, every setting."""

    def number(limits: Bounds) -> st.SearchStrategy[float]:
        return st.floats(limits.low, limits.high)

    amounts = {
        "outliers": number(conditions.OUTLIERS),
        "feature_noise": number(conditions.FEATURE_NOISE),
        "kept_rows": st.floats(0.2, 1),
    }
    of_classes = {
        "flipped_labels": number(conditions.FLIPPED_LABELS),
        "imbalance": st.floats(1, 10),
    }
    settings: dict[str, st.SearchStrategy[Any]] = {
        "outlier_size": number(conditions.OUTLIER_SIZE),
        "flips": st.sampled_from(Flips),
        "on_held_out": st.booleans(),
    }
    if not entry.task.is_classification:
        settings["outliers_in"] = st.sampled_from(OutliersIn)
    elif entry.split:
        amounts |= of_classes
    return st.fixed_dictionaries({}, optional=settings | (amounts if entry.split else {}))


@st.composite
def specs(draw: st.DrawFn) -> ExperimentSpec:
    def number(limits: Bounds) -> st.SearchStrategy[float]:
        return st.floats(limits.low, limits.high)

    data = {
        "name": draw(st.sampled_from(list(DATASETS))),
        "rows": draw(st.integers(50, 20_000)),
        "noise": draw(number(NOISE)),
        "classes": draw(st.integers(2, 100)),
        "validation_fraction": draw(number(VALIDATION_FRACTION)),
    }
    entry = DataSpec(**data).entry
    data["stress"] = draw(stresses(entry))
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

    drawn = [each for each in Scheme if each is not Scheme.BY_HAND]
    parts = {
        "data": data,
        "network": {
            "hidden_sizes": draw(st.lists(st.integers(1, 64), max_size=6)),
            "activation": draw(st.sampled_from(Activation)),
            "start": {
                "scheme": draw(st.sampled_from(drawn)),
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
    if parts["training"]["protocol"] is not Protocol.MATCHED_GRADIENTS:
        _switch_some(draw, parts["entrants"], ExperimentSpec.parse(parts))
    if parts["training"]["protocol"] is Protocol.MATCHED_GRADIENTS:
        plain = [OptimizerName.SGD, OptimizerName.MOMENTUM]
        parts["optimizer"]["name"] = draw(st.sampled_from(plain))
    if takes_weights(entry) and draw(st.booleans()):
        weights = [draw(number(each)) for each in by_hand_bounds(entry.features)]
        parts["network"] |= {
            "hidden_sizes": [],
            "start": {"scheme": Scheme.BY_HAND, "weights": weights},
        }
        for each in parts["entrants"]:
            each.pop("head_seed", None)
    return ExperimentSpec.parse(parts)


def _switch_some(draw: st.DrawFn, entrants: list[dict[str, Any]], spec: ExperimentSpec) -> None:
    """Have some of the entrants go on with another loss that fits, where there is a step for it."""
    for entrant, known in zip(entrants, spec.lineup, strict=True):
        if spec.total_steps > 1 and draw(st.booleans()):
            follows = bounds.successors(known.loss, spec.dataset)
            key = draw(st.sampled_from([key for key, why in follows.items() if why is None]))
            own = {"expression": draw(st.sampled_from(EXPRESSIONS))} if key == "custom" else {}
            step = draw(st.integers(1, spec.total_steps - 1))
            entrant["then"] = {"loss": key, "step": step, **own}
