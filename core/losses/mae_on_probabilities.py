"""MAE on probabilities: the absolute error of probabilities, which forgives wrong labels.

Ghosh, Kumar and Sastry, Robust Loss Functions under Label Noise for Deep Neural Networks,
AAAI 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.chain_rule import through_sigmoid, through_softmax
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.program import Program, on_probabilities, one_logit_a_question
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def softmax_forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c |p_c - y_c| with p = softmax(z), which is 2 (1 - p_t) / C; saves p."""
    p = z.softmax(-2)
    return (p - y).abs_().mean(-2), p


def softmax_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dp = sign(p - y) / C, and the chain rule through the softmax."""
    return through_softmax((p - y).sign_().div_(p.shape[-2]), p)


def sigmoid_forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = |p - y| with p = sigmoid(z), one logit; saves p."""
    p = z.sigmoid()
    return (p - y).abs_().mean(-2), p


def sigmoid_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = sign(p - y) p (1 - p), at most 1/4 in size."""
    return through_sigmoid((p - y).sign_().div_(p.shape[-2]), p)


# ------------------------------------------------------------------ the entry


def formulas() -> Mapping[Task, Formula]:
    return {
        Task.BINARY: Formula(
            Link.SIGMOID,
            r"|\hat{y} - y|,\quad \hat{y} = \sigma(z)",
            sigmoid_forward,
            sigmoid_backward,
            constants.more_frequent_answer,
        ),
        Task.MULTICLASS: Formula(
            Link.SOFTMAX,
            rf"\frac{{1}}{{C}}\sum_{{c=1}}^{{C}} |\hat{{y}}_c - y_c|,{words.IS_SOFTMAX}",
            softmax_forward,
            softmax_backward,
            constants.most_frequent_class,
        ),
    }


def value_range(task: Task, outputs: int) -> Range:
    """Of C probabilities two differ by at most 1 from the target, and their mean is 2 / C."""
    if task is Task.BINARY:
        return Range(0, 1)
    return Range(0, 2 / outputs, f"the most is 2 / C, with C = {outputs} classes")


def card() -> Card:
    return Card(
        summary="It measures the absolute distance between predicted probabilities and the one-hot "
        "target, so no single example can cost more than a fixed amount.",
        example_formula=(
            ("One probability", r"L(y, \hat{y}) = |\hat{y} - y|"),
            (
                "C classes, with true class t",
                r"L = \frac{1}{C} \sum_{i=1}^{C} |\hat{y}_i - y_i| = \frac{2}{C} (1 - \hat{y}_t)",
            ),
        ),
        batch_formula=r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} |\hat{y}_{n,i} - y_{n,i}|",
        symbols=(
            words.BINARY_TARGET,
            (r"\hat{y}", "predicted probability; with two classes, that of class 1"),
            ("z", "logits that the probabilities are made of"),
            words.TRUE_CLASS,
            ("C", "number of probabilities an example: 1, or one a class"),
            words.N,
        ),
        takes="Probabilities, after sigmoid or softmax, float, shape [N] or [N, C].",
        target="One-hot 0 and 1, float, exactly the shape of the probabilities.",
        reduction=words.OVER_OUTPUTS,
        unit="absolute error",
        proper_scoring_rule="No: its best answer puts all probability on the likeliest class, "
        "however unlikely it is.",
        noise_model="None that fits targets of 0 and 1.",
        use_when="Many labels are wrong: if wrong labels fall on all classes alike and the right "
        "one stays the most frequent, its best classifier is the one for clean labels.",
        avoid_when="Probabilities are needed, or there are many classes: training is slow and can "
        "fail to leave its start.",
        gradient_formula=(
            (
                "In one logit, through the sigmoid",
                rf"{words.BY_ONE_LOGIT} (1 - 2 y)\, \hat{{y}} (1 - \hat{{y}})",
            ),
            (
                "In each logit, through the softmax",
                rf"{words.BY_LOGIT} \frac{{2}}{{C}} \hat{{y}}_t (\hat{{y}}_i - y_i)",
            ),
        ),
        gradient="It vanishes when the network is confidently wrong, so hard examples are given "
        "up together with wrong labels.",
        source="Ghosh, Kumar and Sastry, Robust Loss Functions under Label Noise for Deep Neural "
        "Networks, AAAI, 2017; PyTorch documentation of torch.nn.L1Loss.",
    )


PROGRAM = Program(
    one_logit_a_question(
        on_probabilities("L1Loss", "sigmoid()"), on_probabilities("L1Loss", "softmax(dim=1)")
    )
)

LOSS = LossSpec(
    key="mae_on_probabilities",
    title="MAE on probabilities",
    torch_class="L1Loss",
    head=Head.NARROWEST,
    encoding="0 or 1 for each probability",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#CC8448",
    dash="dashdot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
)
