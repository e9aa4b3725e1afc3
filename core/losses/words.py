"""The words, symbols and LaTeX that several losses share."""

from __future__ import annotations

from core.losses.task import Task

# ------------------------------------------------------------------ symbols of the cards

N = ("N", "number of examples in the batch")
CLASSES = ("C", "number of classes")
OUTPUTS = ("C", "number of outputs")
LOGITS = ("z", "logits: the network's raw scores, any real number")
SCORES = ("z", "scores: the network's raw outputs, any real number")
ONE_HOT_TARGET = ("y", "target: 1 for the true class, 0 for the others")
BINARY_TARGET = ("y", "target: 1 or 0")
VALUE_TARGET = ("y", "target: the measured value")
PROBABILITY = (r"\hat{y}", "predicted probability of a class")
YES_PROBABILITY = (r"\hat{y}", "predicted probability of a 1; with two classes, that of class 1")
PREDICTION = (r"\hat{y}", "predicted value")
TRUE_CLASS = ("t", "the true class")
SIGMOID = (r"\sigma", "the sigmoid, which turns one logit into a probability")
ERROR = ("e", "error: prediction minus target")
EXAMPLE_LOSS = ("L_n", "loss of example n")
OUTPUT_LOSS = ("L_{n,i}", "loss of output i of example n")

# ------------------------------------------------------------------ LaTeX

TRUE = "C classes, with true class t"
BY_LOGIT = r"\frac{\partial L}{\partial z_i} ="
BY_ONE_LOGIT = r"\frac{\partial L}{\partial z} ="
BY_VALUE = r"\frac{\partial L}{\partial \hat{y}} ="
MEAN_OF_LOSSES = r"J = \frac{1}{N} \sum_{n=1}^{N} L_n"
MEAN_OVER_OUTPUTS = r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} L_{n,i}"
IS_SOFTMAX = r"\quad \hat{y} = \mathrm{softmax}(z)"
IS_SOFT_TARGET = r"q_c = (1-\varepsilon)\, y_c + \tfrac{\varepsilon}{C}"

# ------------------------------------------------------------------ arguments of a call

CLASS_LOGITS = (
    "Logits, float, shape [N, C], before any softmax. The formulas are written with the "
    "probabilities that the softmax makes of them."
)
CLASS_IDS = "Class ids 0 to C-1, int64, shape [N]."
ZEROS_AND_ONES = "0 or 1 (or a probability between), float, the same shape as the input."
VALUES = "Predicted values, float, shape [N] or [N, C]."
VALUE_TARGETS = "Real values, float, exactly the shape of the predictions."
NOT_FOR_VALUES = "Does not apply to a single predicted value."

# ------------------------------------------------------------------ how losses become one

OVER_EXAMPLES = "mean over examples"
OVER_LOGITS = "mean over examples and logits"
OVER_OUTPUTS = "mean over examples and outputs"

# ------------------------------------------------------------------ why a task is refused

_NEEDS_VALUES = "It measures a distance to a value; class ids are names, not values."
_NEEDS_AMOUNTS = "It needs an amount to predict; class ids are names, not amounts."

NEEDS_CLASSES = {Task.REGRESSION: "It needs classes; this data set's target is a number."}
NEEDS_UNIT_INTERVAL = {
    Task.REGRESSION: "It needs targets between 0 and 1; these are any number.",
}
NEEDS_VALUES = {Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES}
NEEDS_AMOUNTS = {Task.BINARY: _NEEDS_AMOUNTS, Task.MULTICLASS: _NEEDS_AMOUNTS}

# ------------------------------------------------------------------ numbers


def plain(number: float) -> str:
    """For a sentence: to six digits."""
    return f"{number:.6g}"


def tex(number: float) -> str:
    """For a formula: to six digits, with a small exponent as a power of 10."""
    digits, _, exponent = plain(number).partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


def factor(number: float) -> str:
    """Before what it multiplies; nothing for 1."""
    return "" if number == 1 else rf"{tex(number)}\, "


def plus(number: float) -> str:
    """After another term, with its sign."""
    return f"{'-' if number < 0 else '+'} {tex(abs(number))}"


# ------------------------------------------------------------------ smoothed targets


def soft_target(smoothing: float) -> str:
    """The formula of q, the target of which a share is spread evenly over all classes."""
    return rf"q_i = {tex(1 - smoothing)}\, y_i + \frac{{{tex(smoothing)}}}{{C}}"


def epsilon(smoothing: float) -> tuple[str, str]:
    """The symbol of the share that is spread."""
    return rf"\varepsilon = {tex(smoothing)}", "smoothing: the share spread evenly over all classes"
