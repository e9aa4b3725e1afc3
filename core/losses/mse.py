"""MSE: squared error of probabilities for classes, of values for regression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.chain_rule import through_sigmoid, through_softmax
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import (
    Program,
    on_probabilities,
    on_values,
    one_logit_a_question,
    one_value,
)
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def softmax_forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (p_c - y_c)^2 with p = softmax(z); saves p."""
    p = z.softmax(-2)
    return (p - y).square_().mean(-2), p


def softmax_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dp = 2 (p - y) / C, and the chain rule through the softmax."""
    return through_softmax((p - y).mul_(2 / p.shape[-2]), p)


def softmax_direct(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = 2 p_c [p_c - y_c - sum_k p_k (p_k - y_k)] / C with p = softmax(z)."""
    return softmax_backward(z.softmax(-2), y)


def sigmoid_forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (p - y)^2 with p = sigmoid(z), one logit; saves p."""
    p = z.sigmoid()
    return (p - y).square_().mean(-2), p


def sigmoid_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (p - y) p (1 - p), at most 8/27 in size."""
    return through_sigmoid((p - y).mul_(2 / p.shape[-2]), p)


def sigmoid_direct(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (p - y) p (1 - p) with p = sigmoid(z)."""
    return sigmoid_backward(z.sigmoid(), y)


def value_forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (z_c - y_c)^2; saves z - y."""
    e = z - y
    return e.square().mean(-2), e


def value_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (z - y) / C."""
    return e * (2 / e.shape[-2])


def value_direct(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (z - y) / C."""
    return value_backward(z - y, y)


# ------------------------------------------------------------------ formulas


def formulas() -> Mapping[Task, Formula]:
    return {
        Task.BINARY: Formula(
            Link.SIGMOID,
            r"(\hat{y} - y)^2,\quad \hat{y} = \sigma(z)",
            sigmoid_forward,
            sigmoid_backward,
            constants.logit_frequencies,
            direct=sigmoid_direct,
        ),
        Task.MULTICLASS: Formula(
            Link.SOFTMAX,
            rf"\frac{{1}}{{C}}\sum_{{c=1}}^{{C}} (\hat{{y}}_c - y_c)^2,{words.IS_SOFTMAX}",
            softmax_forward,
            softmax_backward,
            constants.log_frequencies,
            direct=softmax_direct,
        ),
        Task.REGRESSION: Formula(
            Link.IDENTITY,
            r"(\hat{y} - y)^2",
            value_forward,
            value_backward,
            constants.mean_target,
            direct=value_direct,
        ),
    }


# ------------------------------------------------------------------ the entry


def value_range(task: Task, outputs: int) -> Range:
    """Of C probabilities two differ by at most 1 from the target, and their mean is 2 / C."""
    ranges = {
        Task.BINARY: Range(0, 1),
        Task.MULTICLASS: Range(0, 2 / outputs, f"the most is 2 / C, with C = {outputs} classes"),
        Task.REGRESSION: Range(0, math.inf),
    }
    return ranges[task]


def card() -> Card:
    return Card(
        summary="It measures the squared distance between what the network says and the target: "
        "a value for regression, probabilities for classes.",
        example_formula=(
            ("A value, or one probability", r"L(y, \hat{y}) = (\hat{y} - y)^2"),
            (
                "C class probabilities",
                r"L(y, \hat{y}) = \frac{1}{C} \sum_{i=1}^{C} (\hat{y}_i - y_i)^2",
            ),
        ),
        batch_formula=r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C}"
        r" (\hat{y}_{n,i} - y_{n,i})^2",
        symbols=(
            ("y", "target: a value, or 0 and 1 for classes"),
            (r"\hat{y}", "predicted value or probability; with two classes, that of class 1"),
            ("z", "logits that the probabilities are made of"),
            ("C", "number of outputs: 1, or one a class"),
            words.N,
        ),
        takes="Values for regression; probabilities, after sigmoid or softmax, for classes. "
        "Float, shape [N] or [N, C].",
        target="Real values, or one-hot 0 and 1, float, exactly the shape of the predictions.",
        reduction=words.OVER_OUTPUTS,
        unit="squared error",
        proper_scoring_rule="Yes, strictly, on probabilities: it is the Brier score divided by C. "
        "On values, its best single answer is the mean.",
        noise_model="On values, the normal distribution with one fixed variance, up to a scale and "
        "a constant. On probabilities, none that fits targets of 0 and 1.",
        use_when="The target is a number and large errors matter more than small ones.",
        avoid_when="The targets have outliers, which its square lets rule, or a classifier has to "
        "be trained fast from a bad start.",
        gradient_formula=(
            ("In a value", rf"{words.BY_VALUE} 2 (\hat{{y}} - y)"),
            (
                "In one logit, through the sigmoid",
                rf"{words.BY_ONE_LOGIT} 2 (\hat{{y}} - y)\, \hat{{y}} (1 - \hat{{y}})",
            ),
            (
                "In each logit, through the softmax",
                rf"{words.BY_LOGIT} \frac{{2}}{{C}} \hat{{y}}_i \left[\hat{{y}}_i - y_i"
                r" - \sum_{j=1}^{C} \hat{y}_j (\hat{y}_j - y_j)\right]",
            ),
        ),
        gradient="On values it grows with the error. Through a sigmoid or a softmax it vanishes "
        "when the network is confidently wrong, because the probability then hardly moves.",
        source="Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly "
        "Weather Review 78, 1950; Bishop, Pattern Recognition and Machine Learning, Springer, "
        "2006, section 1.2.5.",
    )


PROGRAM = Program(
    one_logit_a_question(
        on_probabilities("MSELoss", "sigmoid()"), on_probabilities("MSELoss", "softmax(dim=1)")
    )
    | one_value(on_values("MSELoss"))
)

LOSS = LossSpec(
    key="mse",
    title="MSE",
    full_title="MSE on probabilities",
    torch_class="MSELoss",
    head=Head.NARROWEST,
    encoding="0 or 1 for each probability; the value itself for regression",
    make_formulas=formulas,
    refusals={},
    color="#009E73",
    dash="dot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
)
