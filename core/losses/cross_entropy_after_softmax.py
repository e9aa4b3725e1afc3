"""CrossEntropy after softmax: a bug, as it trains. CrossEntropyLoss is given probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.chain_rule import through_softmax
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.program import Program, on_probabilities, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = -sum_c y_c log softmax(p)_c with p = softmax(z); saves p."""
    p = z.softmax(-2)
    return p.log_softmax(-2).mul_(y).sum(-2).neg_(), p


def backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dp = softmax(p) - y, and the chain rule through the softmax that should not be there."""
    return through_softmax(p.softmax(-2).sub_(y), p)


_STARTS = (constants.log_frequencies, constants.no_preference, constants.most_frequent_class)


def formulas() -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.SOFTMAX,
            r"-\sum_{c=1}^{C} y_c \log \mathrm{softmax}(\hat{y})_c," + words.IS_SOFTMAX,
            forward,
            backward,
            constants.searched(forward, backward, *_STARTS),
        )
    )


# ------------------------------------------------------------------ the entry


def value_range(task: Task, outputs: int) -> Range:
    """From p = 1 for the true class to p = 1 for another one."""
    return Range(
        math.log(1 + (outputs - 1) / math.e),
        math.log(outputs - 1 + math.e),
        "the least is log(1 + (C - 1) / e), at a perfect answer",
    )


def card() -> Card:
    return Card(
        summary="It is a bug: CrossEntropyLoss, which applies a softmax itself, is given "
        "probabilities where it expects logits, so they are squeezed a second time.",
        example_formula=(
            (
                words.TRUE,
                r"L = -\log q_t = -\hat{y}_t + \log \sum_{i=1}^{C} e^{\hat{y}_i}",
            ),
            ("The softmax of a softmax", rf"q = \mathrm{{softmax}}(\hat{{y}}),{words.IS_SOFTMAX}"),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.ONE_HOT_TARGET,
            words.PROBABILITY,
            ("q", "what the loss takes for the probabilities"),
            words.LOGITS,
            words.TRUE_CLASS,
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Logits, float, shape [N, C]; what it is given by mistake is their softmax.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="nats, squeezed",
        proper_scoring_rule="No. Of two classes, one that is right 73 times of 100 or more is best "
        "given a probability of 1.",
        noise_model="None: no probabilities that the network could give are those that the loss "
        "takes it to give.",
        use_when="Never, but to see what the bug does: training runs without an error.",
        avoid_when="Always. Give CrossEntropyLoss the logits; where the network ends in a softmax, "
        "take it out.",
        gradient_formula=(
            (
                "In each logit",
                rf"{words.BY_LOGIT} \hat{{y}}_i \left[g_i - \sum_{{j=1}}^{{C}} \hat{{y}}_j g_j"
                r"\right]",
            ),
            ("What reaches the softmax", r"g_i = q_i - y_i"),
        ),
        gradient="Where all classes are given the same probability it is 1 / C of CrossEntropy's, "
        "and a sure answer gets none, right or wrong: training is slow, and badly wrong examples "
        "teach nothing.",
        source="PyTorch documentation of torch.nn.CrossEntropyLoss, whose input are logits.",
    )


PROGRAM = Program(one_logit_a_class(on_probabilities("CrossEntropyLoss", "softmax(dim=1)")))

LOSS = LossSpec(
    key="cross_entropy_after_softmax",
    title="CE after softmax (bug)",
    torch_class="CrossEntropyLoss",
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#FE4878",
    dash="dashdot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
    mistake="softmax_before_cross_entropy",
)
