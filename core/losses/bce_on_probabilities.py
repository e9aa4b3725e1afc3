"""BCE on probabilities: binary cross-entropy behind a sigmoid, with its logarithms cut off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Program, on_probabilities, one_logit_a_question
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

#: BCELoss takes no logarithm for less than this ...
_LOWEST_LOG = -100
#: ... and divides its gradient by no less than this.
_SMALLEST_DIVISOR = 1e-12

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c -[y log p + (1 - y) log(1 - p)] with p = sigmoid(z), logs from -100; saves p."""
    p = z.sigmoid()
    log_p = p.log().clamp_(min=_LOWEST_LOG)
    log_rest = p.neg().log1p_().clamp_(min=_LOWEST_LOG)
    return (y - 1).mul_(log_rest).sub_(y * log_p).mean(-2), p


def backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (p - y) / max(p (1 - p), 1e-12) * p (1 - p) / C: 0 once p is rounded to 0 or 1."""
    slope = (1 - p).mul_(p)
    return (p - y).div_(slope.clamp(min=_SMALLEST_DIVISOR)).mul_(slope).div_(p.shape[-2])


# ------------------------------------------------------------------ formulas

_ONE_PROBABILITY = (
    r"-\left[y \log \hat{y} + (1-y)\log(1-\hat{y})\right],\quad \hat{y} = \sigma(z),"
    r"\ \log \ge -100"
)
_PROBABILITY_A_CLASS = (
    r"-\frac{1}{C}\sum_{c=1}^{C}\left[y_c \log \hat{y}_c + (1-y_c)\log(1-\hat{y}_c)\right],"
    r"\quad \hat{y}_c = \sigma(z_c),\ \log \ge -100"
)


def formulas() -> Mapping[Task, Formula]:
    parts = (forward, backward, constants.logit_frequencies)
    return {
        Task.BINARY: Formula(Link.SIGMOID, _ONE_PROBABILITY, *parts),
        Task.MULTICLASS: Formula(Link.SIGMOID, _PROBABILITY_A_CLASS, *parts),
    }


# ------------------------------------------------------------------ the entry


def value_range(task: Task, outputs: int) -> Range:
    return Range(0, -_LOWEST_LOG, "no logarithm counts for more")


def card() -> Card:
    return Card(
        summary="It is binary cross-entropy computed from probabilities instead of logits, with "
        "each logarithm cut off at -100.",
        example_formula=(
            (
                "One probability",
                r"L = -\left[y\, \ell(\hat{y}) + (1 - y)\, \ell(1 - \hat{y})\right]",
            ),
            ("The logarithm, cut off", r"\ell(x) = \max(\log x,\, -100)"),
        ),
        batch_formula=words.MEAN_OVER_OUTPUTS,
        symbols=(
            words.BINARY_TARGET,
            words.YES_PROBABILITY,
            ("z", "logit that the sigmoid makes a probability of"),
            ("C", "number of probabilities an example: 1, or one a class"),
            words.N,
            ("L_{n,i}", "loss of probability i of example n"),
        ),
        takes="Probabilities between 0 and 1, float, shape [N] or [N, C]: the output of a sigmoid.",
        target=words.ZEROS_AND_ONES,
        reduction="mean over examples and probabilities",
        unit="nats a probability",
        proper_scoring_rule="Yes, strictly, as long as no probability is rounded to 0 or 1.",
        noise_model="The Bernoulli distribution, except where rounding or the cut-off holds.",
        use_when="Only probabilities are at hand, because the network ends in a sigmoid that "
        "cannot be taken out.",
        avoid_when="The logits are at hand: BCEWithLogitsLoss gives the same number for moderate "
        "logits and a right one for extreme logits. In float32 the sigmoid of 17 rounds to 1, and "
        "with a target of 0 the loss is then 100 instead of 17; beyond 100 it is too small.",
        gradient_formula=(
            ("In one logit, on paper", rf"{words.BY_ONE_LOGIT} \hat{{y}} - y"),
            (
                "As it is computed",
                rf"{words.BY_ONE_LOGIT} (\hat{{y}} - y)\, \frac{{\hat{{y}} (1 - \hat{{y}})}}"
                r"{\max(\hat{y} (1 - \hat{y}),\, 10^{-12})}",
            ),
        ),
        gradient="The division by at least 1e-12 makes it fade from a logit of -28 down, long "
        "before the probability is exactly 0: at -40 it is 4e-6 instead of 1. In float32 the "
        "probability is exactly 1 from a logit of 17 up, and the gradient 0. A badly wrong "
        "example stops teaching anything.",
        source="PyTorch documentation of torch.nn.BCELoss.",
    )


PROGRAM = Program(
    one_logit_a_question(
        on_probabilities("BCELoss", "sigmoid()"), on_probabilities("BCELoss", "sigmoid()")
    )
)

LOSS = LossSpec(
    key="bce_on_probabilities",
    title="BCE on probabilities",
    torch_class="BCELoss",
    head=Head.NARROWEST,
    encoding="0 or 1 for each probability",
    make_formulas=formulas,
    refusals=words.NEEDS_UNIT_INTERVAL,
    color="#BB2D00",
    dash="longdashdot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
)
