"""How logits become probabilities, as formulas."""

from __future__ import annotations

from core.losses.entry import Link
from core.losses.task import Task

_SOFTMAX = (
    "The softmax makes probabilities of the logits",
    r"\hat{y}_i = \frac{e^{z_i}}{\sum_{j=1}^{C} e^{z_j}}",
)
#: Of two classes the second probability tells the first, and is the one that formulas name.
_SOFTMAX_OF_TWO = (
    "The softmax makes of two logits the probability of class 1",
    r"\hat{y} = \hat{y}_1 = \frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \sigma(z_1 - z_0)",
)
_SIGMOID = (
    "The sigmoid makes a probability of each logit",
    r"\hat{y}_i = \sigma(z_i) = \frac{1}{1 + e^{-z_i}}",
)
_SIGMOID_OF_ONE = (
    "The sigmoid makes of one logit the probability of class 1",
    r"\hat{y} = \sigma(z) = \frac{1}{1 + e^{-z}}",
)

_FORMULAS = {
    (Link.SOFTMAX, Task.BINARY): _SOFTMAX_OF_TWO,
    (Link.SOFTMAX, Task.MULTICLASS): _SOFTMAX,
    (Link.SIGMOID, Task.BINARY): _SIGMOID_OF_ONE,
    (Link.SIGMOID, Task.MULTICLASS): _SIGMOID,
}


def link_formula(link: Link, task: Task) -> tuple[str, str] | None:
    """A caption and LaTeX; None where no probabilities are made."""
    return _FORMULAS.get((link, task))
