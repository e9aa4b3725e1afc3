"""Focal: cross-entropy that counts the examples less that are already right."""

from __future__ import annotations

import math
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


def _gradient_factor(p: float, gamma: float) -> float:
    """By what cross-entropy's gradient is multiplied, p being the true class's probability."""
    slope = gamma * p * math.pow(1 - p, gamma - 1) * math.log(p)
    return math.pow(1 - p, gamma) - slope


def _gradient(gamma: float) -> str:
    """How the factor goes, read off 999 probabilities."""
    factors = {p / 1000: _gradient_factor(p / 1000, gamma) for p in range(1, 1000)}
    top = max(factors, key=lambda p: factors[p])
    # A gamma that is almost 0 changes no digit of any factor.
    last = max((p for p, factor in factors.items() if factor > 1), default=None)
    if last is None:
        return "It is cross-entropy's own."
    return (
        f"It is cross-entropy's times a factor of the true class's probability p. As p falls from "
        f"1 the factor rises from 0, exceeds 1 below p = {last:.2f}, is largest with "
        f"{factors[top]:.2f} at p = {top:.2f} and goes back to 1 as p nears 0: training is led by "
        "the examples that are still wrong."
    )


def _rest_to(power: float) -> str:
    """The LaTeX of a power of what the true class's probability leaves of 1."""
    rest = r"(1 - \hat{y}_t)"
    return rest if power == 1 else f"{rest}^{{{words.tex(power)}}}"


def card(gamma: float) -> Card:
    turned_down = "" if gamma == 0 else f"{_rest_to(gamma)} "
    in_batch = turned_down.replace("_t", "_{n,t_n}")
    return Card(
        summary="It is cross-entropy with each example's loss turned down the better the example "
        "is already predicted; the class weight alpha of its paper is left out.",
        example_formula=((words.TRUE, rf"L = -{turned_down}\log \hat{{y}}_t"),),
        batch_formula=rf"J = -\frac{{1}}{{N}} \sum_{{n=1}}^{{N}} {in_batch}"
        r"\log \hat{y}_{n,t_n}",
        symbols=(
            words.PROBABILITY,
            words.TRUE_CLASS,
            words.ONE_HOT_TARGET,
            words.LOGITS,
            *(
                [
                    (
                        rf"\gamma = {words.tex(gamma)}",
                        "gamma, the focus: 0 is cross-entropy, larger turns easy examples down "
                        "more",
                    )
                ]
                if gamma
                else []
            ),
            words.N,
        ),
        takes="Logits, float, shape [N, C]. There is no class for it in torch.nn. The formulas "
        "are written with the probabilities that the softmax makes of them.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="nats, fewer where sure" if gamma else "nats",
        proper_scoring_rule="No: the likeliest class comes out right, but the probabilities come "
        "out too near to each other."
        if gamma
        else "Yes, strictly, with a gamma of 0: it is cross-entropy. Above 0 it is none.",
        noise_model="None for a gamma above 0."
        if gamma
        else "The categorical distribution, as for cross-entropy.",
        use_when="Easy examples are so many that their small losses drown the hard ones, as in "
        "finding objects in images.",
        avoid_when="Probabilities are needed, or some labels are wrong: a wrong label looks like a "
        "hard example and gets the most attention.",
        gradient_formula=_gradient_formula(gamma),
        gradient=_gradient(gamma),
        source="Lin, Goyal, Girshick, He and Dollár, Focal Loss for Dense Object Detection, ICCV, "
        "2017; on its probabilities: Charoenphakdee et al., On Focal Loss for Class-Posterior "
        "Probability Estimation, CVPR, 2021.",
    )


def _gradient_formula(gamma: float) -> tuple[tuple[str, str], ...]:
    if gamma == 0:
        return (("In each logit", rf"{words.BY_LOGIT} \hat{{y}}_i - y_i"),)
    falling = "" if gamma == 1 else f"{_rest_to(gamma - 1)} "
    return (
        ("In each logit", rf"{words.BY_LOGIT} F\, (\hat{{y}}_i - y_i)"),
        (
            "The factor",
            rf"F = {_rest_to(gamma)} - {words.factor(gamma)}"
            rf"\hat{{y}}_t {falling}\log \hat{{y}}_t",
        ),
    )


PROGRAM = Program(
    one_logit_a_class("""\
def focal_loss(logits, targets, gamma={gamma}):
    log_probabilities = logits.log_softmax(dim=1)
    log_p = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    rest = (-torch.expm1(log_p)).clamp(min=1e-38)  # 1 - p; powers of 0 can have no slope
    return (-(rest**gamma) * log_p).mean()


loss = focal_loss(logits, targets)""")
)

LOSS = LossSpec(
    key="focal",
    title="Focal",
    torch_class=None,
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#E1004B",
    dash="dot",
    make_card=card,
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
