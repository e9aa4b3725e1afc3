"""Focal: cross-entropy that counts the examples less that are already right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Parameter
from core.losses.program import Program, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

#: The smallest float32 that has all its digits.
_SMALLEST_FLOAT = 1.2e-38

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """L = -(1 - p_t)^gamma log p_t with p = softmax(z), t the target; saves log p.

    Lin, Goyal, Girshick, He, Dollar 2017, without its class weight alpha.
    """
    log_p = z.log_softmax(-2)
    log_t = (log_p * y).sum(-2)
    return _one_minus_exp(log_t).pow_(gamma).mul_(log_t).neg_(), log_p


def backward(log_p: Tensor, y: Tensor, gamma: float) -> Tensor:
    """dL/dz_c = (1 - p_t)^(gamma - 1) (gamma p_t log p_t - (1 - p_t)) (y_c - p_c)."""
    log_t = (log_p * y).sum(-2, keepdim=True)
    rest = _one_minus_exp(log_t)
    slope = (log_t.exp() * log_t * gamma).sub_(rest).mul_(rest.pow(gamma - 1))
    return (y - log_p.exp()).mul_(slope)


def _one_minus_exp(log_p: Tensor) -> Tensor:
    """1 - p without cancellation, and never 0, whose powers below 0 would be infinite."""
    return log_p.expm1().neg_().clamp_(min=_SMALLEST_FLOAT)


# ------------------------------------------------------------------ formulas


def formulas(gamma: float) -> Mapping[Task, Formula]:
    bound = partial(forward, gamma=gamma), partial(backward, gamma=gamma)
    return for_classes(
        Formula(
            Link.SOFTMAX,
            rf"-(1 - \hat{{y}}_t)^{{\gamma}} \log \hat{{y}}_t,{words.IS_SOFTMAX}",
            *bound,
            constants.searched(*bound, constants.log_frequencies),
        )
    )


# ------------------------------------------------------------------ the entry

CARD = Card(
    summary="It is cross-entropy with each example's loss turned down the better the example "
    "is already predicted.",
    example_formula=(
        (
            "C classes, with true class t",
            r"L = -(1 - \hat{y}_t)^{\gamma} \log \hat{y}_t",
        ),
    ),
    batch_formula=r"J = -\frac{1}{N} \sum_{n=1}^{N} (1 - \hat{y}_{n,t_n})^{\gamma}"
    r" \log \hat{y}_{n,t_n}",
    symbols=(
        words.PROBABILITY,
        words.TRUE_CLASS,
        (r"\gamma", "focus: 0 is cross-entropy, larger turns easy examples down more"),
        words.N,
    ),
    takes="Logits, float, shape [N, C]. There is no class for it in torch.nn.",
    target=words.CLASS_IDS,
    proper_scoring_rule="No, for a focus above 0: the likeliest class comes out right, but the "
    "probabilities do not.",
    noise_model="None for a focus above 0; at 0 it is cross-entropy.",
    use_when="Easy examples are so many that their small losses drown the hard ones, as in "
    "finding objects in images.",
    avoid_when="Probabilities are needed, or some labels are wrong: a wrong label looks like a "
    "hard example and gets the most attention.",
    gradient="It is cross-entropy's gradient times a factor that falls to 0 as the true class's "
    "probability nears 1, so training is led by the examples that are still wrong.",
    source="Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, ICCV, "
    "2017; on its probabilities: Charoenphakdee et al., On Focal Loss for Class-Posterior "
    "Probability Estimation, CVPR, 2021.",
)

PROGRAM = Program(
    one_logit_a_class("""\
def focal_loss(logits, targets, gamma={gamma}):
    log_probabilities = logits.log_softmax(dim=1)
    log_p = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (-((1 - log_p.exp()) ** gamma) * log_p).mean()


loss = focal_loss(logits, targets)""")
)

LOSS = LossSpec(
    key="focal",
    title="Focal",
    torch_class=None,
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    reduction="mean over examples",
    unit="nats, fewer where sure",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#E1004B",
    dash="dot",
    card=CARD,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="gamma",
            label="Gamma",
            symbol="γ",
            default=2.0,
            low=0,
            high=10,
            help="γ: how much less the examples count that are already right; 0 is CrossEntropy.",
        ),
    ),
)
