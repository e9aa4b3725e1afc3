"""The table of losses; what is raced, and what fits a task.

Where two losses share a color they fit no common task and differ in dash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, formulas
from core.losses.custom import EXAMPLE, own_loss
from core.losses.entry import Form, Head, Link, LossSpec, Task
from core.losses.parameters import Kind, Parameter

if TYPE_CHECKING:
    from core.losses.entry import Backward, Constant, Forward

_NEEDS_VALUES = "It measures a distance to a value; class ids are names, not values."
_NEEDS_CLASSES = "It needs classes; this data set's target is a number."
_NEEDS_COUNTS = "It needs an amount to predict; class ids are names, not amounts."
_NEEDS_UNIT_INTERVAL = "It needs targets between 0 and 1; these are any number."

_NO_CLASSES = {Task.REGRESSION: _NEEDS_CLASSES}
_NO_VALUES = {Task.BINARY: _NEEDS_VALUES, Task.MULTICLASS: _NEEDS_VALUES}
_NO_COUNTS = {Task.BINARY: _NEEDS_COUNTS, Task.MULTICLASS: _NEEDS_COUNTS}

_SOFTMAX = r"\quad \hat{y} = \mathrm{softmax}(z)"
_SOFT_TARGET = r"q_c = (1-\varepsilon)\, y_c + \tfrac{\varepsilon}{C}"


def _for_classes(form: Form) -> dict[Task, Form]:
    return {Task.BINARY: form, Task.MULTICLASS: form}


def _unchanging(forms: Mapping[Task, Form]) -> Callable[[], Mapping[Task, Form]]:
    """The forms of a loss without parameters."""
    return lambda: forms


# ------------------------------------------------------------------ forms of classification


def _cross_entropy(label_smoothing: float, class_weights: tuple[float, ...]) -> Mapping[Task, Form]:
    formula = rf"-\sum_{{c=1}}^{{C}} w_c\, q_c \log \hat{{y}}_c,\quad {_SOFT_TARGET},{_SOFTMAX}"
    if not label_smoothing and not class_weights:
        return _for_classes(
            Form(
                Link.SOFTMAX,
                formula,
                formulas.cross_entropy,
                formulas.cross_entropy_backward,
                constants.log_frequencies,
            )
        )
    return _for_classes(
        Form(
            Link.SOFTMAX,
            formula,
            partial(formulas.soft_cross_entropy, smoothing=label_smoothing, weights=class_weights),
            partial(
                formulas.soft_cross_entropy_backward,
                smoothing=label_smoothing,
                weights=class_weights,
            ),
            partial(
                constants.log_soft_frequencies, smoothing=label_smoothing, weights=class_weights
            ),
        )
    )


def _bce(pos_weight: float) -> Mapping[Task, Form]:
    forward: Forward = formulas.binary_cross_entropy
    backward: Backward = formulas.binary_cross_entropy_backward
    constant: Constant = constants.logit_frequencies
    if pos_weight != 1:
        forward = partial(formulas.weighted_binary_cross_entropy, weight=pos_weight)
        backward = partial(formulas.weighted_binary_cross_entropy_backward, weight=pos_weight)
        constant = partial(constants.weighted_logit_frequencies, weight=pos_weight)
    one = r"-\left[w\, y \log \hat{y} + (1-y)\log(1-\hat{y})\right],\quad \hat{y} = \sigma(z)"
    rest = (
        r"-\frac{1}{C}\sum_{c=1}^{C}\left[w\, y_c \log \hat{y}_c + (1-y_c)\log(1-\hat{y}_c)\right],"
        r"\quad \hat{y}_c = \sigma(z_c)"
    )
    return {
        Task.BINARY: Form(Link.SIGMOID, one, forward, backward, constant),
        Task.MULTICLASS: Form(Link.SIGMOID, rest, forward, backward, constant),
    }


def _hinge(margin: float, p: float) -> Mapping[Task, Form]:
    formula = r"\frac{1}{C}\sum_{c \ne t} \max(0,\, m - z_t + z_c)^{p}"
    if p == 1:
        forward = partial(formulas.multiclass_hinge, margin=margin)
        backward = formulas.multiclass_hinge_backward
        best: Constant = partial(constants.hinge_scores, margin=margin)
    else:
        forward = partial(formulas.multiclass_squared_hinge, margin=margin)
        backward = formulas.multiclass_squared_hinge_backward
        best = constants.searched(forward, backward, constants.mean_target)
    return _for_classes(Form(Link.IDENTITY, formula, forward, backward, best))


def _kl_div(smoothing: float) -> Mapping[Task, Form]:
    return _for_classes(
        Form(
            Link.SOFTMAX,
            rf"\sum_{{c=1}}^{{C}} q_c \log \frac{{q_c}}{{\hat{{y}}_c}},"
            rf"\quad {_SOFT_TARGET},{_SOFTMAX}",
            partial(formulas.kl_divergence, smoothing=smoothing),
            partial(formulas.kl_divergence_backward, smoothing=smoothing),
            partial(constants.log_soft_frequencies, smoothing=smoothing),
        )
    )


def _focal(gamma: float) -> Mapping[Task, Form]:
    forward = partial(formulas.focal, gamma=gamma)
    backward = partial(formulas.focal_backward, gamma=gamma)
    return _for_classes(
        Form(
            Link.SOFTMAX,
            rf"-(1 - \hat{{y}}_t)^{{\gamma}} \log \hat{{y}}_t,{_SOFTMAX}",
            forward,
            backward,
            constants.searched(forward, backward, constants.log_frequencies),
        )
    )


_NLL = Form(
    Link.SOFTMAX,
    r"-\ell_t,\quad \ell = \log \mathrm{softmax}(z)",
    formulas.cross_entropy,
    formulas.cross_entropy_backward,
    constants.log_frequencies,
)


_BCE_ON_PROBABILITIES = {
    Task.BINARY: Form(
        Link.SIGMOID,
        r"-\left[y \log \hat{y} + (1-y)\log(1-\hat{y})\right],\quad \hat{y} = \sigma(z),"
        r"\ \log \ge -100",
        formulas.cross_entropy_of_probabilities,
        formulas.cross_entropy_of_probabilities_backward,
        constants.logit_frequencies,
    ),
    Task.MULTICLASS: Form(
        Link.SIGMOID,
        r"-\frac{1}{C}\sum_{c=1}^{C}\left[y_c \log \hat{y}_c + (1-y_c)\log(1-\hat{y}_c)\right],"
        r"\quad \hat{y}_c = \sigma(z_c),\ \log \ge -100",
        formulas.cross_entropy_of_probabilities,
        formulas.cross_entropy_of_probabilities_backward,
        constants.logit_frequencies,
    ),
}

_SOFT_MARGIN = {
    Task.BINARY: Form(
        Link.SIGMOID,
        r"\log\left(1 + e^{-u z}\right),\quad u = 2y - 1",
        formulas.soft_margin,
        formulas.soft_margin_backward,
        constants.logit_frequencies,
    ),
    Task.MULTICLASS: Form(
        Link.SIGMOID,
        r"\frac{1}{C}\sum_{c=1}^{C} \log\left(1 + e^{-u_c z_c}\right),\quad u_c = 2y_c - 1",
        formulas.soft_margin,
        formulas.soft_margin_backward,
        constants.logit_frequencies,
    ),
}

_MSE = {
    Task.BINARY: Form(
        Link.SIGMOID,
        r"(\hat{y} - y)^2,\quad \hat{y} = \sigma(z)",
        formulas.squared_error_of_sigmoid,
        formulas.squared_error_of_sigmoid_backward,
        constants.logit_frequencies,
    ),
    Task.MULTICLASS: Form(
        Link.SOFTMAX,
        rf"\frac{{1}}{{C}}\sum_{{c=1}}^{{C}} (\hat{{y}}_c - y_c)^2,{_SOFTMAX}",
        formulas.squared_error_of_softmax,
        formulas.squared_error_of_softmax_backward,
        constants.log_frequencies,
    ),
    Task.REGRESSION: Form(
        Link.IDENTITY,
        r"(\hat{y} - y)^2",
        formulas.squared_error,
        formulas.squared_error_backward,
        constants.mean_target,
    ),
}

# ------------------------------------------------------------------ forms of regression

_L1 = Form(
    Link.IDENTITY,
    r"|\hat{y} - y|",
    formulas.absolute_error,
    formulas.absolute_error_backward,
    constants.median_target,
)


def _smooth_l1(beta: float) -> Mapping[Task, Form]:
    return {
        Task.REGRESSION: Form(
            Link.IDENTITY,
            r"\begin{cases}\frac{e^2}{2\beta} & |e| < \beta\\ |e| - \frac{\beta}{2} & \text{else}"
            r"\end{cases},\quad e = \hat{y} - y",
            partial(formulas.smooth_absolute_error, beta=beta),
            partial(formulas.smooth_absolute_error_backward, beta=beta),
            partial(constants.huber_location, width=beta),
        )
    }


def _huber(delta: float) -> Mapping[Task, Form]:
    return {
        Task.REGRESSION: Form(
            Link.IDENTITY,
            r"\begin{cases}\frac{e^2}{2} & |e| < \delta\\ \delta\left(|e| - \frac{\delta}{2}\right)"
            r" & \text{else}\end{cases},\quad e = \hat{y} - y",
            partial(formulas.huber, delta=delta),
            partial(formulas.huber_backward, delta=delta),
            partial(constants.huber_location, width=delta),
        )
    }


_POISSON = Form(
    Link.EXP,
    r"\hat{y} - y \log \hat{y},\quad \hat{y} = e^{z}",
    formulas.poisson,
    formulas.poisson_backward,
    constants.log_mean_target,
)
_GAUSSIAN = Form(
    Link.IDENTITY,
    r"\frac{1}{2}\left[\log v + \frac{(z_0 - y)^2}{v}\right],"
    r"\quad v = \max\left(e^{z_1},\, 10^{-6}\right)",
    formulas.gaussian,
    formulas.gaussian_backward,
    constants.mean_and_log_variance,
)

# ------------------------------------------------------------------ the table

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
        make_forms=_cross_entropy,
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
        make_forms=_bce,
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
        make_forms=_unchanging(_MSE),
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
        make_forms=_unchanging(_for_classes(_NLL)),
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
        make_forms=_unchanging(_BCE_ON_PROBABILITIES),
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
        make_forms=_kl_div,
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
        make_forms=_unchanging(_SOFT_MARGIN),
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
        make_forms=_focal,
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
        make_forms=_hinge,
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
        make_forms=_unchanging({Task.REGRESSION: _L1}),
        refusals=_NO_VALUES,
        color="#8769F0",
        dash="dashdot",
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
        make_forms=_smooth_l1,
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
        key="huber",
        title="Huber",
        torch_class="HuberLoss",
        head=Head.NARROWEST,
        encoding="the value itself",
        reduction="mean over examples and outputs",
        unit="half the squared error, linear beyond δ",
        value_range="0 to infinity",
        make_forms=_huber,
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
        key="poisson_nll",
        title="Poisson NLL",
        torch_class="PoissonNLLLoss",
        head=Head.NARROWEST,
        encoding="the raw value divided by its standard deviation, not negative",
        reduction="mean over examples and outputs",
        unit="nats, less a constant",
        value_range="y - y log y to infinity, so below 0 for large y",
        make_forms=_unchanging({Task.REGRESSION: _POISSON}),
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
        make_forms=_unchanging({Task.REGRESSION: _GAUSSIAN}),
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
