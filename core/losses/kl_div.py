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

CARD = Card(
    summary="It measures how far the predicted probabilities are from a whole distribution of "
    "target probabilities: the extra surprise of believing the one when the other is true.",
    example_formula=(
        (
            "C classes",
            r"L(y, \hat{y}) = \sum_{i=1}^{C} y_i \left(\log y_i - \log \hat{y}_i\right)",
        ),
        (
            "Smoothed target, with true class t",
            r"y_i = (1 - \varepsilon) [i = t] + \frac{\varepsilon}{C}",
        ),
    ),
    batch_formula=words.MEAN_OF_LOSSES,
    symbols=(
        ("y", "target probability"),
        words.PROBABILITY,
        (r"\varepsilon", "smoothing: the share spread evenly over all classes"),
        words.TRUE_CLASS,
        words.CLASSES,
        words.N,
        words.EXAMPLE_LOSS,
    ),
    takes="Log-probabilities, float, shape [N, C]: the output of log-softmax.",
    target="Probabilities that add up to 1 in each row, float, shape [N, C].",
    proper_scoring_rule="Yes, strictly, for the target distribution it is given. With smoothed "
    "one-hot targets the best answer is the smoothed frequencies, not the true ones.",
    noise_model="The categorical distribution: it is cross-entropy less the target's own "
    "entropy, a constant that training cannot change.",
    use_when="The target is itself a distribution: smoothed labels, votes of several people, "
    "or the output of another network.",
    avoid_when="The target is a single class and no smoothing is wanted: cross-entropy is "
    "simpler and gives the same number. Its default reduction divides by C too; use batchmean.",
    gradient="With respect to the logits it is softmax(z) - y, which is 0 at the smoothed "
    "target, so logits are not driven to infinity.",
    source="Kullback and Leibler, On Information and Sufficiency, Annals of Mathematical "
    "Statistics 22, 1951; PyTorch documentation of torch.nn.KLDivLoss.",
)

PROGRAM = Program(
    one_logit_a_class("""\
classes = logits.shape[1]
smoothing = {smoothing}
smoothed = nn.functional.one_hot(targets, classes) * (1 - smoothing) + smoothing / classes
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
    reduction="mean over examples",
    unit="nats",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#775A77",
    dash="dash",
    card=CARD,
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
