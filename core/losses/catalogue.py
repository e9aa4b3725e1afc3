"""The table of losses; what is raced, and what fits a task.

Where two losses share a color they fit no common task and differ in dash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.losses import forms
from core.losses.custom import EXAMPLE, own_loss
from core.losses.entry import Form, Head, LossSpec, Task
from core.losses.parameters import Kind, Parameter

_NEEDS_VALUES = "It measures a distance to a value; class ids are names, not values."
_NEEDS_CLASSES = "It needs classes; this data set's target is a number."
_NEEDS_COUNTS = "It needs an amount to predict; class ids are names, not amounts."
_NEEDS_UNIT_INTERVAL = "It needs targets between 0 and 1; these are any number."

_NO_CLASSES = {Task.REGRESSION: _NEEDS_CLASSES}
_NO_VALUES = {Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES}
_NO_COUNTS = {Task.BINARY: _NEEDS_COUNTS, Task.MULTICLASS: _NEEDS_COUNTS}


def _unchanging(of_tasks: Mapping[Task, Form]) -> Callable[[], Mapping[Task, Form]]:
    """The forms of a loss without parameters."""
    return lambda: of_tasks


_ENTRIES = (
    LossSpec(
        key="cross_entropy",
        title="CrossEntropy",
        torch_class="CrossEntropyLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="nats",
        value_range="0 to infinity",
        make_forms=forms.cross_entropy,
        refusals=_NO_CLASSES,
        color="#0072B2",
        dash="solid",
        parameters=(
            Parameter(
                "label_smoothing", "Label smoothing", 0.0, 0, 0.5, 0.01,
                "ε: the share of the target that is spread evenly over all classes.",
            ),
            Parameter(
                "class_weights", "Class weight", (), 0.01, 100, 0.1,
                "w: how much each class counts. An example's loss is multiplied by its class's "
                "weight and the mean is over examples; PyTorch's own mean divides by the sum of "
                "the batch's weights.",
                Kind.CLASS_WEIGHTS,
            ),
        ),
    ),
    LossSpec(
        key="bce",
        title="BCE",
        torch_class="BCEWithLogitsLoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each logit",
        reduction="mean over examples and logits",
        unit="nats a logit",
        value_range="0 to infinity",
        make_forms=forms.bce,
        refusals={Task.REGRESSION: _NEEDS_UNIT_INTERVAL},
        color="#D55E00",
        dash="dash",
        parameters=(
            Parameter(
                "pos_weight", "Positive weight", 1.0, 0.01, 100, 0.1,
                "w: how much a target of 1 counts against one of 0.",
            ),
        ),
    ),
    LossSpec(
        key="mse",
        title="MSE",
        torch_class="MSELoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each probability; the value itself for regression",
        reduction="mean over examples and outputs",
        unit="squared error",
        value_range="0 to 1 on probabilities, 0 to infinity on values",
        make_forms=_unchanging(forms.MSE),
        refusals={},
        color="#009E73",
        dash="dot",
    ),
    LossSpec(
        key="nll",
        title="NLL",
        torch_class="NLLLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="nats",
        value_range="0 to infinity",
        make_forms=_unchanging(forms.for_classes(forms.NLL)),
        refusals=_NO_CLASSES,
        color="#224BFF",
        dash="dashdot",
    ),
    LossSpec(
        key="bce_on_probabilities",
        title="BCE on probabilities",
        torch_class="BCELoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each probability",
        reduction="mean over examples and logits",
        unit="nats a probability",
        value_range="0 to 100",
        make_forms=_unchanging(forms.BCE_ON_PROBABILITIES),
        refusals={Task.REGRESSION: _NEEDS_UNIT_INTERVAL},
        color="#BB2D00",
        dash="longdashdot",
    ),
    LossSpec(
        key="kl_div",
        title="KL divergence",
        torch_class="KLDivLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot and smoothed",
        reduction="mean over examples",
        unit="nats",
        value_range="0 to infinity",
        make_forms=forms.kl_div,
        refusals=_NO_CLASSES,
        color="#775A77",
        dash="dash",
        parameters=(
            Parameter(
                "smoothing", "Smoothing", 0.1, 0, 0.5, 0.01,
                "ε: the share of the target that is spread evenly over all classes.",
            ),
        ),
    ),
    LossSpec(
        key="soft_margin",
        title="Soft margin",
        torch_class="SoftMarginLoss",
        head=Head.NARROWEST,
        encoding="0 or 1 for each logit, read as -1 or 1",
        reduction="mean over examples and logits",
        unit="nats a logit",
        value_range="0 to infinity",
        make_forms=_unchanging(forms.SOFT_MARGIN),
        refusals=_NO_CLASSES,
        color="#556944",
        dash="longdash",
    ),
    LossSpec(
        key="focal",
        title="Focal",
        torch_class=None,
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="nats, fewer where sure",
        value_range="0 to infinity",
        make_forms=forms.focal,
        refusals=_NO_CLASSES,
        color="#E1004B",
        dash="dot",
        parameters=(
            Parameter(
                "gamma", "Gamma", 2.0, 0, 10, 0.5,
                "γ: how much less the examples count that are already right; 0 is CrossEntropy.",
            ),
        ),
    ),
    LossSpec(
        key="hinge",
        title="Hinge",
        torch_class="MultiMarginLoss",
        head=Head.PER_CLASS,
        encoding="class ids, held one-hot",
        reduction="mean over examples",
        unit="margin violated, a class",
        value_range="0 to infinity",
        make_forms=forms.hinge,
        refusals=_NO_CLASSES,
        color="#B478A5",
        dash="longdashdot",
        parameters=(
            Parameter(
                "margin", "Margin", 1.0, 0.01, 100, 0.1,
                "m: by how much the right score must lead every other.",
            ),
            Parameter(
                "p", "Power", 1.0, 1, 2, 1,
                "p: 1 counts a violation of the margin as it is, 2 squared.",
                Kind.WHOLE_NUMBER,
            ),
        ),
    ),
    LossSpec(
        key="l1",
        title="L1",
        torch_class="L1Loss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="absolute error",
        value_range="0 to infinity",
        make_forms=_unchanging({Task.REGRESSION: forms.L1}),
        refusals=_NO_VALUES,
        color="#8769F0",
        dash="dashdot",
    ),
    LossSpec(
        key="huber",
        title="Huber",
        torch_class="HuberLoss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="half the squared error, linear beyond δ",
        value_range="0 to infinity",
        make_forms=forms.huber,
        refusals=_NO_VALUES,
        color="#E1004B",
        dash="longdash",
        parameters=(
            Parameter(
                "delta", "Delta", 1.0, 0.01, 100, 0.1,
                "δ: errors below it count by half their square; the slope is δ beyond it.",
            ),
        ),
    ),
    LossSpec(
        key="smooth_l1",
        title="Smooth L1",
        torch_class="SmoothL1Loss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="absolute error beyond β, its square within",
        value_range="0 to infinity",
        make_forms=forms.smooth_l1,
        refusals=_NO_VALUES,
        color="#224BFF",
        dash="solid",
        parameters=(
            Parameter(
                "beta", "Beta", 1.0, 0.01, 100, 0.1,
                "β: errors below it count by their square; the slope is 1 beyond it.",
            ),
        ),
    ),
    LossSpec(
        key="poisson_nll",
        title="Poisson NLL",
        torch_class="PoissonNLLLoss",
        head=Head.NARROWEST,
        encoding="the raw value divided by its standard deviation, not negative",
        reduction="mean over examples and outputs",
        unit="nats, less a constant",
        value_range="y - y log y to infinity, so below 0 for large y",
        make_forms=_unchanging({Task.REGRESSION: forms.POISSON}),
        refusals=_NO_COUNTS,
        color="#BB2D00",
        dash="dash",
    ),
    LossSpec(
        key="gaussian_nll",
        title="Gaussian NLL",
        torch_class="GaussianNLLLoss",
        head=Head.MEAN_AND_LOG_VARIANCE,
        encoding="the value itself, one row for two logits",
        reduction="mean over examples",
        unit="nats, less a constant",
        value_range="-6.9 to infinity",
        make_forms=_unchanging({Task.REGRESSION: forms.GAUSSIAN}),
        refusals=_NO_VALUES,
        color="#775A77",
        dash="longdashdot",
    ),
    own_loss(EXAMPLE),
)  # fmt: skip

LOSSES: dict[str, LossSpec] = {loss.key: loss for loss in _ENTRIES}

#: The three that the lab is about, in the order in which they are raced.
RIVALS = ("cross_entropy", "bce", "mse")


def fitting(task: Task) -> tuple[LossSpec, ...]:
    """The losses that can be trained for a task, in catalogue order."""
    return tuple(loss for loss in LOSSES.values() if task in loss.forms)
