"""The best constants of several losses: what a network without inputs could learn.

Each is a function of the targets ``[C, N]`` that gives the logits ``[C, 1]`` for which the
mean loss is smallest when every example gets the same logits. ``searched`` finds them for a
loss that has no closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Backward, Constant, Forward

#: Stands for a probability of 0, whose logarithm no logit reaches.
SMALLEST_PROBABILITY = 1e-12
#: A logit at which sigmoid and softmax are 0 or 1 to the last digit.
_CERTAIN = 100.0
#: How often an interval is halved to find a root in it.
_HALVINGS = 60

# ------------------------------------------------------------------ closed forms


def log_frequencies(y: Tensor) -> Tensor:
    """softmax of these is the frequency of each class, best for any proper score."""
    return y.mean(-1, keepdim=True).clamp_(min=SMALLEST_PROBABILITY).log_()


def no_preference(y: Tensor) -> Tensor:
    """Logits of 0, which prefer no class."""
    return y.new_zeros(y.shape[0], 1)


def logit_frequencies(y: Tensor) -> Tensor:
    """sigmoid of these is the frequency of each 1, best for any proper score."""
    frequency = y.mean(-1, keepdim=True)
    log_rest = (1 - frequency).clamp_(min=SMALLEST_PROBABILITY).log_()
    return frequency.clamp(min=SMALLEST_PROBABILITY).log_() - log_rest


def most_frequent_class(y: Tensor) -> Tensor:
    """softmax of these is 1 for the most frequent class, shared evenly where several are."""
    frequency = y.mean(-1, keepdim=True)
    return (frequency == frequency.amax(-2, keepdim=True)).to(y.dtype).mul_(_CERTAIN)


def more_frequent_answer(y: Tensor) -> Tensor:
    """sigmoid of these is 1 where more targets are 1 than 0, and 0 where fewer are."""
    return (y.mean(-1, keepdim=True) - 0.5).sign_().mul_(_CERTAIN)


def mean_target(y: Tensor) -> Tensor:
    return y.mean(-1, keepdim=True)


def median_target(y: Tensor) -> Tensor:
    return y.median(-1, keepdim=True).values


def mean_of_clipped_errors(y: Tensor, width: float) -> Tensor:
    """The z at which the mean of clamp(z - y, -width, width) is 0, best for Huber's loss."""

    def too_high(z: Tensor) -> Tensor:
        return (z - y).clamp_(-width, width).mean(-1, keepdim=True) > 0

    return by_halving(too_high, y.amin(-1, keepdim=True), y.amax(-1, keepdim=True))


def by_halving(too_high: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """The value between ``low`` and ``high`` at which ``too_high`` turns from false to true."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_too_high = too_high(middle)
        low, high = middle.where(~is_too_high, low), middle.where(is_too_high, high)
    return (low + high) / 2


# ------------------------------------------------------------------ search

#: What the search takes for a loss that is not finite, and how far out it looks.
_WORST = 1e30
_FARTHEST = 1e3
_FLAT = 1e-6


def searched(forward: Forward, backward: Backward, *starts: Constant) -> Constant:
    """The lowest point that a search finds, in float64, for a loss without a closed form."""

    def constant(y: Tensor) -> Tensor:
        from threadpoolctl import threadpool_limits

        height = _height(forward, backward, *_distinct(y))
        points = [start(y).cpu().double().flatten().numpy() for start in starts]
        # On a busy machine BLAS waits ten times longer for its threads than it computes.
        with threadpool_limits(1, "blas"):
            results = [_descend(height, point) for point in points]
        best = min(results, key=lambda result: float(result.fun))
        return y.new_tensor(best.x.tolist()).unsqueeze(-1)

    return constant


def _descend(height: Callable[[Any], tuple[float, Any]], start: Any) -> Any:
    """L-BFGS-B; where it ends on a slope, at a kink, Nelder-Mead goes on without slopes."""
    from scipy.optimize import minimize

    bounds = [(-_FARTHEST, _FARTHEST)] * len(start)
    exact: Any = {"ftol": 0, "gtol": 1e-10}
    result = minimize(height, start, jac=True, method="L-BFGS-B", bounds=bounds, options=exact)
    if abs(result.jac).max() <= _FLAT:
        return result

    def value(z: Any) -> float:
        return height(z)[0]

    fine: Any = {"xatol": 1e-10, "fatol": 1e-13}
    return minimize(value, result.x, method="Nelder-Mead", bounds=bounds, options=fine)


def _distinct(y: Tensor) -> tuple[Tensor, Tensor]:
    """The targets that differ ``[C, M]`` and the share of the examples that has each ``[M]``."""
    targets, counts = y.cpu().double().unique(dim=-1, return_counts=True)
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
