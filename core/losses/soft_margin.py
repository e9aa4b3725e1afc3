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

CARD = Card(
    summary="It is the logistic loss for targets written as +1 and -1: a hinge with its corner "
    "rounded off.",
    example_formula=(("One score", r"L(y, z) = \log\left(1 + e^{-y z}\right)"),),
    batch_formula=words.MEAN_OVER_OUTPUTS,
    symbols=(
        ("y", "target: +1 or -1"),
        words.LOGITS,
        ("C", "number of logits an example: 1, or one a class"),
        words.N,
        ("L_{n,i}", "loss of logit i of example n"),
    ),
    takes="Logits, float, any shape, before any sigmoid.",
    target="+1 or -1, float, the same shape as the logits.",
    proper_scoring_rule="Yes, strictly, for the probability sigmoid(z): it is binary "
    "cross-entropy with other names for the two answers.",
    noise_model="The Bernoulli distribution with probability sigmoid(z).",
    use_when="The targets are already +1 and -1.",
    avoid_when="The targets are 0 and 1: a target of 0 gives log 2 whatever the network says, "
    "without any complaint.",
    gradient="With respect to a logit it is -y sigmoid(-y z) (divided by C with several "
    "classes), which fades for right answers but never reaches 0.",
    source="Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition, "
    "Springer, 2009, section 10.6; PyTorch documentation of torch.nn.SoftMarginLoss.",
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
    reduction="mean over examples and logits",
    unit="nats a logit",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#556944",
    dash="longdash",
    card=CARD,
    program=PROGRAM,
)
