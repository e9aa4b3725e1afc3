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


CARD = Card(
    summary="It measures the squared distance between the raw outputs and a target of M for the "
    "true class and 0 for the others, as a regression would.",
    example_formula=(
        (
            "C classes, with true class t",
            r"L = \frac{1}{C} \left[k (z_t - M)^2 + \sum_{i \ne t} z_i^2\right]",
        ),
    ),
    batch_formula=words.MEAN_OF_LOSSES,
    symbols=(
        words.SCORES,
        words.TRUE_CLASS,
        ("k", "true-class weight: how much the true class counts against each other class"),
        ("M", "true-class target: the output that the true class should have"),
        words.CLASSES,
        words.N,
        words.EXAMPLE_LOSS,
    ),
    takes="Raw outputs, float, shape [N, C]. They are not turned into probabilities.",
    target="One-hot 0 and 1, float, exactly the shape of the outputs.",
    proper_scoring_rule="With k = M = 1 its best answer is the true probability of each class, "
    "but the outputs need be no probabilities: they can be below 0 or above 1.",
    noise_model="The normal distribution around the target with one fixed variance, which "
    "targets of 0 and 1 do not follow.",
    use_when="Only the class with the largest output matters. With many classes k and M are set "
    "above 1, or the zeros of the other classes rule.",
    avoid_when="Probabilities are needed, or outputs far beyond M are right: it pulls a score "
    "that is too good back to M.",
    gradient="It is 2 (z - target) / C, k times as much for the true class: it grows with the "
    "error, so unlike MSE on probabilities it never vanishes when the network is wrong.",
    source="Hui and Belkin, Evaluation of Neural Architectures Trained with Square Loss vs "
    "Cross-Entropy in Classification Tasks, ICLR, 2021; "
    "PyTorch documentation of torch.nn.MSELoss.",
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
    reduction="mean over examples and outputs",
    unit="squared error",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#1E96FC",
    dash="dash",
    card=CARD,
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
