"""Each loss as a short PyTorch program that runs as it stands and prints its value.

One recipe a loss, under the loss's key in the catalogue: the lines that compute ``loss``
for each task, from logits and targets that are written out in the code. A ``Snippet`` also
gives those numbers as plain tuples, so that the same value can be had from the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from core.anatomy import own
from core.errors import SpecError
from core.losses import LOSSES, Kind, LossSpec, Task
from core.losses.parameters import Value
from core.losses.settings import parse_parameters

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
class Recipe:
    """A loss for each task.

    ``arguments`` says how its class is told a parameter that is not at its default, and
    ``bodies`` has the lines to take instead where such a parameter asks for others.
    """

    forms: dict[Task, Form]
    arguments: Mapping[str, str] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)


# ------------------------------------------------------------------ samples

_TWO_LOGITS = Sample(((2.0, -1.0), (0.3, 0.8), (1.2, -0.4)), (0, 1, 1))
_ONE_LOGIT = Sample(((2.0,), (-0.5,), (-1.6,)), (1, 0, 1))
_THREE_LOGITS = Sample(((2.0, 0.5, -1.0), (0.1, 1.5, 0.3), (-0.5, 0.2, 0.9)), (0, 1, 0))
_NUMBERS = Sample(((2.5,), (0.0,), (-1.2,)), (3.0, -0.2, 1.8))
_LOG_RATES = Sample(((0.5,), (1.2,), (0.3,)), (2, 3, 0))
_MEANS_AND_LOG_VARIANCES = Sample(((2.5, -1.0), (0.0, 0.4), (-1.2, 1.5)), (3.0, -0.2, 1.8))


# ------------------------------------------------------------------ bodies

_ON_LOGITS = """\
loss_fn = nn.{name}({{arguments}})
loss = loss_fn(logits, targets)"""

_WEIGHTED = """\
weights = torch.tensor({class_weights})
loss_fn = nn.CrossEntropyLoss({arguments}, reduction="none")
loss = loss_fn(logits, targets).mean()  # reduction="mean" divides by the sum of weights"""

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

_OWN_OF_CLASSES = """\
def my_loss(z, y):
    p = z.softmax(dim=1)
    return ((p - y) ** 2).sum(dim=1).mean()


loss = my_loss(logits, targets)"""

_OWN_OF_VALUES = """\
def my_loss(z, y):
    return ((z - y) ** 2).mean()


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
        {"class_weights": "weight=weights", "label_smoothing": "label_smoothing={}"},
        {"class_weights": _WEIGHTED},
    ),
    "nll": Recipe(_by_class(_NLL)),
    "bce": Recipe(
        _by_answer(
            _ON_LOGITS.format(name="BCEWithLogitsLoss"), Encoding.ZERO_ONE, Encoding.ONE_HOT
        ),
        {"pos_weight": "pos_weight=torch.tensor({})"},
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
    "kl_div": Recipe(_by_class(_KL_DIV)),
    "hinge": Recipe(
        _by_class(_ON_LOGITS.format(name="MultiMarginLoss")),
        {"p": "p={}", "margin": "margin={}"},
    ),
    "soft_margin": Recipe(
        _by_answer(_ON_LOGITS.format(name="SoftMarginLoss"), Encoding.SIGNS, Encoding.SIGNS)
    ),
    "focal": Recipe(_by_class(_FOCAL)),
    "l1": Recipe(_by_value("L1Loss")),
    "smooth_l1": Recipe(_by_value("SmoothL1Loss"), {"beta": "beta={}"}),
    "huber": Recipe(_by_value("HuberLoss"), {"delta": "delta={}"}),
    "poisson_nll": Recipe(_by_value("PoissonNLLLoss", _LOG_RATES, Encoding.COUNTS)),
    "gaussian_nll": Recipe(
        {Task.REGRESSION: Form(_MEANS_AND_LOG_VARIANCES, Encoding.VALUES, _GAUSSIAN_NLL)}
    ),
    "custom": Recipe(
        {
            Task.BINARY: Form(_TWO_LOGITS, Encoding.ONE_HOT, _OWN_OF_CLASSES),
            Task.MULTICLASS: Form(_THREE_LOGITS, Encoding.ONE_HOT, _OWN_OF_CLASSES),
            Task.REGRESSION: Form(_NUMBERS, Encoding.VALUES, _OWN_OF_VALUES),
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


def snippet(
    key: str,
    task: Task,
    parameters: Mapping[str, Value] | None = None,
    expression: str | None = None,
) -> Snippet:
    """The program of one loss for one task, with the loss's parameters written into it.

    A person's own loss is written out from its ``expression``.

    A parameter that is not given has its default. Raises ``SpecError`` if the loss doesn't
    fit the task, has no such parameter or not with such a value, or is given weights for
    another number of classes than the sample has.
    """
    recipe = _RECIPES[key]
    form = recipe.forms.get(task)
    if form is None:
        fits = " and ".join(recipe.forms)
        raise SpecError(f"There is no example of {key} for {task}.", f"It fits {fits}.")
    loss = _with_parameters(LOSSES[key], parameters or {})
    _check_weights(loss.changed, form.sample)
    whole = {each.name for each in loss.parameters if each.kind is Kind.WHOLE_NUMBER}
    written = {name: _written(value, name in whole) for name, value in loss.values.items()}
    arguments = ", ".join(
        argument.format(written[name])
        for name, argument in recipe.arguments.items()
        if name in loss.changed
    )
    others = (body for name, body in recipe.bodies.items() if name in loss.changed)
    if expression is None:
        body = next(others, form.body).format(arguments=arguments, **written)
    else:
        body = own.body(expression, _inputs(task, form.sample), task.is_classification)
    code = _PROGRAM.format(
        inputs=_inputs(task, form.sample),
        logits=_tensor(form.sample.logits),
        targets=_tensor(_encoded(form)),
        remark=form.encoding.value,
        gap="\n" if body.startswith("def ") else "",
        body=body,
    )
    return Snippet(code, form.sample.logits, form.sample.targets)


def _with_parameters(loss: LossSpec, parameters: Mapping[str, Value]) -> LossSpec:
    try:
        return loss.with_parameters(parse_parameters({loss.key: parameters})[loss.key])
    except ValueError as error:
        raise SpecError(str(error)) from error


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


def _written(value: Value, is_whole: bool) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    return str(int(value) if is_whole else value)
