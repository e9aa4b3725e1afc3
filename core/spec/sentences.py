"""What Pydantic finds wrong with a spec, as sentences with the value and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from core.bounds import Bounds, any_of, quoted
from core.data import CLASSES, DATASETS, NOISE, ROWS, VALIDATION_FRACTION, DataSpec, conditions
from core.losses import LOSSES
from core.spec import parts
from core.spec.entrants import MAX_ENTRANTS, EntrantSpec
from core.spec.losses import SWITCH_STEP, SwitchSpec


def number(bounds: Bounds) -> tuple[str, str]:
    return bounds.label, f"a number from {bounds}"


def whole(bounds: Bounds) -> tuple[str, str]:
    return bounds.label, f"a whole number from {bounds}"


def fields(model: type[BaseModel]) -> str:
    return f"an object with the fields {', '.join(model.model_fields)}"


#: What to call each field that holds something of the wrong kind, and what it may hold.
_ALLOWED = {
    "data": ("Data", fields(DataSpec)),
    "data.name": ("Data set", any_of(DATASETS)),
    "data.rows": whole(ROWS),
    "data.noise": number(NOISE),
    "data.classes": whole(CLASSES),
    "data.validation_fraction": number(VALIDATION_FRACTION),
    "data.stress": ("Stress", fields(conditions.StressSpec)),
    "data.stress.flipped_labels": number(conditions.FLIPPED_LABELS),
    "data.stress.flips": ("Which labels flip", any_of(conditions.Flips)),
    "data.stress.outliers": number(conditions.OUTLIERS),
    "data.stress.outlier_size": number(conditions.OUTLIER_SIZE),
    "data.stress.outliers_in": ("Outliers in", any_of(conditions.OutliersIn)),
    "data.stress.imbalance": number(conditions.IMBALANCE),
    "data.stress.feature_noise": number(conditions.FEATURE_NOISE),
    "data.stress.kept_rows": number(conditions.KEPT_ROWS),
    "data.stress.on_held_out": ("Stress on the held-out rows", "true or false"),
    "network": ("Network", fields(parts.NetworkSpec)),
    "network.hidden_sizes": ("Hidden sizes", "a list of whole numbers, which may be empty"),
    "network.hidden_sizes.item": whole(parts.HIDDEN_SIZE),
    "network.activation": ("Activation", any_of(parts.Activation)),
    "network.start": ("Start", fields(parts.StartSpec)),
    "network.start.scheme": ("Scheme of the start", any_of(parts.Scheme)),
    "network.start.head_factor": number(parts.HEAD_FACTOR),
    "network.start.weights": (
        "Weights by hand",
        "a list of w and b, of w1, w2 and b, or an empty one",
    ),
    "optimizer": ("Optimizer", fields(parts.OptimizerSpec)),
    "optimizer.name": ("Optimizer", any_of(parts.OptimizerName)),
    "optimizer.learning_rate": number(parts.LEARNING_RATE),
    "optimizer.momentum": number(parts.MOMENTUM),
    "optimizer.weight_decay": number(parts.WEIGHT_DECAY),
    "training": ("Training", fields(parts.TrainingSpec)),
    "training.batch_size": whole(parts.BATCH_SIZE),
    "training.epochs": whole(parts.EPOCHS),
    "training.device": ("Device", any_of(parts.DeviceName)),
    "training.protocol": ("Fairness protocol", any_of(parts.Protocol)),
    "entrants": ("Entrants", f"a list of 1 to {MAX_ENTRANTS} entrants"),
    "entrants.item": ("Entrant", fields(EntrantSpec)),
    "entrants.item.loss": ("Loss", any_of(LOSSES)),
    "entrants.item.expression": ("The expression", "text, or none"),
    "entrants.item.name": ("Name", "text, or none"),
    "entrants.item.learning_rate": number(parts.LEARNING_RATE),
    "entrants.item.head_seed": whole(parts.HEAD_SEED),
    "entrants.item.then": ("Then", f"{fields(SwitchSpec)}, or none"),
    "entrants.item.then.step": whole(SWITCH_STEP),
    "entrants.item.then.loss": ("Loss", any_of(LOSSES)),
    "entrants.item.then.expression": ("The expression", "text, or none"),
    "branched_from": ("Branched from", "an object with the fields experiment, step, or none"),
    "branched_from.experiment": ("The id of an experiment", "text"),
    "branched_from.step": whole(SWITCH_STEP),
    "seeds": ("Seeds", f"a list of {parts.SEEDS} whole numbers"),
    "seeds.item": whole(parts.SEED),
}

_OF_EARLIER_VERSION = (
    "The experiment has a list called 'losses', as an earlier version of Loss Lab wrote it; this "
    'version has \'entrants\', a list of objects such as {"loss": "mse"}.'
)
#: Lists and objects in each other; an experiment has but five.
DEEPEST = 20
TOO_DEEP = (
    f"The experiment is nested too deep; allowed are lists and objects up to {DEEPEST} levels deep."
)
_EARLIER_FIELDS = ("losses", "loss_parameters", "custom_loss")


def sentences(error: ValidationError, experiment: type[BaseModel]) -> Iterable[str]:
    """One or more for each problem; those of an entrant say which one it is."""
    for problem in error.errors():
        place = problem["loc"]
        which = f"Entrant {int(place[1]) + 1}: " if _is_of_entrant(place) else ""
        for sentence in _of_problem(problem, experiment):
            yield which + sentence


def _is_of_entrant(place: tuple[int | str, ...]) -> bool:
    return len(place) > 1 and place[0] == "entrants"


def _of_problem(problem: Mapping[str, Any], experiment: type[BaseModel]) -> Iterable[str]:
    kind, place = problem["type"], problem["loc"]
    if kind == "value_error":
        yield from str(problem["ctx"]["error"]).splitlines()
    elif kind == "json_invalid":
        is_too_deep = "recursion" in problem["ctx"]["error"]
        yield TOO_DEEP if is_too_deep else "The experiment is not valid JSON."
    elif kind in ("extra_forbidden", "invalid_key"):
        name = ".".join(str(part) for part in (place[2:] if _is_of_entrant(place) else place))
        is_earlier = place[0] in _EARLIER_FIELDS
        yield (_OF_EARLIER_VERSION if is_earlier else f"There is no field called {quoted(name)}.")
    elif kind == "missing":
        yield f"The field {place[-1]!r} is missing."
    else:
        field = ".".join("item" if isinstance(part, int) else part for part in place)
        label, allowed = _ALLOWED.get(field, ("The experiment", fields(experiment)))
        yield f"{label} was {quoted(problem['input'])}; allowed is {allowed}."
