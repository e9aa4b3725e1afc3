"""Log-odds of each class against all others, which stay apart where probabilities round to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def log_odds(z: Tensor) -> Tensor:
    """log(p_c / (1 - p_c)) = z_c - logsumexp of the other logits, p = softmax(z): ``[..., C, N]``.

    sigmoid of it is p_c, and sigmoid of its negative 1 - p_c, to the last digit of both. Two
    classes or more.
    """
    # Logits that differ by a constant alone are the same logits, also to the last digit.
    shifted = z - z.amax(-2, keepdim=True)
    return shifted - _others(shifted).logsumexp(-2)


def gradient_in_logits(
    z: Tensor, gradient: Tensor, of_slope: Callable[[Tensor], Tensor] = lambda slope: slope
) -> Tensor:
    """dL/dz from dL/d(log-odds): of z_k it is its own, less its share in each class's others.

    ``of_slope`` is what becomes of every slope.
    """
    others = _others(z)
    shares = (others - others.logsumexp(-2, keepdim=True)).exp()
    return gradient + (of_slope(-shares) * gradient.unsqueeze(-2)).sum(-3)


def _others(z: Tensor) -> Tensor:
    """For each class the logits of the others, -inf in its own place: ``[..., C, C, N]``."""
    itself = z.new_ones(z.shape[-2]).diag().bool().unsqueeze(-1)
    return z.unsqueeze(-3).masked_fill(itself, -math.inf)
