"""Each loss's form for each task that it fits, with its parameters bound.

A loss with parameters is a function of them; one without is its form, or its forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from core.losses import constants, formulas
from core.losses.entry import Form, Link, Task

if TYPE_CHECKING:
    from core.losses.entry import Backward, Constant, Forward

_SOFTMAX = r"\quad \hat{y} = \mathrm{softmax}(z)"
_SOFT_TARGET = r"q_c = (1-\varepsilon)\, y_c + \tfrac{\varepsilon}{C}"


def for_classes(form: Form) -> dict[Task, Form]:
    return {Task.BINARY: form, Task.MULTICLASS: form}


# ------------------------------------------------------------------ classification


def cross_entropy(label_smoothing: float, class_weights: tuple[float, ...]) -> Mapping[Task, Form]:
    formula = rf"-\sum_{{c=1}}^{{C}} w_c\, q_c \log \hat{{y}}_c,\quad {_SOFT_TARGET},{_SOFTMAX}"
    if not label_smoothing and not class_weights:
        return for_classes(
            Form(
                Link.SOFTMAX,
                formula,
                formulas.cross_entropy,
                formulas.cross_entropy_backward,
                constants.log_frequencies,
            )
        )
    return for_classes(
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


def bce(pos_weight: float) -> Mapping[Task, Form]:
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


def hinge(margin: float, p: float) -> Mapping[Task, Form]:
    formula = r"\frac{1}{C}\sum_{c \ne t} \max(0,\, m - z_t + z_c)^{p}"
    if p == 1:
        forward = partial(formulas.multiclass_hinge, margin=margin)
        backward = formulas.multiclass_hinge_backward
        best: Constant = partial(constants.hinge_scores, margin=margin)
    else:
        forward = partial(formulas.multiclass_squared_hinge, margin=margin)
        backward = formulas.multiclass_squared_hinge_backward
        best = constants.searched(forward, backward, constants.mean_target)
    return for_classes(Form(Link.IDENTITY, formula, forward, backward, best))


def kl_div(smoothing: float) -> Mapping[Task, Form]:
    return for_classes(
        Form(
            Link.SOFTMAX,
            rf"\sum_{{c=1}}^{{C}} q_c \log \frac{{q_c}}{{\hat{{y}}_c}},"
            rf"\quad {_SOFT_TARGET},{_SOFTMAX}",
            partial(formulas.kl_divergence, smoothing=smoothing),
            partial(formulas.kl_divergence_backward, smoothing=smoothing),
            partial(constants.log_soft_frequencies, smoothing=smoothing),
        )
    )


def focal(gamma: float) -> Mapping[Task, Form]:
    forward = partial(formulas.focal, gamma=gamma)
    backward = partial(formulas.focal_backward, gamma=gamma)
    return for_classes(
        Form(
            Link.SOFTMAX,
            rf"-(1 - \hat{{y}}_t)^{{\gamma}} \log \hat{{y}}_t,{_SOFTMAX}",
            forward,
            backward,
            constants.searched(forward, backward, constants.log_frequencies),
        )
    )


NLL = Form(
    Link.SOFTMAX,
    r"-\ell_t,\quad \ell = \log \mathrm{softmax}(z)",
    formulas.cross_entropy,
    formulas.cross_entropy_backward,
    constants.log_frequencies,
)


BCE_ON_PROBABILITIES = {
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

SOFT_MARGIN = {
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

MSE = {
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

# ------------------------------------------------------------------ regression

L1 = Form(
    Link.IDENTITY,
    r"|\hat{y} - y|",
    formulas.absolute_error,
    formulas.absolute_error_backward,
    constants.median_target,
)


def smooth_l1(beta: float) -> Mapping[Task, Form]:
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


def huber(delta: float) -> Mapping[Task, Form]:
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


POISSON = Form(
    Link.EXP,
    r"\hat{y} - y \log \hat{y},\quad \hat{y} = e^{z}",
    formulas.poisson,
    formulas.poisson_backward,
    constants.log_mean_target,
)
GAUSSIAN = Form(
    Link.IDENTITY,
    r"\frac{1}{2}\left[\log v + \frac{(z_0 - y)^2}{v}\right],"
    r"\quad v = \max\left(e^{z_1},\, 10^{-6}\right)",
    formulas.gaussian,
    formulas.gaussian_backward,
    constants.mean_and_log_variance,
)
