"""A person's own loss: an expression of z, p and y that fits every task."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.losses import constants, words
from core.losses.card import Card, Range
from core.losses.differentiation import differentiate
from core.losses.entry import Formula, Head, Link, LossSpec
from core.losses.expression import Node, names, parse
from core.losses.program import Encoding, Program, one_logit_a_class, one_value
from core.losses.stable import stable
from core.losses.task import Task
from core.losses.typeset import to_latex

if TYPE_CHECKING:
    from torch import Tensor

CUSTOM = "custom"

#: What the catalogue's own entry computes, until a person writes something else.
EXAMPLE = "(p - y)**2"


def value_range(task: Task, outputs: int) -> Range:
    return Range(-math.inf, math.inf, "the expression decides")


def card() -> Card:
    return Card(
        summary="It measures what its author says: any formula of predictions and targets that "
        "gives one number.",
        example_formula=(
            ("Any formula", r"L(y, z) = \sum_{i=1}^{C} f(z_i, \hat{y}_i, y_i)"),
            ("To begin with", r"L(y, \hat{y}) = \sum_{i=1}^{C} (\hat{y}_i - y_i)^2"),
        ),
        batch_formula=words.MEAN_OF_LOSSES,
        symbols=(
            ("f", "the formula that was written, of z, p and y"),
            ("y", "target: 1 for the true class, 0 for the others; or the value"),
            (r"\hat{y}", "p in the formula: softmax of the logits; the prediction for a value"),
            words.LOGITS,
            ("C", "number of outputs: 1, or one a class"),
            words.N,
            words.EXAMPLE_LOSS,
        ),
        takes="Logits, float, shape [N, C], one a class, or [N, 1] for a value. A formula that "
        "names p trains probabilities; one of z alone trains scores.",
        target="One-hot 0 and 1 for classes, the value itself for a value, float, in the shape of "
        "the logits.",
        reduction="mean over examples, of the sum over outputs",
        unit="what the expression measures",
        proper_scoring_rule="Unknown until shown: for classes, check that the true probabilities "
        "make its average smallest.",
        noise_model="None, unless exp(-L) can be scaled to add up to 1 over all targets with the "
        "same scale for every prediction.",
        use_when="No ready-made loss says what a mistake costs, for instance when too low is worse "
        "than too high.",
        avoid_when="A ready-made loss says the same: it has been guarded against overflow and "
        "log 0.",
        gradient_formula=(
            (
                "In each logit, through f and through the softmax",
                rf"{words.BY_LOGIT} \frac{{\partial f}}{{\partial z_i}} + \sum_{{j=1}}^{{C}}"
                r" \frac{\partial f}{\partial \hat{y}_j}"
                r" \frac{\partial \hat{y}_j}{\partial z_i}",
            ),
        ),
        gradient="The chain rule gives it from the formula; where the formula is flat or rounds to "
        "a constant it is 0, and nothing is learned there.",
        source="PyTorch documentation of torch.autograd.",
    )


#: The program of ``EXAMPLE``; that of another expression is written out from its tree.
PROGRAM = Program(
    one_logit_a_class(
        """\
def my_loss(z, y):
    p = z.softmax(dim=1)
    return ((p - y) ** 2).sum(dim=1).mean()


loss = my_loss(logits, targets)""",
        Encoding.ONE_HOT,
    )
    | one_value("""\
def my_loss(z, y):
    return ((z - y) ** 2).mean()


loss = my_loss(predictions, targets)""")
)


@functools.lru_cache(maxsize=64)
def own_loss(expression: str) -> LossSpec:
    """The loss that the expression describes; ``LossExpressionError`` where it can't be read.

    The expression is elementwise over the outputs ``[C, N]``: z are the logits, p their
    softmax over the classes (z itself for regression), y the one-hot class (the value).
    The loss of an example is the sum over the rows of what it gives. The outputs of one that
    does not name p are scores, no probabilities, as far as anybody can tell.
    """
    return LossSpec(
        key=CUSTOM,
        title="Your own",
        torch_class=None,
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot; the value itself for regression",
        make_formulas=_Formulas(parse(expression)),
        refusals={},
        color="#AE129C",
        dash="solid",
        make_card=card,
        make_range=value_range,
        program=PROGRAM,
    )


@dataclass(frozen=True)
class _Formulas:
    """What makes the formulas; equal where the trees are, so that the losses are too."""

    tree: Node

    def __call__(self) -> Mapping[Task, Formula]:
        of_classes = _formula(self.tree, True, constants.log_frequencies, constants.no_preference)
        of_values = _formula(self.tree, False, constants.mean_target, constants.median_target)
        return {Task.BINARY: of_classes, Task.MULTICLASS: of_classes, Task.REGRESSION: of_values}


def _formula(tree: Node, is_classification: bool, *starts: Callable[[Tensor], Tensor]) -> Formula:
    """Of classes an expression that names p trains probabilities, one of z alone scores."""
    has_p = "p" in names(tree)
    computed = stable(tree, is_classification)

    def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each example, summed over the outputs; saves the gradient itself."""
        value, gradient = differentiate(computed, z, y)
        return value.sum(-2), gradient

    def backward(gradient: Tensor, y: Tensor) -> Tensor:
        return gradient

    latex = to_latex(tree, per_class=is_classification)
    if has_p:
        latex += r",\quad \hat{y} = " + (r"\mathrm{softmax}(z)" if is_classification else "z")
    return Formula(
        link=Link.SOFTMAX if is_classification and has_p else Link.IDENTITY,
        latex=latex,
        forward=forward,
        backward=backward,
        constant=constants.searched(forward, backward, *starts),
        reads_scores="z" in names(tree),
    )


LOSS = own_loss(EXAMPLE)
