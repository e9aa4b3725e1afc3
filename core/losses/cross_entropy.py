"""CrossEntropy: softmax, then minus the logarithm of the true class's probability."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Kind, Parameter
from core.losses.program import Program, on_logits, one_logit_a_class
from core.losses.targets import soft_targets
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

Weights = tuple[float, ...]

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = -sum_c y_c log softmax(z)_c; saves log softmax(z)."""
    log_p = z.log_softmax(-2)
    return (log_p * y).sum(-2).neg_(), log_p


def backward(log_p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = softmax(z) - y, for targets that sum to 1."""
    return log_p.exp().sub_(y)


def weighted_targets(y: Tensor, smoothing: float, weights: Weights) -> Tensor:
    """q_c = w_c ((1 - s) y_c + s / C); the weights are 1 where none are given."""
    q = soft_targets(y, smoothing)
    return q.mul_(y.new_tensor(weights).unsqueeze(-1)) if weights else q


def weighted_forward(
    z: Tensor, y: Tensor, smoothing: float, weights: Weights
) -> tuple[Tensor, Tensor]:
    """L = -sum_c q_c log softmax(z)_c with q the weighted targets; saves log softmax(z)."""
    log_p = z.log_softmax(-2)
    return (log_p * weighted_targets(y, smoothing, weights)).sum(-2).neg_(), log_p


def weighted_backward(log_p: Tensor, y: Tensor, smoothing: float, weights: Weights) -> Tensor:
    """dL/dz = softmax(z) sum_c q_c - q."""
    q = weighted_targets(y, smoothing, weights)
    return log_p.exp().mul_(q.sum(-2, keepdim=True)).sub_(q)


def example_weights(y: Tensor, weights: Weights) -> Tensor:
    """The weight w_t of each example, t being its class: ``[..., C, N]`` to ``[..., N]``.

    A mean over a batch divides by the sum of these, smoothed targets or not, as in
    ``torch.nn.CrossEntropyLoss(weight=w, label_smoothing=s)``.
    """
    return (y * y.new_tensor(weights).unsqueeze(-1)).sum(-2)


def best_constant(y: Tensor, smoothing: float, weights: Weights) -> Tensor:
    """softmax of it is in proportion to the mean weighted target."""
    return constants.log_frequencies(weighted_targets(y, smoothing, weights))


# ------------------------------------------------------------------ formulas

_FORMULA = (
    r"-\sum_{c=1}^{C} w_c\, q_c \log \hat{y}_c,\quad "
    rf"{words.IS_SOFT_TARGET},{words.IS_SOFTMAX}"
)


def formulas(label_smoothing: float, class_weights: Weights) -> Mapping[Task, Formula]:
    if not label_smoothing and not class_weights:
        plain = Formula(Link.SOFTMAX, _FORMULA, forward, backward, constants.log_frequencies)
        return for_classes(plain)
    s, w = label_smoothing, class_weights
    return for_classes(
        Formula(
            Link.SOFTMAX,
            _FORMULA,
            partial(weighted_forward, smoothing=s, weights=w),
            partial(weighted_backward, smoothing=s, weights=w),
            partial(best_constant, smoothing=s, weights=w),
            partial(example_weights, weights=w) if w else None,
        )
    )


# ------------------------------------------------------------------ the entry

CARD = Card(
    summary="It measures how surprised the network is by the true class: "
    "minus the logarithm of the probability that it gave to that class.",
    example_formula=(
        (
            "Two classes",
            r"L(y, \hat{y}) = -\left[y \log \hat{y} + (1 - y) \log (1 - \hat{y})\right]",
        ),
        ("C classes", r"L(y, \hat{y}) = -\sum_{i=1}^{C} y_i \log \hat{y}_i"),
        (
            "From logits, with true class t",
            r"L = -z_t + \log \sum_{i=1}^{C} e^{z_i}",
        ),
    ),
    batch_formula=r"J = -\frac{1}{\sum_{n=1}^{N} w_{t_n}} \sum_{n=1}^{N} \sum_{i=1}^{C}"
    r" w_i y_{n,i} \log \hat{y}_{n,i}",
    symbols=(
        words.ONE_HOT_TARGET,
        words.PROBABILITY,
        words.LOGITS,
        words.TRUE_CLASS,
        ("w", "class weight, 1 for every class unless set; the sum of the weights is then N"),
        words.CLASSES,
        words.N,
    ),
    takes=f"{words.CLASS_LOGITS} The class applies log-softmax itself.",
    target="Class ids 0 to C-1, int64, shape [N]; or class probabilities, float, shape [N, C].",
    proper_scoring_rule="Yes, strictly: on average the true probabilities, and only they, "
    "make it smallest. Label smoothing and class weights move that best answer.",
    noise_model="The categorical distribution: it is the negative log-likelihood of one class "
    "drawn with the predicted probabilities.",
    use_when="Each example belongs to exactly one of two or more classes.",
    avoid_when="An example can have several labels at once, the target is a number, or many "
    "labels are wrong: a confident answer against a wrong label costs without limit.",
    gradient="With respect to the logits it is softmax(z) - y, so a wrong answer is pushed "
    "hard however confident it is, and a right one less and less.",
    source="Goodfellow, Bengio and Courville, Deep Learning, MIT Press, 2016, section 6.2.2; "
    "PyTorch documentation of torch.nn.CrossEntropyLoss.",
)

PROGRAM = Program(
    one_logit_a_class(on_logits("CrossEntropyLoss")),
    arguments={
        "class_weights": "weight=weights",
        "label_smoothing": "label_smoothing={}",
    },
    bodies={
        "class_weights": "weights = torch.tensor({class_weights})\n"
        + on_logits("CrossEntropyLoss"),
    },
)

LOSS = LossSpec(
    key="cross_entropy",
    title="CrossEntropy",
    torch_class="CrossEntropyLoss",
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    reduction="mean over examples",
    unit="nats",
    value_range="0 to infinity",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#0072B2",
    dash="solid",
    card=CARD,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="label_smoothing",
            label="Label smoothing",
            symbol="ε",
            default=0.0,
            low=0,
            high=0.5,
            help="ε: the share of the target that is spread evenly over all classes.",
            neutral=0.0,
        ),
        Parameter(
            name="class_weights",
            label="Class weight",
            symbol="w",
            default=(),
            low=0.01,
            high=100,
            help="w: how much each class counts. An example's loss is multiplied by its class's "
            "weight, and the mean over a batch divides by the sum of its examples' weights, as "
            "in PyTorch.",
            kind=Kind.CLASS_WEIGHTS,
            neutral=(),
        ),
    ),
)
