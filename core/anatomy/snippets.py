"""Each loss as a short PyTorch program that runs as it stands and prints its value.

One recipe a loss, under the loss's key in the catalogue: the lines that compute ``loss``
for each task, from logits and targets that are written out in the code. A ``Snippet`` also
gives those numbers as plain tuples, so that the same value can be had from the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from core.errors import SpecError
from core.losses import Task

Value = bool | int | float | tuple[float, ...] | None
Row = tuple[float, ...]

#: What all losses have in common.
PATTERN: Final = """\
import torch
from torch import nn

loss_fn = nn.SomeLoss()
loss = loss_fn(predicted_values, real_values)
"""


@dataclass(frozen=True)
class Snippet:
    """A program, and the numbers in it.

    ``logits`` are the network's outputs ``[N][C]``. ``targets`` ``[N]`` are as a data set
    gives them, class ids or values; the code writes them as its loss wants them.
    """

    code: str
    logits: tuple[Row, ...]
    targets: tuple[float, ...]


class Encoding(Enum):
    """How the targets are written in the code; each with the remark that goes with it."""

    IDS = "class ids"
    ZERO_ONE = "1 yes, 0 no"
    ONE_HOT = "one-hot"
    SIGNS = "+1 yes, -1 no"
    VALUES = "real values"
    COUNTS = "counts"


@dataclass(frozen=True)
class Sample:
    logits: tuple[Row, ...]
    targets: tuple[float, ...]


@dataclass(frozen=True)
class Form:
    """A loss for one task. ``{arguments}`` and parameters' names in ``body`` are filled in."""

    sample: Sample
    encoding: Encoding
    body: str


@dataclass(frozen=True)
class Parameter:
    """A parameter of a loss and, where its class takes it, how it is written in the call."""

    name: str
    default: Value
    argument: str = ""


@dataclass(frozen=True)
class Recipe:
    forms: dict[Task, Form]
    parameters: tuple[Parameter, ...] = ()


# ------------------------------------------------------------------ samples

_TWO_LOGITS = Sample(((2.0, -1.0), (0.3, 0.8), (1.2, -0.4)), (0, 1, 1))
_ONE_LOGIT = Sample(((2.0,), (-0.5,), (-1.6,)), (1, 0, 1))
_THREE_LOGITS = Sample(((2.0, 0.5, -1.0), (0.1, 1.5, 0.3), (-0.5, 0.2, 0.9)), (0, 1, 0))
_NUMBERS = Sample(((2.5,), (0.0,), (-1.2,)), (3.0, -0.2, 1.8))
#: Above 0, so that they can be rates as well as logarithms of rates.
_RATES = Sample(((0.5,), (1.2,), (0.3,)), (2, 3, 0))
_MEANS_AND_LOG_VARIANCES = Sample(((2.5, -1.0), (0.0, 0.4), (-1.2, 1.5)), (3.0, -0.2, 1.8))


# ------------------------------------------------------------------ bodies

_ON_LOGITS = """\
loss_fn = nn.{name}({{arguments}})
loss = loss_fn(logits, targets)"""

_ON_VALUES = """\
loss_fn = nn.{name}({{arguments}})
loss = loss_fn(predictions, targets)"""

_ON_PROBABILITIES = """\
probabilities = logits.{link}
loss_fn = nn.{name}({{arguments}})
loss = loss_fn(probabilities, targets)"""

_NLL = """\
log_probabilities = logits.log_softmax(dim=1)
loss_fn = nn.NLLLoss()
loss = loss_fn(log_probabilities, targets)"""

_KL_DIV = """\
classes = logits.shape[1]
smoothing = {smoothing}
smoothed = nn.functional.one_hot(targets, classes) * (1 - smoothing) + smoothing / classes
log_probabilities = logits.log_softmax(dim=1)

loss_fn = nn.KLDivLoss(reduction="batchmean")
loss = loss_fn(log_probabilities, smoothed)"""

_FOCAL = """\
def focal_loss(logits, targets, gamma={gamma}):
    log_probabilities = logits.log_softmax(dim=1)
    log_p = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


loss = focal_loss(logits, targets)"""

_GAUSSIAN_NLL = """\
mean, log_variance = outputs.unbind(dim=1)
loss_fn = nn.GaussianNLLLoss()
loss = loss_fn(mean, targets, log_variance.exp())"""

_OWN_BINARY = """\
def my_loss(logits, targets):
    yes = nn.functional.logsigmoid(logits)
    no = nn.functional.logsigmoid(-logits)
    return -(targets * yes + (1 - targets) * no).mean()


loss = my_loss(logits, targets)"""

_OWN_MULTICLASS = """\
def my_loss(logits, targets):
    log_probabilities = logits.log_softmax(dim=1)
    return -(targets * log_probabilities).sum(dim=1).mean()


loss = my_loss(logits, targets)"""

_OWN_REGRESSION = """\
def my_loss(predictions, targets):
    error = predictions - targets
    cost = torch.where(error < 0, 3 * error.abs(), error)  # too low costs three times too high
    return cost.mean()


loss = my_loss(predictions, targets)"""


# ------------------------------------------------------------------ forms


def _by_class(body: str) -> dict[Task, Form]:
    """One logit a class against class ids, for two classes as for more."""
    return {
        Task.BINARY: Form(_TWO_LOGITS, Encoding.IDS, body),
        Task.MULTICLASS: Form(_THREE_LOGITS, Encoding.IDS, body),
    }


def _by_answer(body: str, yes_or_no: Encoding, one_a_class: Encoding) -> dict[Task, Form]:
    """One logit for two classes; for more, one logit a class, each a question of its own."""
    return {
        Task.BINARY: Form(_ONE_LOGIT, yes_or_no, body),
        Task.MULTICLASS: Form(_THREE_LOGITS, one_a_class, body),
    }


def _by_value(
    name: str, sample: Sample = _NUMBERS, encoding: Encoding = Encoding.VALUES
) -> dict[Task, Form]:
    return {Task.REGRESSION: Form(sample, encoding, _ON_VALUES.format(name=name))}


def _mse(link: str) -> str:
    return _ON_PROBABILITIES.format(name="MSELoss", link=link)


_SIGMOID, _SOFTMAX = "sigmoid()", "softmax(dim=1)"

_RECIPES: dict[str, Recipe] = {
    "cross_entropy": Recipe(
        _by_class(_ON_LOGITS.format(name="CrossEntropyLoss")),
        (
            Parameter("class_weights", None, "weight=torch.tensor({})"),
            Parameter("label_smoothing", 0.0, "label_smoothing={}"),
        ),
    ),
    "nll": Recipe(_by_class(_NLL)),
    "bce": Recipe(
        _by_answer(
            _ON_LOGITS.format(name="BCEWithLogitsLoss"), Encoding.ZERO_ONE, Encoding.ONE_HOT
        ),
        (Parameter("pos_weight", 1.0, "pos_weight=torch.tensor({})"),),
    ),
    "bce_on_probabilities": Recipe(
        _by_answer(
            _ON_PROBABILITIES.format(name="BCELoss", link=_SIGMOID),
            Encoding.ZERO_ONE,
            Encoding.ONE_HOT,
        ),
    ),
    "mse": Recipe(
        {
            Task.BINARY: Form(_ONE_LOGIT, Encoding.ZERO_ONE, _mse(_SIGMOID)),
            Task.MULTICLASS: Form(_THREE_LOGITS, Encoding.ONE_HOT, _mse(_SOFTMAX)),
            **_by_value("MSELoss"),
        }
    ),
    "kl_div": Recipe(_by_class(_KL_DIV), (Parameter("smoothing", 0.1),)),
    "hinge": Recipe(
        _by_class(_ON_LOGITS.format(name="MultiMarginLoss")),
        (Parameter("p", 1, "p={}"), Parameter("margin", 1.0, "margin={}")),
    ),
    "soft_margin": Recipe(
        _by_answer(_ON_LOGITS.format(name="SoftMarginLoss"), Encoding.SIGNS, Encoding.SIGNS)
    ),
    "focal": Recipe(_by_class(_FOCAL), (Parameter("gamma", 2.0),)),
    "l1": Recipe(_by_value("L1Loss")),
    "smooth_l1": Recipe(_by_value("SmoothL1Loss"), (Parameter("beta", 1.0, "beta={}"),)),
    "huber": Recipe(_by_value("HuberLoss"), (Parameter("delta", 1.0, "delta={}"),)),
    "poisson_nll": Recipe(
        _by_value("PoissonNLLLoss", _RATES, Encoding.COUNTS),
        (Parameter("log_input", True, "log_input={}"),),
    ),
    "gaussian_nll": Recipe(
        {Task.REGRESSION: Form(_MEANS_AND_LOG_VARIANCES, Encoding.VALUES, _GAUSSIAN_NLL)}
    ),
    "custom": Recipe(
        {
            Task.BINARY: Form(_ONE_LOGIT, Encoding.ZERO_ONE, _OWN_BINARY),
            Task.MULTICLASS: Form(_THREE_LOGITS, Encoding.ONE_HOT, _OWN_MULTICLASS),
            Task.REGRESSION: Form(_NUMBERS, Encoding.VALUES, _OWN_REGRESSION),
        }
    ),
}

#: The losses that have snippets, in catalogue order.
KEYS: Final = tuple(_RECIPES)

_PROGRAM = """\
import torch
from torch import nn

{inputs} = torch.tensor({logits})
targets = torch.tensor({targets})  # {remark}
{gap}
{body}
print(f"{{loss.item():.4f}}")
"""


# ------------------------------------------------------------------ writing the code


def tasks(key: str) -> tuple[Task, ...]:
    """The tasks that the loss has a snippet for."""
    return tuple(_RECIPES[key].forms)


def snippet(key: str, task: Task, parameters: Mapping[str, Value] | None = None) -> Snippet:
    """The program of one loss for one task, with the loss's parameters written into it.

    A parameter that is not given, or is ``None``, has the default of the table. Raises
    ``SpecError`` if the loss doesn't fit the task, has no such parameter, or is given
    weights for another number of classes than the sample has.
    """
    recipe = _RECIPES[key]
    form = recipe.forms.get(task)
    if form is None:
        fits = " and ".join(recipe.forms)
        raise SpecError(f"There is no example of {key} for {task}.", f"It fits {fits}.")
    values = _values(key, recipe, parameters or {})
    _check_weights(values, form.sample)
    arguments = ", ".join(
        parameter.argument.format(_written(values[parameter.name]))
        for parameter in recipe.parameters
        if parameter.argument and values[parameter.name] != parameter.default
    )
    written = {name: _written(value) for name, value in values.items()}
    body = form.body.format(arguments=arguments, **written)
    code = _PROGRAM.format(
        inputs=_inputs(task, form.sample),
        logits=_tensor(form.sample.logits),
        targets=_tensor(_encoded(form)),
        remark=form.encoding.value,
        gap="\n" if body.startswith("def ") else "",
        body=body,
    )
    return Snippet(code, form.sample.logits, form.sample.targets)


def _values(key: str, recipe: Recipe, given: Mapping[str, Value]) -> dict[str, Value]:
    """The value of every parameter, given or by default."""
    defaults = {parameter.name: parameter.default for parameter in recipe.parameters}
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        has = ", ".join(defaults) or "none"
        raise SpecError(f"{key} has no parameter {', '.join(unknown)}.", f"Its parameters: {has}.")
    return defaults | {
        name: _alike(value, defaults[name]) for name, value in given.items() if value is not None
    }


def _alike(value: Value, default: Value) -> Value:
    """The value as a number of the default's own kind; weights as floats, as tensors need."""
    if isinstance(value, tuple):
        return tuple(float(number) for number in value)
    if isinstance(value, int | float) and isinstance(default, int | float):
        return type(default)(value)
    return value


def _check_weights(values: Mapping[str, Value], sample: Sample) -> None:
    """Weights, the values that are tuples, must be as many as the sample's logits."""
    logits = len(sample.logits[0])
    for name, value in values.items():
        if isinstance(value, tuple) and len(value) != logits:
            raise SpecError(f"{name} has {len(value)} numbers.", f"The example needs {logits}.")


def _inputs(task: Task, sample: Sample) -> str:
    if task.is_classification:
        return "logits"
    return "predictions" if len(sample.logits[0]) == 1 else "outputs"


def _encoded(form: Form) -> tuple[Row, ...]:
    """The targets as rows of the numbers that the code shows."""
    targets, classes = form.sample.targets, len(form.sample.logits[0])
    if form.encoding is Encoding.IDS:
        return tuple((int(target),) for target in targets)
    if form.encoding in (Encoding.ZERO_ONE, Encoding.VALUES, Encoding.COUNTS):
        return tuple((float(target),) for target in targets)
    off = -1.0 if form.encoding is Encoding.SIGNS else 0.0
    if classes == 1:
        return tuple((1.0 if target else off,) for target in targets)
    return tuple(tuple(1.0 if c == target else off for c in range(classes)) for target in targets)


def _tensor(rows: tuple[Row, ...]) -> str:
    """Rows as a nested list, or as a flat one where each holds one number."""
    flat = len(rows[0]) == 1
    return str([row[0] if flat else list(row) for row in rows])


def _written(value: Value) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
