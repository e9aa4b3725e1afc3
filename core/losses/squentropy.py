"""Squentropy: cross-entropy plus the mean square of the wrong classes' logits.

Hui, Belkin and Wright, Cut your Losses with Squentropy, ICML 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.program import Program, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = -log softmax(z)_t + sum_{c != t} z_c^2 / (C - 1), t the target; saves z."""
    wrong = (1 - y).mul_(z)
    squares = wrong.square_().sum(-2).div_(z.shape[-2] - 1)
    return squares.sub_((z.log_softmax(-2) * y).sum(-2)), z


def backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = softmax(z) - y + 2 z (1 - y) / (C - 1)."""
    wrong = (1 - y).mul_(z)
    return wrong.mul_(2 / (z.shape[-2] - 1)).add_(z.softmax(-2)).sub_(y)


def _start(y: Tensor) -> Tensor:
    """The log frequencies, with the rarest class at the 0 that its square asks for."""
    log_f = constants.log_frequencies(y)
    return log_f.sub_(log_f.amin(-2, keepdim=True))


# ------------------------------------------------------------------ the entry


def formulas() -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.SOFTMAX,
            rf"-\log \hat{{y}}_t + \frac{{1}}{{C-1}}\sum_{{c \ne t}} z_c^2,{words.IS_SOFTMAX}",
            forward,
            backward,
            constants.searched(forward, backward, _start),
            reads_scores=True,
        )
    )


def card() -> Card:
    return Card(
        summary="It is cross-entropy plus the mean square of the wrong classes' logits, which "
        "keeps these near 0.",
        example_formula=(
            (
                "C classes, with true class t",
                r"L = -\log \hat{y}_t + \frac{1}{C - 1} \sum_{i \ne t} z_i^2",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.PROBABILITY,
            words.LOGITS,
            words.TRUE_CLASS,
            words.ONE_HOT_TARGET,
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Logits, float, shape [N, C]. There is no class for it in torch.nn. The formulas are "
        "written with these and with the probabilities that the softmax makes of them.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="nats plus squared logits",
        proper_scoring_rule="No: the squares move its best answer away from the true "
        "probabilities, though the likeliest class comes out right.",
        noise_model="None: the squares are not part of the likelihood of a class.",
        use_when="Cross-entropy is the first choice but its probabilities come out too sure; it "
        "has nothing to be set and takes the same learning rate.",
        avoid_when="The probabilities must be right on average, or the logits must be free to have "
        "any common offset.",
        gradient_formula=(
            (
                "In each logit",
                rf"{words.BY_LOGIT} \hat{{y}}_i - y_i + \frac{{2}}{{C - 1}} (1 - y_i)\, z_i",
            ),
        ),
        gradient="It is cross-entropy's and, for each wrong class, a pull of its logit to 0 from "
        "both sides.",
        source="Hui, Belkin and Wright, Cut your Losses with Squentropy, ICML, 2023.",
    )


PROGRAM = Program(
    one_logit_a_class("""\
def squentropy(logits, targets):
    cross_entropy = nn.functional.cross_entropy(logits, targets)
    is_wrong = 1 - nn.functional.one_hot(targets, logits.shape[1])
    squares = (is_wrong * logits**2).sum(dim=1) / (logits.shape[1] - 1)
    return cross_entropy + squares.mean()


loss = squentropy(logits, targets)""")
)

LOSS = LossSpec(
    key="squentropy",
    title="Squentropy",
    torch_class=None,
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#FC30FC",
    dash="longdash",
    make_card=card,
    program=PROGRAM,
)
