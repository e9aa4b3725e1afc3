"""Broadcast MSE: a bug, as it trains. Predictions [N, 1] meet targets [N], and make N x N pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Program, one_value
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L_n = mean_j (z_n - y_j)^2 over all N targets; saves z - m, m being their mean.

    It is (z_n - m)^2 + mean_j (y_j - m)^2, without the N x N pairs.
    """
    mean = y.mean(-1, keepdim=True)
    e = z - mean
    spread = (y - mean).square_().mean(-1, keepdim=True)
    return e.square().add_(spread).mean(-2), e


def backward(e: Tensor, y: Tensor) -> Tensor:
    """dL_n/dz_n = 2 (z_n - m) / C: the example's own target is not in it."""
    return e * (2 / e.shape[-2])


def formulas() -> Mapping[Task, Formula]:
    latex = r"\frac{1}{N}\sum_{j=1}^{N} (\hat{y} - y_j)^2"
    parts = (forward, backward, constants.mean_target)
    return {Task.REGRESSION: Formula(Link.IDENTITY, latex, *parts, is_by_example=False)}


# ------------------------------------------------------------------ the entry


def value_range(task: Task, outputs: int) -> Range:
    return Range(0, math.inf, "in a batch the least is the variance of its targets")


def card() -> Card:
    return Card(
        summary="It is a bug: predictions of shape [N, 1] meet targets of shape [N], the "
        "subtraction stretches both to N x N, and every prediction is compared with every target.",
        example_formula=(
            (
                "One prediction, against all N targets",
                r"L_n = \frac{1}{N} \sum_{j=1}^{N} (\hat{y}_n - y_j)^2",
            ),
            (
                "The same in two parts",
                r"L_n = (\hat{y}_n - \bar{y})^2 + \frac{1}{N} \sum_{j=1}^{N} (y_j - \bar{y})^2",
            ),
        ),
        batch_formula=r"J = \frac{1}{N^2} \sum_{n=1}^{N} \sum_{j=1}^{N} (\hat{y}_n - y_j)^2",
        symbols=(
            words.VALUE_TARGET,
            words.PREDICTION,
            (r"\bar{y}", "mean of the batch's targets"),
            words.N,
            ("L_n", "loss of example n"),
        ),
        takes="Predicted values, float, of shape [N, 1] by mistake.",
        target="Real values, float, of shape [N].",
        reduction="mean over all pairs of a prediction and a target",
        unit="squared error, of all pairs",
        proper_scoring_rule=f"{words.NOT_FOR_VALUES} Its best answer is the mean of the batch's "
        "targets, the same for every example.",
        noise_model="None: a prediction is mostly held against targets of other examples.",
        use_when="Never, but to see what the bug does: PyTorch only warns of it, once.",
        avoid_when="Always. Call squeeze(1) on the predictions, or unsqueeze(1) on the targets: "
        "both must have one shape.",
        gradient_formula=(("In the value", rf"{words.BY_VALUE} 2 (\hat{{y}} - \bar{{y}})"),),
        gradient="It pulls every prediction to the mean of the batch's targets, so training makes "
        "all predictions the mean of the targets. An example alone in its batch has the gradient "
        "of MSE.",
        source="PyTorch documentation of torch.nn.MSELoss, whose input and target are to have one "
        "shape.",
    )


_BODY = "loss_fn = nn.MSELoss()\nloss = loss_fn(predictions.unsqueeze(1), targets)"
PROGRAM = Program(one_value(_BODY))

LOSS = LossSpec(
    key="broadcast_mse",
    title="Broadcast MSE (bug)",
    torch_class="MSELoss",
    head=Head.NARROWEST,
    encoding="the value itself, met by every prediction of the batch",
    make_formulas=formulas,
    refusals=words.NEEDS_VALUES,
    color="#CC8448",
    dash="longdash",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
    mistake="broadcast",
)
