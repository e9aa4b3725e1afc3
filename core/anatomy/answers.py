"""Numbers for the Losses page, by the functions that train. Needs torch.

``ANSWERS`` holds what a page may ask of a process with torch; see ``core.engine.calculator``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from core.anatomy.mistakes import MISTAKES
from core.anatomy.running import run
from core.anatomy.shapes import Shape, ShapeAxis, Simplex
from core.anatomy.snippets import snippet
from core.anatomy.stepping import alone, one_step
from core.data import DATASETS
from core.losses import Formula, Link, Task, check
from core.network.groups import encode
from core.spec import EntrantSpec
from core.training.preparation import prepare

#: Points along each side of the map over three classes.
_SIDE = 48
#: How near to 0 probabilities are drawn there.
_EDGE = 1e-4


# ------------------------------------------------------------------ shape


def shape(
    entrant: EntrantSpec,
    task: Task,
    axis: ShapeAxis,
    target: float,
    places: Sequence[float] | None = None,
) -> Shape | None:
    """Loss and gradients of one example at ``places`` on the axis, or at the axis's own.

    ``target`` is the class (0 or 1; of three classes the true one is the first), or the
    value. None where the axis is of probabilities and these do not tell the loss, or
    where it takes amounts and the target is below 0. NaN where no output gives a prediction.
    """
    formula = entrant.loss_spec.formulas[task]
    x = torch.tensor(axis.places if places is None else places, dtype=torch.float64)
    if formula.link is Link.EXP and target < 0:
        return None
    prediction: Tensor | None
    if task is Task.REGRESSION:
        prediction, z, y = _of_value(entrant, formula, x, target)
    elif axis is ShapeAxis.LOGIT:
        prediction, z, y = _of_logit(entrant, task, formula, x, target)
    elif formula.is_of_probabilities:
        prediction, z, y = _of_probability(entrant, task, formula, x, target)
    else:
        return None
    losses, saved = formula.forward(z.detach(), y)
    by_logit = formula.backward(saved, y)
    row = 0 if task is Task.MULTICLASS or task is Task.REGRESSION else -1
    curves = {"loss": losses, "by_logit": by_logit[row]}
    if prediction is not None:
        curves["by_prediction"] = _by_prediction(prediction, z, by_logit, row)
    lines = {name: values.detach().numpy() for name, values in curves.items()}
    return Shape(x=x.numpy(), **lines)


def shapes(
    entrant: EntrantSpec, task: Task, axis: ShapeAxis, targets: Sequence[float]
) -> list[Shape | None]:
    """The shape for each of the targets."""
    return [shape(entrant, task, axis, target) for target in targets]


def _by_prediction(prediction: Tensor, z: Tensor, by_logit: Tensor, row: int) -> Tensor:
    """dL/d(prediction): z was made of it, or it is p of the one logit that moves, in ``row``."""
    if z.requires_grad:
        (gradient,) = torch.autograd.grad(z, prediction, by_logit)
        return gradient
    return by_logit[row] / (prediction * (1 - prediction))


_Placed = tuple[Tensor, Tensor, Tensor]

_INVERSE_OF_PROBABILITIES: dict[Link, Callable[[Tensor], Tensor]] = {
    Link.SOFTMAX: torch.log,
    Link.SIGMOID: torch.logit,
}
_INVERSE_OF_VALUES: dict[Link, Callable[[Tensor], Tensor]] = {
    Link.IDENTITY: lambda value: value,
    Link.EXP: torch.log,
}


def _of_value(entrant: EntrantSpec, formula: Formula, x: Tensor, target: float) -> _Placed:
    prediction = x.clone().requires_grad_()
    z = _INVERSE_OF_VALUES[formula.link](prediction).unsqueeze(0)
    width = entrant.loss_spec.head.width(1)
    z = torch.cat([z, z.new_zeros(width - 1, len(x))])
    return prediction, z, torch.full_like(x, target).unsqueeze(0)


def _of_probability(
    entrant: EntrantSpec, task: Task, formula: Formula, x: Tensor, target: float
) -> _Placed:
    """The network says p for class 1 of two, or for the true class of three."""
    p = x.clone().requires_grad_()
    if task is Task.MULTICLASS:
        everything = torch.stack([p, (1 - p) / 2, (1 - p) / 2])
    else:
        everything = torch.stack([1 - p, p])[-entrant.loss_spec.head.width(2) :]
    return (
        p,
        _INVERSE_OF_PROBABILITIES[formula.link](everything),
        _targets(entrant, task, x, target),
    )


def _of_logit(
    entrant: EntrantSpec, task: Task, formula: Formula, x: Tensor, target: float
) -> tuple[Tensor | None, Tensor, Tensor]:
    """The logit x for class 1 of two, or for the true class of three, beside others of 0."""
    y = _targets(entrant, task, x, target)
    row = 0 if task is Task.MULTICLASS else -1
    z = torch.zeros_like(y)
    z[row] = x
    if not formula.link.gives_probabilities:
        return None, z, y
    return (z.softmax(0) if formula.link is Link.SOFTMAX else z.sigmoid())[row], z, y


def _targets(entrant: EntrantSpec, task: Task, x: Tensor, target: float) -> Tensor:
    width = entrant.loss_spec.head.width(3 if task is Task.MULTICLASS else 2)
    y = x.new_zeros(width, len(x))
    if width == 1:
        y[0] = target
    else:
        y[0 if task is Task.MULTICLASS else int(target)] = 1
    return y


def simplex(entrant: EntrantSpec, true_class: int) -> Simplex | None:
    """The loss of one example over all probabilities of three classes; None for a loss that
    is not told by them."""
    formula = entrant.loss_spec.formulas[Task.MULTICLASS]
    if not formula.is_of_probabilities:
        return None
    whole = [(i, j, _SIDE - i - j) for i in range(_SIDE + 1) for j in range(_SIDE + 1 - i)]
    p = torch.tensor(whole, dtype=torch.float64).T / _SIDE
    inner = (p + _EDGE) / (1 + 3 * _EDGE)
    y = torch.zeros_like(inner)
    y[true_class] = 1
    losses, _saved = formula.forward(_INVERSE_OF_PROBABILITIES[formula.link](inner), y)
    return Simplex(p.numpy(), losses.numpy())


# ------------------------------------------------------------------ data and code


def baseline(entrant: EntrantSpec, dataset: str) -> float:
    """The loss of the best constant predictor on the training rows of a data set."""
    return prepare(alone(entrant, dataset)).baselines[0]


def try_out(expression: str, dataset: str) -> None:
    """Raises ``LossExpressionError`` where a person's own loss can't be trained on the data."""
    check(expression, DATASETS[dataset].task, DATASETS[dataset].outputs)


def printed(entrant: EntrantSpec, task: Task) -> str:
    """What the loss's snippet prints; what a person typed is computed, and never run."""
    program = snippet(entrant.loss, task, entrant.parameters)
    if entrant.expression is None:
        return run(program.code)
    z, targets = torch.tensor(program.logits).T, torch.tensor(program.targets).float()
    formula, y = entrant.loss_spec.formulas[task], encode(targets[None], task, len(z))[0]
    losses, _saved = formula.forward(z, y)
    return f"{formula.mean(losses, y).item():.4f}"


def printed_by_mistake(key: str) -> tuple[str, str]:
    """What the wrong and the right program of a pair print."""
    mistake = next(each for each in MISTAKES if each.key == key)
    return run(mistake.wrong_code), run(mistake.right_code)


ANSWERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        baseline,
        one_step,
        printed,
        printed_by_mistake,
        shape,
        shapes,
        simplex,
        try_out,
    )
}
