"""Symmetric CE: cross-entropy plus cross-entropy with target and prediction exchanged.

Wang, Ma, Chen, Luo, Yi and Bailey, Symmetric Cross Entropy for Robust Learning with Noisy
Labels, ICCV 2019.
"""

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

#: Stands for a probability of 0 in the best constant, whose logarithm no logit reaches.
_SMALLEST_PROBABILITY = 1e-30

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, alpha: float, beta: float, A: float) -> tuple[Tensor, Tensor]:
    """L = -alpha log p_t - beta A (1 - p_t) with p = softmax(z), t the target; saves log p.

    The reverse cross-entropy is -sum_c p_c log y_c. With A for log 0 it is -A (1 - p_t),
    as log 1 is 0.
    """
    log_p = z.log_softmax(-2)
    log_t = (log_p * y).sum(-2)
    return log_t.expm1().mul_(beta * A).sub_(log_t.mul_(alpha)), log_p


def backward(log_p: Tensor, y: Tensor, alpha: float, beta: float, A: float) -> Tensor:
    """dL/dz = (alpha - beta A p_t) (p - y)."""
    p_t = (log_p * y).sum(-2, keepdim=True).exp_()
    return log_p.exp().sub_(y).mul_(p_t.mul_(-beta * A).add_(alpha))


def best_constant(y: Tensor, alpha: float, beta: float, A: float) -> Tensor:
    """log p_c with p_c = alpha f_c / (s + beta A f_c), f_c the frequency of class c.

    The mean loss is convex in p; s is the multiplier of sum_c p_c = 1. The sum falls as s
    rises, so s is found by halving, between where one class alone has p = 1 and where
    no class can have more than its share.
    """
    # Not every device has float64.
    f = y.cpu().double().mean(-1, keepdim=True)
    reverse = -beta * A

    def probabilities(s: Tensor) -> Tensor:
        return alpha * f / (s - reverse * f)

    def too_high(s: Tensor) -> Tensor:
        return probabilities(s).sum(-2, keepdim=True) < 1

    highest = f.amax(-2, keepdim=True)
    s = constants.by_halving(too_high, (reverse + alpha) * highest, reverse * highest + alpha)
    return probabilities(s).clamp_(min=_SMALLEST_PROBABILITY).log_().to(y)


# ------------------------------------------------------------------ the entry


def formulas(alpha: float, beta: float, A: float) -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.SOFTMAX,
            rf"-\alpha \log \hat{{y}}_t - \beta A (1 - \hat{{y}}_t),{words.IS_SOFTMAX}",
            partial(forward, alpha=alpha, beta=beta, A=A),
            partial(backward, alpha=alpha, beta=beta, A=A),
            partial(best_constant, alpha=alpha, beta=beta, A=A),
        )
    )


def card(alpha: float, beta: float, A: float) -> Card:
    forward_weight, most = words.factor(alpha), -beta * A
    has_reverse = beta != 0
    reverse_sum = (
        rf" - {words.factor(beta)}\sum_{{i=1}}^{{C}} \hat{{y}}_i \log y_i" if has_reverse else ""
    )
    missed = rf" + {words.factor(most)}(1 - \hat{{y}}_t)" if has_reverse else ""
    if has_reverse:
        slope = rf"({words.tex(alpha)} + {words.factor(most)}\hat{{y}}_t) (\hat{{y}}_i - y_i)"
    elif alpha == 1:
        slope = r"\hat{y}_i - y_i"
    else:
        slope = rf"{forward_weight}(\hat{{y}}_i - y_i)"
    return Card(
        summary="It adds to cross-entropy the reverse one, in which target and prediction change "
        "places and which forgives wrong labels.",
        example_formula=(
            (
                f"C classes, with {words.plain(A)} for log 0" if has_reverse else "C classes",
                rf"L = -{forward_weight}\sum_{{i=1}}^{{C}} y_i \log \hat{{y}}_i{reverse_sum}",
            ),
            (words.TRUE, rf"L = -{forward_weight}\log \hat{{y}}_t{missed}"),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.ONE_HOT_TARGET,
            words.PROBABILITY,
            words.TRUE_CLASS,
            words.LOGITS,
            (rf"\alpha = {words.tex(alpha)}", "alpha: how much cross-entropy counts"),
            (rf"\beta = {words.tex(beta)}", "beta: how much the reverse cross-entropy counts"),
            *(
                [
                    (
                        f"A = {words.tex(A)}",
                        "log of 0: a number below 0 that stands for it; the reverse cross-entropy "
                        f"is then {words.plain(-A)} times the probability missed",
                    )
                ]
                if has_reverse
                else []
            ),
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Logits, float, shape [N, C]. There is no class for it in torch.nn. The formulas "
        "are written with the probabilities that the softmax makes of them.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit=f"{words.plain(alpha)} × nats"
        + (f" + {words.plain(most)} × probability missed" if has_reverse else ""),
        proper_scoring_rule="No, for a beta above 0: its best answer makes the likeliest class "
        "likelier than it is."
        if has_reverse
        else "Yes, strictly, for a beta of 0: it is cross-entropy times alpha, and log of 0 does "
        "not matter.",
        noise_model="None for a beta above 0."
        if has_reverse
        else "The categorical distribution, as for cross-entropy; alpha scales it.",
        use_when="Some labels are wrong. The paper takes a small alpha and a beta of 1 for few "
        "classes; harder data needs more of alpha.",
        avoid_when="Probabilities are needed, or nothing is known of the noise in the labels: "
        "three numbers then have to be searched for.",
        gradient_formula=(("In each logit", f"{words.BY_LOGIT} {slope}"),),
        gradient="It is cross-entropy's times a factor that grows from "
        f"{words.plain(alpha)} to {words.plain(alpha + most)} with the true class's probability, "
        "so examples that the network agrees with lead, and doubtful labels pull less."
        if has_reverse
        else f"It is cross-entropy's times {words.plain(alpha)}.",
        source="Wang, Ma, Chen, Luo, Yi and Bailey, Symmetric Cross Entropy for Robust Learning "
        "with Noisy Labels, ICCV, 2019.",
    )


PROGRAM = Program(
    one_logit_a_class("""\
def symmetric_cross_entropy(logits, targets, alpha={alpha}, beta={beta}, A={A}):
    cross_entropy = nn.functional.cross_entropy(logits, targets)
    is_true = nn.functional.one_hot(targets, logits.shape[1])
    log_targets = A * (1 - is_true)  # log 1 is 0, and A stands for log 0
    reverse = -(logits.softmax(dim=1) * log_targets).sum(dim=1).mean()
    return alpha * cross_entropy + beta * reverse


loss = symmetric_cross_entropy(logits, targets)""")
)

LOSS = LossSpec(
    key="symmetric_cross_entropy",
    title="Symmetric CE",
    torch_class=None,
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#F000CC",
    dash="dot",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="alpha",
            label="Alpha",
            symbol="α",
            default=0.1,
            low=0.01,
            high=10,
            help="α: how much CrossEntropy counts, from 0.01 to 10.",
        ),
        Parameter(
            name="beta",
            label="Beta",
            symbol="β",
            default=1.0,
            low=0,
            high=10,
            help="β: how much the reverse cross-entropy counts, from 0 to 10.",
        ),
        Parameter(
            name="A",
            label="Log of 0",
            symbol="A",
            default=-4.0,
            low=-10,
            high=-0.1,
            help="A: what stands for the logarithm of 0 in the reverse cross-entropy, from -10 "
            "to -0.1.",
        ),
    ),
)
