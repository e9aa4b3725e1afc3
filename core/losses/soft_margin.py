"""Soft margin: the logistic loss for targets of +1 and -1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Encoding, Program, on_logits, one_logit_a_question
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c log(1 + exp(-u_c z_c)) with u = 2 y - 1, so -1 or 1; saves z.

    Written as max(-u z, 0) + log(1 + exp(-|z|)), which overflows nowhere.
    """
    minus_u_z = z * (1 - 2 * y)
    return z.abs().neg_().exp_().log1p_().add_(minus_u_z.clamp_(min=0)).mean(-2), z


def backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = -u sigmoid(-u z) / C."""
    minus_u = 1 - 2 * y
    return (z * minus_u).sigmoid_().mul_(minus_u).div_(z.shape[-2])


# ------------------------------------------------------------------ formulas


def formulas() -> Mapping[Task, Formula]:
    one_logit = r"\log\left(1 + e^{-u z}\right),\quad u = 2y - 1"
    logit_a_class = (
        r"\frac{1}{C}\sum_{c=1}^{C} \log\left(1 + e^{-u_c z_c}\right),\quad u_c = 2y_c - 1"
    )
    parts = (forward, backward, constants.logit_frequencies)
    return {
        Task.BINARY: Formula(Link.SIGMOID, one_logit, *parts),
        Task.MULTICLASS: Formula(Link.SIGMOID, logit_a_class, *parts),
    }


# ------------------------------------------------------------------ the entry


def card() -> Card:
    return Card(
        summary="It is the logistic loss for targets written as +1 and -1: a hinge with its corner "
        "rounded off.",
        example_formula=(
            ("One logit", r"L = \log\left(1 + e^{-y z}\right)"),
            (
                "One logit a class",
                r"L = \frac{1}{C} \sum_{i=1}^{C} \log\left(1 + e^{-y_i z_i}\right)",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            ("y", "target: +1 or -1"),
            words.LOGITS,
            words.SIGMOID,
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Logits, float, any shape, before any sigmoid.",
        target="+1 or -1, float, the same shape as the logits.",
        reduction=words.OVER_LOGITS,
        unit="nats per output",
        proper_scoring_rule="Yes, strictly, for the probability sigmoid(z): it is binary "
        "cross-entropy with other names for the two answers.",
        noise_model="The Bernoulli distribution with probability sigmoid(z).",
        use_when="The targets are already +1 and -1.",
        avoid_when="The targets are 0 and 1: a target of 0 gives log 2 whatever the network says, "
        "without any complaint. Or logits can be large: the class in torch.nn takes the "
        "exponential as it stands, which overflows in float32 (a logit of -89 with a target of 1 "
        "gives inf and a gradient that is NaN). Loss Lab's own does not.",
        gradient_formula=(
            ("In the one logit", rf"{words.BY_ONE_LOGIT} -y\, \sigma(-y z)"),
            (
                "In each class's logit",
                rf"{words.BY_LOGIT} -\frac{{1}}{{C}}\, y_i\, \sigma(-y_i z_i)",
            ),
        ),
        gradient="It fades for right answers but never reaches 0.",
        source="Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd "
        "edition, Springer, 2009, section 10.6; PyTorch documentation of torch.nn.SoftMarginLoss.",
    )


PROGRAM = Program(
    one_logit_a_question(
        on_logits("SoftMarginLoss"), on_logits("SoftMarginLoss"), Encoding.SIGNS, Encoding.SIGNS
    )
)

LOSS = LossSpec(
    key="soft_margin",
    title="Soft margin",
    torch_class="SoftMarginLoss",
    head=Head.NARROWEST,
    encoding="0 or 1 for each logit, read as -1 or 1",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#556944",
    dash="longdash",
    make_card=card,
    program=PROGRAM,
)
