"""Hinge: by how much the true class's score fails to lead every other by a margin."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card
from core.losses.entry import Formula, Head, Link, LossSpec, for_classes
from core.losses.parameters import Kind, Parameter
from core.losses.program import Program, on_logits, one_logit_a_class
from core.losses.task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Constant

# ------------------------------------------------------------------ formula


def forward(z: Tensor, y: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """L = (1 / C) sum_{c != t} max(0, margin - z_t + z_c), t the target; saves the violations."""
    violations = _violations(z, y, margin)
    return violations.mean(-2), violations


def backward(violations: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = [violation_c > 0] / C for c != t, and minus their sum for t."""
    return _against_target(violations.sign(), y)


def squared_forward(z: Tensor, y: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """L = (1 / C) sum_{c != t} max(0, margin - z_t + z_c)^2; saves the violations."""
    violations = _violations(z, y, margin)
    return violations.square().mean(-2), violations


def squared_backward(violations: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = 2 violation_c / C for c != t, and minus their sum for t."""
    return _against_target(violations * 2, y)


def _violations(z: Tensor, y: Tensor, margin: float) -> Tensor:
    """max(0, margin - z_t + z_c), and 0 for the target itself."""
    score = (z * y).sum(-2, keepdim=True)
    return (z - score).add_(margin).clamp_(min=0).mul_(1 - y)


def _against_target(slopes: Tensor, y: Tensor) -> Tensor:
    """Each class is pushed down by its slope, the target up by all of them."""
    return slopes.sub_(y * slopes.sum(-2, keepdim=True)).div_(slopes.shape[-2])


def best_constant(y: Tensor, margin: float) -> Tensor:
    """A linear program in the scores z_c and the violations v_tc >= 1 - z_t + z_c, v >= 0.

    Solved for a margin of 1: scores and loss grow in proportion to the margin.
    """
    import numpy as np
    from scipy.optimize import linprog

    frequencies = y.mean(-1).tolist()
    classes = len(frequencies)
    pairs = [(t, c) for t in range(classes) for c in range(classes) if t != c]
    cost = [0.0] * classes + [frequencies[t] for t, _ in pairs]
    rows = np.zeros((len(pairs), len(cost)))
    for row, (t, c) in enumerate(pairs):
        rows[row, [c, t, classes + row]] = 1, -1, -1
    bounds = [(None, None)] * classes + [(0, None)] * len(pairs)
    best = np.asarray(linprog(cost, A_ub=rows, b_ub=-np.ones(len(pairs)), bounds=bounds).x)
    return y.new_tensor((margin * best[:classes]).tolist()).unsqueeze(-1)


# ------------------------------------------------------------------ formulas


def formulas(margin: float, p: float) -> Mapping[Task, Formula]:
    formula = r"\frac{1}{C}\sum_{c \ne t} \max(0,\, m - z_t + z_c)^{p}"
    if p == 1:
        bound = partial(forward, margin=margin), backward
        constant: Constant = partial(best_constant, margin=margin)
    else:
        bound = partial(squared_forward, margin=margin), squared_backward
        constant = constants.searched(*bound, constants.mean_target)
    return for_classes(Formula(Link.IDENTITY, formula, *bound, constant))


# ------------------------------------------------------------------ the entry


def card(margin: float, p: float) -> Card:
    m, power = words.tex(margin), "" if p == 1 else f"^{words.tex(p)}"
    lead = "2 f - 1" if margin == 1 else f"{words.plain(margin)} (2 f - 1)"
    return Card(
        summary="It measures by how much the true class's score fails to beat each other score by "
        f"a margin of {words.plain(margin)}; beyond the margin it is 0.",
        example_formula=(
            (
                "C classes, with true class t",
                r"L = \frac{1}{C} \sum_{i \ne t}"
                rf" \max(0,\, {m} - z_t + z_i){power}",
            ),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            words.SCORES,
            words.TRUE_CLASS,
            (f"m = {m}", "margin"),
            *([(f"p = {words.tex(p)}", "power: each violation is squared")] if p != 1 else []),
            words.CLASSES,
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Scores, float, shape [N, C]. They are not turned into probabilities.",
        target=words.CLASS_IDS,
        reduction=words.OVER_EXAMPLES,
        unit="margin violated, a class" if p == 1 else "squared margin violated, a class",
        proper_scoring_rule="No: its scores are no probabilities. With power 1 the best answer "
        "tells which class is likely, not how likely: of two classes the likelier one leads by "
        f"{words.plain(margin)}, whatever its probability."
        if p == 1
        else "No: its scores are no probabilities. With power 2 they do tell how likely: of two "
        f"classes, one of probability f leads the other by {lead} in the best answer.",
        noise_model="None: it is not the negative log-likelihood of any distribution of classes.",
        use_when="Only the decision matters, as in a support vector machine.",
        avoid_when="Probabilities are needed."
        + (
            " With three or more classes and noisy labels, its best answer can be a tie between "
            "the likeliest class and another."
            if p == 1
            else " Or some labels are wrong: the square makes one bad example weigh much."
        ),
        gradient_formula=(
            ("In each wrong class's score", f"{words.BY_LOGIT} {_SLOPES[p].format(m=m)}"),
            (
                "In the true class's score",
                r"\frac{\partial L}{\partial z_t} = -\sum_{i \ne t}"
                r" \frac{\partial L}{\partial z_i}",
            ),
        ),
        gradient="Each class inside the margin is pushed down"
        + (" equally hard" if p == 1 else " the harder the further inside")
        + " and the true class up by the sum of these; once all margins are met the example "
        "teaches nothing.",
        source="Weston and Watkins, Support Vector Machines for Multi-Class Pattern Recognition, "
        "ESANN, 1999; PyTorch documentation of torch.nn.MultiMarginLoss.",
    )


#: By power.
_SLOPES = {
    1.0: r"\begin{{cases}} \frac{{1}}{{C}} & \text{{if }} z_i > z_t - {m} \\"
    r" 0 & \text{{otherwise}} \end{{cases}}",
    2.0: r"\frac{{2}}{{C}} \max(0,\, {m} - z_t + z_i)",
}

PROGRAM = Program(
    one_logit_a_class(on_logits("MultiMarginLoss")),
    arguments={"p": "p={}", "margin": "margin={}"},
)

LOSS = LossSpec(
    key="hinge",
    title="Hinge",
    torch_class="MultiMarginLoss",
    head=Head.PER_CLASS,
    encoding="class ids, held one-hot",
    make_formulas=formulas,
    refusals=words.NEEDS_CLASSES,
    color="#B478A5",
    dash="longdashdot",
    make_card=card,
    program=PROGRAM,
    parameters=(
        Parameter(
            name="margin",
            label="Margin",
            symbol="m",
            default=1.0,
            low=0.01,
            high=100,
            help="m: by how much the right score must lead every other.",
        ),
        Parameter(
            name="p",
            label="Power",
            symbol="p",
            default=1.0,
            low=1,
            high=2,
            help="p: 1 counts a violation of the margin as it is, 2 squared.",
            kind=Kind.WHOLE_NUMBER,
            neutral=1.0,
        ),
    ),
)
