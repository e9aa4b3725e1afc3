"""The best constants: each loss's baseline, what a network without inputs could learn.

The logits ``[C, 1]`` that make the mean loss over targets y ``[C, N]`` smallest when
every example gets the same ones. In closed form where there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.losses.formulas import SMALLEST_VARIANCE, soft_targets

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Backward, Constant, Forward

#: Stands for a frequency of 0, whose logarithm no logit reaches.
_NEVER = 1e-12


def log_frequencies(y: Tensor) -> Tensor:
    """softmax of these is the frequency of each class, best for any proper score."""
    return y.mean(-1, keepdim=True).clamp_(min=_NEVER).log_()


def no_preference(y: Tensor) -> Tensor:
    """Logits of 0: every class alike."""
    return y.new_zeros(y.shape[0], 1)


def logit_frequencies(y: Tensor) -> Tensor:
    """sigmoid of these is the frequency of each 1, best for any proper score."""
    frequency = y.mean(-1, keepdim=True)
    return frequency.clamp(min=_NEVER).log_() - (1 - frequency).clamp_(min=_NEVER).log_()


def log_soft_frequencies(y: Tensor, smoothing: float, weights: tuple[float, ...] = ()) -> Tensor:
    """softmax of these is in proportion to the mean soft target."""
    return log_frequencies(soft_targets(y, smoothing, weights))


def weighted_logit_frequencies(y: Tensor, weight: float) -> Tensor:
    """The odds of each 1, times its weight."""
    return logit_frequencies(y).add_(math.log(weight))


def mean_target(y: Tensor) -> Tensor:
    return y.mean(-1, keepdim=True)


def median_target(y: Tensor) -> Tensor:
    return y.median(-1, keepdim=True).values


def log_mean_target(y: Tensor) -> Tensor:
    """exp of it is the mean target, which is not negative."""
    return y.mean(-1, keepdim=True).clamp_(min=_NEVER).log_()


def mean_and_log_variance(y: Tensor) -> Tensor:
    """The mean and the log of the variance, from the smallest that the loss tells apart."""
    variance = y.var(-1, correction=0, keepdim=True).clamp_(min=SMALLEST_VARIANCE)
    both = y.new_empty(2, 1)
    both[:1], both[1:] = y.mean(-1, keepdim=True), variance.log_()
    return both


def huber_location(y: Tensor, width: float) -> Tensor:
    """The root of the mean of clamp(z - y, -width, width), which only rises with z: by halving."""
    low, high = y.amin(-1, keepdim=True), y.amax(-1, keepdim=True)
    for _ in range(60):
        middle = (low + high) / 2
        rising = (middle - y).clamp_(-width, width).mean(-1, keepdim=True) > 0
        low, high = middle.where(~rising, low), middle.where(rising, high)
    return (low + high) / 2


def hinge_scores(y: Tensor, margin: float) -> Tensor:
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


#: What the search takes for a loss that is not finite, and how far out it looks.
_WORST = 1e30
_FARTHEST = 1e3
_FLAT = 1e-6


def searched(forward: Forward, backward: Backward, *starts: Constant) -> Constant:
    """The lowest point that a search finds, in float64, for a loss without a closed form."""

    def constant(y: Tensor) -> Tensor:
        from threadpoolctl import threadpool_limits

        height = _height(forward, backward, *_distinct(y))
        points = [start(y).double().cpu().flatten().numpy() for start in starts]
        # On a busy machine BLAS waits ten times longer for its threads than it computes.
        with threadpool_limits(1, "blas"):
            found = [_descend(height, point) for point in points]
        best = min(found, key=lambda result: float(result.fun))
        return y.new_tensor(best.x.tolist()).unsqueeze(-1)

    return constant


def _descend(height: Callable[[Any], tuple[float, Any]], start: Any) -> Any:
    """L-BFGS-B; where it ends on a slope, at a kink, Nelder-Mead goes on without slopes."""
    from scipy.optimize import minimize

    bounds = [(-_FARTHEST, _FARTHEST)] * len(start)
    exact: Any = {"ftol": 0, "gtol": 1e-10}
    found = minimize(height, start, jac=True, method="L-BFGS-B", bounds=bounds, options=exact)
    if abs(found.jac).max() <= _FLAT:
        return found

    def value(z: Any) -> float:
        return height(z)[0]

    fine: Any = {"xatol": 1e-10, "fatol": 1e-13}
    return minimize(value, found.x, method="Nelder-Mead", bounds=bounds, options=fine)


def _distinct(y: Tensor) -> tuple[Tensor, Tensor]:
    """The targets that differ ``[C, M]`` and the share of the examples that has each ``[M]``."""
    targets, counts = y.double().cpu().unique(dim=-1, return_counts=True)
    return targets, counts / counts.sum()


def _height(
    forward: Forward, backward: Backward, targets: Tensor, shares: Tensor
) -> Callable[[Any], tuple[float, Any]]:
    """The mean loss of the same logits for every target, and its slope in these logits."""

    def height(z: Any) -> tuple[float, Any]:
        logits = targets.new_tensor(z).unsqueeze(-1).repeat(1, targets.shape[-1])
        losses, saved = forward(logits, targets)
        value = float((losses * shares).sum())
        slope = (backward(saved, targets) * shares).sum(-1).numpy()
        return (value, slope) if abs(value) < _WORST else (_WORST, 0 * z)

    return height
