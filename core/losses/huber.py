"""Huber: half the squared error near the target, linear beyond delta."""

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


def forward(z: Tensor, y: Tensor, delta: float) -> tuple[Tensor, Tensor]:
    """L = mean_c (e^2 / 2 where |e| < delta, else delta (|e| - delta / 2)); saves e = z - y."""
    e = z - y
    clipped = e.clamp(-delta, delta)
    return (clipped * (e - clipped / 2)).mean(-2), e


def backward(e: Tensor, y: Tensor, delta: float) -> Tensor:
    """dL/dz = clamp(z - y, -delta, delta) / C."""
    return e.clamp(-delta, delta).div_(e.shape[-2])


def formulas(delta: float) -> Mapping[Task, Formula]:
    return {
        Task.REGRESSION: Formula(
            Link.IDENTITY,
            r"\begin{cases}\frac{e^2}{2} & |e| < \delta\\ \delta\left(|e| - \frac{\delta}{2}\right)"
            r" & \text{else}\end{cases},\quad e = \hat{y} - y",
            partial(forward, delta=delta),
            partial(backward, delta=delta),
            partial(constants.mean_of_clipped_errors, width=delta),
        )
    }


def card(delta: float) -> Card:
    d, half = words.tex(delta), words.tex(delta / 2)
    return Card(
        summary=f"It is half the squared error for errors below delta, {words.plain(delta)}, and a "
        f"straight line of slope {words.plain(delta)} beyond.",
        example_formula=(
            (
                "One value",
                rf"L = \begin{{cases}} \frac{{1}}{{2}} e^2 & \text{{if }} |e| < {d} \\"
                rf" {words.factor(delta)}\left(|e| - {half}\right) & \text{{otherwise}}"
                r" \end{cases}",
            ),
            ("The error", r"e = \hat{y} - y"),
        ),
        batch_formula=words.MEAN_OVER_OUTPUTS,
        symbols=(
            words.VALUE_TARGET,
            words.PREDICTION,
            words.ERROR,
            (rf"\delta = {d}", "delta, the error at which the square becomes a line"),
            words.OUTPUTS,
            words.N,
            words.OUTPUT_LOSS,
        ),
        takes=words.VALUES,
        target=words.VALUE_TARGETS,
        reduction=words.OVER_OUTPUTS,
        unit=f"half the squared error, linear beyond {words.plain(delta)}",
        proper_scoring_rule=f"{words.NOT_FOR_VALUES} Its best single answer is near the median for "
        "a small delta and near the mean for a large one.",
        noise_model="A distribution that is normal in the middle and falls off like the Laplace "
        "distribution in the tails.",
        use_when="Most errors look normal but a few targets are far off, and the size of a usual "
        "error is known, so that delta can be set by it.",
        avoid_when="The scale of the target is unknown: a delta far too large gives half the "
        "squared error back, one far too small the absolute error times delta.",
        gradient_formula=(
            (
                "In the value",
                rf"{words.BY_VALUE} \max(-{d},\, \min({d},\, e))",
            ),
        ),
        gradient=f"It is the error itself, held between -{words.plain(delta)} and "
        f"{words.plain(delta)}: squared error's gradient near the target, halved, and a bounded "
        "pull from outliers.",
        source="Huber, Robust Estimation of a Location Parameter, Annals of Mathematical "
        "Statistics 35, 1964; PyTorch documentation of torch.nn.HuberLoss.",
    )


PROGRAM = Program(one_value(on_values("HuberLoss")), arguments={"delta": "delta={}"})

LOSS = LossSpec(
    key="huber",
    title="Huber",
    torch_class="HuberLoss",
    head=Head.NARROWEST,
    encoding="the value itself",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#E1004B",
    dash="longdash",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="delta",
            label="Delta",
            symbol="δ",
            default=1.0,
            low=0.01,
            high=100,
            help="δ: errors below it count by half their square; the slope is δ beyond it.",
        ),
    ),
)
