"""Gaussian NLL: how surprised a predicted mean and variance are by a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import words
from core.losses.card import Card, Range
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Program, Sample, one_value
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

#: The smallest variance, as in ``GaussianNLLLoss``.
_SMALLEST_VARIANCE = 1e-6
_LOWEST_LOG_VARIANCE = math.log(_SMALLEST_VARIANCE)

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (log v + (z_0 - y)^2 / v) / 2 with v = max(exp(z_1), 1e-6); saves z.

    Two logits and one target. Computed from log v, so that no variance overflows.
    """
    error, log_v = z[..., :1, :] - y, z[..., 1:, :].clamp(min=_LOWEST_LOG_VARIANCE)
    return error.square_().mul_(log_v.neg().exp_()).add_(log_v).div_(2).squeeze(-2), z


def backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz_0 = e / v and dL/dz_1 = (1 - e^2 / v) / 2 * exp(z_1) / v with e = z_0 - y.

    The last factor is 1 wherever v is not clamped. ``GaussianNLLLoss`` clamps unseen by
    autograd, so its gradient, and this one, does not vanish where it does.
    """
    error, log_v = z[..., :1, :] - y, z[..., 1:, :].clamp(min=_LOWEST_LOG_VARIANCE)
    precision, clamped = log_v.neg().exp_(), (z[..., 1:, :] - log_v).exp_()
    gradient = z.clone()
    gradient[..., :1, :] = error * precision
    gradient[..., 1:, :] = (1 - error.square() * precision).div_(2).mul_(clamped)
    return gradient


def best_constant(y: Tensor) -> Tensor:
    """The mean and the log of the variance, from the smallest that the loss tells apart."""
    variance = y.var(-1, correction=0, keepdim=True).clamp_(min=_SMALLEST_VARIANCE)
    both = y.new_empty(2, 1)
    both[:1], both[1:] = y.mean(-1, keepdim=True), variance.log_()
    return both


# ------------------------------------------------------------------ the entry

_FORMULA = (
    r"\frac{1}{2}\left[\log v + \frac{(z_0 - y)^2}{v}\right],"
    r"\quad v = \max\left(e^{z_1},\, 10^{-6}\right)"
)


def formulas() -> Mapping[Task, Formula]:
    return {Task.REGRESSION: Formula(Link.IDENTITY, _FORMULA, forward, backward, best_constant)}


def value_range(task: Task, outputs: int) -> Range:
    return Range(_LOWEST_LOG_VARIANCE / 2, math.inf, "the least is log(1e-6) / 2")


def card() -> Card:
    return Card(
        summary="It measures how surprised a predicted bell curve is by the value: the network "
        "says a mean and how unsure it is.",
        example_formula=(
            (
                "One value",
                r"L = \frac{1}{2} \left(\log v + \frac{(\mu - y)^2}{v}\right)",
            ),
            (
                "From the network's two columns",
                r"\mu = z_0,\quad v = \max(e^{z_1},\, 10^{-6})",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.VALUE_TARGET,
            ("z", "the network's two columns: column 0 is the mean, column 1 the log-variance"),
            (r"\mu", "predicted mean"),
            ("v", "predicted variance, at least 1e-6"),
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Two tensors: means, float, shape [N], and variances, 0 or more, of the same shape. "
        "Loss Lab's network gives two columns, the mean and the log-variance, and passes the "
        "exponential of the second.",
        target="Real values, float, the shape of the means.",
        reduction=words.OVER_EXAMPLES,
        unit="nats, less a constant",
        proper_scoring_rule="Yes, strictly, among normal distributions: the true mean and variance "
        "make it smallest.",
        noise_model="The normal distribution with a variance for each example, without the "
        "constant log(2 pi) / 2. The loss can be below 0, with the constant too, because the "
        "density of a narrow bell curve exceeds 1.",
        use_when="It matters how sure each prediction is, and some examples are noisier than "
        "others.",
        avoid_when="There are few examples or the noise is the same everywhere: squared error is "
        "steadier, and the variance can be measured afterwards.",
        gradient_formula=(
            ("In the mean", r"\frac{\partial L}{\partial z_0} = \frac{\mu - y}{v}"),
            (
                "In the log-variance",
                r"\frac{\partial L}{\partial z_1} = \frac{1}{2} \left(1 - \frac{(\mu - y)^2}{v}"
                r"\right)",
            ),
        ),
        gradient="For the mean it is the error divided by the variance, so an example called noisy "
        "early on hardly corrects its mean any more.",
        source="Nix and Weigend, Estimating the mean and variance of the target probability "
        "distribution, IEEE International Conference on Neural Networks, 1994; "
        "PyTorch documentation of torch.nn.GaussianNLLLoss.",
    )


_MEANS_AND_LOG_VARIANCES = Sample(((2.5, -1.0), (0.0, 0.4), (-1.2, 1.5)), (3.0, -0.2, 1.8))

PROGRAM = Program(
    one_value(
        """\
mean, log_variance = outputs.unbind(dim=1)
loss_fn = nn.GaussianNLLLoss()
loss = loss_fn(mean, targets, log_variance.exp())""",
        _MEANS_AND_LOG_VARIANCES,
    )
)

LOSS = LossSpec(
    key="gaussian_nll",
    title="Gaussian NLL",
    torch_class="GaussianNLLLoss",
    head=Head.MEAN_AND_LOG_VARIANCE,
    encoding="the value itself, one row for two logits",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#775A77",
    dash="longdashdot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
)
