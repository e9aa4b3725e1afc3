"""The gradients that cards show are the slopes of the losses, for whatever is set.

Each function is written down from the LaTeX by hand. It gives the gradient in the logits and the
right-hand sides that the card shows for it, so that neither can change without the other.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core.losses import CUSTOM, LOSSES, Formula, LossSpec, Task
from tests.core.anatomy.test_anatomy_cards import SET, name_of

OUTPUTS = {Task.BINARY: 2, Task.MULTICLASS: 3, Task.REGRESSION: 1}
Written = tuple[Tensor, list[str]]

P_LESS_Y = r"= \hat{y}_i - y_i"


def times(number: float) -> str:
    return "" if number == 1 else rf"{number:g}\, "


def true_class(p: Tensor, y: Tensor) -> Tensor:
    return (p * y).sum(0)


def cross_entropy(z: Tensor, y: Tensor, label_smoothing: float, class_weights: tuple) -> Written:
    p, q = z.softmax(0), (1 - label_smoothing) * y + label_smoothing / len(z)
    if not class_weights:
        return p - q, [r"= \hat{y}_i - q_i" if label_smoothing else P_LESS_Y]
    w = torch.tensor(class_weights, dtype=z.dtype)[:, None]
    if not label_smoothing:
        return (w * y).sum(0) * (p - y), [r"= w_t\, (\hat{y}_i - y_i)"]
    return p * (w * q).sum(0) - w * q, [r"= \hat{y}_i \sum_{j=1}^{C} w_j\, q_j - w_i\, q_i"]


def bce(z: Tensor, y: Tensor, pos_weight: float) -> Written:
    p, w = z.sigmoid(), pos_weight
    index = "" if len(z) == 1 else "_i"
    shown = rf"\hat{{y}}{index} - y{index}"
    if w != 1:
        sign = "+" if w > 1 else "-"
        more = rf"\left(1 {sign} {abs(w - 1):g}\, y{index}\right)"
        shown = rf"{more} \hat{{y}}{index} - {w:g}\, y{index}"
    over_classes = rf"= \frac{{1}}{{C}} \left[{shown}\right]"
    return ((1 + (w - 1) * y) * p - w * y) / len(z), [f"= {shown}" if len(z) == 1 else over_classes]


def mse(z: Tensor, y: Tensor) -> Written:
    p = z.softmax(0)
    average = (p * (p - y)).sum(0)
    shown = r"\hat{y}_i - y_i - \sum_{j=1}^{C} \hat{y}_j (\hat{y}_j - y_j)"
    return 2 / len(z) * p * (p - y - average), [
        rf"= \frac{{2}}{{C}} \hat{{y}}_i \left[{shown}\right]"
    ]


def mse_on_one(z: Tensor, y: Tensor) -> Written:
    p = z.sigmoid()
    return 2 * (p - y) * p * (1 - p), [r"= 2 (\hat{y} - y)\, \hat{y} (1 - \hat{y})"]


def mse_on_a_value(z: Tensor, y: Tensor) -> Written:
    return 2 * (z - y), [r"= 2 (\hat{y} - y)"]


def mse_on_raw_outputs(z: Tensor, y: Tensor, k: float, M: float) -> Written:
    gradient = torch.where(y == 1, 2 * k / len(z) * (z - M), 2 / len(z) * z)
    return gradient, [rf"= \frac{{{2 * k:g}}}{{C}} (z_t - {M:g})", r"= \frac{2}{C} z_i"]


def nll(z: Tensor, y: Tensor) -> Written:
    return z.softmax(0) - y, [P_LESS_Y]


def bce_on_probabilities(z: Tensor, y: Tensor) -> Written:
    p = z.sigmoid()
    spread = p * (1 - p)
    shown = r"\frac{\hat{y} (1 - \hat{y})}{\max(\hat{y} (1 - \hat{y}),\, 10^{-12})}"
    return (p - y) * spread / spread.clamp(min=1e-12) / len(z), [rf"= (\hat{{y}} - y)\, {shown}"]


def kl_div(z: Tensor, y: Tensor, smoothing: float) -> Written:
    q = (1 - smoothing) * y + smoothing / len(z)
    return z.softmax(0) - q, [r"= \hat{y}_i - q_i" if smoothing else P_LESS_Y]


def soft_margin(z: Tensor, y: Tensor) -> Written:
    sign = 2 * y - 1
    shown = [r"= -y\, \sigma(-y z)", r"= -\frac{1}{C}\, y_i\, \sigma(-y_i z_i)"]
    return -sign * (-sign * z).sigmoid() / len(z), shown[len(z) > 1 :][:1]


def focal(z: Tensor, y: Tensor, gamma: float) -> Written:
    p = z.softmax(0)
    if gamma == 0:
        return p - y, [P_LESS_Y]
    p_t = true_class(p, y)
    factor = (1 - p_t) ** gamma - gamma * p_t * (1 - p_t) ** (gamma - 1) * p_t.log()
    powers = {1: "", 2: r"(1 - \hat{y}_t) "}
    falling = powers.get(gamma, rf"(1 - \hat{{y}}_t)^{{{gamma - 1:g}}} ")
    rest = rf"- {times(gamma)}\hat{{y}}_t {falling}\log \hat{{y}}_t"
    first = r"(1 - \hat{y}_t)" + ("" if gamma == 1 else f"^{{{gamma:g}}}")
    return factor * (p - y), [r"= F\, (\hat{y}_i - y_i)", f"F = {first} {rest}"]


def hinge(z: Tensor, y: Tensor, margin: float, p: float) -> Written:
    short = margin - true_class(z, y) + z
    if p == 1:
        wrong = (short > 0) / len(z)
        shown = rf"\frac{{1}}{{C}} & \text{{if }} z_i > z_t - {margin:g} "
    else:
        wrong = 2 / len(z) * short.clamp(min=0)
        shown = rf"= \frac{{2}}{{C}} \max(0,\, {margin:g} - z_t + z_i)"
    wrong = wrong * (1 - y)
    right = r"z_t} = -\sum_{i \ne t} \frac{\partial L}{\partial z_i}"
    return wrong - y * wrong.sum(0), [shown, right]


def squentropy(z: Tensor, y: Tensor) -> Written:
    pull = 2 / (len(z) - 1) * (1 - y) * z
    return z.softmax(0) - y + pull, [rf"{P_LESS_Y} + \frac{{2}}{{C - 1}} (1 - y_i)\, z_i"]


def mae_on_probabilities(z: Tensor, y: Tensor) -> Written:
    if len(z) == 1:
        p = z.sigmoid()
        return (1 - 2 * y) * p * (1 - p), [r"= (1 - 2 y)\, \hat{y} (1 - \hat{y})"]
    p = z.softmax(0)
    shown = r"= \frac{2}{C} \hat{y}_t (\hat{y}_i - y_i)"
    return 2 / len(z) * true_class(p, y) * (p - y), [shown]


def generalised_cross_entropy(z: Tensor, y: Tensor, q: float) -> Written:
    p = z.softmax(0)
    power = "" if q == 1 else f"^{{{q:g}}}"
    return true_class(p, y) ** q * (p - y), [rf"= \hat{{y}}_t{power} (\hat{{y}}_i - y_i)"]


def symmetric_cross_entropy(z: Tensor, y: Tensor, alpha: float, beta: float, A: float) -> Written:
    p = z.softmax(0)
    gradient = (alpha - A * beta * true_class(p, y)) * (p - y)
    if beta:
        return gradient, [rf"= ({alpha:g} + {-A * beta:g}\, \hat{{y}}_t) (\hat{{y}}_i - y_i)"]
    return gradient, [P_LESS_Y if alpha == 1 else rf"= {alpha:g}\, (\hat{{y}}_i - y_i)"]


def l1(z: Tensor, y: Tensor) -> Written:
    return (z - y).sign(), [r"= \mathrm{sign}(\hat{y} - y)"]


def huber(z: Tensor, y: Tensor, delta: float) -> Written:
    return (z - y).clamp(-delta, delta), [rf"= \max(-{delta:g},\, \min({delta:g},\, e))"]


def smooth_l1(z: Tensor, y: Tensor, beta: float) -> Written:
    slope = "e" if beta == 1 else rf"\frac{{e}}{{{beta:g}}}"
    return ((z - y) / beta).clamp(-1, 1), [rf"= \max(-1,\, \min(1,\, {slope}))"]


def poisson_nll(z: Tensor, y: Tensor) -> Written:
    return z.exp() - y, ["= e^{z} - y"]


def cross_entropy_after_softmax(z: Tensor, y: Tensor) -> Written:
    p = z.softmax(0)
    g = p.softmax(0) - y
    shown = r"= \hat{y}_i \left[g_i - \sum_{j=1}^{C} \hat{y}_j g_j\right]"
    return p * (g - (p * g).sum(0)), [shown, "g_i = q_i - y_i"]


def broadcast_mse(z: Tensor, y: Tensor) -> Written:
    return 2 * (z - y.mean()), [r"= 2 (\hat{y} - \bar{y})"]


def gaussian_nll(z: Tensor, y: Tensor) -> Written:
    mean, v = z[0], z[1].exp()
    gradient = torch.stack([(mean - y[0]) / v, (1 - (mean - y[0]) ** 2 / v) / 2])
    square = r"\frac{(\mu - y)^2}{v}"
    return gradient, [
        r"z_0} = \frac{\mu - y}{v}",
        rf"z_1}} = \frac{{1}}{{2}} \left(1 - {square}\right)",
    ]


WRITTEN: dict[str, Callable[..., Written]] = {
    written.__name__: written
    for written in (
        cross_entropy, bce, mse, mse_on_raw_outputs, nll, bce_on_probabilities, kl_div,
        soft_margin, focal, hinge, squentropy, mae_on_probabilities, generalised_cross_entropy,
        symmetric_cross_entropy, l1, huber, smooth_l1, poisson_nll, gaussian_nll,
        cross_entropy_after_softmax, broadcast_mse,
    )
}  # fmt: skip
OF_A_TASK = {("mse", Task.BINARY): mse_on_one, ("mse", Task.REGRESSION): mse_on_a_value}

WEIGHTED = LOSSES["cross_entropy"].with_parameters({"class_weights": (0.5, 3.0)})
CASES = [
    (loss, task)
    for loss in (*SET, WEIGHTED)
    for task in loss.formulas
    if loss.key != CUSTOM and len(loss.values.get("class_weights") or ()) in (0, OUTPUTS[task])
]


def examples(loss: LossSpec, task: Task) -> tuple[Tensor, Tensor]:
    """Random logits with their targets: 60 examples, every class among them."""
    random = torch.Generator().manual_seed(7)
    width = loss.head.width(OUTPUTS[task])
    z = 2 * torch.randn(width, 60, generator=random, dtype=torch.float64)
    if task is Task.REGRESSION:
        return z, torch.rand(1, 60, generator=random, dtype=torch.float64) * 4
    ids = torch.arange(60) % OUTPUTS[task]
    return z, ids[None].double() if width == 1 else nn.functional.one_hot(ids).T.double()


def slope(formula: Formula, z: Tensor, y: Tensor) -> Tensor:
    """Central differences: the forwards reuse memory, so autograd cannot go through them."""
    steps = 1e-6 * torch.eye(len(z), dtype=z.dtype)[:, :, None]
    rows = [formula.forward(z + step, y)[0] - formula.forward(z - step, y)[0] for step in steps]
    return torch.stack(rows) / 2e-6


def test_every_loss_is_written_down():
    assert set(WRITTEN) == set(LOSSES) - {CUSTOM}


@pytest.mark.parametrize(("loss", "task"), CASES, ids=[f"{name_of(a)} {b}" for a, b in CASES])
def test_the_gradient_that_is_shown_is_the_slope_of_the_loss(loss, task):
    z, y = examples(loss, task)
    shown = [latex for _caption, latex in loss.card.gradient_formula]
    written = OF_A_TASK.get((loss.key, task), WRITTEN[loss.key])
    gradient, terms = written(z, y, **loss.values)
    found = slope(loss.formulas[task], z, y)
    torch.testing.assert_close(gradient, found, rtol=1e-6, atol=1e-8)
    for term in terms:
        assert any(term in latex for latex in shown), (term, shown)


def test_the_rate_itself_has_the_gradient_that_is_shown():
    rate = torch.linspace(0.1, 5, 50, dtype=torch.float64, requires_grad=True)
    y = torch.arange(50, dtype=torch.float64) % 4
    losses = nn.functional.poisson_nll_loss(rate, y, log_input=False, eps=0.01, reduction="sum")
    (slope,) = torch.autograd.grad(losses, rate)
    torch.testing.assert_close(slope, 1 - y / (rate.detach() + 0.01))
    shown = dict(LOSSES["poisson_nll"].card.gradient_formula)
    assert r"= 1 - \frac{y}{\hat{y} + \varepsilon}" in shown["In the rate"]


def test_bce_loss_computes_the_gradient_that_is_shown_far_out():
    z = torch.linspace(-45, 34, 80, dtype=torch.float64, requires_grad=True)
    for target in (0.0, 1.0):
        y = torch.full_like(z, target)
        (slope,) = torch.autograd.grad(nn.BCELoss(reduction="sum")(z.sigmoid(), y), z)
        gradient, _terms = bce_on_probabilities(z.detach()[None], y[None])
        torch.testing.assert_close(slope, gradient[0])
