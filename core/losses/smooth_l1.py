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


def card(beta: float) -> Card:
    b, half = words.tex(beta), words.tex(beta / 2)
    in_words, half_in_words = words.plain(beta), words.plain(beta / 2)
    slope = "e" if beta == 1 else rf"\frac{{e}}{{{b}}}"
    square = "e^2" if 2 * beta == 1 else rf"\frac{{e^2}}{{{words.tex(2 * beta)}}}"
    over = "" if 2 * beta == 1 else words.plain(2 * beta)
    return Card(
        summary="It is the absolute error with the corner at 0 rounded: the square of the error"
        + (f" over {over}" if over else "")
        + f" for errors below beta, {in_words}, and the absolute error less {half_in_words} "
        "beyond; it is Huber's loss with the same delta"
        + (f", divided by {in_words}." if beta != 1 else "."),
        example_formula=(
            (
                "One value",
                rf"L = \begin{{cases}} {square} &"
                rf" \text{{if }} |e| < {b} \\ |e| - {half} & \text{{otherwise}} \end{{cases}}",
            ),
            ("The error", r"e = \hat{y} - y"),
        ),
        batch_formula=words.MEAN_OVER_OUTPUTS,
        symbols=(
            words.VALUE_TARGET,
            words.PREDICTION,
            words.ERROR,
            (rf"\beta = {b}", "beta, the error at which the square becomes a line"),
            words.OUTPUTS,
            words.N,
            words.OUTPUT_LOSS,
        ),
        takes=words.VALUES,
        target=words.VALUE_TARGETS,
        reduction=words.OVER_OUTPUTS,
        unit=f"absolute error less {half_in_words}; e²{over and f' / {over}'} within {in_words}",
        proper_scoring_rule=f"{words.NOT_FOR_VALUES} Its best single answer is near the median for "
        "a small beta and near the mean for a large one.",
        noise_model="A distribution that is normal in the middle and falls off like the Laplace "
        "distribution in the tails.",
        use_when="The targets have outliers and training must still settle: the corners of boxes "
        "in object detection are the usual case.",
        avoid_when="Curves for different beta are to be compared by height: beta changes how "
        "much a small error counts.",
        gradient_formula=(("In the value", rf"{words.BY_VALUE} \max(-1,\, \min(1,\, {slope}))"),),
        gradient="It is the error"
        + (f" divided by {in_words}" if beta != 1 else "")
        + ", held between -1 and 1: no outlier pulls harder than 1, and near the target the steps "
        "shrink.",
        source="Girshick, Fast R-CNN, ICCV, 2015; PyTorch documentation of torch.nn.SmoothL1Loss.",
    )


PROGRAM = Program(one_value(on_values("SmoothL1Loss")), arguments={"beta": "beta={}"})

LOSS = LossSpec(
    key="smooth_l1",
    title="Smooth L1",
    torch_class="SmoothL1Loss",
    head=Head.NARROWEST,
    encoding="the value itself",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#224BFF",
    dash="solid",
    make_card=card,
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
