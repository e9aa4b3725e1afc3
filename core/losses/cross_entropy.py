"""CrossEntropy: softmax, then minus the logarithm of the true class's probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Kind, Parameter, in_words
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


def direct(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = softmax(z) - y."""
    return z.softmax(-2).sub_(y)


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
        parts = (forward, backward, constants.log_frequencies)
        return for_classes(Formula(Link.SOFTMAX, _FORMULA, *parts, direct=direct))
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


def value_range(task: Task, outputs: int, label_smoothing: float, class_weights: Weights) -> Range:
    """From 0; with smoothing from the lowest sum_c q_c log(sum_k q_k / q_c) of any true class.

    The loss of q is lowest where the prediction is in proportion to q.
    """
    if not label_smoothing:
        return Range(0, math.inf)
    weights = class_weights or (1.0,) * outputs
    share = label_smoothing / outputs
    lowest = math.inf
    for true_class in range(outputs):
        q = [weight * share for weight in weights]
        q[true_class] += weights[true_class] * (1 - label_smoothing)
        lowest = min(lowest, sum(each * math.log(sum(q) / each) for each in q))
    note = (
        "the least comes of the smoothed and weighted target, for the class where it is smallest"
        if class_weights
        else "the least is the entropy of the smoothed target"
    )
    return Range(lowest, math.inf, note)


def card(label_smoothing: float, class_weights: Weights) -> Card:
    smoothed = bool(label_smoothing)
    is_plain = not smoothed and not class_weights
    q, w = "q" if smoothed else "y", r"w_{}\, " if class_weights else ""
    return Card(
        summary="It measures how surprised the network is by the true class: "
        "minus the logarithm of the probability that it gave to that class.",
        example_formula=_example_formula(label_smoothing, class_weights),
        batch_formula=(
            r"J = -\frac{1}{\sum_{n=1}^{N} w_{t_n}}" if class_weights else r"J = -\frac{1}{N}"
        )
        + rf" \sum_{{n=1}}^{{N}} \sum_{{i=1}}^{{C}} {w.format('i')}{q}_{{n,i}}"
        r" \log \hat{y}_{n,i}",
        symbols=_symbols(label_smoothing, class_weights),
        takes=f"{words.CLASS_LOGITS} The class is LogSoftmax and NLLLoss in one.",
        target="Class ids 0 to C-1, int64, shape [N]; or class probabilities, float, shape [N, C].",
        reduction="sum of the weighted losses over the sum of the examples' weights"
        if class_weights
        else words.OVER_EXAMPLES,
        unit="nats, weighted" if class_weights else "nats",
        proper_scoring_rule=_proper_scoring_rule(label_smoothing, class_weights),
        noise_model="The categorical distribution: it is the negative log-likelihood of one class "
        "drawn with the predicted probabilities."
        + (" Smoothing puts q in the place of the class that was seen." if smoothed else "")
        + (" Each example counts as often as its class's weight says." if class_weights else ""),
        use_when="Each example belongs to exactly one of two or more classes.",
        avoid_when="An example can have several labels at once, the target is a number, or many "
        "labels are wrong: a confident answer against a wrong label costs without limit.",
        gradient_formula=(("In each logit", f"{words.BY_LOGIT} {_GRADIENTS[smoothed, bool(w)]}"),),
        gradient="A wrong answer is pushed hard however confident it is, and a right one less and "
        "less."
        if is_plain
        else "A wrong answer is pushed hard however confident it is."
        + (" A right one that is surer than the smoothed target is pushed back." * smoothed)
        + (" The example's weight multiplies all of it." * (bool(w) and not smoothed)),
        source="Goodfellow, Bengio and Courville, Deep Learning, MIT Press, 2016, section 6.2.2; "
        "PyTorch documentation of torch.nn.CrossEntropyLoss.",
    )


#: By whether there are smoothing and weights.
_GRADIENTS = {
    (False, False): r"\hat{y}_i - y_i",
    (True, False): r"\hat{y}_i - q_i",
    (False, True): r"w_t\, (\hat{y}_i - y_i)",
    (True, True): r"\hat{y}_i \sum_{j=1}^{C} w_j\, q_j - w_i\, q_i",
}


def _example_formula(smoothing: float, weights: Weights) -> tuple[tuple[str, str], ...]:
    q, w = "q" if smoothing else "y", r"w_{}\, " if weights else ""
    head = "L" if smoothing or weights else r"L(y, \hat{y})"
    shown = [
        (
            "Two classes",
            rf"{head} = -\left[{w.format(1)}{q} \log \hat{{y}} + {w.format(0)}(1 - {q})"
            r" \log (1 - \hat{y})\right]",
        ),
        (
            "C classes",
            rf"{head} = -\sum_{{i=1}}^{{C}} {w.format('i')}{q}_i \log \hat{{y}}_i",
        ),
    ]
    if smoothing:
        shown.append(("The smoothed target", words.soft_target(smoothing)))
    else:
        lead = r"z_t" if not weights else r"w_t\, \left(z_t"
        close = "" if not weights else r"\right)"
        shown.append(
            (
                "From logits, with true class t",
                rf"L = -{lead} {'-' if weights else '+'} \log \sum_{{i=1}}^{{C}} e^{{z_i}}{close}",
            )
        )
    return tuple(shown)


def _symbols(smoothing: float, weights: Weights) -> tuple[tuple[str, str], ...]:
    true_class_is_named = bool(weights) or not smoothing
    return (
        words.ONE_HOT_TARGET,
        *([("q", "smoothed target"), words.epsilon(smoothing)] if smoothing else []),
        (r"\hat{y}", "predicted probability; in the formula for two classes, that of class 1"),
        words.LOGITS,
        *([words.TRUE_CLASS] if true_class_is_named else []),
        *([("w", f"class weight: {in_words(weights)}")] if weights else []),
        words.CLASSES,
        words.N,
    )


def _proper_scoring_rule(smoothing: float, weights: Weights) -> str:
    if not smoothing and not weights:
        return (
            "Yes, strictly: on average the true probabilities, and only they, "
            "make it smallest. Label smoothing and class weights move that best answer."
        )
    blend = f"{words.plain(1 - smoothing)} f + {words.plain(smoothing)} / C"
    frequency = f"({blend})" if smoothing and weights else blend if smoothing else "f"
    causes = ["label smoothing"] * bool(smoothing) + ["class weights"] * bool(weights)
    moved = f"in proportion to w {frequency}" if weights else frequency
    verb = "moves" if causes == ["label smoothing"] else "move"
    return (
        f"No, not for the true probabilities f of the classes: {' and '.join(causes)} {verb} "
        f"the best answer to {moved}."
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
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#0072B2",
    dash="solid",
    make_card=card,
    make_range=value_range,
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
