"""Every loss of the catalogue, in each task that it fits, against PyTorch's class of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from core.losses import LOSSES, Formula, Kind, Link, LossSpec, Task
from core.network.groups import Group
from core.spec import Entrant
from tests.core import plain

#: Values of the parameters that are tried beside the defaults.
SETTINGS = {
    "cross_entropy": [{"label_smoothing": 0.2}, {"label_smoothing": 0.1, "class_weights": "some"}],
    "bce": [{"pos_weight": 3.5}, {"pos_weight": 0.2}],
    "hinge": [{"margin": 0.5}, {"margin": 2.5, "p": 2.0}],
    "kl_div": [{"smoothing": 0.0}, {"smoothing": 0.4}],
    "focal": [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 5.0}],
    "smooth_l1": [{"beta": 0.25}, {"beta": 3.0}],
    "huber": [{"delta": 0.25}, {"delta": 3.0}],
    "mse_on_raw_outputs": [{"k": 5.0, "M": 3.0}, {"k": 0.5, "M": 0.7}],
    "generalised_cross_entropy": [{"q": 0.2}, {"q": 1.0}],
    "symmetric_cross_entropy": [
        {"alpha": 2.0, "beta": 0.1, "A": -7.0},
        {"alpha": 0.02, "beta": 3.0},
        {"beta": 0.0},
    ],
}
SOME_WEIGHTS = (0.5, 2.0, 1.0, 3.0)


def settled(loss: LossSpec, task: Task, setting: dict[str, object]) -> LossSpec:
    """The loss with a setting, "some" weights cut to the task's classes."""
    weights = SOME_WEIGHTS[: CLASSES[task]]
    return loss.with_parameters({k: weights if v == "some" else v for k, v in setting.items()})


CLASSES = {Task.BINARY: 2, Task.MULTICLASS: 4, Task.REGRESSION: 1}
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6}

CASES = [
    (settled(loss, task, setting), task)
    for loss in LOSSES.values()
    for task in loss.formulas
    for setting in ({}, *SETTINGS.get(loss.key, []))
]
IDS = [
    "-".join([loss.key, task, *(f"{k}={v}" for k, v in loss.chosen.items())])
    for loss, task in CASES
]
every_loss = pytest.mark.parametrize(("loss", "task"), CASES, ids=IDS)


@dataclass(frozen=True)
class Facts:
    """What is true of a loss and not of each.

    ``best(y)`` gives logits at its minimum for encoded targets ``[N, C]`` and ``lowest(y)``
    the value there ``[N]``; ``is_flat`` is whether the gradient is 0 there.
    ``overflows`` holds the large logits at which PyTorch's own value is not finite, and
    ``is_bounded`` says whether ours is finite at them.
    """

    best: Callable[[Tensor, LossSpec], Tensor]
    lowest: Callable[[Tensor, LossSpec], Tensor] = lambda y, loss: torch.zeros(len(y)).double()
    is_flat: bool = True
    overflows: tuple[float, ...] = ()
    is_bounded: bool = True


def sure(y: Tensor, loss: LossSpec) -> Tensor:
    """Sure of the right class, which a margin or a probability reaches only far out."""
    return (2 * y - 1) * 40


def soft(y: Tensor, loss: LossSpec) -> Tensor:
    """q ``[N, C]``, the soft targets in proportion to the weights."""
    share = loss.values.get("label_smoothing", loss.values.get("smoothing"))
    weights = torch.tensor(loss.values.get("class_weights") or [1.0]).double()
    return (y * (1 - share) + share / y.shape[1]) * weights


def log_soft(y: Tensor, loss: LossSpec) -> Tensor:
    return soft(y, loss).clamp(min=1e-40).log()


def cross_entropy_of_soft(y: Tensor, loss: LossSpec) -> Tensor:
    q = soft(y, loss)
    return -torch.xlogy(q, q / q.sum(1, keepdim=True)).sum(1)


def itself(y: Tensor, loss: LossSpec) -> Tensor:
    return y


def only_the_right_one(y: Tensor, loss: LossSpec) -> Tensor:
    """Sure of the right class by its own logit alone."""
    return 40 * y


def squeezed(y: Tensor, loss: LossSpec) -> Tensor:
    """What is left of a perfect answer after a second softmax."""
    return torch.full((len(y),), math.log(1 + (y.shape[1] - 1) / math.e), dtype=y.dtype)


def mean_of_all(y: Tensor, loss: LossSpec) -> Tensor:
    return y.T.mean(-1, keepdim=True).expand(-1, len(y)).T


def variance_of_all(y: Tensor, loss: LossSpec) -> Tensor:
    return y.var(0, correction=0).expand(len(y))


CLASSIFYING = Facts(sure)
MEASURING = Facts(itself)
LOWEST_LOG_VARIANCE = math.log(1e-6)

FACTS = {
    "cross_entropy": Facts(log_soft, cross_entropy_of_soft),
    "bce": CLASSIFYING,
    "mse": CLASSIFYING,
    "nll": CLASSIFYING,
    "bce_on_probabilities": CLASSIFYING,
    "kl_div": Facts(log_soft),
    "soft_margin": Facts(sure, overflows=(1e4, -1e4)),
    "focal": CLASSIFYING,
    "hinge": CLASSIFYING,
    "mse_on_raw_outputs": Facts(lambda y, loss: y * loss.values["M"]),
    "mae_on_probabilities": CLASSIFYING,
    "generalised_cross_entropy": CLASSIFYING,
    "squentropy": Facts(only_the_right_one),
    "symmetric_cross_entropy": CLASSIFYING,
    "l1": MEASURING,
    "smooth_l1": MEASURING,
    "huber": MEASURING,
    "poisson_nll": Facts(
        lambda y, loss: y.log(),
        lambda y, loss: (y - torch.xlogy(y, y))[:, 0],
        overflows=(1e4,),
        is_bounded=False,
    ),
    # Lower variances than the clamp lets through are not tried, so the slope remains.
    "gaussian_nll": Facts(
        lambda y, loss: torch.cat([y, torch.full_like(y, LOWEST_LOG_VARIANCE)], 1),
        lambda y, loss: torch.full((len(y),), LOWEST_LOG_VARIANCE / 2, dtype=y.dtype),
        is_flat=False,
        overflows=(1e4,),
    ),
    "custom": CLASSIFYING,
    "cross_entropy_after_softmax": Facts(sure, squeezed),
    "broadcast_mse": Facts(mean_of_all, variance_of_all),
}

#: What a loss's minimum is for values, where it fits classes as well.
FACTS_OF_VALUES = {"mse": MEASURING, "custom": MEASURING}


def facts(loss: LossSpec, task: Task) -> Facts:
    of_values = FACTS_OF_VALUES if task is Task.REGRESSION else {}
    return of_values.get(loss.key, FACTS[loss.key])


#: The losses whose targets are not negative.
POSITIVE = ("poisson_nll",)


def targets(loss: LossSpec, task: Task, rows: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Every class in turn, or random values that the loss takes: ``[N]``."""
    if task.is_classification:
        return (torch.arange(rows) % CLASSES[task]).to(dtype)
    values = torch.randn(rows, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2
    return values.abs() if loss.key in POSITIVE else values


def sample(
    loss: LossSpec, task: Task, rows: int = 23, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Random logits ``[N, C]`` and targets ``[N]``."""
    generator = torch.Generator().manual_seed(2)
    width = loss.head.width(CLASSES[task])
    z = torch.randn(rows, width, generator=generator, dtype=dtype) * 3
    return z, targets(loss, task, rows, dtype)


def ours(loss: LossSpec, task: Task, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The catalogue's loss of each example ``[N]`` and gradients ``[N, C]``."""
    formula, encoded = loss.formulas[task], plain.columns(y, task, z.shape[1]).T
    losses, saved = formula.forward(z.T.contiguous(), encoded)
    return losses, formula.backward(saved, encoded).T


def mean(loss: LossSpec, task: Task, losses: Tensor, z: Tensor, y: Tensor) -> Tensor:
    """The catalogue's mean of these losses ``[N]``."""
    return loss.formulas[task].mean(losses, plain.columns(y, task, z.shape[1]).T)


def counted(loss: LossSpec, task: Task, z: Tensor, y: Tensor) -> float:
    """What a mean divides by: N, or the sum of the examples' weights."""
    return 1 / mean(loss, task, torch.eye(len(y), dtype=z.dtype)[0], z, y).item()


def theirs(loss: LossSpec, task: Task, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """PyTorch's mean loss, and autograd's gradient of it."""
    z = z.clone().requires_grad_()
    value = plain.loss_function(loss, task)(z, y)
    return value.detach(), torch.autograd.grad(value, z)[0]


@every_loss
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_value_and_gradient_are_torchs(loss, task, dtype):
    z, y = sample(loss, task, dtype=dtype)
    losses, gradient = ours(loss, task, z, y)
    value, expected = theirs(loss, task, z, y)
    tolerance = TOLERANCE[dtype]
    assert losses.dtype == gradient.dtype == dtype
    count = counted(loss, task, z, y)
    torch.testing.assert_close(mean(loss, task, losses, z, y), value, rtol=tolerance, atol=0)
    torch.testing.assert_close(gradient / count, expected, rtol=tolerance, atol=tolerance / 10)


@every_loss
def test_gradient_is_the_slope_of_the_value(loss, task):
    formula = loss.formulas[task]

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(context, z, y):
            losses, saved = formula.forward(z, y)
            context.save_for_backward(saved, y)
            return losses

        @staticmethod
        def backward(context, outer):
            return formula.backward(*context.saved_tensors) * outer.unsqueeze(-2), None

    # The fixed sample has no point within gradcheck's step of a kink.
    z, y = sample(loss, task)
    encoded = plain.columns(y, task, z.shape[1]).T.contiguous()
    assert torch.autograd.gradcheck(Written.apply, (z.T.contiguous().requires_grad_(), encoded))


LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)

# Worked out by hand: logits, target, loss, gradient. softmax of (0, ln 3) is (1/4, 3/4)
# and sigmoid of ln 3 is 3/4.
BY_HAND = [
    ("cross_entropy", Task.BINARY, [0, LN3], 0, LN4, [-3 / 4, 3 / 4]),
    ("cross_entropy", Task.MULTICLASS, [0, 0, LN2], 2, LN2, [1 / 4, 1 / 4, -1 / 2]),
    ("bce", Task.BINARY, [LN3], 0, LN4, [3 / 4]),
    ("bce", Task.MULTICLASS, [0, LN3], 0, 1.5 * LN2, [-1 / 4, 3 / 8]),
    ("mse", Task.BINARY, [LN3], 0, 9 / 16, [9 / 32]),
    ("mse", Task.MULTICLASS, [0, LN3], 0, 9 / 16, [-9 / 32, 9 / 32]),
    ("mse", Task.REGRESSION, [3], 1, 4, [4]),
    ("l1", Task.REGRESSION, [-1], 1, 2, [-1]),
    ("nll", Task.BINARY, [0, LN3], 0, LN4, [-3 / 4, 3 / 4]),
    ("nll", Task.MULTICLASS, [0, 0, LN2], 2, LN2, [1 / 4, 1 / 4, -1 / 2]),
    ("bce_on_probabilities", Task.BINARY, [LN3], 0, LN4, [3 / 4]),
    ("bce_on_probabilities", Task.MULTICLASS, [0, LN3], 0, 1.5 * LN2, [-1 / 4, 3 / 8]),
    # The target is (0.95, 0.05), the prediction (1/2, 1/2).
    ("kl_div", Task.BINARY, [0, 0], 0, 0.95 * math.log(1.9) + 0.05 * math.log(0.1), [-0.45, 0.45]),
    ("kl_div", Task.MULTICLASS, [2, 2], 1, 0.95 * math.log(1.9) + 0.05 * math.log(0.1),
     [0.45, -0.45]),
    ("soft_margin", Task.BINARY, [LN3], 0, LN4, [3 / 4]),
    ("soft_margin", Task.MULTICLASS, [0, LN3], 0, 1.5 * LN2, [-1 / 4, 3 / 8]),
    # (3/4)^2 ln 4; the slope in log p is 2 (3/4) (1/4) ln(1/4) - (3/4)^2.
    ("focal", Task.BINARY, [0, LN3], 0, 9 / 16 * LN4,
     [-3 / 4 * (3 / 8 * LN4 + 9 / 16), 3 / 4 * (3 / 8 * LN4 + 9 / 16)]),
    ("focal", Task.MULTICLASS, [0, 0, LN2], 2, LN2 / 4,
     [(LN2 / 2 + 1 / 4) / 4, (LN2 / 2 + 1 / 4) / 4, -(LN2 / 2 + 1 / 4) / 2]),
    ("smooth_l1", Task.REGRESSION, [3], 1, 1.5, [1]),
    ("smooth_l1", Task.REGRESSION, [0.5], 1, 0.125, [-0.5]),
    ("huber", Task.REGRESSION, [3], 1, 1.5, [1]),
    ("huber", Task.REGRESSION, [0.5], 1, 0.125, [-0.5]),
    ("poisson_nll", Task.REGRESSION, [LN3], 2, 3 - 2 * LN3, [1]),
    # Off by 2 at a variance of 2: (ln 2 + 4 / 2) / 2.
    ("gaussian_nll", Task.REGRESSION, [3, LN2], 1, LN2 / 2 + 1, [1, -1 / 2]),
    ("custom", Task.BINARY, [0, LN3], 0, 9 / 8, [-9 / 16, 9 / 16]),
    ("custom", Task.MULTICLASS, [0, LN3], 0, 9 / 8, [-9 / 16, 9 / 16]),
    ("custom", Task.REGRESSION, [3], 1, 4, [4]),
    ("hinge", Task.BINARY, [0.5, 0], 0, 0.25, [-1 / 2, 1 / 2]),
    ("hinge", Task.MULTICLASS, [0, 0.5, 3], 1, 4 / 3, [1 / 3, -2 / 3, 1 / 3]),
    # (3 - 1)^2 / 2 + 2^2 / 2.
    ("mse_on_raw_outputs", Task.BINARY, [3, 2], 0, 4, [2, 2]),
    # ((0.5 - 1)^2 + 2^2 + 1^2 + 0) / 4.
    ("mse_on_raw_outputs", Task.MULTICLASS, [2, 0.5, -1, 0], 1, 21 / 16, [1, -1 / 4, -1 / 2, 0]),
    ("mae_on_probabilities", Task.BINARY, [LN3], 0, 3 / 4, [3 / 16]),
    # p = (1/4, 3/4) against (1, 0): both are off by 3/4, and the slope is p_t (1 - p_t).
    ("mae_on_probabilities", Task.MULTICLASS, [0, LN3], 0, 3 / 4, [-3 / 16, 3 / 16]),
    # The slope in log p is -(1/4)^0.7.
    ("generalised_cross_entropy", Task.BINARY, [0, LN3], 0, (1 - 0.25**0.7) / 0.7,
     [-0.75 * 0.25**0.7, 0.75 * 0.25**0.7]),
    ("generalised_cross_entropy", Task.MULTICLASS, [0, 0, LN2], 2, (1 - 0.5**0.7) / 0.7,
     [0.25 * 0.5**0.7, 0.25 * 0.5**0.7, -0.5 * 0.5**0.7]),
    ("squentropy", Task.BINARY, [0, LN3], 0, LN4 + LN3**2, [-3 / 4, 3 / 4 + 2 * LN3]),
    # The mean of (ln 2)^2 and 0.
    ("squentropy", Task.MULTICLASS, [0, 0, LN2], 0, LN4 + LN2**2 / 2,
     [-3 / 4, 1 / 4, 1 / 2 + LN2]),
    # 0.1 ln 4 + 4 * 3/4; the slope in log p is -(0.1 + 4 * 1/4).
    ("symmetric_cross_entropy", Task.BINARY, [0, LN3], 0, 0.1 * LN4 + 3, [-0.825, 0.825]),
    ("symmetric_cross_entropy", Task.MULTICLASS, [0, 0, LN2], 2, 0.1 * LN2 + 2,
     [0.525, 0.525, -1.05]),
    # q = softmax(1/4, 3/4), whose odds are e^(1/2); the slope is p_i (q_i - y_i - their mean by p).
    ("cross_entropy_after_softmax", Task.BINARY, [0, LN3], 0, math.log(1 + math.e**0.5),
     [-3 / 8 / (1 + math.e**-0.5), 3 / 8 / (1 + math.e**-0.5)]),
    # The same with the classes swapped.
    ("cross_entropy_after_softmax", Task.MULTICLASS, [LN3, 0], 1, math.log(1 + math.e**0.5),
     [3 / 8 / (1 + math.e**-0.5), -3 / 8 / (1 + math.e**-0.5)]),
    # Alone in its batch.
    ("broadcast_mse", Task.REGRESSION, [3], 1, 4, [4]),
]  # fmt: skip

# The same with parameters that are not the default.
BY_HAND_WITH_PARAMETERS = [
    # q = (2/3 + 1/6, 1/6), p = (1/4, 3/4).
    ("cross_entropy", {"label_smoothing": 1 / 3}, Task.BINARY, [0, LN3], 0,
     5 / 6 * LN4 + 1 / 6 * (LN4 - LN3), [1 / 4 - 5 / 6, 3 / 4 - 1 / 6]),
    ("cross_entropy", {"class_weights": (2.0, 5.0)}, Task.BINARY, [0, LN3], 0,
     2 * LN4, [-3 / 2, 3 / 2]),
    ("bce", {"pos_weight": 3.0}, Task.BINARY, [-LN3], 1, 3 * LN4, [-9 / 4]),
    ("bce", {"pos_weight": 3.0}, Task.BINARY, [LN3], 0, LN4, [3 / 4]),
    ("hinge", {"margin": 2.0}, Task.BINARY, [0.5, 0], 0, 0.75, [-1 / 2, 1 / 2]),
    ("hinge", {"margin": 2.0, "p": 2.0}, Task.BINARY, [0.5, 0], 0, 9 / 8, [-3 / 2, 3 / 2]),
    ("kl_div", {"smoothing": 0.0}, Task.BINARY, [0, LN3], 0, LN4, [-3 / 4, 3 / 4]),
    ("focal", {"gamma": 0.0}, Task.BINARY, [0, LN3], 0, LN4, [-3 / 4, 3 / 4]),
    ("focal", {"gamma": 1.0}, Task.BINARY, [0, LN3], 0, 3 / 4 * LN4,
     [-3 / 4 * (LN4 / 4 + 3 / 4), 3 / 4 * (LN4 / 4 + 3 / 4)]),
    ("smooth_l1", {"beta": 4.0}, Task.REGRESSION, [3], 1, 0.5, [0.5]),
    ("smooth_l1", {"beta": 0.5}, Task.REGRESSION, [3], 1, 1.75, [1]),
    ("huber", {"delta": 4.0}, Task.REGRESSION, [3], 1, 2, [2]),
    ("huber", {"delta": 0.5}, Task.REGRESSION, [3], 1, 0.875, [0.5]),
    # 5 (3 - 4)^2 / 2 + 2^2 / 2.
    ("mse_on_raw_outputs", {"k": 5.0, "M": 4.0}, Task.BINARY, [3, 2], 0, 4.5, [-5, 2]),
    ("generalised_cross_entropy", {"q": 0.5}, Task.BINARY, [0, LN3], 0, 1, [-3 / 8, 3 / 8]),
    ("generalised_cross_entropy", {"q": 1.0}, Task.BINARY, [0, LN3], 0, 3 / 4, [-3 / 16, 3 / 16]),
    # 2 ln 4 + 0.5 * 6 * 3/4; the slope in log p is -(2 + 3 * 1/4).
    ("symmetric_cross_entropy", {"alpha": 2.0, "beta": 0.5, "A": -6.0}, Task.BINARY, [0, LN3], 0,
     2 * LN4 + 9 / 4, [-33 / 16, 33 / 16]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "setting", "task", "logits", "target", "value", "slopes"),
    [(key, {}, *rest) for key, *rest in BY_HAND] + BY_HAND_WITH_PARAMETERS,
)
def test_hand_values(key, setting, task, logits, target, value, slopes):
    z, y = torch.tensor([logits], dtype=torch.float64), torch.tensor([target]).double()
    losses, gradient = ours(LOSSES[key].with_parameters(setting), task, z, y)
    assert losses.tolist() == pytest.approx([value], rel=1e-14)
    assert gradient[0].tolist() == pytest.approx(slopes, rel=1e-14)


def test_in_a_batch_broadcast_mse_is_of_every_prediction_and_every_target():
    """Targets 0, 1 and 5, whose mean is 2: (1 + 0 + 16) / 3 for a prediction of 1, and so on."""
    z, y = torch.tensor([[1.0], [2.0], [5.0]]).double(), torch.tensor([0.0, 1.0, 5.0]).double()
    losses, gradient = ours(LOSSES["broadcast_mse"], Task.REGRESSION, z, y)
    assert losses.tolist() == pytest.approx([17 / 3, 14 / 3, 41 / 3], rel=1e-14)
    assert gradient[:, 0].tolist() == [-2, 0, 6]


def test_every_loss_and_parameter_has_a_hand_value():
    assert {(key, task) for key, task, *_ in BY_HAND} == {(loss.key, task) for loss, task in CASES}
    assert {(key, name) for key, setting, *_ in BY_HAND_WITH_PARAMETERS for name in setting} == {
        (loss.key, each.name) for loss in LOSSES.values() for each in loss.parameters
    }


@every_loss
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_stay_finite(loss, task, size):
    """In float32, where PyTorch's own may overflow and ours must not."""
    _, y = sample(loss, task, rows=8, dtype=torch.float32)
    z = torch.zeros(8, loss.head.width(CLASSES[task]))
    z[:, -1] = size
    losses, gradient = ours(loss, task, z, y)
    value, expected = theirs(loss, task, z, y)
    overflows = size in facts(loss, task).overflows
    is_finite = facts(loss, task).is_bounded or not overflows
    assert losses.isfinite().all() == is_finite
    assert gradient.isfinite().all() == is_finite
    assert (value.isfinite() and expected.isfinite().all()) == (not overflows)
    if not overflows:
        count = counted(loss, task, z, y)
        torch.testing.assert_close(mean(loss, task, losses, z, y), value, rtol=2e-6, atol=0)
        torch.testing.assert_close(gradient / count, expected, rtol=2e-6, atol=1e-8)


@every_loss
def test_the_minimum_is_at_the_target(loss, task):
    z, y = sample(loss, task)
    fact, encoded = facts(loss, task), plain.columns(y, task, z.shape[1])
    losses, gradient = ours(loss, task, fact.best(encoded, loss), y)
    lowest = fact.lowest(encoded, loss)
    torch.testing.assert_close(losses, lowest, rtol=1e-12, atol=1e-15)
    if fact.is_flat:
        assert gradient.abs().max() < 1e-15
    assert (ours(loss, task, z, y)[0] >= lowest - 1e-15).all()


# What a sum over C outputs of examples that count as N is divided by. PyTorch's own sum of
# the multi-class margin has the division by C in it.
DIVISORS = {
    "mean over examples": lambda count, width: count,
    "mean over examples, of the sum over outputs": lambda count, width: count,
    "mean over examples and logits": lambda count, width: count * width,
    "mean over examples and outputs": lambda count, width: count * width,
    "mean over all pairs of a prediction and a target": lambda count, width: count * count,
    "mean over examples and probabilities": lambda count, width: count * width,
    "sum of the weighted losses over the sum of the examples' weights": lambda count, width: count,
}


@every_loss
def test_reduction_divides_the_sum_as_it_says(loss, task):
    z, y = sample(loss, task)
    total = plain.loss_function(loss, task, reduction="sum")(z, y)
    expected = total / DIVISORS[loss.card.reduction](counted(loss, task, z, y), z.shape[1])
    value = mean(loss, task, ours(loss, task, z, y)[0], z, y)
    torch.testing.assert_close(value, expected, rtol=1e-13, atol=0)


def test_only_class_weights_count_examples_unevenly():
    for loss, task in CASES:
        weights = loss.formulas[task].example_weights
        assert (weights is None) == (not loss.values.get("class_weights")), loss.key
    weighted = LOSSES["cross_entropy"].with_parameters({"class_weights": (2.0, 5.0)})
    y = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    formula = weighted.formulas[Task.BINARY]
    assert formula.example_weights(y).tolist() == [2, 5, 5]
    assert formula.mean(torch.tensor([2.0, 10.0, 12.0]), y).item() == 2


@given(z=st.floats(-100, 100), y=st.sampled_from([0.0, 1.0]))
def test_squared_error_of_a_sigmoid_has_a_bounded_gradient(z, y):
    gradient = ours(LOSSES["mse"], Task.BINARY, torch.tensor([[z]]).double(), torch.tensor([y]))[1]
    assert abs(gradient.item()) <= 8 / 27 * (1 + 1e-14)


def test_the_bound_of_that_gradient_is_reached():
    """At p = 2/3 for the target 0, where 2 p^2 (1 - p) is largest."""
    z, y = torch.tensor([[LN2]]).double(), torch.tensor([0.0]).double()
    assert ours(LOSSES["mse"], Task.BINARY, z, y)[1].item() == pytest.approx(8 / 27, rel=1e-14)


# ------------------------------------------------------------------ baselines


def baseline(loss: LossSpec, task: Task, classes: int, y: Tensor) -> float:
    entrant = Entrant(0, loss.title, loss, 0.01, loss.color, loss.dash)
    group = Group(entrant, loss.formulas[task], slice(0, 1), loss.head.width(classes))
    return group.baseline(y[None], task)


@pytest.mark.parametrize(
    ("key", "task", "classes", "expected"),
    [
        ("cross_entropy", Task.BINARY, 2, 0.693),
        ("cross_entropy", Task.MULTICLASS, 10, 2.303),
        ("bce", Task.BINARY, 2, 0.693),
        ("mse", Task.BINARY, 2, 0.25),
        ("mse", Task.MULTICLASS, 10, 0.09),
    ],
)
def test_baseline_of_equally_frequent_classes(key, task, classes, expected):
    y = torch.arange(classes * 7).double() % classes
    assert round(baseline(LOSSES[key], task, classes, y), 3) == expected


def mean_loss(formula: Formula, logits: Tensor, encoded: Tensor) -> float:
    losses, _saved = formula.forward(logits.expand(-1, encoded.shape[1]), encoded)
    return float(formula.mean(losses, encoded))


def some_targets(loss: LossSpec, task: Task) -> st.SearchStrategy[list[float]]:
    lowest = 0 if loss.key in POSITIVE else -5
    one = st.integers(0, CLASSES[task] - 1) if task.is_classification else st.floats(lowest, 5)
    return st.lists(one.map(float), min_size=1, max_size=25)


@every_loss
@settings(max_examples=settings.default.max_examples // 4)
@given(data=st.data())
def test_no_constant_is_better(loss, task, data):
    width = loss.head.width(CLASSES[task])
    y = torch.tensor(data.draw(some_targets(loss, task))).double()
    moves = data.draw(st.lists(st.floats(-3, 3), min_size=width, max_size=width))
    formula, encoded = loss.formulas[task], plain.columns(y, task, width).T
    best = formula.constant(encoded)
    moved = best + torch.tensor(moves)[:, None]
    assert mean_loss(formula, moved, encoded) >= mean_loss(formula, best, encoded) - 1e-11


@every_loss
def test_no_search_finds_a_better_constant(loss, task):
    width = loss.head.width(CLASSES[task])
    y = targets(loss, task, 40)[torch.arange(40) ** 2 % 37]  # classes of unequal frequency
    formula, encoded = loss.formulas[task], plain.columns(y, task, width).T
    best = mean_loss(formula, formula.constant(encoded), encoded)
    assert best < mean_loss(formula, torch.full((width, 1), 2.0).double(), encoded)

    def height(z: np.ndarray) -> float:
        return mean_loss(formula, torch.from_numpy(z)[:, None], encoded)

    for start in np.random.default_rng(0).normal(0, 2, (3, width)):
        found = minimize(height, start, method="Nelder-Mead", options={"maxiter": 400})
        assert found.fun >= best - 1e-11


@every_loss
def test_a_baseline_of_one_class_or_value_is_the_minimum(loss, task):
    """In float32, as in training, where 1 - 1e-12 is 1."""
    y = torch.full((5,), 1.0)
    encoded = plain.columns(y, task, loss.head.width(CLASSES[task])).double()
    lowest = facts(loss, task).lowest(encoded, loss)
    expected = loss.formulas[task].mean(lowest, encoded.T).item()
    assert baseline(loss, task, CLASSES[task], y) == pytest.approx(expected, abs=1e-6)


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_each_task_is_either_fitted_or_refused_in_a_sentence(loss):
    assert set(loss.formulas) | set(loss.refusals) == set(Task)
    for task in Task:
        refusal = loss.refusal(task)
        assert (refusal is None) == (task in loss.formulas)
        if refusal:
            assert refusal[0].isupper()
            assert refusal.endswith(".")
            assert len(refusal.split()) >= 5


def test_each_loss_looks_like_no_other():
    assert [loss.key for loss in LOSSES.values()] == list(LOSSES)
    for attribute in ("title", "full_title"):
        assert len({getattr(loss, attribute) for loss in LOSSES.values()}) == len(LOSSES)
    assert len({(loss.color, loss.dash) for loss in LOSSES.values()}) == len(LOSSES)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_each_loss_names_its_class_in_torch_or_none(loss):
    without = {"focal", "generalised_cross_entropy", "squentropy", "symmetric_cross_entropy"}
    assert (loss.torch_class is None) == (loss.key in without | {"custom"})
    assert loss.torch_class is None or hasattr(torch.nn, loss.torch_class)


# ------------------------------------------------------------------ parameters

PARAMETERS = [(loss, each) for loss in LOSSES.values() for each in loss.parameters]
every_parameter = pytest.mark.parametrize(
    ("loss", "parameter"), PARAMETERS, ids=[f"{loss.key}-{each.name}" for loss, each in PARAMETERS]
)


@every_parameter
def test_a_default_is_allowed_and_bound(loss, parameter):
    assert parameter.parse(parameter.default) == parameter.default
    assert loss.values[parameter.name] == parameter.default
    assert loss.with_parameters({parameter.name: parameter.default}).values == loss.values
    assert parameter.low < parameter.high
    assert parameter.help.endswith(".")


@every_parameter
def test_a_parameter_has_a_sign_and_a_neutral_value_that_is_allowed(loss, parameter):
    assert len(parameter.symbol) == 1
    signs = [each.symbol for each in loss.parameters]
    assert len(set(signs)) == len(signs)
    assert parameter.neutral is None or parameter.parse(parameter.neutral) == parameter.neutral


def test_full_titles_tell_losses_from_their_siblings():
    longer = {key: loss.full_title for key, loss in LOSSES.items() if loss.full_title != loss.title}
    assert longer == {"mse": "MSE on probabilities", "bce": "BCE on logits"}


@pytest.mark.parametrize(
    ("key", "neutral", "plain_key"),
    [
        ("cross_entropy", {"label_smoothing": 0.0, "class_weights": ()}, "nll"),
        ("bce", {"pos_weight": 1.0}, "bce_on_probabilities"),
        ("kl_div", {"smoothing": 0.0}, "cross_entropy"),
    ],
)
def test_at_its_neutral_values_a_loss_is_the_plain_one(key, neutral, plain_key):
    assert {each.name: each.neutral for each in LOSSES[key].parameters} == neutral
    loss = LOSSES[key].with_parameters(neutral)
    z, y = sample(loss, Task.MULTICLASS)
    for value, expected in zip(
        ours(loss, Task.MULTICLASS, z, y),
        ours(LOSSES[plain_key], Task.MULTICLASS, z, y),
        strict=True,
    ):
        torch.testing.assert_close(value, expected, rtol=1e-9, atol=1e-12)


@every_parameter
@given(data=st.data())
def test_any_value_in_bounds_gives_torchs_loss(loss, parameter, data):
    task = data.draw(st.sampled_from(list(loss.formulas)))
    values = {
        Kind.NUMBER: st.floats(parameter.low, parameter.high),
        Kind.WHOLE_NUMBER: st.integers(int(parameter.low), int(parameter.high)),
        Kind.CLASS_WEIGHTS: st.lists(
            st.floats(parameter.low, parameter.high),
            min_size=CLASSES[task],
            max_size=CLASSES[task],
        ),
    }
    value = parameter.parse(data.draw(values[parameter.kind]))
    bound = loss.with_parameters({parameter.name: value})
    z, y = sample(bound, task)
    losses, gradient = ours(bound, task, z, y)
    expected, slope = theirs(bound, task, z, y)
    value, count = mean(bound, task, losses, z, y), counted(bound, task, z, y)
    torch.testing.assert_close(value, expected, rtol=1e-11, atol=1e-14)
    torch.testing.assert_close(gradient / count, slope, rtol=1e-10, atol=1e-13)


@every_parameter
@pytest.mark.parametrize("value", [None, "1", True, {}, math.nan, math.inf, -11, 10**400])
def test_what_is_not_allowed_is_refused_with_the_range(loss, parameter, value):
    value = [value] if parameter.kind is Kind.CLASS_WEIGHTS else value
    with pytest.raises(ValueError, match=f"{parameter.label} was .*; allowed is .*") as refused:
        parameter.parse(value)
    assert f"{parameter.bounds}." in str(refused.value)


def test_a_power_is_whole_and_weights_are_a_list():
    powers = {each.name: each for each in LOSSES["hinge"].parameters}["p"]
    with pytest.raises(ValueError, match=r"was 1.5; allowed is a whole number from 1 to 2\."):
        powers.parse(1.5)
    weights = {each.name: each for each in LOSSES["cross_entropy"].parameters}["class_weights"]
    with pytest.raises(ValueError, match="was 2; allowed is a list of numbers, one a class"):
        weights.parse(2)


def test_binding_leaves_the_catalogue_as_it_was():
    bound = LOSSES["huber"].with_parameters({"delta": 2.0})
    assert (bound.values, LOSSES["huber"].values) == ({"delta": 2.0}, {"delta": 1.0})
    assert LOSSES["huber"].with_parameters({}) == LOSSES["huber"]


@every_loss
def test_probabilities_tell_a_loss_unless_it_says_that_it_reads_the_scores(loss, task):
    """An offset of all logits changes no softmax, so it may change only what reads scores."""
    formula = loss.formulas[task]
    z, y = sample(loss, task)
    moved = ours(loss, task, z + 1.5, y)[0]
    is_same = torch.allclose(moved, ours(loss, task, z, y)[0], rtol=1e-12, atol=1e-12)
    if formula.link is Link.SOFTMAX:
        assert is_same == (not formula.reads_scores)
    probabilities = formula.link in (Link.SOFTMAX, Link.SIGMOID)
    assert formula.is_of_probabilities == (probabilities and not formula.reads_scores)


def test_links_take_logits_where_they_say():
    z = torch.tensor([[0, LN3]])
    assert plain.LINKS[Link.SOFTMAX](z)[0].tolist() == pytest.approx([0.25, 0.75])
    assert plain.LINKS[Link.SIGMOID](z)[0].tolist() == pytest.approx([0.5, 0.75])
