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
PROBABILITY = (r"\hat{y}", "predicted probability")
PREDICTION = (r"\hat{y}", "predicted value")
TRUE_CLASS = ("t", "the true class")
SIGMOID = (r"\sigma", "the sigmoid, which turns one logit into a probability")
ERROR = ("e", "error: prediction minus target")
EXAMPLE_LOSS = ("L_n", "loss of example n")
OUTPUT_LOSS = ("L_{n,i}", "loss of output i of example n")

# ------------------------------------------------------------------ LaTeX

MEAN_OF_LOSSES = r"J = \frac{1}{N} \sum_{n=1}^{N} L_n"
MEAN_OVER_OUTPUTS = r"J = \frac{1}{N C} \sum_{n=1}^{N} \sum_{i=1}^{C} L_{n,i}"
IS_SOFTMAX = r"\quad \hat{y} = \mathrm{softmax}(z)"
IS_SOFT_TARGET = r"q_c = (1-\varepsilon)\, y_c + \tfrac{\varepsilon}{C}"

# ------------------------------------------------------------------ arguments of a call

CLASS_LOGITS = "Logits, float, shape [N, C], before any softmax."
CLASS_IDS = "Class ids 0 to C-1, int64, shape [N]."
ZEROS_AND_ONES = "0 or 1 (or a probability between), float, the same shape as the input."
VALUES = "Predicted values, float, shape [N] or [N, C]."
VALUE_TARGETS = "Real values, float, exactly the shape of the predictions."
NOT_FOR_VALUES = "Does not apply to a single predicted value."

# ------------------------------------------------------------------ why a task is refused

_NEEDS_VALUES = "It measures a distance to a value; class ids are names, not values."
_NEEDS_AMOUNTS = "It needs an amount to predict; class ids are names, not amounts."

NEEDS_CLASSES = {Task.REGRESSION: "It needs classes; this data set's target is a number."}
NEEDS_UNIT_INTERVAL = {
    Task.REGRESSION: "It needs targets between 0 and 1; these are any number.",
}
NEEDS_VALUES = {Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES}
NEEDS_AMOUNTS = {Task.BINARY: _NEEDS_AMOUNTS, Task.MULTICLASS: _NEEDS_AMOUNTS}
