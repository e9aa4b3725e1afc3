"""Smooth L1: the absolute error with its corner at 0 rounded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.parameters import Parameter
from core.losses.program import Program, on_values, one_value
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor


def forward(z: Tensor, y: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """L = mean_c (e^2 / (2 beta) where |e| < beta, else |e| - beta / 2); saves e = z - y."""
    e = z - y
    clipped = e.clamp(-beta, beta)
    return (clipped * (e - clipped / 2)).mean(-2).div_(beta), e


def backward(e: Tensor, y: Tensor, beta: float) -> Tensor:
    """dL/dz = clamp((z - y) / beta, -1, 1) / C."""
    return e.div(beta).clamp_(-1, 1).div_(e.shape[-2])


def formulas(beta: float) -> Mapping[Task, Formula]:
    return {
        Task.REGRESSION: Formula(
            Link.IDENTITY,
            r"\begin{cases}\frac{e^2}{2\beta} & |e| < \beta\\ |e| - \frac{\beta}{2} & \text{else}"
            r"\end{cases},\quad e = \hat{y} - y",
            partial(forward, beta=beta),
            partial(backward, beta=beta),
            partial(constants.mean_of_clipped_errors, width=beta),
        )
    }


CARD = Card(
    summary="It is the absolute error with the corner at 0 rounded: a square for errors below "
    "beta, a straight line of slope 1 beyond.",
    example_formula=(
        (
            "One value",
            r"L = \begin{cases} \frac{e^2}{2 \beta} & \text{if } |e| < \beta \\"
            r" |e| - \frac{\beta}{2} & \text{otherwise} \end{cases},\quad e = \hat{y} - y",
        ),
    ),
    batch_formula=words.MEAN_OVER_OUTPUTS,
    symbols=(
        words.VALUE_TARGET,
        words.PREDICTION,
        words.ERROR,
        (r"\beta", "the error at which the square becomes a line"),
        words.OUTPUTS,
        words.N,
        words.OUTPUT_LOSS,
    ),
    takes=words.VALUES,
    target=words.VALUE_TARGETS,
    proper_scoring_rule=f"{words.NOT_FOR_VALUES} Its best single answer is near the median for "
    "a small beta and near the mean for a large one.",
    noise_model="A distribution that is normal in the middle and falls off like the Laplace "
    "distribution in the tails.",
    use_when="The targets have outliers and training must still settle: the corners of boxes "
    "in object detection are the usual case.",
    avoid_when="Curves for different beta are to be compared by height: beta changes how "
    "much a small error counts.",
    gradient="It is the error divided by beta, held between -1 and 1: no outlier pulls harder "
    "than 1, and near the target the steps shrink.",
    source="Girshick, Fast R-CNN, ICCV, 2015; PyTorch documentation of torch.nn.SmoothL1Loss.",
)

PROGRAM = Program(one_value(on_values("SmoothL1Loss")), arguments={"beta": "beta={}"})

LOSS = LossSpec(
    key="smooth_l1",
    title="Smooth L1",
    torch_class="SmoothL1Loss",
    head=Head.NARROWEST,
    encoding="the value itself",
    reduction="mean over examples and outputs",
    unit="absolute error beyond β, its square within",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#224BFF",
    dash="solid",
    card=CARD,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="beta",
            label="Beta",
            symbol="β",
            default=1.0,
            low=0.01,
            high=100,
            help="β: errors below it count by their square; the slope is 1 beyond it.",
        ),
    ),
)
