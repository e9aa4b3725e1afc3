"""The formulas: each loss's value and gradient with respect to the logits, side by side.

Shapes as in ``core.losses``: z ``[..., C, N]``, y as the loss wants it, values ``[..., N]``.
Only methods of tensors are used, so this module needs no ``import torch``. Parameters
are arguments by name; the catalogue binds them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from core.losses.entry import Backward, Forward

#: The smallest variance of the Gaussian loss, as in ``GaussianNLLLoss``.
SMALLEST_VARIANCE = 1e-6
_LOWEST_LOG_VARIANCE = math.log(SMALLEST_VARIANCE)
#: BCELoss takes no logarithm for less than this ...
_LOWEST_LOG = -100
#: ... and divides its gradient by no less than this.
_LEAST_SPREAD = 1e-12
#: The smallest float32 that has all its digits.
_TINY = 1.2e-38


def cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = -sum_c y_c log softmax(z)_c; saves log softmax(z)."""
    log_p = z.log_softmax(-2)
    return (log_p * y).sum(-2).neg_(), log_p


def cross_entropy_backward(log_p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = softmax(z) - y, for targets that sum to 1."""
    return log_p.exp().sub_(y)


def binary_cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c -[y log s(z) + (1 - y) log(1 - s(z))] with s the sigmoid; saves z.

    Written as max(z, 0) - z y + log(1 + exp(-|z|)), which overflows nowhere.
    """
    loss = z.abs().neg_().exp_().log1p_().add_(z.clamp(min=0)).sub_(z * y)
    return loss.mean(-2), z


def binary_cross_entropy_backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (s(z) - y) / C."""
    return z.sigmoid().sub_(y).div_(z.shape[-2])


def squared_error_of_softmax(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (p_c - y_c)^2 with p = softmax(z); saves p."""
    p = z.softmax(-2)
    return (p - y).square_().mean(-2), p


def squared_error_of_softmax_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = p_c (g_c - sum_k g_k p_k) with g = 2 (p - y) / C."""
    g = (p - y).mul_(2 / p.shape[-2])
    return g.sub_((g * p).sum(-2, keepdim=True)).mul_(p)


def squared_error_of_sigmoid(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (p - y)^2 with p = s(z), one logit; saves p."""
    p = z.sigmoid()
    return (p - y).square_().mean(-2), p


def squared_error_of_sigmoid_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (p - y) p (1 - p), at most 8/27 in size."""
    return (p - y).mul_(2 / p.shape[-2]).mul_(p).mul_(1 - p)


def squared_error(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (z_c - y_c)^2; saves z - y."""
    e = z - y
    return e.square().mean(-2), e


def squared_error_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = 2 (z - y) / C."""
    return e * (2 / e.shape[-2])


def absolute_error(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c |z_c - y_c|; saves z - y."""
    e = z - y
    return e.abs().mean(-2), e


def absolute_error_backward(e: Tensor, y: Tensor) -> Tensor:
    """dL/dz = sign(z - y) / C, and 0 where they are equal."""
    return e.sign().div_(e.shape[-2])


def smooth_absolute_error(z: Tensor, y: Tensor, beta: float) -> tuple[Tensor, Tensor]:
    """L = mean_c (e^2 / (2 beta) where |e| < beta, else |e| - beta / 2); saves e = z - y."""
    e = z - y
    near = e.clamp(-beta, beta)
    return (near * (e - near / 2)).mean(-2).div_(beta), e


def smooth_absolute_error_backward(e: Tensor, y: Tensor, beta: float) -> Tensor:
    """dL/dz = clamp((z - y) / beta, -1, 1) / C."""
    return e.div(beta).clamp_(-1, 1).div_(e.shape[-2])


def huber(z: Tensor, y: Tensor, delta: float) -> tuple[Tensor, Tensor]:
    """L = mean_c (e^2 / 2 where |e| < delta, else delta (|e| - delta / 2)); saves e = z - y."""
    e = z - y
    near = e.clamp(-delta, delta)
    return (near * (e - near / 2)).mean(-2), e


def huber_backward(e: Tensor, y: Tensor, delta: float) -> Tensor:
    """dL/dz = clamp(z - y, -delta, delta) / C."""
    return e.clamp(-delta, delta).div_(e.shape[-2])


def poisson(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c (exp(z_c) - y_c z_c) for y >= 0; saves exp(z).

    The negative log-likelihood but for log y!, which no logit changes.
    """
    rate = z.exp()
    return (rate - y * z).mean(-2), rate


def poisson_backward(rate: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (exp(z) - y) / C."""
    return (rate - y).div_(rate.shape[-2])


def gaussian(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = (log v + (z_0 - y)^2 / v) / 2 with v = max(exp(z_1), 1e-6); saves z.

    Two logits and one target. Computed from log v, so that no variance overflows.
    """
    error, log_v = z[..., :1, :] - y, z[..., 1:, :].clamp(min=_LOWEST_LOG_VARIANCE)
    return error.square_().mul_(log_v.neg().exp_()).add_(log_v).div_(2).squeeze(-2), z


def gaussian_backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz_0 = e / v and dL/dz_1 = (1 - e^2 / v) / 2 * exp(z_1) / v with e = z_0 - y.

    The last factor is 1 wherever v is not clamped. ``GaussianNLLLoss`` clamps unseen by
    autograd, so its gradient, and this one, does not vanish where it does.
    """
    error, log_v = z[..., :1, :] - y, z[..., 1:, :].clamp(min=_LOWEST_LOG_VARIANCE)
    precision, clamped = log_v.neg().exp_(), (z[..., 1:, :] - log_v).exp_()
    gradient = z.clone()
    gradient[..., :1, :] = error * precision
    gradient[..., 1:, :] = (1 - error.square() * precision).div_(2).mul_(clamped)
    return gradient


def multiclass_hinge(z: Tensor, y: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """L = (1 / C) sum_{c != t} max(0, margin - z_t + z_c), t the target; saves the violations."""
    violations = _violations(z, y, margin)
    return violations.mean(-2), violations


def multiclass_hinge_backward(violations: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = [violation_c > 0] / C for c != t, and minus their sum for t."""
    return _against_target(violations.sign(), y)


def multiclass_squared_hinge(z: Tensor, y: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """L = (1 / C) sum_{c != t} max(0, margin - z_t + z_c)^2; saves the violations."""
    violations = _violations(z, y, margin)
    return violations.square().mean(-2), violations


def multiclass_squared_hinge_backward(violations: Tensor, y: Tensor) -> Tensor:
    """dL/dz_c = 2 violation_c / C for c != t, and minus their sum for t."""
    return _against_target(violations * 2, y)


def _violations(z: Tensor, y: Tensor, margin: float) -> Tensor:
    """max(0, margin - z_t + z_c), and 0 for the target itself."""
    score = (z * y).sum(-2, keepdim=True)
    return (z - score).add_(margin).clamp_(min=0).mul_(1 - y)


def _against_target(slopes: Tensor, y: Tensor) -> Tensor:
    """Each class is pushed down by its slope, the target up by all of them."""
    return slopes.sub_(y * slopes.sum(-2, keepdim=True)).div_(slopes.shape[-2])


def soft_targets(y: Tensor, smoothing: float, weights: tuple[float, ...] = ()) -> Tensor:
    """q_c = w_c ((1 - s) y_c + s / C); the weights are 1 where none are given."""
    q = (y * (1 - smoothing)).add_(smoothing / y.shape[-2])
    return q.mul_(y.new_tensor(weights).unsqueeze(-1)) if weights else q


def soft_cross_entropy(
    z: Tensor, y: Tensor, smoothing: float, weights: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """L = -sum_c q_c log softmax(z)_c with q the soft targets; saves log softmax(z).

    Without smoothing it is w_t times cross-entropy. The mean over examples is a plain
    one, where ``CrossEntropyLoss`` divides by the sum of the batch's weights.
    """
    log_p = z.log_softmax(-2)
    return (log_p * soft_targets(y, smoothing, weights)).sum(-2).neg_(), log_p


def soft_cross_entropy_backward(
    log_p: Tensor, y: Tensor, smoothing: float, weights: tuple[float, ...]
) -> Tensor:
    """dL/dz = softmax(z) sum_c q_c - q."""
    q = soft_targets(y, smoothing, weights)
    return log_p.exp().mul_(q.sum(-2, keepdim=True)).sub_(q)


def kl_divergence(z: Tensor, y: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """L = sum_c q_c (log q_c - log softmax(z)_c), 0 where q_c = 0; saves log softmax(z)."""
    log_p, q = z.log_softmax(-2), soft_targets(y, smoothing)
    return q.xlogy(q).sub_(q * log_p).sum(-2), log_p


def kl_divergence_backward(log_p: Tensor, y: Tensor, smoothing: float) -> Tensor:
    """dL/dz = softmax(z) - q: the entropy of q moves no logit."""
    return log_p.exp().sub_(soft_targets(y, smoothing))


def weighted_binary_cross_entropy(z: Tensor, y: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """L = mean_c -[w y log s(z) + (1 - y) log(1 - s(z))] with s the sigmoid; saves z.

    Written as (1 - y) z + (1 + (w - 1) y) (log(1 + exp(-|z|)) + max(-z, 0)).
    """
    log_s = z.abs().neg_().exp_().log1p_().add_(z.neg().clamp_(min=0))
    return (1 - y).mul_(z).add_(log_s.mul_(y * (weight - 1) + 1)).mean(-2), z


def weighted_binary_cross_entropy_backward(z: Tensor, y: Tensor, weight: float) -> Tensor:
    """dL/dz = (1 + (w - 1) y) (s(z) - y) / C, for targets of 0 or 1."""
    return z.sigmoid().sub_(y).mul_(y * (weight - 1) + 1).div_(z.shape[-2])


def cross_entropy_of_probabilities(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c -[y log p + (1 - y) log(1 - p)] with p = s(z), logs from -100; saves p."""
    p = z.sigmoid()
    log_p = p.log().clamp_(min=_LOWEST_LOG)
    log_rest = p.neg().log1p_().clamp_(min=_LOWEST_LOG)
    return (y - 1).mul_(log_rest).sub_(y * log_p).mean(-2), p


def cross_entropy_of_probabilities_backward(p: Tensor, y: Tensor) -> Tensor:
    """dL/dz = (p - y) / max(p (1 - p), 1e-12) * p (1 - p) / C: 0 once p is rounded to 0 or 1."""
    spread = (1 - p).mul_(p)
    return (p - y).div_(spread.clamp(min=_LEAST_SPREAD)).mul_(spread).div_(p.shape[-2])


def soft_margin(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """L = mean_c log(1 + exp(-u_c z_c)) with u = 2 y - 1, so -1 or 1; saves z.

    Written as max(-u z, 0) + log(1 + exp(-|z|)), which overflows nowhere.
    """
    against = z * (1 - 2 * y)
    return z.abs().neg_().exp_().log1p_().add_(against.clamp_(min=0)).mean(-2), z


def soft_margin_backward(z: Tensor, y: Tensor) -> Tensor:
    """dL/dz = -u s(-u z) / C with s the sigmoid."""
    against = 1 - 2 * y
    return (z * against).sigmoid_().mul_(against).div_(z.shape[-2])


def focal(z: Tensor, y: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """L = -(1 - p_t)^gamma log p_t with p = softmax(z), t the target; saves log p.

    Lin, Goyal, Girshick, He, Dollar 2017, without its class weight alpha.
    """
    log_p = z.log_softmax(-2)
    log_t = (log_p * y).sum(-2)
    return _rest(log_t).pow_(gamma).mul_(log_t).neg_(), log_p


def focal_backward(log_p: Tensor, y: Tensor, gamma: float) -> Tensor:
    """dL/dz_c = (1 - p_t)^(gamma - 1) (gamma p_t log p_t - (1 - p_t)) (y_c - p_c)."""
    log_t = (log_p * y).sum(-2, keepdim=True)
    rest = _rest(log_t)
    slope = (log_t.exp() * log_t * gamma).sub_(rest).mul_(rest.pow(gamma - 1))
    return (y - log_p.exp()).mul_(slope)


def _rest(log_p: Tensor) -> Tensor:
    """1 - p without cancellation, and never 0, whose powers below 0 would be infinite."""
    return log_p.expm1().neg_().clamp_(min=_TINY)


def by_autograd(value: Callable[[Tensor, Tensor], Tensor]) -> tuple[Forward, Backward]:
    """Forward and backward of L = value(z, y), the gradient from autograd over the logits alone.

    Training runs in inference mode, which is left for the length of the one expression;
    the forward saves the gradient itself.
    """

    def forward(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        with torch.inference_mode(False), torch.enable_grad():
            logits = z.clone().requires_grad_()
            losses = value(logits, y.clone())
            if not losses.requires_grad:  # Logits that are only compared have no gradient.
                return losses, torch.zeros_like(z)
            (gradient,) = torch.autograd.grad(losses.sum(), logits)
        return losses.detach(), gradient

    return forward, lambda gradient, y: gradient
