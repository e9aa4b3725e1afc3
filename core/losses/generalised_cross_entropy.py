"""Generalised CE: between cross-entropy (q near 0) and absolute error (q = 1).

Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with
Noisy Labels, NeurIPS 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Parameter
from core.losses.program import Program, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

#: The least that 1 - q is taken for, so that q = 1 gives the most frequent class.
_SMALLEST_REST = 1e-9

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, q: float) -> tuple[Tensor, Tensor]:
    """L = (1 - p_t^q) / q with p = softmax(z), t the target; saves log p.

    Written as -expm1(q log p_t) / q, which loses no digits where p_t is near 1 or q near 0.
    """
    log_p = z.log_softmax(-2)
    log_t = (log_p * y).sum(-2)
    return log_t.mul_(q).expm1_().div_(-q), log_p


def backward(log_p: Tensor, y: Tensor, q: float) -> Tensor:
    """dL/dz = p_t^q (p - y)."""
    power = (log_p * y).sum(-2, keepdim=True).mul_(q).exp_()
    return log_p.exp().sub_(y).mul_(power)


def best_constant(y: Tensor, q: float) -> Tensor:
    """softmax of it is in proportion to f_c^(1 / (1 - q)), f_c the frequency of class c."""
    log_f = constants.log_frequencies(y)
    return log_f.sub_(log_f.amax(-2, keepdim=True)).div_(max(1 - q, _SMALLEST_REST))


# ------------------------------------------------------------------ the entry


def formulas(q: float) -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.SOFTMAX,
            rf"\frac{{1 - \hat{{y}}_t^{{\,q}}}}{{q}},{words.IS_SOFTMAX}",
            partial(forward, q=q),
            partial(backward, q=q),
            partial(best_constant, q=q),
        )
    )


def value_range(task: Task, outputs: int, q: float) -> Range:
    return Range(0, 1 / q, "" if q == 1 else f"the most is 1 / {words.plain(q)}")


def card(q: float) -> Card:
    is_absolute = q == 1
    power = "" if is_absolute else f"^{{{words.tex(q)}}}"
    in_example, in_batch = (rf"1 - \hat{{y}}_{index}{power}" for index in ("t", "{n,t_n}"))
    if not is_absolute:
        in_example, in_batch = (
            rf"\frac{{{each}}}{{{words.tex(q)}}}" for each in (in_example, in_batch)
        )
    return Card(
        summary="It lies between cross-entropy and the absolute error of probabilities: its "
        "exponent says how near it is to which.",
        example_formula=(("C classes, with true class t", f"L = {in_example}"),),
        batch_formula=r"J = \frac{1}{N} \sum_{n=1}^{N} "
        + (rf"\left({in_batch}\right)" if is_absolute else in_batch),
        symbols=(
            words.PROBABILITY,
            words.TRUE_CLASS,
            words.ONE_HOT_TARGET,
            words.LOGITS,
            *(
                []
                if is_absolute
                else [
                    (
                        f"q = {words.tex(q)}",
                        "exponent: near 0 it is cross-entropy, at 1 it is 1 minus the probability",
                    )
                ]
            ),
            words.N,
        ),
        takes="Logits, float, shape [N, C]. There is no class for it in torch.nn. The formulas "
        "are written with the probabilities that the softmax makes of them.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="probability missed" if is_absolute else f"nats, at most {1 / q:.4g}",
        proper_scoring_rule="No: with an exponent of 1 its best answer puts all probability on the "
        "likeliest class."
        if is_absolute
        else "No: its best answer makes likely classes likelier than they are, in proportion to "
        f"the power {1 / (1 - q):.4g} of their probabilities, which is 1 / (1 - q).",
        noise_model="None; as q nears 0 it becomes cross-entropy, the categorical distribution.",
        use_when="Some labels are wrong and cross-entropy learns them by heart; 0.7 is the paper's "
        "choice of q.",
        avoid_when="The labels are right: it learns hard examples more slowly than cross-entropy. "
        "Or probabilities are needed.",
        gradient_formula=(
            (
                "In each logit",
                rf"{words.BY_LOGIT} \hat{{y}}_t{power} (\hat{{y}}_i - y_i)",
            ),
        ),
        gradient="It is cross-entropy's times a power of the true class's probability, "
        "so an example that looks wrongly labelled pulls less.",
        source="Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural "
        "Networks with Noisy Labels, NeurIPS, 2018.",
    )


PROGRAM = Program(
    one_logit_a_class("""\
def generalised_cross_entropy(logits, targets, q={q}):
    log_probabilities = logits.log_softmax(dim=1)
    log_p = log_probabilities.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (-torch.expm1(q * log_p) / q).mean()  # 1 - p**q, to all digits


loss = generalised_cross_entropy(logits, targets)""")
)

LOSS = LossSpec(
    key="generalised_cross_entropy",
    title="Generalised CE",
    torch_class=None,
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#9624CC",
    dash="longdashdot",
    make_card=card,
    make_range=value_range,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="q",
            label="Exponent",
            symbol="q",
            default=0.7,
            low=0.01,
            high=1,
            help="q: how much examples are forgiven whose label looks wrong, from 0.01 (nearly "
            "CrossEntropy) to 1 (absolute error).",
        ),
    ),
)
