"""Every loss of the catalogue, in each task that it fits, against PyTorch's class of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from core.evaluation import Group
from core.losses import LOSSES, Form, Link, LossSpec, Task
from tests.core import plain

CASES = [(loss, task) for loss in LOSSES.values() for task in loss.forms]
IDS = [f"{loss.key}-{task}" for loss, task in CASES]
every_loss = pytest.mark.parametrize(("loss", "task"), CASES, ids=IDS)

CLASSES = {Task.BINARY: 2, Task.MULTICLASS: 4, Task.REGRESSION: 1}
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6}


def targets(task: Task, rows: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Every class in turn, or random values: ``[N]``."""
    if task.is_classification:
        return (torch.arange(rows) % CLASSES[task]).to(dtype)
    return torch.randn(rows, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2


def sample(
    loss: LossSpec, task: Task, rows: int = 23, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Random logits ``[N, C]`` and targets ``[N]``."""
    generator = torch.Generator().manual_seed(2)
    width = loss.head.width(CLASSES[task])
    z = torch.randn(rows, width, generator=generator, dtype=dtype) * 3
    return z, targets(task, rows, dtype)


def ours(loss: LossSpec, task: Task, z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The catalogue's loss of each example ``[N]`` and gradients ``[N, C]``."""
    form, encoded = loss.forms[task], plain.columns(y, task, z.shape[1]).T
    losses, saved = form.forward(z.T.contiguous(), encoded)
    return losses, form.backward(saved, encoded).T


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
    torch.testing.assert_close(losses.mean(), value, rtol=tolerance, atol=0)
    torch.testing.assert_close(gradient / len(z), expected, rtol=tolerance, atol=tolerance / 10)


@every_loss
def test_gradient_is_the_slope_of_the_value(loss, task):
    form = loss.forms[task]

    class Written(torch.autograd.Function):
        @staticmethod
        def forward(context, z, y):
            losses, saved = form.forward(z, y)
            context.save_for_backward(saved, y)
            return losses

        @staticmethod
        def backward(context, outer):
            return form.backward(*context.saved_tensors) * outer.unsqueeze(-2), None

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
    ("huber", Task.REGRESSION, [3], 1, 1.5, [1]),
    ("huber", Task.REGRESSION, [0.5], 1, 0.125, [-0.5]),
    ("hinge", Task.BINARY, [0.5, 0], 0, 0.25, [-1 / 2, 1 / 2]),
    ("hinge", Task.MULTICLASS, [0, 0.5, 3], 1, 4 / 3, [1 / 3, -2 / 3, 1 / 3]),
]


@pytest.mark.parametrize(("key", "task", "logits", "target", "value", "slopes"), BY_HAND)
def test_hand_values(key, task, logits, target, value, slopes):
    z, y = torch.tensor([logits], dtype=torch.float64), torch.tensor([target]).double()
    losses, gradient = ours(LOSSES[key], task, z, y)
    assert losses.tolist() == pytest.approx([value], rel=1e-14)
    assert gradient[0].tolist() == pytest.approx(slopes, rel=1e-14)


def test_every_loss_has_a_hand_value():
    assert {(key, task) for key, task, *_ in BY_HAND} == {(loss.key, task) for loss, task in CASES}


@every_loss
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_extreme_logits_stay_finite(loss, task, size):
    _, y = sample(loss, task, rows=8, dtype=torch.float32)
    z = torch.zeros(8, loss.head.width(CLASSES[task]))
    z[:, -1] = size
    losses, gradient = ours(loss, task, z, y)
    value, expected = theirs(loss, task, z, y)
    assert losses.isfinite().all()
    assert gradient.isfinite().all()
    torch.testing.assert_close(losses.mean(), value, rtol=2e-6, atol=0)
    torch.testing.assert_close(gradient / len(z), expected, rtol=2e-6, atol=1e-9)


@every_loss
def test_the_minimum_is_at_the_target(loss, task):
    z, y = sample(loss, task)
    encoded = plain.columns(y, task, z.shape[1])
    # Sure of the right class, which a margin or a probability reaches only far out.
    best = (2 * encoded - 1) * 40 if task.is_classification else encoded
    losses, gradient = ours(loss, task, best, y)
    assert losses.max() < 1e-15
    assert gradient.abs().max() < 1e-15
    assert (ours(loss, task, z, y)[0] >= losses).all()


# What a sum over N examples of C outputs is divided by. PyTorch's own sum of the
# multi-class margin has the division by C in it.
DIVISORS = {
    "mean over examples": lambda rows, width: rows,
    "mean over examples and logits": lambda rows, width: rows * width,
    "mean over examples and outputs": lambda rows, width: rows * width,
}


@every_loss
def test_reduction_divides_the_sum_as_it_says(loss, task):
    z, y = sample(loss, task)
    total = plain.loss_function(loss, task, reduction="sum")(z, y)
    expected = total / DIVISORS[loss.reduction](*z.shape)
    torch.testing.assert_close(ours(loss, task, z, y)[0].mean(), expected, rtol=1e-13, atol=0)


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
    group = Group(loss, loss.forms[task], slice(0, 1), loss.head.width(classes))
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


def mean_loss(form: Form, logits: Tensor, encoded: Tensor) -> float:
    return float(form.forward(logits.expand_as(encoded), encoded)[0].mean())


def some_targets(task: Task) -> st.SearchStrategy[list[float]]:
    one = st.integers(0, CLASSES[task] - 1) if task.is_classification else st.floats(-5, 5)
    return st.lists(one.map(float), min_size=1, max_size=25)


@every_loss
@given(data=st.data())
def test_no_constant_is_better(loss, task, data):
    width = loss.head.width(CLASSES[task])
    y = torch.tensor(data.draw(some_targets(task))).double()
    moves = data.draw(st.lists(st.floats(-3, 3), min_size=width, max_size=width))
    form, encoded = loss.forms[task], plain.columns(y, task, width).T
    best = form.constant(encoded)
    moved = best + torch.tensor(moves)[:, None]
    assert mean_loss(form, moved, encoded) >= mean_loss(form, best, encoded) - 1e-11


@every_loss
def test_no_search_finds_a_better_constant(loss, task):
    width = loss.head.width(CLASSES[task])
    y = targets(task, 40)[torch.arange(40) ** 2 % 37]  # classes of unequal frequency
    form, encoded = loss.forms[task], plain.columns(y, task, width).T
    best = mean_loss(form, form.constant(encoded), encoded)
    assert best < mean_loss(form, torch.full((width, 1), 2.0).double(), encoded)

    def height(z: np.ndarray) -> float:
        return mean_loss(form, torch.from_numpy(z)[:, None], encoded)

    for start in np.random.default_rng(0).normal(0, 2, (3, width)):
        found = minimize(height, start, method="Nelder-Mead", options={"maxiter": 400})
        assert found.fun >= best - 1e-11


@every_loss
def test_a_baseline_of_one_class_or_value_is_zero(loss, task):
    """In float32, as in training, where 1 - 1e-12 is 1."""
    y = torch.full((5,), 1.0)
    assert baseline(loss, task, CLASSES[task], y) == pytest.approx(0, abs=1e-6)


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_each_task_is_either_fitted_or_refused_in_a_sentence(loss):
    assert set(loss.forms) | set(loss.refusals) == set(Task)
    for task in Task:
        refusal = loss.refusal(task)
        assert (refusal is None) == (task in loss.forms)
        if refusal:
            assert refusal[0].isupper()
            assert refusal.endswith(".")
            assert len(refusal.split()) >= 5


def test_each_loss_looks_like_no_other():
    assert [loss.key for loss in LOSSES.values()] == list(LOSSES)
    for attribute in ("title", "color", "dash"):
        assert len({getattr(loss, attribute) for loss in LOSSES.values()}) == len(LOSSES)


def test_links_take_logits_where_they_say():
    z = torch.tensor([[0, LN3]])
    assert plain.LINKS[Link.SOFTMAX](z)[0].tolist() == pytest.approx([0.25, 0.75])
    assert plain.LINKS[Link.SIGMOID](z)[0].tolist() == pytest.approx([0.5, 0.75])
