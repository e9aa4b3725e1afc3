"""KL divergence: how far the predicted probabilities are from a smoothed target."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Parameter
from core.losses.program import Program, one_logit_a_class
from core.losses.targets import soft_targets
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """L = sum_c q_c (log q_c - log softmax(z)_c), 0 where q_c = 0; saves log softmax(z)."""
    log_p, q = z.log_softmax(-2), soft_targets(y, smoothing)
    return q.xlogy(q).sub_(q * log_p).sum(-2), log_p


def backward(log_p: Tensor, y: Tensor, smoothing: float) -> Tensor:
    """dL/dz = softmax(z) - q: the entropy of q moves no logit."""
    return log_p.exp().sub_(soft_targets(y, smoothing))


def best_constant(y: Tensor, smoothing: float) -> Tensor:
    """softmax of it is the mean soft target."""
    return constants.log_frequencies(soft_targets(y, smoothing))


# ------------------------------------------------------------------ formulas

_FORMULA = (
    r"\sum_{c=1}^{C} q_c \log \frac{q_c}{\hat{y}_c},"
    rf"\quad {words.IS_SOFT_TARGET},{words.IS_SOFTMAX}"
)


def formulas(smoothing: float) -> Mapping[Task, Formula]:
    return for_classes(
        Formula(
            Link.SOFTMAX,
            _FORMULA,
            partial(forward, smoothing=smoothing),
            partial(backward, smoothing=smoothing),
            partial(best_constant, smoothing=smoothing),
        )
    )


# ------------------------------------------------------------------ the entry


def card(smoothing: float) -> Card:
    is_smoothed = bool(smoothing)
    q = "q" if is_smoothed else "y"
    extra = (
        ("The smoothed target", words.soft_target(smoothing))
        if is_smoothed
        else (words.TRUE, r"L = -\log \hat{y}_t")
    )
    best = f"{words.plain(1 - smoothing)} f + {words.plain(smoothing)} / C"
    return Card(
        summary="It measures how far the predicted probabilities are from a whole distribution of "
        "target probabilities: the extra surprise of believing the one when the other is true.",
        example_formula=(
            (
                "C classes" if is_smoothed else "C classes, where 0 log 0 is 0",
                rf"L = \sum_{{i=1}}^{{C}} {q}_i \left(\log {q}_i - \log \hat{{y}}_i\right)",
            ),
            extra,
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.ONE_HOT_TARGET,
            *(
                [("q", "target probability, after smoothing"), words.epsilon(smoothing)]
                if is_smoothed
                else [words.TRUE_CLASS]
            ),
            words.PROBABILITY,
            words.LOGITS,
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Log-probabilities, float, shape [N, C]: the output of log-softmax. The formulas "
        "are written with the probabilities themselves.",
        target="Probabilities that add up to 1 in each row, float, shape [N, C].",
        reduction=words.OVER_EXAMPLES,
        unit="nats",
        proper_scoring_rule="Yes, strictly, for the target distribution it is given."
        + (
            f" With smoothed one-hot targets the best answer is {best} for a class of "
            "frequency f, not f itself."
            if is_smoothed
            else " Smoothing would move the best answer."
        ),
        noise_model="The categorical distribution: it is cross-entropy less the target's own "
        "entropy, a constant that training cannot change"
        + ("." if is_smoothed else " and that is 0 without smoothing."),
        use_when="The target is itself a distribution: smoothed labels, votes of several people, "
        "or the output of another network.",
        avoid_when="The target is a single class and no smoothing is wanted: cross-entropy is "
        "simpler and gives the same number. Its default reduction divides by C too; use "
        "batchmean.",
        gradient_formula=(("In each logit", rf"{words.BY_LOGIT} \hat{{y}}_i - {q}_i"),),
        gradient="It is 0 at the smoothed target, so logits are not driven to infinity."
        if is_smoothed
        else "It is cross-entropy's: 0 only in the limit, so logits are driven apart without end.",
        source="Kullback and Leibler, On Information and Sufficiency, Annals of Mathematical "
        "Statistics 22, 1951; PyTorch documentation of torch.nn.KLDivLoss.",
    )


PROGRAM = Program(
    one_logit_a_class("""\
classes = logits.shape[1]
smoothing = {smoothing}
smoothed = nn.functional.one_hot(targets, classes) * (1 - smoothing)
smoothed += smoothing / classes
log_probabilities = logits.log_softmax(dim=1)

loss_fn = nn.KLDivLoss(reduction="batchmean")
loss = loss_fn(log_probabilities, smoothed)""")
)

LOSS = LossSpec(
    key="kl_div",
    title="KL divergence",
    torch_class="KLDivLoss",
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot and smoothed",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#775A77",
    dash="dash",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="smoothing",
            label="Smoothing",
            symbol="ε",
            default=0.1,
            low=0,
            high=0.5,
            help="ε: the share of the target that is spread evenly over all classes.",
            neutral=0.0,
        ),
    ),
)
