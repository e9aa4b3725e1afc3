"""MSE on raw outputs: squared error of the logits themselves, without softmax or sigmoid.

Hui and Belkin, Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy
in Classification Tasks, ICLR 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Parameter
from core.losses.program import Encoding, Program, on_logits, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, k: float, M: float) -> tuple[Tensor, Tensor]:
    """L = (1 / C) [k (z_t - M)^2 + sum_{c != t} z_c^2], t the target; saves z - M y."""
    e = z - M * y
    return (y * (k - 1) + 1).mul_(e.square()).mean(-2), e


def backward(e: Tensor, y: Tensor, k: float) -> Tensor:
    """dL/dz_c = 2 z_c / C for c != t, and 2 k (z_t - M) / C for t."""
    return (y * (k - 1) + 1).mul_(e).mul_(2 / e.shape[-2])


def best_constant(y: Tensor, k: float, M: float) -> Tensor:
    """z_c = k f_c M / (k f_c + 1 - f_c) with f_c the frequency of class c."""
    weight = y.mean(-1, keepdim=True) * k
    return weight * M / (weight + (1 - y).mean(-1, keepdim=True))


# ------------------------------------------------------------------ the entry


def formulas(k: float, M: float) -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.IDENTITY,
            r"\frac{1}{C}\left[k\, (z_t - M)^2 + \sum_{c \ne t} z_c^2\right]",
            partial(forward, k=k, M=M),
            partial(backward, k=k),
            partial(best_constant, k=k, M=M),
        )
    )


def card(k: float, M: float) -> Card:
    weight, target = words.factor(k), words.tex(M)
    named = [
        (
            f"k = {words.tex(k)}",
            "true-class weight: how much the true class counts against each other class",
        )
    ]
    return Card(
        summary=f"It measures the squared distance between the raw outputs and a target of "
        f"{words.plain(M)} for the true class and 0 for the others, as a regression would.",
        example_formula=(
            (
                "C classes, with true class t",
                rf"L = \frac{{1}}{{C}} \left[{weight}(z_t - {target})^2 + \sum_{{i \ne t}} z_i^2"
                r"\right]",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.SCORES,
            words.TRUE_CLASS,
            *(named if k != 1 else []),
            (f"M = {target}", "true-class target: the output that the true class should have"),
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Raw outputs, float, shape [N, C]. They are not turned into probabilities.",
        target="One-hot 0 and 1, float, exactly the shape of the outputs."
        + ("" if k == M == 1 else " The class in torch.nn has no k and M of its own."),
        reduction=words.OVER_OUTPUTS,
        unit="squared error"
        if k == 1
        else f"squared error, the true class's times {words.plain(k)}",
        proper_scoring_rule=_proper_scoring_rule(k, M),
        noise_model="The normal distribution around the target with one fixed variance, which "
        "targets of 0 and 1 do not follow.",
        use_when="Only the class with the largest output matters. With many classes the true-class "
        "weight k and the true-class target M are set above 1, or the zeros of the other classes "
        "rule.",
        avoid_when=f"Probabilities are needed, or outputs far beyond {words.plain(M)} are right: "
        "it pulls a score that is too good back.",
        gradient_formula=(
            (
                "In the true class's output",
                rf"\frac{{\partial L}}{{\partial z_t}} = \frac{{{words.tex(2 * k)}}}{{C}}"
                rf" (z_t - {target})",
            ),
            ("In each other output", rf"{words.BY_LOGIT} \frac{{2}}{{C}} z_i"),
        ),
        gradient="It grows with the error, so unlike MSE on probabilities it never vanishes when "
        "the network is wrong.",
        source="Hui and Belkin, Evaluation of Neural Architectures Trained with Square Loss vs "
        "Cross-Entropy in Classification Tasks, ICLR, 2021; "
        "PyTorch documentation of torch.nn.MSELoss.",
    )


def _proper_scoring_rule(k: float, M: float) -> str:
    if k == M == 1:
        return (
            "Its best answer is the true probability f of each class, but the outputs need be no "
            "probabilities: they can be below 0 or above 1."
        )
    if k == 1:
        return (
            f"No: its best answer is {words.plain(M)} f for a class of probability f, and the "
            "outputs are no probabilities."
        )
    over = f"{words.plain(k * M)} f / (1 {words.plus(k - 1)} f)"
    return (
        f"No: its best answer is {over} for a class of probability f. It rises with f, so the "
        "likeliest class comes out right."
    )


_WEIGHTED = """\
k, M = {k}, {M}
weights = 1 + (k - 1) * targets
loss = (weights * (logits - M * targets) ** 2).mean()"""

PROGRAM = Program(
    one_logit_a_class(on_logits("MSELoss"), Encoding.ONE_HOT),
    bodies={"k": _WEIGHTED, "M": _WEIGHTED},
)

LOSS = LossSpec(
    key="mse_on_raw_outputs",
    title="MSE on raw outputs",
    torch_class="MSELoss",
    head=Head.PER_CLASS,
    encoding="0 for each output, M for the true class's",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#1E96FC",
    dash="dash",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="k",
            label="True-class weight",
            symbol="k",
            default=1.0,
            low=0.01,
            high=100,
            help="k: how much the true class's output counts against each other one, from 0.01 "
            "to 100. It is set above 1 for many classes.",
            neutral=1.0,
        ),
        Parameter(
            name="M",
            label="True-class target",
            symbol="M",
            default=1.0,
            low=0.01,
            high=100,
            help="M: the output that the true class should have, from 0.01 to 100; the others "
            "should have 0. It is set above 1 for many classes.",
            neutral=1.0,
        ),
    ),
)
