"""BCE: binary cross-entropy on logits, one yes-or-no question a logit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.parameters import Parameter
from core.losses.program import Program, on_logits, one_logit_a_question
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Backward, Constant, Forward

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c -[y log s(z) + (1 - y) log(1 - s(z))] with s the sigmoid; saves z.

    Written as max(z, 0) - z y + log(1 + exp(-|z|)), which overflows nowhere.
    """
    loss = z.abs().neg_().exp_().log1p_().add_(z.clamp(min=0)).sub_(z * y)
    return loss.mean(-2), z


def backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (s(z) - y) / C."""
    return z.sigmoid().sub_(y).div_(z.shape[-2])


def weighted_forward(z: Tensor, y: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """L = mean_c -[w y log s(z) + (1 - y) log(1 - s(z))] with s the sigmoid; saves z.

    Written as (1 - y) z + (1 + (w - 1) y) (log(1 + exp(-|z|)) + max(-z, 0)).
    """
    minus_log_s = z.abs().neg_().exp_().log1p_().add_(z.neg().clamp_(min=0))
    return (1 - y).mul_(z).add_(minus_log_s.mul_(y * (weight - 1) + 1)).mean(-2), z


def weighted_backward(z: Tensor, y: Tensor, weight: float) -> Tensor:
    """dL/dz = (1 + (w - 1) y) (s(z) - y) / C, for targets of 0 or 1."""
    return z.sigmoid().sub_(y).mul_(y * (weight - 1) + 1).div_(z.shape[-2])


def best_constant(y: Tensor, weight: float) -> Tensor:
    """exp of it is the odds of each 1, times its weight."""
    return constants.logit_frequencies(y).add_(math.log(weight))


# ------------------------------------------------------------------ formulas

_ONE_LOGIT = r"-\left[w\, y \log \hat{y} + (1-y)\log(1-\hat{y})\right],\quad \hat{y} = \sigma(z)"
_LOGIT_A_CLASS = (
    r"-\frac{1}{C}\sum_{c=1}^{C}\left[w\, y_c \log \hat{y}_c + (1-y_c)\log(1-\hat{y}_c)\right],"
    r"\quad \hat{y}_c = \sigma(z_c)"
)


def formulas(pos_weight: float) -> Mapping[Task, Formula]:
    bound: tuple[Forward, Backward, Constant] = (forward, backward, constants.logit_frequencies)
    # What the backward is given of the forward are the logits themselves.
    if pos_weight != 1:
        bound = (
            partial(weighted_forward, weight=pos_weight),
            partial(weighted_backward, weight=pos_weight),
            partial(best_constant, weight=pos_weight),
        )
    return {
        Task.BINARY: Formula(Link.SIGMOID, _ONE_LOGIT, *bound, direct=bound[1]),
        Task.MULTICLASS: Formula(Link.SIGMOID, _LOGIT_A_CLASS, *bound, direct=bound[1]),
    }


# ------------------------------------------------------------------ the entry


def card(pos_weight: float) -> Card:
    w = words.factor(pos_weight)
    is_plain = pos_weight == 1
    slope = (
        r"\hat{y} - y"
        if is_plain
        else rf"\left(1 {words.plus(pos_weight - 1)}\, y\right) \hat{{y}} - {w}y"
    )
    slope_a_class = (
        slope.replace(r"\hat{y}", r"\hat{y}_i").replace(r"\, y", r"\, y_i")
        if not is_plain
        else r"\hat{y}_i - y_i"
    )
    return Card(
        summary="It measures how surprised the network is by the answer to a yes-or-no question; "
        "with several classes it asks one such question for each class.",
        example_formula=(
            (
                "One logit",
                rf"L = -\left[{w}y \log \hat{{y}} + (1 - y) \log (1 - \hat{{y}})\right]",
            ),
            (
                "One question a class",
                r"L = -\frac{1}{C} \sum_{i=1}^{C}"
                rf" \left[{w}y_i \log \hat{{y}}_i + (1 - y_i) \log (1 - \hat{{y}}_i)\right]",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.BINARY_TARGET,
            words.YES_PROBABILITY,
            words.LOGITS,
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
            *(
                []
                if is_plain
                else [
                    (
                        f"w = {words.tex(pos_weight)}",
                        "positive weight: how much a target of 1 counts against one of 0",
                    )
                ]
            ),
        ),
        takes="Logits, float, shape [N] or [N, C], before any sigmoid. "
        "The class applies the sigmoid itself; the formulas are written with the probabilities "
        "that it makes.",
        target=words.ZEROS_AND_ONES,
        reduction=words.OVER_LOGITS,
        unit="nats per output"
        if is_plain
        else f"nats per output, those of a 1 times {words.plain(pos_weight)}",
        proper_scoring_rule="Yes, strictly, for each yes-or-no question. A pos_weight other than 1 "
        "moves the best answer away from the true probability."
        if is_plain
        else "No, not for the true probability: pos_weight makes the best answer's odds "
        f"{words.plain(pos_weight)} times the true ones.",
        noise_model="The Bernoulli distribution (a coin toss); with several classes, one "
        "independent toss a class."
        + ("" if is_plain else f" A toss that came out 1 counts {words.plain(pos_weight)} times."),
        use_when="There are two classes, or an example can have several labels at once.",
        avoid_when="Exactly one of several classes is true: the separate probabilities need not "
        "add up to 1, and cross-entropy uses the fact that they must.",
        gradient_formula=(
            ("In the one logit", f"{words.BY_ONE_LOGIT} {slope}"),
            (
                "In each class's logit",
                rf"{words.BY_LOGIT} \frac{{1}}{{C}} \left[{slope_a_class}\right]",
            ),
        ),
        gradient="A confident wrong answer is pushed at nearly full strength, which is 1"
        + (
            ""
            if is_plain
            else f" where the target is 0 and {words.plain(pos_weight)} where it is 1"
        )
        + ", divided by C with several classes.",
        source="Cox, The regression analysis of binary sequences, Journal of the Royal Statistical "
        "Society B 20, 1958; PyTorch documentation of torch.nn.BCEWithLogitsLoss.",
    )


PROGRAM = Program(
    one_logit_a_question(on_logits("BCEWithLogitsLoss"), on_logits("BCEWithLogitsLoss")),
    arguments={"pos_weight": "pos_weight=torch.tensor({})"},
)

LOSS = LossSpec(
    key="bce",
    title="BCE",
    full_title="BCE on logits",
    torch_class="BCEWithLogitsLoss",
    head=Head.NARROWEST,
    encoding="0 or 1 for each logit",
    make_formulas=formulas,
    refusals=words.NEEDS_UNIT_INTERVAL,
    color="#D55E00",
    dash="dash",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="pos_weight",
            label="Positive weight",
            symbol="w",
            default=1.0,
            low=0.01,
            high=100,
            help="w: how much a target of 1 counts against one of 0.",
            neutral=1.0,
        ),
    ),
)
