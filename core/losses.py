"""The catalogue of losses: one entry each, and everything about a loss is in it.

Conventions
-----------
``z``   logits (raw scores), shape ``[..., C, N]``: C outputs, N examples.
``y``   targets encoded as the loss wants them, same shape as ``z``, float.
        Classes arrive one-hot (or 0/1 in a single row for one logit).
``L``   loss per example, shape ``[..., N]``.

Outputs come before examples so that every operation of a training step runs over
contiguous memory; it is the textbook's ``z = W a + b`` with examples as columns.

Each loss is written once, forward and backward side by side: ``forward(z, y)``
returns the loss of each example and what ``backward(saved, y)`` needs to return
dL/dz, still per example. The mean over examples is taken by the caller, in one
place, so a ragged last batch weighs what it should. Only methods of tensors are
used: this module needs no ``import torch``, so that the pages, which never train,
can read the catalogue without waiting for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    Backward = Callable[[Tensor, Tensor], Tensor]


class Task(StrEnum):
    """What a data set asks of a network."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"

    @property
    def is_classification(self) -> bool:
        return self is not Task.REGRESSION


class Link(StrEnum):
    """How logits become what the loss compares with the target."""

    SOFTMAX = "softmax"
    SIGMOID = "sigmoid"
    IDENTITY = "identity"


class Head(StrEnum):
    """How many logits the last layer gives."""

    PER_CLASS = "one logit a class"
    NARROWEST = "one logit where one is enough, else one a class"

    def width(self, outputs: int) -> int:
        """Number of logits for ``outputs`` classes (1 for regression)."""
        return 1 if self is Head.NARROWEST and outputs == 2 else outputs


# ------------------------------------------------------------------ formulas


def cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = -sum_c y_c log softmax(z)_c; saves log softmax(z)."""
    log_p = z.log_softmax(-2)
    return (log_p * y).sum(-2).neg_(), log_p


def cross_entropy_backward(log_p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = softmax(z) - y, for targets that sum to 1."""
    return log_p.exp().sub_(y)


def binary_cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c -[y log s(z) + (1 - y) log(1 - s(z))] with s the sigmoid; saves z.

    Written as max(z, 0) - z y + log(1 + exp(-|z|)), which overflows nowhere.
    """
    loss = z.abs().neg_().exp_().log1p_().add_(z.clamp(min=0)).sub_(z * y)
    return loss.mean(-2), z


def binary_cross_entropy_backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (s(z) - y) / C."""
    return z.sigmoid().sub_(y).div_(z.shape[-2])


def squared_error_of_softmax(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (p_c - y_c)^2 with p = softmax(z); saves p."""
    p = z.softmax(-2)
    return (p - y).square_().mean(-2), p


def squared_error_of_softmax_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = p_c (g_c - sum_k g_k p_k) with g = 2 (p - y) / C."""
    g = (p - y).mul_(2 / p.shape[-2])
    return g.sub_((g * p).sum(-2, keepdim=True)).mul_(p)


def squared_error_of_sigmoid(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (p - y)^2 with p = s(z), one logit; saves p."""
    p = z.sigmoid()
    return (p - y).square_().mean(-2), p


def squared_error_of_sigmoid_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (p - y) p (1 - p), at most 8/27 in size."""
    return (p - y).mul_(2 / p.shape[-2]).mul_(p).mul_(1 - p)


def squared_error(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (z_c - y_c)^2; saves z - y."""
    e = z - y
    return e.square().mean(-2), e


def squared_error_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (z - y) / C."""
    return e * (2 / e.shape[-2])


def absolute_error(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c |z_c - y_c|; saves z - y."""
    e = z - y
    return e.abs().mean(-2), e


def absolute_error_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = sign(z - y) / C, and 0 where they are equal."""
    return e.sign().div_(e.shape[-2])


def smooth_absolute_error(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (e^2 / 2 where |e| < 1, else |e| - 1/2) with e = z - y; saves e."""
    e = z - y
    near = e.clamp(-1, 1)
    return (near * (e - near / 2)).mean(-2), e


def smooth_absolute_error_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = clamp(z - y, -1, 1) / C."""
    return e.clamp(-1, 1).div_(e.shape[-2])


def multiclass_hinge(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (1 / C) sum_{c != t} max(0, 1 - z_t + z_c), t the target; saves the margins."""
    score = (z * y).sum(-2, keepdim=True)
    margins = (z - score).add_(1).sub_(y).clamp_(min=0)
    return margins.mean(-2), margins


def multiclass_hinge_backward(margins: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = [margin_c > 0] / C for c != t, and minus their sum for t."""
    violated = margins.sign().mul_(1 - y)
    return violated.sub_(y * violated.sum(-2, keepdim=True)).div_(margins.shape[-2])


# ------------------------------------------------------------------ best constants
#
# The logits [C, 1] that make the mean loss over targets y [C, N] smallest when every
# example gets the same ones: what a network without inputs could learn.


def log_frequencies(y: Tensor) -> Tensor:
    """softmax of these is the frequency of each class, best for any proper score."""
    return y.mean(-1, keepdim=True).clamp_(min=1e-12).log_()


def logit_frequencies(y: Tensor) -> Tensor:
    """sigmoid of these is the frequency of each 1, best for any proper score."""
    frequency = y.mean(-1, keepdim=True)
    return frequency.clamp(min=1e-12).log_() - (1 - frequency).clamp_(min=1e-12).log_()


def mean_target(y: Tensor) -> Tensor:
    return y.mean(-1, keepdim=True)


def median_target(y: Tensor) -> Tensor:
    return y.median(-1, keepdim=True).values


def huber_location(y: Tensor) -> Tensor:
    """The root of the mean of clamp(z - y, -1, 1), which only rises with z: by halving."""
    low, high = y.amin(-1, keepdim=True), y.amax(-1, keepdim=True)
    for _ in range(60):
        middle = (low + high) / 2
        rising = (middle - y).clamp_(-1, 1).mean(-1, keepdim=True) > 0
        low, high = middle.where(~rising, low), middle.where(rising, high)
    return (low + high) / 2


def hinge_scores(y: Tensor) -> Tensor:
    """A linear program in the scores z_c and the margins m_tc >= 1 - z_t + z_c, m >= 0."""
    import numpy as np
    from scipy.optimize import linprog

    frequencies = y.mean(-1).tolist()
    classes = len(frequencies)
    pairs = [(t, c) for t in range(classes) for c in range(classes) if t != c]
    cost = [0.0] * classes + [frequencies[t] for t, _ in pairs]
    rows = np.zeros((len(pairs), len(cost)))
    for row, (t, c) in enumerate(pairs):
        rows[row, [c, t, classes + row]] = 1, -1, -1
    bounds = [(None, None)] * classes + [(0, None)] * len(pairs)
    best = np.asarray(linprog(cost, A_ub=rows, b_ub=-np.ones(len(pairs)), bounds=bounds).x)
    return y.new_tensor(best[:classes].tolist()).unsqueeze(-1)


# ------------------------------------------------------------------ the catalogue


@dataclass(frozen=True)
class Form:
    """A loss as it is used for one task: its link, formula, forward and backward.

    ``constant(y)`` gives the logits of the best constant predictor, the loss's baseline.
    """

    link: Link
    formula: str
    forward: Forward
    backward: Backward
    constant: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LossSpec:
    """One loss. ``forms`` holds the tasks that it fits; the rest are refused.

    ``unit`` names what one unit of the loss is and ``value_range`` the range of a
    single example's loss. ``color`` and ``dash`` are the loss's own on every chart.
    """

    key: str
    title: str
    torch_class: str
    head: Head
    encoding: str
    reduction: str
    unit: str
    value_range: str
    forms: dict[Task, Form]
    refusals: dict[Task, str]
    color: str
    dash: str

    def refusal(self, task: Task) -> str | None:
        """Why this loss does not fit the task; None where it does."""
        return None if task in self.forms else self.refusals[task]


_NEEDS_VALUES = "It measures a distance to a value; class ids are names, not values."
_NEEDS_CLASSES = "It needs classes; this data set's target is a number."

_CE = Form(
    Link.SOFTMAX,
    r"-\sum_{c=1}^{C} y_c \log \hat{y}_c,\quad \hat{y} = \mathrm{softmax}(z)",
    cross_entropy,
    cross_entropy_backward,
    log_frequencies,
)
_BCE_BINARY = Form(
    Link.SIGMOID,
    r"-\left[y \log \hat{y} + (1-y)\log(1-\hat{y})\right],\quad \hat{y} = \sigma(z)",
    binary_cross_entropy,
    binary_cross_entropy_backward,
    logit_frequencies,
)
_BCE_ONE_AGAINST_REST = Form(
    Link.SIGMOID,
    r"-\frac{1}{C}\sum_{c=1}^{C}\left[y_c \log \hat{y}_c + (1-y_c)\log(1-\hat{y}_c)\right],"
    r"\quad \hat{y}_c = \sigma(z_c)",
    binary_cross_entropy,
    binary_cross_entropy_backward,
    logit_frequencies,
)
_HINGE = Form(
    Link.IDENTITY,
    r"\frac{1}{C}\sum_{c \ne t} \max(0,\, 1 - z_t + z_c)",
    multiclass_hinge,
    multiclass_hinge_backward,
    hinge_scores,
)

_ENTRIES = (
    LossSpec(
        key="cross_entropy",
        title="CrossEntropy",
        torch_class="CrossEntropyLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="nats",
        value_range="0 to infinity",
        forms={Task.BINARY: _CE, Task.MULTICLASS: _CE},
        refusals={Task.REGRESSION: _NEEDS_CLASSES},
        color="#0072B2",
        dash="solid",
    ),
    LossSpec(
        key="bce",
        title="BCE",
        torch_class="BCEWithLogitsLoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each logit",
        reduction="mean over examples and logits",
        unit="nats a logit",
        value_range="0 to infinity",
        forms={Task.BINARY: _BCE_BINARY, Task.MULTICLASS: _BCE_ONE_AGAINST_REST},
        refusals={Task.REGRESSION: "It needs targets between 0 and 1; these are any number."},
        color="#D55E00",
        dash="dash",
    ),
    LossSpec(
        key="mse",
        title="MSE",
        torch_class="MSELoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each probability; the value itself for regression",
        reduction="mean over examples and outputs",
        unit="squared error",
        value_range="0 to 1 on probabilities, 0 to infinity on values",
        forms={
            Task.BINARY: Form(
                Link.SIGMOID,
                r"(\hat{y} - y)^2,\quad \hat{y} = \sigma(z)",
                squared_error_of_sigmoid,
                squared_error_of_sigmoid_backward,
                logit_frequencies,
            ),
            Task.MULTICLASS: Form(
                Link.SOFTMAX,
                r"\frac{1}{C}\sum_{c=1}^{C} (\hat{y}_c - y_c)^2,"
                r"\quad \hat{y} = \mathrm{softmax}(z)",
                squared_error_of_softmax,
                squared_error_of_softmax_backward,
                log_frequencies,
            ),
            Task.REGRESSION: Form(
                Link.IDENTITY,
                r"(\hat{y} - y)^2",
                squared_error,
                squared_error_backward,
                mean_target,
            ),
        },
        refusals={},
        color="#009E73",
        dash="dot",
    ),
    LossSpec(
        key="l1",
        title="L1",
        torch_class="L1Loss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="absolute error",
        value_range="0 to infinity",
        forms={
            Task.REGRESSION: Form(
                Link.IDENTITY,
                r"|\hat{y} - y|",
                absolute_error,
                absolute_error_backward,
                median_target,
            )
        },
        refusals={Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES},
        color="#8769F0",
        dash="dashdot",
    ),
    LossSpec(
        key="huber",
        title="Huber",
        torch_class="SmoothL1Loss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="absolute error beyond 1, half its square within",
        value_range="0 to infinity",
        forms={
            Task.REGRESSION: Form(
                Link.IDENTITY,
                r"\begin{cases}\tfrac12 e^2 & |e| < 1\\ |e| - \tfrac12 & \text{else}\end{cases},"
                r"\quad e = \hat{y} - y",
                smooth_absolute_error,
                smooth_absolute_error_backward,
                huber_location,
            )
        },
        refusals={Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES},
        color="#E1004B",
        dash="longdash",
    ),
    LossSpec(
        key="hinge",
        title="Hinge",
        torch_class="MultiMarginLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="margin violated, a class",
        value_range="0 to infinity",
        forms={Task.BINARY: _HINGE, Task.MULTICLASS: _HINGE},
        refusals={Task.REGRESSION: _NEEDS_CLASSES},
        color="#B478A5",
        dash="longdashdot",
    ),
)

LOSSES: dict[str, LossSpec] = {loss.key: loss for loss in _ENTRIES}

#: The three that the lab is about, in the order in which they are raced.
RIVALS = ("cross_entropy", "bce", "mse")


def fitting(task: Task) -> tuple[LossSpec, ...]:
    """The losses that can be trained for a task, in catalogue order."""
    return tuple(loss for loss in LOSSES.values() if task in loss.forms)
